"""The schedule's own page: a real Timetable of a real app, Chromium without Jupyter."""

import os
from pathlib import Path

import pytest
from browsing import DARK, LIGHT
from page_side import Stream, open_shown

from nbtasks.notebook.feed import Feed
from nbtasks.notebook.timetable import Timetable

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning"),
]


@pytest.fixture
def shown(chromium, emptied_app, monkeypatch, background):
    task = emptied_app.task(abs, name="sync")
    emptied_app.schedules.add("sync", task.s(-1), "*/10 * * * *")
    emptied_app.schedules.add("weekly", task.s(-2), "0 7 * * mon")

    def make():
        return Timetable(emptied_app.schedules, Feed(Stream()))

    with open_shown(chromium, "schedule", make, monkeypatch, background) as found:
        yield found


def look(shown, name, background):
    """Keep a picture to be looked at."""
    if folder := os.environ.get("SCREENSHOTS"):
        shown.page.screenshot(path=Path(folder) / f"{name}-{background[1:]}.png")


@pytest.mark.parametrize("background", [LIGHT, DARK], ids=["light", "dark"])
def test_entries_are_there_in_words_with_their_next_times(shown, app, background):
    app.schedules.pause("weekly")
    app.schedules.run("sync")
    shown.start()
    look(shown, "schedule", background)
    rows = shown.page.locator("tbody tr:visible")

    first, last = (" ".join(row.inner_text().split()) for row in rows.all())

    assert first.startswith(f"sync sync(-1) · default {app.schedules['sync'].describe()}")
    assert " in " in first
    assert "paused by hand no run yet" in last
    assert shown.page.locator(".nbt-run").count() == 1


@pytest.mark.parametrize("background", [LIGHT, DARK], ids=["light", "dark"])
def test_a_rule_that_is_typed_is_told_before_it_is_saved(shown, app, background):
    page = shown.start().page
    page.get_by_role("button", name="Edit when weekly runs").click()
    rule = page.get_by_role("textbox", name="When")
    assert rule.input_value() == "0 7 * * mon"
    rule.fill("at 7:30 mon-fri")
    page.get_by_role("textbox", name="Time zone").fill("Europe/Paris")
    answer = page.get_by_role("status").last
    shown.until(lambda: "at 07:30, Monday to Friday, Europe/Paris" in answer.inner_text(), "words")
    assert answer.get_by_role("listitem").count() == 5
    assert "07:30" in answer.get_by_role("listitem").first.inner_text()
    look(shown, "schedule-edit", background)
    rule.press("Enter")
    shown.until(lambda: not rule.is_visible(), "it is saved")
    assert "weekly runs at 07:30, Monday to Friday" in shown.text()
    assert app.schedules["weekly"].schedule.tz == "Europe/Paris"


def test_a_wrong_rule_is_told_beside_it_and_escape_leaves_all_as_it_was(shown, app):
    page = shown.start().page
    button = page.get_by_role("button", name="Edit when sync runs")
    button.click()
    rule = page.get_by_role("textbox", name="When")
    rule.fill("61 * * * *")
    shown.until(lambda: "61 is not from 0 to 59" in shown.text(), "it is told")
    page.get_by_role("button", name="Save when sync runs").click()
    shown.answer()
    assert rule.get_attribute("aria-invalid") == "true"
    rule.press("Escape")
    assert not rule.is_visible()
    assert button.evaluate("(node) => node === document.activeElement")
    assert app.schedules["sync"].schedule.to_text() == "*/10 * * * *"


def test_an_entry_is_paused_and_resumed_and_the_focus_stays_with_these_buttons(shown, app):
    page = shown.start().page
    focused = "document.activeElement.getAttribute('aria-label')"
    page.get_by_role("button", name="Pause sync").focus()
    for word, is_paused in (("Resume", True), ("Pause", False)):
        page.keyboard.press("Enter")
        shown.until(
            lambda word=word: page.evaluate(focused) == f"{word} sync", "the focus is handed on"
        )
        assert app.schedules["sync"].is_paused is is_paused


def test_an_entry_is_run(shown):
    page = shown.start().page
    page.get_by_role("button", name="Run now: sync").click()

    shown.until(lambda: page.get_by_role("img", name="1 running; last: ").count(), "it was run")


def test_to_remove_an_entry_takes_a_second_click(shown, app):
    button = shown.start().page.get_by_role("button", name="Remove weekly")
    button.click()
    shown.answer()
    assert "weekly" in app.schedules

    button.click()

    shown.until(lambda: "weekly" not in shown.text(), "it is gone")
    assert list(app.schedules) == ["sync"]


def test_the_focus_goes_on_where_a_row_has_gone(shown, app):
    page = shown.start().page
    focused = "document.activeElement.getAttribute('aria-label')"
    for name, heir in (("sync", "Run now: weekly"), ("weekly", None)):
        page.get_by_role("button", name=f"Remove {name}").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        shown.until(lambda name=name: name not in app.schedules, "it is gone")
        assert page.evaluate(focused) == heir
    assert page.evaluate("document.activeElement.classList[0]") == "nbt-table"


def test_a_late_answer_leaves_the_focus_and_another_form_alone(shown):
    page = shown.start().page
    page.get_by_role("button", name="Edit when weekly runs").click()
    rule = page.get_by_role("textbox", name="When")
    rule.fill("at 7:30")
    rule.press("Enter")
    assert "queued" in page.get_by_role("status").get_by_text("queued").inner_text()
    assert rule.get_attribute("aria-invalid") == "false"
    elsewhere = page.get_by_role("button", name="Run now: sync")
    elsewhere.focus()
    shown.until(lambda: not rule.is_visible(), "it is saved")
    assert elsewhere.evaluate("(node) => node === document.activeElement")

    page.get_by_role("button", name="Edit when weekly runs").click()
    for key in ("Enter", "Escape"):
        rule.press(key)
    page.get_by_role("button", name="Edit when weekly runs").click()
    shown.answer()
    assert rule.is_visible()
