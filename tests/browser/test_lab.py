"""The quickstart in JupyterLab, in a real browser: live boards, their end, and a cancel click."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from kernel_side import end_users_of, private_environment
from patience import wait_until
from playwright.sync_api import sync_playwright

from nbtasks.demo import quickstart

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180)]

SECONDS = 60_000
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
OPTIONS = [
    "--no-browser",
    "--allow-root",
    "--ServerApp.port_retries=0",
    "--IdentityProvider.token=",
    "--ServerApp.disable_check_xsrf=True",
    "--LabApp.expose_app_in_browser=True",
    "--LabApp.news_url=",
    "--KernelManager.transport=ipc",
]
SETTINGS = {
    "apputils-extension/notification.jupyterlab-settings": {
        "checkForUpdates": False,
        "fetchNews": "false",
    },
    # Cells out of sight stay in the page, so that a test finds them.
    "notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},
}
# What JupyterLab itself writes to the console, with nbtasks or without.
HARMLESS: list[str] = []

OPEN = """async (path) => {
  const app = window.jupyterapp;
  await app.restored;
  const widget = await app.commands.execute("docmanager:open", { path, factory: "Notebook" });
  await widget.context.ready;
  await widget.sessionContext.ready;
  window.panel = widget;
}"""
RUN_ALL = 'window.jupyterapp.commands.execute("notebook:run-all-cells")'
SAVE = 'window.jupyterapp.commands.execute("docmanager:save")'
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


class Lab:
    """A Jupyter server of its own, with a folder of notebooks."""

    def __init__(self, folder):
        self.folder = folder
        self.notebooks = folder / "notebooks"
        self.notebooks.mkdir()
        settings = folder / "settings"
        for name, content in SETTINGS.items():
            path = settings / "@jupyterlab" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content))
        self.environment = private_environment(
            folder,
            JUPYTERLAB_SETTINGS_DIR=str(settings),
            JUPYTERLAB_WORKSPACES_DIR=str(folder / "workspaces"),
        )
        self.log = folder / "lab.log"
        command = [sys.executable, "-m", "jupyterlab", *OPTIONS, "--ServerApp.port=0"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, env=self.environment, cwd=self.notebooks, stdout=log, stderr=log
            )

    def url(self):
        """Where it listens, from the file that it writes for this."""
        wait_until(self.answers, "JupyterLab answers", 40)
        return self.facts()["url"]

    def answers(self):
        """Whether it takes connections: the file is there a little before."""
        with suppress(OSError), socket.create_connection(("localhost", self.facts()["port"])):
            return True
        return False

    def facts(self):
        """What it says of itself, once it runs."""
        for path in (self.folder / "runtime").glob("jpserver-*.json"):
            with suppress(ValueError):
                return json.loads(path.read_text())
        return {"port": 0}

    def add(self, name, cells):
        """Write a notebook."""
        found = [
            {
                "cell_type": "code",
                "id": f"c{at}",
                "metadata": {},
                "outputs": [],
                "execution_count": None,
                "source": source,
            }
            for at, source in enumerate(cells)
        ]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        content = {
            "cells": found,
            "metadata": {"kernelspec": kernel},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (self.notebooks / name).write_text(json.dumps(content))

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(15)
        finally:
            self.process.kill()
        end_users_of(self.environment["NBTASKS_HOME"])


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    found = Lab(tmp_path_factory.mktemp("lab"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def chromium():
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, lab):
    found = chromium.new_page(viewport={"width": 1200, "height": 900})
    found.problems = []
    found.on("pageerror", lambda error: found.problems.append(str(error)))
    found.on(
        "console",
        lambda message: message.type == "error" and found.problems.append(message.text),
    )
    found.goto(f"{lab.url()}lab?reset")
    found.wait_for_function("window.jupyterapp")
    yield found
    problems = [text for text in found.problems if not any(ok in text for ok in HARMLESS)]
    assert problems == []
    assert found.locator(".jp-Dialog").count() == 0
    found.close()


@pytest.fixture
def screenshots(tmp_path):
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


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


def saved_html(path, words):
    """The outputs of a saved notebook whose HTML has these words; none may hold a live widget."""
    cells = json.loads(path.read_text())["cells"]
    outputs = [one["data"] for cell in cells for one in cell.get("outputs", []) if "data" in one]
    assert not any("application/vnd.jupyter.widget-view+json" in data for data in outputs)
    return [data for data in outputs if words in "".join(data.get("text/html", []))]


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


def run_cell(page, at):
    """Run one cell of the open notebook, and wait for its end."""
    page.evaluate(
        """async (at) => {
          panel.content.activeCellIndex = at;
          await window.jupyterapp.commands.execute("notebook:run-cell");
        }""",
        at,
    )


def test_a_restart_of_the_kernel_leaves_the_task_and_its_board_comes_back(page, lab, screenshots):
    lab.add("third.ipynb", RESTARTED)
    page.evaluate(OPEN, "third.ipynb")
    run_cell(page, 0)
    run_cell(page, 1)
    page.get_by_role("region", name="Tasks: slow").wait_for(timeout=SECONDS)
    wait_until((lab.notebooks / "runs").exists, "it runs")
    page.evaluate("panel.sessionContext.restartKernel()")

    for at in (0, 2, 3):
        run_cell(page, at)
    before = page.locator(".jp-Cell").nth(1)
    before.get_by_text("the kernel was restarted: %tasks show slow").wait_for(timeout=SECONDS)
    assert before.get_by_role("button", name="Cancel").count() == 0
    again = page.locator(".jp-Cell").nth(3).get_by_role("region", name="Tasks: slow")
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


def test_the_monitor_is_live_and_becomes_tables_when_another_takes_its_place(
    page, lab, screenshots
):
    lab.add("fifth.ipynb", ["%load_ext nbtasks\n%broker --start 1", "%workers", "%workers"])
    page.evaluate(OPEN, "fifth.ipynb")
    run_cell(page, 0)
    run_cell(page, 1)
    monitor = page.get_by_role("region", name="Monitor")
    monitor.get_by_role("img", name="0 of 1 slots busy").first.wait_for(timeout=SECONDS)
    monitor.get_by_role("button", name="Pause the queue default").click()
    monitor.get_by_role("button", name="Resume the queue default").click(timeout=SECONDS)
    page.screenshot(path=screenshots / "monitor.png")

    run_cell(page, 2)
    page.locator(".jp-Cell").nth(1).locator("table").first.wait_for(timeout=SECONDS)
    assert page.locator(".jp-Cell").nth(1).locator(".nbt").count() == 0
    page.locator(".jp-Cell").nth(2).get_by_role("region", name="Monitor").wait_for(timeout=SECONDS)


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
