"""The tasks in a monitor: what a worker has in hand, what is in the stream, and their end."""

import json
import threading

import pytest
from patience import wait_until

pytestmark = pytest.mark.browser


@pytest.fixture
def fit(app, start_worker):
    """A task that runs until it is ended."""
    start_worker("-c", "1", "-n", f"a-name-that-is-cut-{'x' * 60}")

    def fit():
        threading.Event().wait(60)

    found = app.task(fit, name="lab.fit").delay()
    wait_until(lambda: found.state == "STARTED", "it runs")
    yield found
    found.revoke(terminate=True)
    wait_until(lambda: not app.store.call("EXISTS", app.store.keys.lease), "it has ended")


def test_a_worker_opens_to_what_it_runs_and_a_task_is_ended_there(monitor, fit):
    page = monitor.start().page
    opener = page.get_by_role("button", name="runs: lab.fit")
    opener.focus()
    page.keyboard.press("Enter")
    monitor.until(lambda: fit.id in monitor.text(), "its id is told")
    assert opener.get_attribute("aria-expanded") == "true"
    assert "▶ running lab.fit" in monitor.text(".nbt-under")

    end = page.get_by_role("button", name=f"Terminate lab.fit {fit.id}")
    end.focus()
    page.keyboard.press("Enter")
    assert end.inner_text() == "Sure?"
    page.keyboard.press("Enter")

    monitor.until(lambda: fit.state == "REVOKED", "it is ended")
    monitor.until(lambda: not end.count(), "it is taken off")
    assert page.evaluate("document.activeElement !== document.body")
    assert "Nothing now" in monitor.text(".nbt-under")


def test_a_task_of_the_stream_is_opened_by_the_keyboard_and_ended(monitor, fit):
    page = monitor.start().page
    stream = page.get_by_role("img", name="Task stream: 1 tasks")
    monitor.until(lambda: page.locator(".nbt-stream").is_visible() and stream.count(), "it is told")
    stream.focus()
    page.keyboard.press("ArrowRight")
    stream.dispatch_event("pointerleave")
    page.keyboard.press("Enter")
    assert fit.id in monitor.text(".nbt-chosen")
    assert "Sure?" not in monitor.text(".nbt-chosen")

    page.keyboard.press("Enter")
    page.keyboard.press("Enter")

    monitor.until(lambda: fit.state == "REVOKED", "it is ended")
    monitor.until(lambda: "running" not in monitor.text(".nbt-chosen"), "it is told")
    page.keyboard.press("Escape")
    assert stream.evaluate("(node) => node === document.activeElement")


def test_what_is_not_opened_is_not_looked_for(monitor, fit):
    page = monitor.start().page
    page.get_by_role("button", name="runs: lab.fit").click()
    monitor.until(lambda: fit.id in monitor.text(), "its id is told")
    page.get_by_role("button", name="runs: lab.fit").click()
    monitor.until(lambda: not monitor.view._watch.in_hand, "it is closed")

    assert page.locator(".nbt-under:visible").count() == 0
    page.get_by_role("button", name="Ask whether a-name-that-is-cut").click()
    monitor.until(
        lambda: "answered in" in monitor.text(".nbt-says"), "it answers to its whole name"
    )


def test_what_is_open_is_open_in_a_page_that_is_loaded_again(monitor, fit):
    page = monitor.start().page
    page.get_by_role("button", name="runs: lab.fit").click()
    monitor.until(lambda: fit.id in monitor.text(), "its id is told")
    whole = json.loads(json.dumps(monitor.view._look()[0]))
    page.evaluate("window.stop(); document.getElementById('host').replaceChildren()")

    page.evaluate("(state) => window.start(state, '', false, false)", whole)

    assert fit.id in monitor.text(".nbt-under")
    monitor.view._watch.set_open(whole["tasks"][0]["worker"], is_open=False)
    monitor.view._watch.look()
    monitor.view._hear_news()
    monitor.until(lambda: not page.locator(".nbt-under:visible").count(), "closed elsewhere")
