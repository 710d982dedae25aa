"""The schedule in JupyterLab: entries that run, and all that is done to them."""

import re

import pytest
from laboratory import OPEN, SECONDS, run_cell, set_theme

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180)]

CELLS = [
    "%load_ext nbtasks\n%broker --start 1\nfrom nbtasks import current_app",
    '%%schedule nightly --cron "0 7 * * mon-fri" --tz Europe/Paris\nsum(range(10))',
    "%%schedule prices --every 0.4s\n2 + 2",
    "%%schedule flaky --every 0.5s\nimport time\nassert int(time.time()) % 3, 'no answer'",
    "%%schedule mail --every 1w --pause-on-failure 3\nprint('sent')",
    "%schedule",
    'current_app().schedules["nightly"]',
]


@pytest.fixture
def schedule(page, lab):
    """What a notebook shows that has scheduled some, in its own cell."""
    lab.add("schedule.ipynb", CELLS)
    page.evaluate(OPEN, "schedule.ipynb")
    for at in range(len(CELLS) - 1):
        run_cell(page, at)
    found = page.get_by_role("region", name="Schedule")
    found.wait_for(timeout=SECONDS)
    found.scroll_into_view_if_needed()
    return found


def click(schedule, name):
    schedule.get_by_role("button", name=name, exact=True).click()


def edit(schedule, page):
    """Change when the report runs, with the keyboard."""
    schedule.get_by_role("button", name="Edit when nightly runs").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("at 7:75")
    schedule.get_by_text("minute is 75").wait_for(timeout=SECONDS)
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("at 08:30 mon-fri")
    schedule.get_by_text("at 08:30, Monday to Friday, Europe/Paris").wait_for(timeout=SECONDS)
    assert schedule.locator(".nbt-time:visible").count() == 5


def test_entries_are_run_paused_edited_and_removed(schedule, page, screenshots):
    click(schedule, "Run now: mail")
    click(schedule, "Pause mail")
    schedule.get_by_role("button", name="Resume mail").wait_for(timeout=SECONDS)
    row = schedule.locator("tr", has_text="prices").first
    row.locator(".nbt-run").nth(15).wait_for(timeout=SECONDS)
    edit(schedule, page)
    schedule.screenshot(path=screenshots / "schedule.png")
    set_theme(page, "JupyterLab Dark")
    schedule.screenshot(path=screenshots / "schedule-dark.png")
    page.keyboard.press("Enter")
    schedule.get_by_text("nightly runs at 08:30").wait_for(timeout=SECONDS)
    click(schedule, "Resume mail")
    click(schedule, "Remove flaky")
    schedule.get_by_role("button", name="Remove flaky: Sure?").click()
    schedule.locator("tr", has_text="flaky").wait_for(state="detached", timeout=SECONDS)

    run_cell(page, len(CELLS) - 1)
    alone = page.locator(".jp-Cell").last.get_by_role("region", name="Schedule")
    alone.get_by_text("at 08:30, Monday to Friday").wait_for(timeout=SECONDS)
    assert alone.locator("tr", has_text=re.compile("prices|mail")).count() == 0
    kept = page.locator(".jp-Cell").nth(5)
    kept.get_by_text("3 scheduled").wait_for(timeout=SECONDS)
    kept.screenshot(path=screenshots / "schedule-kept.png")
