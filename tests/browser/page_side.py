"""A widget of any kind in a page: a fake model, and the wire between it and its kernel's side."""

import json
from contextlib import contextmanager

import comm
from comm.base_comm import BaseComm
from patience import wait_until
from widget_page import b64, open_page

from nbtasks.notebook.standing import Standing


class Stream:
    """Of events, which never come."""

    def add_flusher(self, fn):
        """Nothing is flushed: what is shown pushes."""


@contextmanager
def open_shown(chromium, kind, make, monkeypatch, background):
    """A view in a page of its own; nothing may go wrong there."""
    page = open_page(chromium, background, kind, width=1000)
    found = Shown(page, make)

    class Wire(BaseComm):
        def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
            del msg_type, metadata, keys
            if data and data.get("method") == "custom":
                found.messages.append((data["content"], [bytes(one) for one in buffers or ()]))

    monkeypatch.setattr(comm, "create_comm", Wire)
    yield found
    found.stop()
    assert page.problems == []
    assert page.requested == []
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
        state, snapshot = self.view._look()
        start = "([state, snapshot]) => window.start(state, snapshot, false, false)"
        self.page.evaluate(start, [json.loads(json.dumps(state)), b64(snapshot)])
        return self

    def stop(self):
        """Have the kernel's side look no more."""
        if isinstance(self.view, Standing):
            self.view.stop()

    def again(self, make):
        """Another one in the place of this one, which leaves the page."""
        self.stop()
        self.page.evaluate("window.stop(); document.getElementById('host').replaceChildren()")
        self.messages.clear()
        self.make = make
        return self.start()

    def deliver(self):
        """Bring to the page what was sent."""
        messages, self.messages[:] = list(self.messages), []
        for content, buffers in messages:
            told = [json.loads(json.dumps(content)), [b64(one) for one in buffers]]
            self.page.evaluate("([c, b]) => window.hear(c, b)", told)
        self.page.evaluate("window.painted()")

    def answer(self):
        """Hand over what the browser asks for, and bring the answers back."""
        for content in self.page.evaluate("window.told.splice(0)"):
            self.view._hear(None, content, [])
        sent = self.page.evaluate("window.sent")
        for content in sent[self.answered :]:
            self.view._hear(None, content, [])
        self.answered = len(sent)
        self.deliver()

    def until(self, is_so, what):
        """Answer until that is so."""
        wait_until(lambda: self.answer() or is_so(), what)

    def text(self, selector=".nbt"):
        """What is to be read."""
        return " ".join(self.page.locator(selector).inner_text().split())
