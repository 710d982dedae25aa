"""The card's own page: real messages of a real Card, a fake model, Chromium without Jupyter."""

import comm
import pytest
from browsing import DARK, LIGHT
from widget_page import Shown, replace_clipboard, wire_to

from nbtasks.clock import SystemClock
from nbtasks.live import ErrorText, LiveRecord, Progress
from nbtasks.notebook.card import Card
from nbtasks.states import FAILURE, RETRY, SUCCESS

pytestmark = pytest.mark.browser

NOW = SystemClock().wall_ms() - 5_000
TRACEBACK = """Traceback (most recent call last):
  File "fit.py", line 3, in fit
    raise ValueError("no fold is left")
\x1b[31mValueError\x1b[0m: no fold is left"""


@pytest.fixture
def kind():
    return "card"


@pytest.fixture
def show(bare_page, monkeypatch):
    cards = []
    monkeypatch.setattr(comm, "create_comm", wire_to(cards))

    def start(record, **options):
        options = {"title": "fit", "make": Card, **options}
        cards.append(Shown(bare_page, record, **options))
        return cards[-1].start()

    return start


def record(task_id="3f2a91bc77aa01", queue="gpu"):
    return LiveRecord(task_id, 1, "fit", queue, submitted_ms=NOW)


def running(one):
    one.begin(0, "worker-1", NOW + 200)
    one.report(0, Progress(3, 10, "epoch 3"))
    one.write(0, "stdout", "loss 0.41\n\x1b[32mloss 0.37\x1b[0m\n")


def end(one, state, *, error=None, value=""):
    if value:
        one.write(0, "value", value)
    if error:
        one.errors[0] = error
    one.finish(0, bytes([state]), [b""], "worker-1", NOW + 1_500)


def test_a_line_says_what_it_is_where_it_runs_and_how_far(show):
    one = record()
    shown = show(one, opened=False)
    running(one)
    shown.flush()

    words = " ".join(shown.text().split())

    assert "◐ running fit 3f2a91bc… gpu@worker-1 3 / 10 · epoch 3" in words
    assert "loss" not in words
    bar = shown.page.get_by_role("progressbar", name="fit")
    assert bar.get_attribute("aria-valuetext") == "running, 30 %"


def test_it_opens_and_what_it_writes_comes_then(show):
    one = record()
    shown = show(one, opened=False, inputs=[("X", 2_100_000)])
    running(one)
    shown.page.locator(".nbt-toggle").click()
    shown.answer_all()
    one.write(0, "stdout", "loss 0.20\n")
    shown.flush()

    words = shown.text(".nbt-body")

    for part in ("X", "2.1 MB", "loss 0.41", "loss 0.20", "started on worker-1", "+0.2 s"):
        assert part in words


def test_the_value_stands_in_the_line_and_below(show):
    one = record()
    shown = show(one, opened=False)
    running(one)
    end(one, SUCCESS, value="0.93")
    shown.flush()

    assert "0.93 · 1.3 s" in shown.text(".nbt-line-facts")
    shown.page.locator(".nbt-toggle").click()
    shown.answer_all()
    assert "0.93" in shown.text(".nbt-value")
    assert "0.93" not in shown.text(".nbt-line-facts")


def test_one_that_has_failed_can_be_retried(show):
    again = []
    one = record()
    shown = show(one, retry=again.extend)
    running(one)
    end(one, FAILURE, error=ErrorText("ValueError", "no fold is left", TRACEBACK))
    shown.flush()
    assert "ValueError: no fold is left" in shown.text(".nbt-error")

    shown.page.get_by_role("button", name="Run this task again").dblclick()
    shown.answer()

    assert again == [(one, 0)]


def test_one_that_waits_is_cancelled_and_one_that_runs_is_terminated(show):
    one = record()
    shown = show(one)
    shown.page.get_by_role("button", name="Cancel this task before it runs").dblclick()
    shown.answer()
    assert shown.calls == [[(one, 0)]]
    running(one)
    shown.flush()

    button = shown.page.get_by_role("button", name="Terminate this task, which runs")
    button.click()
    assert len(shown.calls) == 1
    button.click()
    shown.answer()

    assert len(shown.calls) == 2


def test_a_click_on_what_comes_in_the_place_of_a_button_only_asks(show):
    again = []
    one = record()
    shown = show(one, retry=again.extend)
    shown.page.get_by_role("button", name="Cancel this task before it runs").dblclick()
    shown.answer_all()
    one.finish(0, b"R", [b""], "worker-1", NOW + 1_500)
    shown.flush()

    button = shown.page.get_by_role("button", name="Run this task again")
    button.click()
    shown.answer_all()

    assert (len(shown.calls), again) == (1, [])
    assert button.inner_text() == "Sure?"


def test_tries_before_are_on_its_way(show):
    one = record()
    shown = show(one)
    running(one)
    one.errors[0] = ErrorText("OSError", "away")
    one.back(0, RETRY, NOW + 900)
    shown.flush()

    words = " ".join(shown.text(".nbt-way").split())

    assert "▶ started on worker-1 +0.2 s ↻ failed: OSError +0.9 s" in words
    assert "retries 1" in shown.text(".nbt-line-facts")


def test_its_id_is_copied(show, bare_page):
    shown = show(record())
    shown.answer_all()
    replace_clipboard(bare_page, "window.copied = text")

    bare_page.get_by_role("button", name="Copy id").click()

    bare_page.wait_for_function("document.querySelector('.nbt-says').textContent")
    assert shown.text(".nbt-says") == "copied"
    assert bare_page.evaluate("window.copied") == "3f2a91bc77aa01"


def test_its_id_is_shown_where_the_browser_does_not_copy(show, bare_page):
    shown = show(record())
    shown.answer_all()
    replace_clipboard(bare_page, "throw new Error()")

    bare_page.get_by_role("button", name="Copy id").click()

    bare_page.wait_for_function("document.querySelector('.nbt-says').textContent")
    assert shown.text(".nbt-says") == "3f2a91bc77aa01"


def test_the_focus_stays_where_a_button_goes(show, bare_page):
    one = record()
    shown = show(one)
    bare_page.get_by_role("button", name="Cancel this task before it runs").focus()
    running(one)
    shown.flush()

    assert bare_page.evaluate("document.activeElement.className") == "nbt-toggle"


@pytest.mark.parametrize("background", [LIGHT, DARK])
def test_cards_to_look_at(show, bare_page, screenshots, background):
    name = "dark" if background == DARK else "light"
    one = record()
    shown = show(one, inputs=[("X", 2_100_000), ("y", 80_000)], retry=list)
    running(one)
    shown.flush()
    bare_page.screenshot(path=screenshots / f"card-open-{name}.png")
    bare_page.locator(".nbt-toggle").click()
    bare_page.screenshot(path=screenshots / f"card-line-{name}.png")
    bare_page.locator(".nbt-toggle").click()
    one.back(0, RETRY, NOW + 900)
    running(one)
    end(one, FAILURE, error=ErrorText("ValueError", "no fold is left", TRACEBACK))
    shown.answer_all()
    shown.flush()
    bare_page.locator("summary").click()
    bare_page.screenshot(path=screenshots / f"card-failed-{name}.png")

    assert bare_page.locator(".nbt").get_attribute("data-dark") == ("" if name == "dark" else None)
