"""The saved quickstart in a browser: as nbconvert shows it, and as GitHub does."""

import json

import nbformat
import pytest
from nbconvert import HTMLExporter
from sanitizing import on_github

from nbtasks.demo import quickstart

pytestmark = pytest.mark.browser
LOOKS = "body{font:14px system-ui;max-width:900px;margin:24px}td,th{border:1px solid #ddd}"


@pytest.fixture
def read(chromium):
    """A page that runs no script and loads nothing."""
    page = chromium.new_page(viewport={"width": 1000, "height": 900}, java_script_enabled=False)
    page.route("**/*", lambda route: route.abort())

    def show(html):
        page.set_content(html, wait_until="domcontentloaded")
        return page

    yield show
    page.close()


def test_nbconvert_shows_bars_pictures_and_errors_without_a_script(read, screenshots):
    page = read(HTMLExporter().from_filename(str(quickstart()))[0])
    page.screenshot(path=screenshots / "nbconvert.png", full_page=True)

    bars = page.locator("div[aria-hidden] > span")
    assert [bar.bounding_box()["height"] for bar in bars.all()] == [8, 8, 8]
    assert page.locator("img[alt='48 tasks, one cell each']").bounding_box()["height"] == 14
    assert page.get_by_text("48 / 48").is_visible()
    assert page.get_by_text("ValueError: cannot reshape array").first.is_visible()


def test_github_shows_the_same_as_text(read, screenshots):
    cells = nbformat.read(quickstart(), 4).cells
    outputs = [each["data"] for cell in cells for each in cell.get("outputs", ()) if "data" in each]
    html = "".join(data.get("text/html", "") for data in outputs)
    page = read(f"<style>{LOOKS}</style>{on_github(html)}")
    page.screenshot(path=screenshots / "github.png", full_page=True)

    assert page.get_by_text("✓" * 40).first.bounding_box()["height"] > 10
    assert page.get_by_text("✕" * 40).is_visible()
    assert page.get_by_text("48 / 48").is_visible()
    assert "style=" not in json.dumps(on_github(html))
