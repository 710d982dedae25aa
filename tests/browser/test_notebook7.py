"""Notebook 7: the same server as JupyterLab's, another page; the same live widgets."""

import pytest
from laboratory import HARMLESS, SECONDS

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180)]
# Of its own editor of settings, with nbtasks or without.
ITS_OWN = ["reading 'schema'"]
READY = """window.jupyterapp?.name === "Jupyter Notebook"
  && window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel"""
CELLS = [
    "%load_ext nbtasks\n%broker --start 1",
    """%%task few --for n in range(40)
import pathlib, threading
while n == 20 and not pathlib.Path("seven").exists():
    threading.Event().wait(0.02)
if n == 7:
    raise ValueError(f"nothing is {n}")""",
    "%workers",
]


@pytest.fixture
def classic(chromium, lab):
    """A notebook in a page of Notebook 7; whatever it says to the console is an error."""
    page = chromium.new_page(viewport={"width": 1100, "height": 900})
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: said.type == "error" and problems.append(said.text))
    lab.add("seven.ipynb", CELLS)
    page.goto(f"{lab.url()}notebooks/seven.ipynb")
    yield page
    assert [text for text in problems if not any(ok in text for ok in [*HARMLESS, *ITS_OWN])] == []
    page.close()


def test_notebook_7_shows_live_widgets_whose_buttons_work(classic, lab, screenshots):
    classic.wait_for_function(READY, timeout=SECONDS)
    classic.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")

    board = classic.get_by_role("region", name="Tasks: few")
    board.locator(".nbt-done", has_text="20 / 40").wait_for(timeout=SECONDS)
    monitor = classic.get_by_role("region", name="Monitor")
    monitor.get_by_role("button", name="Pause the queue default").click(timeout=SECONDS)
    monitor.get_by_role("button", name="Resume the queue default").click(timeout=SECONDS)
    board.scroll_into_view_if_needed()
    classic.screenshot(path=screenshots / "notebook7.png")

    (lab.notebooks / "seven").touch()
    kept = classic.locator(".jp-Cell").nth(1)
    kept.get_by_text("few 40 / 40").wait_for(timeout=SECONDS)
    kept.get_by_text("✓ success 39 ✕ failure 1").wait_for(timeout=SECONDS)
    assert not classic.locator(".nbt-done").count()
