"""The monitor's own page: a real Monitor of a real app, Chromium without Jupyter."""

import pytest
from browsing import DARK
from patience import wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning"),
]


def monitors(app):
    return f"{app.store.keys.prefix}monitors"


def test_queues_are_there_with_what_waits(monitor, app):
    group = app.map(abs, range(1200), queue="wide")
    monitor.start()

    assert "wide 1,200" in monitor.text()
    assert "waiting 1,200" in monitor.text(".nbt-tiles")
    assert "No worker: %workers start 2" in monitor.text()
    group.revoke()


def test_a_queue_is_paused_and_resumed(monitor, app):
    app.control.pause("nightly")
    monitor.start()

    monitor.page.get_by_role("button", name="Resume the queue nightly").click()
    monitor.until(lambda: not app.control.paused(), "it is resumed")

    monitor.until(
        lambda: not monitor.page.locator(".nbt-table .nbt-paused:visible").count(), "said"
    )


def test_pause_hands_the_focus_to_resume_and_resume_to_pause(monitor, app):
    group = app.map(abs, range(30), queue="wide")
    page = monitor.start().page
    focused = "document.activeElement.getAttribute('aria-label')"
    page.get_by_role("button", name="Pause the queue wide").focus()
    for word in ("Resume", "Pause"):
        page.keyboard.press("Enter")
        monitor.until(
            lambda word=word: page.evaluate(focused) == f"{word} the queue wide", "it is handed on"
        )
    assert not app.control.paused()
    group.revoke()


def test_to_purge_takes_a_second_click(monitor, app):
    app.map(abs, range(30), queue="wide")
    button = monitor.start().page.get_by_role("button", name="End all that waits in wide")
    button.click()
    monitor.answer()
    assert button.inner_text() == "Sure? 30"

    button.click()

    monitor.until(lambda: "waiting 0" in monitor.text(".nbt-tiles"), "nothing waits")


@pytest.mark.usefixtures("worker")
def test_what_runs_is_in_the_stream_and_the_keyboard_walks_through_it(monitor, app):
    monitor.start()
    (name,) = [each.name.split("@")[0] for each in app.workers()]
    assert name in monitor.text(".nbt-table >> nth=0")
    monitor.until(lambda: app.store.call("EXISTS", monitors(app)), "it listens")
    app.map(abs, range(3)).get(10)
    stream = monitor.page.get_by_role("img", name="Task stream: 3 tasks in the last minute")
    monitor.until(stream.count, "the tasks are told")

    stream.focus()
    monitor.page.keyboard.press("ArrowRight")

    assert "✓ success · builtins.abs" in monitor.text(".nbt-stream .nbt-hint")
    monitor.until(lambda: "0 of 2 slots busy" in monitor.page.content(), "none is busy")


def test_one_that_is_hidden_says_so_and_costs_nothing(monitor, app):
    monitor.start()
    monitor.page.evaluate("document.getElementById('host').style.display = 'none'")
    monitor.page.wait_for_function("window.told.some(({ t, on }) => t === 'vis' && !on)")
    monitor.answer()

    wait_until(lambda: not app.store.call("EXISTS", monitors(app)), "nobody listens")


@pytest.mark.parametrize("background", [DARK])
def test_it_is_dark_where_the_page_is(monitor):
    monitor.start()

    assert monitor.page.locator(".nbt").get_attribute("data-dark") is not None


@pytest.mark.usefixtures("worker")
def test_a_worker_is_asked_and_gets_another_slot(monitor, app):
    (worker,) = app.workers()
    monitor.start()

    monitor.page.get_by_role("button", name=f"Ask whether {worker.name} answers").click()
    monitor.until(lambda: "answered in" in monitor.text(".nbt-says"), "it answers")
    monitor.page.get_by_role("button", name=f"One slot more for {worker.name}").click()

    monitor.until(lambda: app.workers()[0].concurrency == 3, "it has another slot")


@pytest.mark.usefixtures("worker")
def test_a_worker_is_drained_by_the_second_click(monitor, app):
    (worker,) = app.workers()
    button = monitor.start().page.get_by_role("button", name=f"Have {worker.name} finish what runs")

    button.click()
    button.click()

    monitor.until(lambda: not app.workers(), "it has ended")


def test_the_last_hour_is_there_from_the_start(monitor, app):
    app.store.run_script("hour", 40, 3, 1, 2, 30)

    hour = monitor.start().page.get_by_role("img", name="Last hour: 40 tasks done, 3 failed")
    hour.focus()
    monitor.page.keyboard.press("ArrowLeft")

    assert "3 failed · 0 waiting · 1.0 of 2 slots busy" in monitor.text(".nbt-hour")


def test_a_task_gets_a_rate_another_one_and_none(monitor, app):
    page = monitor.start().page
    page.get_by_role("button", name="Limit a task").click()
    page.get_by_label("task", exact=True).fill("lab.fit")
    page.get_by_label("begins at most").fill("5/m")
    page.keyboard.press("Enter")
    monitor.until(lambda: app.control.rate_limits() == {"lab.fit": "5/m"}, "it is set")

    page.get_by_role("button", name="Edit the rate of lab.fit").click()
    page.get_by_label("begins at most").fill("2/s")
    page.get_by_role("button", name="Set").click()
    monitor.until(lambda: app.control.rate_limits() == {"lab.fit": "2/s"}, "another one")
    monitor.until(lambda: "lab.fit 2/s" in monitor.text(".nbt-table >> nth=2"), "it is told")

    page.get_by_role("button", name="Remove the rate of lab.fit").click()
    monitor.until(lambda: not app.control.rate_limits(), "it has none")


def test_what_is_no_rate_is_said_beside_it(monitor, app):
    page = monitor.start().page
    opener = page.get_by_role("button", name="Limit a task")
    opener.click()
    page.get_by_label("task", exact=True).fill("lab.fit")
    page.get_by_label("begins at most").fill("often")
    page.keyboard.press("Enter")
    monitor.until(lambda: 'write "10/s"' in monitor.text("[role=alert]"), "it is said")

    page.keyboard.press("Escape")
    assert opener.evaluate("(node) => node === document.activeElement")
    assert not app.control.rate_limits()


def test_a_rate_that_is_set_late_leaves_the_focus_and_another_form_alone(monitor, app):
    page = monitor.start().page
    opener = page.get_by_role("button", name="Limit a task")
    rate = page.get_by_label("begins at most")
    opener.click()
    page.get_by_label("task", exact=True).fill("lab.fit")
    rate.fill("5/m")
    rate.press("Enter")
    page.get_by_role("alert").get_by_text("queued").wait_for()
    assert rate.get_attribute("aria-invalid") == "false"
    rate.press("Escape")
    opener.click()

    monitor.until(app.control.rate_limits, "it is set")

    assert rate.is_visible()
    app.control.rate_limit("lab.fit", None)


def test_the_tasks_of_a_name_are_held_and_go_on(monitor, app):
    app.control.pause(task="lab.fit")
    page = monitor.start().page
    assert "lab.fit paused" in monitor.text(".nbt-table >> nth=2")
    assert "lab.fit" in monitor.view._static()["text/html"]

    page.get_by_role("button", name="Resume the tasks lab.fit").click()
    monitor.until(lambda: not app.control.paused_tasks(), "they go on")
    monitor.until(lambda: "lab.fit" not in monitor.text(), "nothing is said of them")
