"""A widget of any kind in a page: a fake model, and the wire between it and its kernel's side."""

import json
import shutil
from contextlib import contextmanager

import comm
from comm.base_comm import BaseComm
from playwright.sync_api import sync_playwright

from nbtasks.notebook.widget import join_modules, join_styles

ORIGIN = "http://widget.test"
LIGHT, DARK = "#ffffff", "#111111"
PAGE = """<!doctype html><meta charset="utf-8"><title>widget</title><html lang="en">
<style>body { background: %s; margin: 16px } %s</style><main id="host"></main>
<script type="module">
import factory from "/widget.js";
const listeners = new Set();
window.sent = [];
window.start = (state) => {
  const model = {
    get: (name) => (name === "whole" ? state : new DataView(new ArrayBuffer(0))),
    on: (name, listener) => name === "msg:custom" && listeners.add(listener),
    off: (_, listener) => listeners.delete(listener),
    send: (message) => window.sent.push(message),
  };
  const widget = factory();
  widget.initialize({ model });
  window.stop = widget.render({ model, el: document.getElementById("host") });
};
window.hear = (content) => {
  for (const listener of listeners) listener(content, []);
};
window.painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
window.ready = true;
</script>"""


def open_page(chromium, kind, background=LIGHT, width=1000):
    """A page with the modules of a kind; what goes wrong there is in its `problems`."""
    page = chromium.new_page(viewport={"width": width, "height": 800})
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))

    def serve(route):
        if route.request.url == f"{ORIGIN}/widget.js":
            route.fulfill(content_type="text/javascript", body=join_modules(kind))
        elif route.request.url == f"{ORIGIN}/":
            route.fulfill(content_type="text/html", body=PAGE % (background, join_styles(kind)))
        else:
            page.problems.append(f"asked for {route.request.url}")
            route.abort()

    page.route("**/*", serve)
    page.goto(f"{ORIGIN}/")
    page.wait_for_function("window.ready")
    return page


FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]


class Stream:
    """Of events, which never come."""

    def add_flusher(self, fn):
        """Nothing is flushed: what is shown pushes."""


@contextmanager
def open_chromium():
    """A browser, for the tests of a file."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def open_shown(chromium, kind, make, monkeypatch, background):
    """A view in a page of its own; nothing may go wrong there."""
    page = open_page(chromium, kind, background)
    found = Shown(page, make)

    class Wire(BaseComm):
        def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
            del msg_type, metadata, buffers, keys
            if data and data.get("method") == "custom":
                found.messages.append(data["content"])

    monkeypatch.setattr(comm, "create_comm", Wire)
    yield found
    found.view.stop()
    assert page.problems == []
    page.close()


class Shown:
    """A view in a page: what its kernel's side sends is there, and clicks come back."""

    def __init__(self, page, make):
        self.page = page
        self.make = make
        self.messages = []
        self.answered = 0

    def start(self):
        """Make it and show it."""
        self.view = self.make()
        self.view._display = lambda _formats: None
        self.view.show("board")
        state, _ = self.view._look()
        self.page.evaluate("(state) => window.start(state)", json.loads(json.dumps(state)))
        return self

    def deliver(self):
        """Bring to the page what was sent."""
        messages, self.messages[:] = list(self.messages), []
        for content in messages:
            self.page.evaluate("(c) => window.hear(c)", json.loads(json.dumps(content)))
        self.page.evaluate("window.painted()")

    def answer(self):
        """Hand over what the browser asks for, and bring the answers back."""
        sent = self.page.evaluate("window.sent")
        for content in sent[self.answered :]:
            self.view._hear(None, content, [])
        self.answered = len(sent)
        self.deliver()

    def text(self, selector=".nbt"):
        """What is to be read."""
        return " ".join(self.page.locator(selector).inner_text().split())
