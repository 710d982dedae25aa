"""A page for a widget of any kind with a fake model, and the wire to a Board."""

import base64
import json

from comm.base_comm import BaseComm

from nbtasks.notebook.board import Board
from nbtasks.notebook.feed import Feed
from nbtasks.notebook.widget import join_styles, pack_modules

ORIGIN = "http://board.test"
PAGE = """<!doctype html><meta charset="utf-8"><title>widget</title>
<style>body { background: %s; margin: 16px } %s</style><div id="host"></div>
<script type="module">
import factory from "/widget.js";
const listeners = new Set();
const raw = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
window.sent = []; // what is to be answered
window.told = [];
window.start = (state, snapshot, shadow, late) => {
  const host = document.getElementById("host");
  let el = host;
  if (shadow) {
    const root = host.attachShadow({ mode: "open" });
    root.append(document.querySelector("style").cloneNode(true));
    el = root.appendChild(document.createElement("div"));
  }
  const model = {
    get: (name) => (name === "whole" ? state : raw(snapshot)),
    on: (name, listener) => name === "msg:custom" && listeners.add(listener),
    off: (_, listener) => listeners.delete(listener),
    send: (message) => {
      if (window.kernelGone) throw new Error("no kernel");
      (message.id ? window.sent : window.told).push(message);
    },
  };
  const widget = factory();
  widget.initialize({ model });
  if (late) host.remove();
  window.stop = widget.render({ model, el });
  if (late) document.body.append(host);
};
window.hear = (content, buffers) => {
  for (const listener of listeners) listener(content, buffers.map(raw));
};
window.painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
window.dot = (cell, size) => {
  const canvas = document.querySelector("canvas.nbt-canvas");
  const columns = Math.round(canvas.width / devicePixelRatio / size);
  const x = ((cell %% columns) + 0.4) * size * devicePixelRatio;
  const y = (Math.floor(cell / columns) + 0.1) * size * devicePixelRatio;
  return [...canvas.getContext("2d").getImageData(x, y, 1, 1).data];
};
window.pixel = (cell, size) => window.dot(cell, size).slice(0, 3);
window.ready = true;
</script>"""


CLIPBOARD = """(act) => Object.defineProperty(navigator, "clipboard", {
  configurable: true,
  value: { writeText: async (text) => new Function("text", act)(text) },
})"""


def b64(data):
    return base64.b64encode(data).decode()


class EventThread:
    def add_flusher(self, fn):
        self.flush = fn

    def remove_flusher(self, fn):
        del fn


class Shown:
    """A board in a page, and the wire between them."""

    def __init__(self, page, *records, **options):
        self.page = page
        self.thread = EventThread()
        self.calls = []
        self.messages = []
        self.now_ms = 0.0
        feed = Feed(self.thread)
        self.board = options.pop("make", Board)(
            records,
            title=options.pop("title", "scores"),
            cancel=self.calls.append,
            feed=feed,
            **options,
        )

    def start(self, *, shadow=False, late=False):
        self.board.show("board")
        state, snapshot = self.board._look()
        self.page.evaluate(
            "([s, b, shadow, late]) => window.start(s, b, shadow, late)",
            [json.loads(json.dumps(state)), b64(snapshot), shadow, late],
        )
        return self

    def flush(self):
        self.now_ms += 1_000.0
        self.thread.flush(self.now_ms)
        self.deliver()

    def deliver(self):
        messages, self.messages[:] = list(self.messages), []
        for content, buffers in messages:
            arguments = [json.loads(json.dumps(content)), [b64(one) for one in buffers]]
            self.page.evaluate("([c, b]) => window.hear(c, b)", arguments)
        self.page.evaluate("window.painted()")

    def answer(self):
        """Hand the browser's newest message to the board, and the answer back."""
        self.board._hear(None, self.page.evaluate("window.sent.at(-1)"), [])
        self.deliver()

    def answer_all(self):
        """Hand over all that the browser has asked for since, and the answers back."""
        sent = self.page.evaluate("window.sent.splice(0)")
        for content in sent:
            self.board._hear(None, content, [])
        self.deliver()

    def text(self, selector=".nbt"):
        return self.page.locator(selector).inner_text()


def open_page(chromium, background, kind="board", width=900):
    """A page with the widget of this kind; it notes what goes wrong, and what it asks for."""
    found = chromium.new_page(viewport={"width": width, "height": 700})
    found.problems = []
    found.requested = []
    found.on("dialog", lambda dialog: (found.problems.append(dialog.message), dialog.dismiss()))
    found.on("pageerror", lambda error: found.problems.append(str(error)))

    def serve(route):
        found.requested.append(route.request.url)
        if route.request.url.startswith(f"{ORIGIN}/widget.js"):
            route.fulfill(content_type="text/javascript", body=pack_modules(kind))
        else:
            route.fulfill(content_type="text/html", body=PAGE % (background, join_styles(kind)))

    found.route("**/*", serve)
    found.goto(f"{ORIGIN}/")
    found.wait_for_function("window.ready")
    found.requested.clear()
    return found


def replace_clipboard(page, act):
    """Have the browser do this, in JavaScript, with each `text` that is copied."""
    page.evaluate(CLIPBOARD, act)


def wire_to(boards):
    """A comm that gives what is sent to the newest of these."""

    class Wire(BaseComm):
        def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
            del msg_type, metadata, keys
            if data and data.get("method") == "custom" and boards:
                boards[-1].messages.append((data["content"], [bytes(one) for one in buffers or ()]))

    return Wire
