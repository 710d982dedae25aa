"""What widgets cost a kernel and a browser: a graph of 1,000 boxes, a canvas of 10,000 tasks.

The browser's figures are of its main thread, as Chromium counts it (script, style, layout and the
recording of what is painted), for each of many frames; its time that passes is that of a machine
without a graphics card.

    python tests/benchmarks/bench_widgets.py
"""

import json
import shutil
import statistics
import sys
import time
from pathlib import Path

import comm
from playwright.sync_api import sync_playwright

sys.path.append(str(Path(__file__).parents[1] / "browser"))

from widget_page import FLAGS, LIGHT, Shown, open_page, wire_to

from nbtasks.layout import lay_out
from nbtasks.live import LiveRecord
from nbtasks.result.canvas import Canvas
from nbtasks.result.steps import Link, Step

FRAMES = 30
CHANGES = 100


class Browser:
    """A page with one graph, and what its main thread has spent."""

    def __init__(self, chromium, canvas):
        self.boards = []
        comm.create_comm = wire_to(self.boards)
        self.canvas = canvas
        self.page = open_page(chromium, LIGHT, "graph")
        self.session = self.page.context.new_cdp_session(self.page)
        self.session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent_ms(self):
        """Ms of the main thread so far."""
        found = self.session.send("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in found if each["name"] == "TaskDuration") * 1e3

    def cost(self, act):
        """Ms that doing something costs, with the frame that shows it."""
        before = self.spent_ms()
        act()
        self.page.evaluate("window.painted()")
        return self.spent_ms() - before

    def show(self):
        """Ms of the first picture."""

        def start():
            self.boards.append(Shown(self.page, *self.canvas.records, canvas=self.canvas))
            self.boards[-1].start()

        return self.cost(start)

    def updates(self):
        """Median ms of a frame in which some tasks change."""
        shown = self.boards[-1]
        record = max(self.canvas.records, key=lambda each: each.n)
        costs = []
        for frame in range(FRAMES):
            first = frame * CHANGES % record.n
            for index in range(first, first + CHANGES):
                record.begin(index % record.n, "w", 1_000)
            costs.append(self.cost(shown.flush))
        return statistics.median(costs)

    def pans(self):
        """Median ms of a frame in which the graph moves."""
        keys = ["+", "-"] * (FRAMES // 2)
        self.page.locator(".nbt-node").first.focus()
        return statistics.median(
            self.cost(lambda key=key: self.page.keyboard.press(key)) for key in keys
        )


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
    browser = Browser(chromium, lanes(n))
    found = {"first picture": browser.show()}
    if opens:
        button = browser.page.get_by_role("button", name="Open all boxes")
        found["open all"] = browser.cost(button.click)
    found["boxes"] = browser.page.locator(".nbt-node").count()
    found[f"{CHANGES} tasks change"] = browser.updates()
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
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        rows = {
            "496 chains of two, all open": measure(chromium, 496, opens=True),
            "5,000 chains of two, closed": measure(chromium, 5_000, opens=False),
            "5,000 chains of two, opened": measure(chromium, 5_000, opens=True),
        }
        chromium.close()
    rows["10,000 records, kernel"] = kernel(10_000)
    for name, found in rows.items():
        print(json.dumps({"what": name, **{key: round(value, 1) for key, value in found.items()}}))


if __name__ == "__main__":
    main()
