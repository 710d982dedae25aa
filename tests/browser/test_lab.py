"""The quickstart in JupyterLab, in a real browser: live boards, their end, and a cancel click."""

import re
import shutil

import pytest
from laboratory import OPEN, RUN_ALL, SAVE, SECONDS, restart_kernel, run_cell, saved_html
from patience import wait_until

from nbtasks.demo import quickstart

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180)]

HANG = """%load_ext nbtasks
%broker --start 1
%%task long --for n in range(3)
import threading
threading.Event().wait(60)"""
RESTARTED = [
    "%load_ext nbtasks\n%broker --start 1",
    """%%task slow
from pathlib import Path
from nbtasks import track
import threading
with open("runs", "a") as file:
    file.write("once ")
print("I have begun", flush=True)
for step in track(range(100)):
    while step > 40 and not Path("go").exists():
        threading.Event().wait(0.05)
""",
    "%tasks",
    "again = %task --attach slow",
]

CANVAS = [
    "%load_ext nbtasks\n%broker --start 2",
    "%%task def load(n)\nlist(range(n))",
    """%%task def score(data, c)
import threading
from pathlib import Path
if c == 5 and not Path("open").exists():
    raise ValueError("no fold is left")
while c == 6 and not Path("open").exists():
    threading.Event().wait(0.05)
sum(data) * c""",
    "%%task def best(scores)\nmax(scores)",
    """from nbtasks import group
(load.s(9) | group(score.s(c) for c in range(12)) | best.s()).delay()""",
]


def test_the_quickstart_runs_in_jupyterlab_with_a_live_board(page, lab, screenshots):
    shutil.copy(quickstart(), lab.notebooks / "first.ipynb")
    page.evaluate(OPEN, "first.ipynb")
    page.evaluate(f"void {RUN_ALL}")
    board = page.get_by_role("region", name="Tasks: search")
    board.wait_for(timeout=SECONDS)

    counts = set()
    done = board.locator(".nbt-done")
    wait_until(lambda: counts.add(done.inner_text()) or len(counts) > 2, "the board moves", 40)
    board.scroll_into_view_if_needed()
    page.screenshot(path=screenshots / "live.png")
    assert any(0 <= int(text.split(" / ")[0]) < 48 for text in counts)

    page.wait_for_function("!document.querySelector('.nbt')", timeout=SECONDS)
    page.wait_for_function("panel.content.widgets.at(-1).model.executionCount", timeout=SECONDS)
    page.evaluate(SAVE)
    page.screenshot(path=screenshots / "end.png")
    assert saved_html(lab.notebooks / "first.ipynb", "48 / 48")


def test_a_cancel_click_ends_a_running_task(page, lab, screenshots):
    first, second, *rest = HANG.splitlines()
    lab.add("second.ipynb", [first, second, "\n".join(rest)])
    page.evaluate(OPEN, "second.ipynb")
    page.evaluate(f"void {RUN_ALL}")
    board = page.get_by_role("region", name="Tasks: long")
    board.wait_for(timeout=SECONDS)
    board.locator(".nbt-summary", has_text=re.compile("[12] running")).wait_for(timeout=SECONDS)

    row = board.locator(".nbt-row").first
    button = row.get_by_role("button", name="Cancel this task")
    button.click()
    button.click()
    row.get_by_text("revoked").wait_for(timeout=SECONDS)
    page.screenshot(path=screenshots / "cancelled.png")

    everything = board.get_by_role("button", name="Cancel all unfinished tasks")
    everything.click()
    everything.click()
    page.get_by_text("3 / 3").first.wait_for(timeout=SECONDS)


def test_a_restart_of_the_kernel_leaves_the_task_and_its_board_comes_back(page, lab, screenshots):
    lab.add("third.ipynb", RESTARTED)
    page.evaluate(OPEN, "third.ipynb")
    run_cell(page, 0)
    run_cell(page, 1)
    page.get_by_role("region", name="Task: slow").wait_for(timeout=SECONDS)
    wait_until((lab.notebooks / "runs").exists, "it runs")
    restart_kernel(page)

    for at in (0, 2, 3):
        run_cell(page, at)
    before = page.locator(".jp-Cell").nth(1)
    before.get_by_text("the kernel was restarted: %tasks show slow").wait_for(timeout=SECONDS)
    assert before.get_by_role("button", name="Cancel").count() == 0
    again = page.locator(".jp-Cell").nth(3).get_by_role("region", name="Task: slow")
    again.get_by_text("I have begun").wait_for(timeout=SECONDS)
    again.scroll_into_view_if_needed()
    page.screenshot(path=screenshots / "restarted.png")
    (lab.notebooks / "go").touch()
    page.locator(".jp-Cell").nth(3).get_by_text("success").first.wait_for(timeout=SECONDS)
    page.locator(".jp-Cell").nth(2).get_by_text("SUCCESS").first.wait_for(timeout=SECONDS)
    page.screenshot(path=screenshots / "restarted-end.png")
    assert (lab.notebooks / "runs").read_text() == "once "


def test_a_place_in_a_traceback_leads_to_its_cell(page, lab, screenshots):
    bad = "%%task bad\nplot = 1\nraise ValueError(plot)"
    lab.add("fourth.ipynb", ["%load_ext nbtasks\n%broker --start 1", bad, "bad.wait()"])
    page.evaluate(OPEN, "fourth.ipynb")
    page.evaluate(f"void {RUN_ALL}")
    folded = page.locator("summary", has_text="traceback")
    folded.wait_for(timeout=SECONDS)
    page.evaluate("panel.content.activeCellIndex = 2")

    page.wait_for_function("!document.querySelector('.nbt')", timeout=SECONDS)
    folded.click()
    page.screenshot(path=screenshots / "traceback.png")
    page.get_by_role("link", name="Cell In[2], line 3").click()
    page.wait_for_function("panel.content.activeCellIndex === 1", timeout=SECONDS)


def test_a_canvas_shows_its_graph_and_is_retried_from_where_it_failed(page, lab, screenshots):
    lab.add("graph.ipynb", CANVAS)
    page.evaluate(OPEN, "graph.ipynb")
    page.evaluate(f"void {RUN_ALL}")
    board = page.get_by_role("region", name="Tasks: best")
    board.locator('.nbt-node[aria-label="12 × score: 11 / 12 · 1 failed"]').wait_for(
        timeout=SECONDS
    )
    board.get_by_role("button", name="Open all boxes").click()
    board.locator('.nbt-node[aria-label="score[5]: failure"]').click()
    board.locator(".nbt-panel").get_by_text("no fold is left").first.wait_for(timeout=SECONDS)
    board.scroll_into_view_if_needed()
    page.screenshot(path=screenshots / "graph.png")

    (lab.notebooks / "open").touch()
    board.get_by_role("button", name="Retry from here").click()
    board.locator(".nbt-node[data-critical][aria-label='best: success']").wait_for(timeout=SECONDS)
    page.locator('img[alt="Canvas of 14 tasks"]').wait_for(timeout=SECONDS)
    page.screenshot(path=screenshots / "graph-end.png")
    page.evaluate(SAVE)
    assert saved_html(lab.notebooks / "graph.ipynb", "Canvas of 14 tasks")
