"""Lets the browser tests use what the notebook tests know of kernels and their ends."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import comm
import pytest
from browsing import LIGHT, open_chromium
from page_side import Stream, open_shown
from widget_page import Shown, open_page, wire_to

from nbtasks.app import App
from nbtasks.live import LiveRecord
from nbtasks.notebook.feed import Feed
from nbtasks.notebook.monitor import Monitor

sys.path.append(str(Path(__file__).parents[1] / "notebook"))

from laboratory import HARMLESS, Lab


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser for the tests of a file."""
    with open_chromium() as found:
        yield found


@pytest.fixture
def background() -> str:
    """That of the page; a test of the dark has another one."""
    return LIGHT


@pytest.fixture
def kind() -> str:
    """Of the widget in a bare page; files of other kinds have another one."""
    return "board"


@pytest.fixture
def bare_page(chromium: Any, background: str, kind: str) -> Iterator[Any]:
    """A page without Jupyter for a widget; nothing may go wrong there, and nothing be fetched."""
    found = open_page(chromium, background, kind)
    yield found
    assert found.problems == []
    assert found.requested == []
    found.close()


@pytest.fixture
def show(bare_page: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Shown]:
    """Show the board of a record there: `show(record, late=True)`."""
    boards: list[Shown] = []
    monkeypatch.setattr(comm, "create_comm", wire_to(boards))

    def start(
        record: LiveRecord, *, shadow: bool = False, late: bool = False, **options: Any
    ) -> Shown:
        boards.append(Shown(bare_page, record, **options))
        return boards[-1].start(shadow=shadow, late=late)

    return start


@pytest.fixture
def monitor(
    chromium: Any, app: App, monkeypatch: pytest.MonkeyPatch, background: str
) -> Iterator[Any]:
    """The monitor of the test's app in a page without Jupyter, to be started."""

    def make() -> Monitor:
        return Monitor(app, Feed(Stream()))

    with open_shown(chromium, "monitor", make, monkeypatch, background) as found:
        yield found


@pytest.fixture
def emptied_app(fresh_app: App) -> Iterator[App]:
    """The test's app, whose schedules and queues are emptied in the end."""
    yield fresh_app
    for name in list(fresh_app.schedules):
        fresh_app.schedules.remove(name)
    fresh_app.control.purge()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab for the tests of a file, which share its server, workers and folder."""
    found = Lab(tmp_path_factory.mktemp("lab"))
    yield found
    found.close()


@pytest.fixture
def page(chromium: Any, lab: Lab) -> Iterator[Any]:
    """JupyterLab in a tab of its own; whatever it says to the console is an error."""
    found = chromium.new_page(viewport={"width": 1200, "height": 900})
    found.problems, found.harmless = [], [*HARMLESS]
    found.on("pageerror", lambda error: found.problems.append(str(error)))
    found.on(
        "console",
        lambda message: message.type == "error" and found.problems.append(message.text),
    )
    found.goto(f"{lab.url()}lab?reset")
    found.wait_for_function("window.jupyterapp")
    yield found
    problems = [text for text in found.problems if not any(ok in text for ok in found.harmless)]
    assert problems == []
    assert found.locator(".jp-Dialog").count() == 0
    found.close()


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    """Where pictures to be looked at go: SCREENSHOTS, if that is set."""
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
