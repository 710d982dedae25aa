"""The Chromium of this machine, as all browser tests start it."""

import shutil
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

LIGHT, DARK = "#ffffff", "#111111"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def open_chromium():
    """A browser with a fresh profile."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
