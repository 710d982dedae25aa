"""marimo: no IPython and no magics; results and apps that end a cell are the same live widgets."""

import contextlib
import socket
import subprocess
import sys

import pytest
from kernel_side import end_users_of, private_environment
from laboratory import SECONDS
from patience import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180)]
NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    from nbtasks import App, group

    tasks = App()
    tasks.connection
    return App, group, tasks


@app.cell
def _(tasks):
    @tasks.task
    def square(n):
        import pathlib, threading

        while n == 20 and not pathlib.Path("go").exists():
            threading.Event().wait(0.02)
        if n == 7:
            raise ValueError(f"{n} is a prime")
        return n * n

    @tasks.task
    def total(numbers):
        return sum(numbers)

    squares = square.map_async(range(40))
    squares
    return square, squares, total


@app.cell
def _(group, square, total):
    both = (group(square.s(n) for n in range(3)) | total.s()).delay()
    both
    return


@app.cell
def _(tasks, total):
    tasks.schedules.add("hourly", total.s([1]), "1h")
    tasks.schedules
    return


@app.cell
def _(tasks):
    tasks
    return
"""
SETTINGS = """
[tool.marimo.runtime]
auto_instantiate = true
[tool.marimo.display]
theme = "system"
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


@pytest.fixture
def processes(tmp_path):
    """Start programs in a folder of their own; their workers end with them."""
    environment = private_environment(tmp_path, NBTASKS_GRACE="2")
    started = []

    def start(*words):
        command = [sys.executable, "-m", *words]
        with (tmp_path / f"{words[0]}.log").open("wb") as log:
            started.append(
                subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=log, stderr=log)
            )

    yield start
    for one in started:
        one.terminate()
        one.wait(20)
    end_users_of(environment["NBTASKS_HOME"])


@pytest.fixture
def page(chromium, processes, tmp_path):
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    (tmp_path / "note.py").write_text(NOTEBOOK)
    port = free_port()
    processes("nbtasks", "worker", "--concurrency", "1")
    processes("marimo", "--yes", "edit", "note.py", "--headless", "--no-token", f"--port={port}")
    wait_until(lambda: answers(port), "marimo answers", 40)
    found = chromium.new_page(viewport={"width": 1200, "height": 2500})
    problems = []
    found.on("pageerror", lambda error: problems.append(str(error)))
    found.goto(f"http://127.0.0.1:{port}/")
    yield found
    assert problems == []
    found.close()


def test_marimo_shows_boards_graphs_the_monitor_and_the_schedule(page, tmp_path, screenshots):
    board = page.get_by_role("region", name="Tasks: square")
    half = board.locator(".nbt-done", has_text="20 / 40")
    half.wait_for(timeout=SECONDS)
    page.reload()
    half.wait_for(timeout=SECONDS)

    monitor = page.get_by_role("region", name="Monitor")
    monitor.get_by_role("button", name="Pause the queue default").click(timeout=SECONDS)
    monitor.get_by_role("button", name="Resume the queue default").click(timeout=SECONDS)
    page.screenshot(path=screenshots / "marimo.png", full_page=True)

    (tmp_path / "go").touch()
    graph = page.get_by_role("region", name="Tasks: total")
    graph.locator(".nbt-done", has_text="4 / 4").wait_for(timeout=SECONDS)
    page.get_by_role("region", name="Schedule").get_by_text("hourly").wait_for(timeout=SECONDS)
    page.emulate_media(color_scheme="dark")
    page.locator(".nbt[data-dark]").first.wait_for(timeout=SECONDS)
    page.screenshot(path=screenshots / "marimo-dark.png", full_page=True)
