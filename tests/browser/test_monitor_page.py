"""The monitor's own page: a real Monitor of a real app, Chromium without Jupyter."""

import pytest
from page_side import DARK, LIGHT, Stream, open_chromium, open_shown
from patience import wait_until

from nbtasks.notebook.feed import Feed
from nbtasks.notebook.monitor import Monitor

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
    def make():
        return Monitor(app, Feed(Stream()))

    with open_shown(chromium, "monitor", make, monkeypatch, background) as found:
        yield found


def until(shown, is_so, what):
    wait_until(lambda: shown.answer() or is_so(), what)


def monitors(app):
    return f"{app.store.keys.prefix}monitors"


def test_queues_are_there_with_what_waits(shown, app):
    group = app.map(abs, range(1200), queue="wide")
    shown.start()

    assert "wide 1,200" in shown.text()
    assert "waiting 1,200" in shown.text(".nbt-tiles")
    assert "No worker: %workers start 2" in shown.text()
    group.revoke()


def test_a_queue_is_paused_and_resumed(shown, app):
    app.control.pause("nightly")
    shown.start()

    shown.page.get_by_role("button", name="Resume the queue nightly").click()
    until(shown, lambda: not app.control.paused(), "it is resumed")

    until(shown, lambda: not shown.page.locator(".nbt-table .nbt-paused:visible").count(), "said")


def test_to_purge_takes_a_second_click(shown, app):
    app.map(abs, range(30), queue="wide")
    button = shown.start().page.get_by_role("button", name="End all that waits in wide")
    button.click()
    shown.answer()
    assert button.inner_text() == "Sure? 30"

    button.click()

    until(shown, lambda: "waiting 0" in shown.text(".nbt-tiles"), "nothing waits")


@pytest.mark.usefixtures("worker")
def test_what_runs_is_in_the_stream_and_the_keyboard_walks_through_it(shown, app):
    shown.start()
    (name,) = [each.name.split("@")[0] for each in app.workers()]
    assert name in shown.text(".nbt-table >> nth=0")
    until(shown, lambda: app.store.call("EXISTS", monitors(app)), "it listens")
    app.map(abs, range(3)).get(10)
    stream = shown.page.get_by_role("img", name="Task stream: 3 tasks in the last minute")
    until(shown, stream.count, "the tasks are told")

    stream.focus()
    shown.page.keyboard.press("ArrowRight")

    assert "✓ success · builtins.abs" in shown.text(".nbt-stream .nbt-hint")
    assert "0 of 2 slots busy" in shown.page.content()


def test_one_that_is_hidden_says_so_and_costs_nothing(shown, app):
    shown.start()
    shown.page.evaluate("document.getElementById('host').style.display = 'none'")
    shown.page.wait_for_function("window.sent.some(({ t, on }) => t === 'vis' && !on)")
    shown.answer()

    wait_until(lambda: not app.store.call("EXISTS", monitors(app)), "nobody listens")


@pytest.mark.parametrize("background", [DARK])
def test_it_is_dark_where_the_page_is(shown):
    shown.start()

    assert shown.page.locator(".nbt").get_attribute("data-dark") is not None


def test_a_worker_that_lies_adds_no_element(shown, app):
    text = "<img src=//evil.test/x onerror=alert(1)>"
    prefix = app.store.keys.prefix
    facts = ["host", text, "pid", "1", "python", text, "queues", text, "concurrency", "2"]
    app.store.call("HSET", f"{prefix}w:{text}", *facts, "version", text, "stats", '{"cpu":"x"}')
    app.store.call("ZADD", f"{prefix}fleet", 10**15, text)
    app.store.call("PEXPIRE", f"{prefix}fleet", 60_000)
    app.store.call("PEXPIRE", f"{prefix}w:{text}", 60_000)
    shown.start()

    assert "img src" in shown.text()
    assert shown.page.locator("img").count() == 0
    shown.page.evaluate(
        "(html) => { document.getElementById('host').innerHTML = html }",
        shown.view._static()["text/html"],
    )
    assert shown.page.locator("#host img").count() == 0


@pytest.mark.usefixtures("worker")
def test_a_worker_is_asked_and_gets_another_slot(shown, app):
    (worker,) = app.workers()
    shown.start()

    shown.page.get_by_role("button", name=f"Ask whether {worker.name} answers").click()
    until(shown, lambda: "answered in" in shown.text(".nbt-says"), "it answers")
    shown.page.get_by_role("button", name=f"One slot more for {worker.name}").click()

    until(shown, lambda: app.workers()[0].concurrency == 3, "it has another slot")


@pytest.mark.usefixtures("worker")
def test_a_worker_is_drained_by_the_second_click(shown, app):
    (worker,) = app.workers()
    button = shown.start().page.get_by_role("button", name=f"Have {worker.name} finish what runs")

    button.click()
    button.click()

    until(shown, lambda: not app.workers(), "it has ended")


def test_the_last_hour_is_there_from_the_start(shown, app):
    app.store.run_script("hour", 40, 3, 1, 2, 30)

    hour = shown.start().page.get_by_role("img", name="Last hour: 40 tasks done, 3 failed")
    hour.focus()
    shown.page.keyboard.press("ArrowLeft")

    assert "3 failed · 0 waiting · 1.0 of 2 slots busy" in shown.text(".nbt-hour")
