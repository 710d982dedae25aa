"""All that can be done on a board and a graph, in JupyterLab, by the keyboard alone."""

import pytest
from laboratory import OPEN, SECONDS, run_cell, set_theme

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180)]

CELLS = [
    "%load_ext nbtasks\n%broker --start 2",
    """%%task fit --for n in range(200)
import threading
from pathlib import Path
if n % 31 == 3 and not Path("fixed").exists():
    raise ValueError(f"no fold is left for {n}")
while n >= 120 and not Path("open").exists():
    threading.Event().wait(0.05)
n * n""",
    """%%task def load(n)
list(range(n))""",
    """%%task def score(data, c)
import threading
from pathlib import Path
if c == 1 and not Path("fixed").exists():
    raise ValueError("no fold is left")
while not Path("open").exists():
    threading.Event().wait(0.05)
sum(data) * c""",
    """%%task def best(scores)
max(scores)""",
    """from nbtasks import group
(load.s(9) | group(score.s(c) for c in range(3)) | best.s()).delay()""",
]
HELD = """() => {
  const held = document.activeElement;
  if (!held.closest(".nbt")) return "";
  return held.getAttribute("aria-label") ?? held.textContent;
}"""


@pytest.fixture(autouse=True)
def gates(lab):
    """The files that tasks wait for; in the end all may go, as the workers are shared."""
    for name in ("open", "fixed"):
        (lab.notebooks / name).unlink(missing_ok=True)
    yield
    (lab.notebooks / "open").touch()


def reach(page, words, key="Tab"):
    """Press a key until what has the focus is called so."""
    for _ in range(60):
        page.keyboard.press(key)
        held = page.evaluate(HELD)
        assert held, "the focus has left the widget"
        if words in held:
            return
    raise AssertionError(f"{words!r} is not reached")


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def states(board):
    """What the legend says: `failure 3`."""
    found = board.locator(".nbt-legend > li:visible").all_inner_texts()
    return {" ".join(text.split()[1:]) for text in found}


def start(page, lab, name, at):
    """Open the notebook, and run what makes the widget of a cell."""
    lab.add(name, CELLS)
    page.evaluate(OPEN, name)
    for cell in (0, *at):
        run_cell(page, cell)
    board = page.get_by_role("region", name="Tasks: ")
    board.wait_for(timeout=SECONDS)
    return board


def comes(board, state):
    """Wait for what the legend says: `failure3`."""
    board.locator(".nbt-state", has_text=state).wait_for(timeout=SECONDS)


def node(graph, words):
    """Wait for a box that is called so."""
    graph.locator(f'.nbt-node[aria-label="{words}"]').wait_for(timeout=SECONDS)


def test_a_board_is_worked_through_by_keys(page, lab, screenshots):
    board = start(page, lab, "keys.ipynb", [1])
    comes(board, "running2")
    comes(board, "pending78")
    board.scroll_into_view_if_needed()
    page.screenshot(path=screenshots / "board.png")
    board.focus()
    look_at_failures(page, board)
    take_pictures(page, screenshots)
    copy_ids(page, board)
    (lab.notebooks / "fixed").touch()
    retry_what_failed(page, board)
    cancel_what_waits(page, board)
    cancel_the_rest(page, board)
    page.screenshot(path=screenshots / "board-end-dark.png")


def look_at_failures(page, board):
    reach(page, "200 tasks")
    press(page, "f", "f", "Enter")
    details = board.locator(".nbt-panel").get_by_text("no fold is left for 34")
    details.first.wait_for(timeout=SECONDS)
    press(page, "Escape")
    reach(page, "✕failure", "Shift+Tab")
    press(page, "Enter")
    board.locator(".nbt-row", has_text="no fold is left for 96").wait_for(timeout=SECONDS)


def take_pictures(page, folder):
    """Of the failures in both themes, and of all tasks in the dark."""
    page.screenshot(path=folder / "board-failures.png")
    set_theme(page, "JupyterLab Dark")
    page.screenshot(path=folder / "board-failures-dark.png")
    press(page, "Escape")
    page.screenshot(path=folder / "board-dark.png")


def copy_ids(page, board):
    reach(page, "Copy ids", "Shift+Tab")
    press(page, "Enter")
    shown = board.locator("pre[aria-label^=ids]")
    board.get_by_text("4 ids copied").or_(shown).first.wait_for(timeout=SECONDS)


def retry_what_failed(page, board):
    reach(page, "Retry failed")
    press(page, "Enter", "Enter")
    comes(board, "pending82")
    assert page.evaluate(HELD)


def cancel_what_waits(page, board):
    reach(page, "Cancel pending", "Shift+Tab")
    press(page, "Enter", "Enter")
    comes(board, "revoked82")
    assert states(board) == {"success 116", "revoked 82", "running 2"}


def cancel_the_rest(page, board):
    """One of the two that run, then the other one; a kept picture takes the board's place."""
    reach(page, "120")
    press(page, "Tab", "Enter", "Enter")
    comes(board, "revoked83")
    reach(page, "Cancel all", "Shift+Tab")
    press(page, "Enter", "Enter")
    page.locator("img[alt^='200 tasks']").wait_for(timeout=SECONDS)


def test_a_graph_is_worked_through_by_keys(page, lab, screenshots):
    graph = start(page, lab, "graph-keys.ipynb", [2, 3, 4, 5])
    node(graph, "score[1]: failure")
    graph.focus()
    open_the_failure(page, graph)
    page.screenshot(path=screenshots / "graph-keys.png")
    (lab.notebooks / "fixed").touch()
    retry_from_here(page, graph)
    cancel_a_branch(page, graph)
    reach(page, "Graph", "Shift+Tab")
    press(page, "ArrowRight")
    assert graph.locator(".nbt-rows").is_visible()
    (lab.notebooks / "open").touch()
    page.locator('img[alt="Canvas of 5 tasks"]').wait_for(timeout=SECONDS)


def open_the_failure(page, graph):
    reach(page, "load")
    press(page, "f", "Enter")
    graph.locator(".nbt-panel").get_by_text("no fold is left").first.wait_for(timeout=SECONDS)


def retry_from_here(page, graph):
    reach(page, "Retry from here")
    press(page, "Enter")
    node(graph, "score[1]: pending")
    assert page.evaluate(HELD).startswith("score[1]")


def cancel_a_branch(page, graph):
    press(page, "Escape", "ArrowUp", "Enter")
    reach(page, "Cancel branch")
    press(page, "Enter", "Enter")
    node(graph, "best: revoked")
    page.wait_for_function(f"({HELD})() === 'score[0]: revoked'", timeout=SECONDS)
