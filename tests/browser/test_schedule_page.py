"""The schedule's own page: a real Timetable of a real app, Chromium without Jupyter."""

import os
from pathlib import Path

import pytest
from page_side import DARK, LIGHT, Stream, open_chromium, open_shown
from patience import wait_until

from nbtasks.notebook.feed import Feed
from nbtasks.notebook.listing import View
from nbtasks.notebook.timetable import Timetable

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning"),
]


@pytest.fixture(scope="module")
def chromium():
    with open_chromium() as found:
        yield found


@pytest.fixture
def background():
    return LIGHT


@pytest.fixture
def shown(chromium, app, monkeypatch, background):
    task = app.task(abs, name="sync")
    app.schedules.add("sync", task.s(-1), "*/10 * * * *")
    app.schedules.add("weekly", task.s(-2), "0 7 * * mon")

    def make():
        return Timetable(app, Feed(Stream()), lambda: View("2 scheduled", (), ()))

    with open_shown(chromium, "schedule", make, monkeypatch, background) as found:
        yield found
    for name in list(app.schedules):
        app.schedules.remove(name)
    app.control.purge()


def until(shown, is_so, what):
    wait_until(lambda: shown.answer() or is_so(), what)


@pytest.mark.parametrize("background", [LIGHT, DARK], ids=["light", "dark"])
def test_entries_are_there_in_words_with_their_next_times(shown, app, background):
    app.schedules.pause("weekly")
    app.schedules.run("sync")
    shown.start()
    if folder := os.environ.get("SCREENSHOTS"):
        shown.page.screenshot(path=Path(folder) / f"schedule-{background[1:]}.png")

    row = " ".join(shown.page.locator("tbody tr").first.inner_text().split())

    assert row.startswith(f"sync sync(-1) · default {app.schedules['sync'].describe()}")
    assert "active" in row
    assert "paused" in shown.page.locator("tbody tr").last.inner_text()
    assert shown.page.locator(".nbt-run").count() == 1


def test_an_entry_is_paused_resumed_and_run(shown, app):
    page = shown.start().page
    page.get_by_role("button", name="Pause sync").click()
    until(shown, lambda: app.schedules["sync"].is_paused, "it is paused")
    page.get_by_role("button", name="Resume sync").click()
    until(shown, lambda: not app.schedules["sync"].is_paused, "it is resumed")

    page.get_by_role("button", name="Run sync now").click()

    until(shown, lambda: page.get_by_role("img", name="by hand").count(), "it was run")


def test_to_remove_an_entry_takes_a_second_click(shown, app):
    button = shown.start().page.get_by_role("button", name="Remove weekly")
    button.click()
    shown.answer()
    assert "weekly" in app.schedules

    button.click()

    until(shown, lambda: "weekly" not in shown.text(), "it is gone")
    assert list(app.schedules) == ["sync"]
