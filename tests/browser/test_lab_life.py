"""Widgets in JupyterLab beyond their live time: a second tab, reload, restart, no trust."""

import json

import pytest
from laboratory import OPEN, SAVE, SECONDS, restart_kernel, run_cell, set_theme

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

HOLD = """from pathlib import Path
import threading
while not Path("go").exists():
    threading.Event().wait(0.05)"""
CELLS = [
    "%load_ext nbtasks\n%broker --start 2",
    f"%%task one\n{HOLD}",
    f"%%task many --for n in range(30)\n{HOLD}\nn",
    "%tasks table many",
    "%workers",
    "%schedule",
]
NAME = "life.ipynb"
FIRST, LAST = 1, len(CELLS) - 1
EITHER = """(words) => {
  const seen = (node) => node?.checkVisibility();
  return [...document.querySelectorAll(".jp-Notebook .jp-CodeCell")].slice(1).every((cell) => {
    const [live, twin] = [".nbt", ".nbt-twin"].map((name) => cell.querySelector(name));
    const error = cell.innerText.includes("model not found");
    return !error && (words ? seen(twin) && !live : seen(live) && twin && !seen(twin));
  });
}"""

COPY = "copy.ipynb"
SCRIPT = "<script>window.hasRun = true</script><img src='data:,' onerror='window.hasRun = true'>"
TRUST = "() => [...panel.content.model.cells].map((cell) => cell.trusted)"
TRIED = """() => [...document.querySelectorAll(".jp-Notebook .jp-CodeCell")].slice(1).every(
  (cell) => cell.textContent.includes("model not found"))"""


def open_again(page, name=NAME):
    page.wait_for_function("window.jupyterapp")
    page.evaluate(OPEN, name)


def says(page, at, words):
    """Wait for words in a cell."""
    page.locator(".jp-Cell").nth(at).get_by_text(words).first.wait_for(timeout=SECONDS)


@pytest.fixture
def live(page, lab):
    """A notebook with a live widget in each of its cells, saved."""
    lab.add(NAME, CELLS)
    open_again(page)
    for at in range(len(CELLS)):
        run_cell(page, at)
    page.wait_for_function(EITHER, arg=False, timeout=SECONDS)
    page.evaluate(SAVE)
    yield page
    (lab.notebooks / "go").touch()
    # The next one is to have its own kernel.
    page.evaluate("window.jupyterapp.serviceManager.sessions.shutdownAll()")
    (lab.notebooks / "go").unlink()


def test_each_page_shows_what_lives_and_after_its_kernel_how_it_was(
    live, chromium, lab, screenshots
):
    second = chromium.new_page()
    second.goto(f"{lab.url()}lab/workspaces/second?reset")
    open_again(second)
    second.wait_for_function(EITHER, arg=False, timeout=SECONDS)
    live.reload()
    open_again(live)
    live.wait_for_function(EITHER, arg=False, timeout=SECONDS)

    (lab.notebooks / "go").touch()
    for page in (live, second):
        says(page, FIRST, "✓ success")
        page.wait_for_function("!document.querySelectorAll('.jp-Cell')[2].querySelector('.nbt')")
    second.close()
    restart_kernel(live)
    says(live, LAST, "the kernel was restarted: %schedule")
    live.screenshot(path=screenshots / "life-restarted.png")


def test_a_notebook_that_was_saved_live_shows_how_it_was(live, screenshots):
    restart_kernel(live)
    says(live, FIRST, "the kernel was restarted: %tasks show one")
    live.evaluate(SAVE)
    live.reload()
    open_again(live)

    live.wait_for_function(TRIED, timeout=SECONDS)
    live.wait_for_function(EITHER, arg=True, timeout=SECONDS)
    says(live, FIRST, "%tasks show one shows it live")
    live.harmless.append("widget model not found")  # the console is told of those that are no more
    live.screenshot(path=screenshots / "life-reopened.png")


def add_copy_with_scripts(lab):
    """What a stranger did to a saved notebook: the signature is not ours any more."""
    notebook = json.loads((lab.notebooks / NAME).read_text())
    pages = [output["data"] for cell in notebook["cells"] for output in cell["outputs"]]
    for page in pages:
        if "text/html" in page:
            page["text/html"] += [SCRIPT]
    (lab.notebooks / COPY).write_text(json.dumps(notebook))


def test_a_notebook_that_is_not_trusted_shows_the_pictures_and_runs_nothing(live, lab, screenshots):
    add_copy_with_scripts(lab)
    live.evaluate("panel.close()")
    open_again(live, COPY)

    says(live, FIRST, "%tasks show one shows it live")
    assert live.evaluate(TRUST) == [False] * len(CELLS)
    for name in ("Dark", "Light"):
        set_theme(live, f"JupyterLab {name}")
        live.screenshot(path=screenshots / f"life-untrusted-{name.lower()}.png")
    assert live.evaluate(EITHER, arg=True)
    assert live.evaluate("window.hasRun") is None
