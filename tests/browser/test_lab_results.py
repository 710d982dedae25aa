"""The table of results in JupyterLab: what it shows, its controls, and a loop that makes one."""

import json

import pytest
from laboratory import OPEN, SAVE, SECONDS, run_cell, set_theme

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180)]

CELLS = [
    "%load_ext nbtasks\n%broker --start 2",
    """%%task scores -b --for seed in range(3000)
from pathlib import Path
if seed % 400 == 7 and not Path("mended").exists():
    raise ValueError(f"seed {seed}: loss is not finite")
{"seed": seed, "accuracy": round(0.8 + (seed * 7919 % 1500) / 10000, 4)}""",
    "%tasks table scores",
    """%%task held --for n in range(3)
import threading
threading.Event().wait(60)""",
    "%tasks table held",
    """for each in scores[:30]:
    display(each)""",
]


def cell(page, at):
    return page.locator(".jp-Cell").nth(at)


def picture(page, table, path):
    table.scroll_into_view_if_needed()
    page.screenshot(path=path)


def look(page, screenshots):
    """Thousands of rows: filter, sort, open one, scroll to others."""
    table = page.get_by_role("region", name="Results: scores")
    table.get_by_text("'accuracy'").first.wait_for(timeout=SECONDS)
    table.get_by_role("button", name="failure 8").click()
    table.get_by_text("loss is not finite").nth(7).wait_for(timeout=SECONDS)
    table.get_by_role("button", name="all 3,000").click()
    for _ in range(2):
        table.get_by_role("button", name="task", exact=True).click()
    table.get_by_role("button", name="seed=2999").click(timeout=SECONDS)
    table.get_by_role("button", name="Close the details").wait_for(timeout=SECONDS)
    for theme in ("Dark", "Light"):
        set_theme(page, f"JupyterLab {theme}")
        picture(page, table, screenshots / f"results-{theme}.png")
    table.locator(".nbt-page").evaluate("(box) => { box.scrollTop = 2990 * 30 }")
    table.get_by_text("{'seed': 9,").wait_for(timeout=SECONDS)


def mend(page, lab):
    """What has failed is run again."""
    (lab.notebooks / "mended").touch()
    table = page.get_by_role("region", name="Results: scores")
    table.get_by_role("button", name="failure 8").click()
    table.get_by_role("checkbox", name="Select all 8 tasks").check(timeout=SECONDS)
    table.get_by_text("8 selected").wait_for(timeout=SECONDS)
    for _ in range(2):
        table.get_by_role("button", name="Run the selected tasks").click()
    table.get_by_role("button", name="success 3,000").wait_for(timeout=SECONDS)


def act(page, screenshots):
    """What is selected is cancelled, what is shown saved, code copied."""
    table = page.get_by_role("region", name="Results: held")
    table.get_by_role("checkbox", name="Select all 3 tasks").check()
    for _ in range(2):
        table.get_by_role("button", name="Cancel the selected tasks").click()
    table.get_by_role("button", name="revoked 3").wait_for(timeout=SECONDS)
    table.get_by_role("button", name="Copy code").click()
    table.get_by_role("status").get_by_text("copied").wait_for(timeout=SECONDS)
    with page.expect_download() as saved:
        table.get_by_role("button", name="CSV").click()
    assert saved.value.suggested_filename == "held.csv"
    picture(page, table, screenshots / "results-acted.png")


def test_a_table_and_all_its_controls(page, lab, screenshots):
    lab.add("results.ipynb", CELLS)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate(OPEN, "results.ipynb")
    for at in (0, 1, 2):
        run_cell(page, at)
    look(page, screenshots)
    mend(page, lab)
    for at in (3, 4):
        run_cell(page, at)
    act(page, screenshots)

    run_cell(page, 5)
    loop = cell(page, 5)
    loop.get_by_role("region", name="Results: scores").get_by_text("30 tasks").wait_for()
    picture(page, loop, screenshots / "results-loop.png")
    assert loop.locator(".nbt").count() == 1
    assert loop.bounding_box()["height"] < 800  # the others have left no gaps
    run_cell(page, 2)
    loop.locator("table").get_by_text("seed=19").wait_for(timeout=SECONDS)
    page.evaluate(SAVE)
    found = json.loads((lab.notebooks / "results.ipynb").read_text())["cells"][5]["outputs"]
    assert len(json.dumps(found)) < 30_000
