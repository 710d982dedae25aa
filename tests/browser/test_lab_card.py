"""Cards in JupyterLab: what they tell, and each of their buttons."""

import pytest
from laboratory import OPEN, SAVE, SECONDS, run_cell, saved_html, set_theme

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180)]

CELLS = [
    """%load_ext nbtasks
%broker --start 1
X = bytes(2_100_000)""",
    """%%task fit
import threading
from nbtasks import track
print("\\x1b[32mloss 0.41\\x1b[0m,", len(X), "bytes")
for epoch in track(range(10)):
    while epoch == 3:
        threading.Event().wait(0.05)""",
    """%%task def scale(a, by=1)
from pathlib import Path
import threading
if by < 0 and not Path("open").exists():
    raise ValueError("by must not be negative")
a * by""",
    "later = scale.delay(20, by=-2)\nlater",
    "later",
]


def cell(page, at):
    """A cell of the open notebook."""
    return page.locator(".jp-Cell").nth(at)


def begin(page, lab):
    """One task runs, and another one waits behind it."""
    lab.add("cards.ipynb", CELLS)
    page.evaluate(OPEN, "cards.ipynb")
    for at in range(3):
        run_cell(page, at)
    fit = page.get_by_role("region", name="Task: fit")
    fit.get_by_text("3 / 10").wait_for(timeout=SECONDS)
    run_cell(page, 3)
    return fit, cell(page, 3).get_by_role("region", name="Task: scale")


def look(page, folder, name):
    """Pictures in both themes."""
    for theme in ("Dark", "Light"):
        set_theme(page, f"JupyterLab {theme}")
        page.evaluate("panel.content.scrollToItem(1, 'start')")
        page.screenshot(path=folder / f"{name}-{theme.lower()}.png")


def test_cards_of_tasks_that_run_wait_and_fail(page, lab, screenshots):
    fit, later = begin(page, lab)
    read_what_runs(fit)
    read_what_waits(later)
    look(page, screenshots, "lab-card")
    cancel_both(page, fit, later)

    run_cell(page, 3)
    cell(page, 3).get_by_text("ValueError: by must not be negative").wait_for(timeout=SECONDS)
    run_cell(page, 4)
    (lab.notebooks / "open").touch()
    run_again(cell(page, 4).get_by_role("region", name="Task: scale"))
    page.screenshot(path=screenshots / "lab-card-value.png")
    page.evaluate("panel.sessionContext.session.kernel.requestExecute({code: 'later.get()'}).done")
    cell(page, 4).locator("details").first.wait_for(timeout=SECONDS)
    page.wait_for_function("!document.querySelector('.nbt')", timeout=SECONDS)
    page.screenshot(path=screenshots / "lab-card-end.png")
    page.evaluate(SAVE)
    assert saved_html(lab.notebooks / "cards.ipynb", "-40")


def read_what_runs(fit):
    for words in ("X", "2.1 MB", "loss 0.41, 2100000 bytes", "started on local-1"):
        fit.get_by_text(words).first.wait_for(timeout=SECONDS)
    fit.get_by_role("button", name="Show where this task is right now").click()
    fit.get_by_text("threading.Event().wait(0.05)").wait_for(timeout=SECONDS)


def read_what_waits(later):
    later.get_by_text("next in its queue").wait_for(timeout=SECONDS)
    later.get_by_role("button", name="scale").click()
    later.get_by_text("20", exact=True).wait_for(timeout=SECONDS)
    later.get_by_role("button", name="Copy code").click()
    later.get_by_text("scale.delay(20, by=-2)").first.wait_for(timeout=SECONDS)


def cancel_both(page, fit, later):
    """The one that waits, then the one that runs: each by two clicks."""
    later.get_by_role("button", name="Cancel this task before it runs").dblclick()
    later.locator('[data-code="6"]').first.wait_for(timeout=SECONDS)
    button = fit.get_by_role("button", name="Terminate this task, which runs")
    button.click()
    button.click()
    cell(page, 1).get_by_text("revoked").first.wait_for(timeout=SECONDS)


def run_again(failed):
    failed.get_by_role("button", name="Run this task again").dblclick()
    failed.get_by_role("button", name="success").click(timeout=SECONDS)
    failed.get_by_role("button", name="Show the value of this task").click()
    failed.locator(".nbt-value").get_by_text("-40").wait_for(timeout=SECONDS)
    failed.scroll_into_view_if_needed()
