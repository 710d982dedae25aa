"""What widgets cost a kernel and a browser: many tasks, graphs of 1,000 boxes, 50 widgets at once.

A frame is what the scripts of a widget take for a message and for painting what it brought, as
time that passes; `main thread` is the processor time of Chromium's main thread for the same, with
style, layout and the recording of what is painted. There is no graphics card.

    python tests/benchmarks/bench_widgets.py
"""

import json
import statistics
import sys
import time
from pathlib import Path

import comm

sys.path.append(str(Path(__file__).parents[1] / "browser"))

from browsing import LIGHT, open_chromium
from widget_load import measure_kernel
from widget_page import Shown, b64, open_page, wire_to

from nbtasks.layout import lay_out
from nbtasks.live import LiveRecord
from nbtasks.result.canvas import Canvas
from nbtasks.result.steps import Link, Step
from nbtasks.states import SUCCESS

FRAMES = 120
FRAME_MS = 67.0
CHANGES = 100
CROWD = 100_000
TIMED = """
window.timedStart = async (state, snapshot) => {
  const began = performance.now();
  window.start(state, snapshot, false, false);
  await window.painted();
  return performance.now() - began;
};
window.timed = async (content, buffers) => {
  let began = 0;
  requestAnimationFrame(() => { began = performance.now(); });
  const heard = performance.now();
  window.hear(content, buffers);
  const script = performance.now() - heard;
  await new Promise((done) => requestAnimationFrame(done));
  return script + performance.now() - began;
};
"""


class Browser:
    """A page with one widget, and what it costs there."""

    def __init__(self, chromium, *records, canvas=None):
        self.boards = []
        comm.create_comm = wire_to(self.boards)
        self.page = open_page(chromium, LIGHT, "board" if canvas is None else "graph")
        self.page.evaluate(TIMED)
        self.session = self.page.context.new_cdp_session(self.page)
        self.session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self.shown = Shown(self.page, *records, canvas=canvas)
        self.boards.append(self.shown)

    def spent_ms(self):
        """Ms of the main thread so far."""
        found = self.session.send("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in found if each["name"] == "TaskDuration") * 1e3

    def cost(self, act):
        """Ms of the main thread that doing something costs, with the frame that shows it."""
        before = self.spent_ms()
        act()
        self.page.evaluate("window.painted()")
        return self.spent_ms() - before

    def show(self):
        """Ms until the first picture is there."""
        board = self.shown.board
        board.show("board")
        state, snapshot = board._look()
        told = [json.loads(json.dumps(state)), b64(snapshot)]
        return self.page.evaluate("([state, snapshot]) => window.timedStart(state, snapshot)", told)

    def updates(self, change, frames=FRAMES):
        """Ms of frames in which something changes, and of the main thread for one, on average."""
        shown, times = self.shown, []
        before = self.spent_ms()
        for frame in range(frames):
            change(frame)
            shown.now_ms += FRAME_MS
            shown.thread.flush(shown.now_ms)
            for content, buffers in shown.messages:
                told = [json.loads(json.dumps(content)), [b64(one) for one in buffers]]
                times.append(self.page.evaluate("([c, b]) => window.timed(c, b)", told))
            shown.messages.clear()
        times.sort()
        return {
            "frame, median": statistics.median(times),
            "frame, p99": times[int(0.99 * len(times))],
            "main thread": (self.spent_ms() - before) / frames,
        }

    def pans(self):
        """Ms of the main thread for a frame in which the graph moves."""
        keys = ["+", "-"] * (FRAMES // 8)
        self.page.locator(".nbt-node").first.focus()
        return statistics.median(
            self.cost(lambda key=key: self.page.keyboard.press(key)) for key in keys
        )


def crowd(chromium):
    """A board of many tasks, of which 10,000 end in a second."""
    record = LiveRecord("crowd", CROWD, "crowd", submitted_ms=1_000)
    browser = Browser(chromium, record)
    each = int(10_000 * FRAME_MS / 1_000)

    def end(frame):
        record.finish(frame * each, bytes([SUCCESS]) * each, [b""] * each, "w", 9_000)

    found = {"first picture": browser.show(), **browser.updates(end)}
    browser.page.close()
    return found


def lanes(n):
    """A task, chains of two side by side, and one at the end."""
    names = (("load", 1), ("map", n), ("fit", n), ("best", 1))
    load, first, then, best = (LiveRecord(name, count, name) for name, count in names)
    return Canvas(
        None,
        [
            Step(load),
            Step(first, links=(Link(0, "w"),)),
            Step(then, links=(Link(1, "e"),)),
            Step(best, links=(Link(2, "w"),)),
        ],
    )


def measure(chromium, n, *, opens):
    """What a canvas of so many chains costs a browser."""
    canvas = lanes(n)
    browser = Browser(chromium, *canvas.records, canvas=canvas)
    found = {"first picture": browser.show()}
    if opens:
        button = browser.page.get_by_role("button", name="Open all boxes")
        found["open all"] = browser.cost(button.click)
    found["boxes"] = browser.page.locator(".nbt-node").count()
    record = max(canvas.records, key=lambda each: each.n)

    def begin(frame):
        for index in range(frame * CHANGES, (frame + 1) * CHANGES):
            record.begin(index % record.n, "w", 1_000 + index)

    found |= browser.updates(begin)
    found["zoom"] = browser.pans()
    browser.page.close()
    return found


def kernel(n):
    """What a canvas of single steps costs a kernel, where nothing can be told together."""
    steps = [Step(LiveRecord("a", 1, "load"))]
    steps += [Step(LiveRecord(f"r{at}", 1, f"t{at % 2}"), links=(Link(0, "w"),)) for at in range(n)]
    boards = []
    comm.create_comm = wire_to(boards)
    began = time.process_time()
    shown = Shown(None, *(step.record for step in steps), canvas=Canvas(None, steps))
    state, _ = shown.board._look()
    made = time.process_time()
    lay_out([[link.before for link in step.links] for step in steps])
    laid = time.process_time()
    size = len(json.dumps(state))
    return {"ms": (made - began) * 1e3, "bytes": size, "layout ms": (laid - made) * 1e3}


def main():
    """Print one line for each."""
    rows = measure_kernel()
    with open_chromium() as chromium:
        rows |= {
            "board of 100,000, browser": crowd(chromium),
            "496 chains of two, all open": measure(chromium, 496, opens=True),
            "5,000 chains of two, closed": measure(chromium, 5_000, opens=False),
            "5,000 chains of two, opened": measure(chromium, 5_000, opens=True),
        }
    rows["canvas of 10,000 records, kernel"] = kernel(10_000)
    for name, found in rows.items():
        print(json.dumps({"what": name, **{key: round(value, 1) for key, value in found.items()}}))


if __name__ == "__main__":
    main()
