"""What is picked, done and walked through by keys on a board: a fake model, no Jupyter."""

import pytest
from widget_page import replace_clipboard

from nbtasks.live import ErrorText, LiveRecord
from nbtasks.states import FAILURE, SUCCESS

pytestmark = pytest.mark.browser

GREEN, RED = (0, 158, 115), (213, 94, 0)
# What is to be seen of a cell, on white.
SEEN = """(cell) => {
  const [red, green, blue, alpha] = window.dot(cell, 14);
  return [red, green, blue].map((part) => 255 + ((part - 255) * alpha) / 255);
}"""
HELD = """() => {
  const held = document.activeElement;
  const name = held.getAttribute("aria-label") ?? held.textContent;
  return [held.localName, name, getComputedStyle(held).outlineStyle];
}"""


@pytest.fixture
def calls():
    """What was asked for, beside cancelling."""
    return []


@pytest.fixture
def scores(show, calls):
    """40 tasks: 30 have succeeded, 4 failed, 2 run, 4 wait."""
    one = LiveRecord("a1", 40, "fit", submitted_ms=1_000)
    one.labels = [f"seed={i}" for i in range(40)]
    shown = show(one, retry=calls.append, cancel_waiting=lambda: calls.append("waiting"))
    one.finish(0, bytes([SUCCESS]) * 30, [b""] * 30, "w", 9_000)
    for index in range(30, 34):
        one.errors[index] = ErrorText("ValueError", f"bad {index}", "Traceback: here")
        one.finish(index, bytes([FAILURE]), [b""], "w", 9_000)
    for index in (34, 35):
        one.begin(index, "w", 5_000 + index)
    shown.flush()
    shown.one = one
    return shown


def names(shown):
    return shown.page.locator(".nbt-name:visible").all_inner_texts()


def pick(shown, state):
    shown.page.locator(".nbt-state", has_text=state).click()
    shown.page.evaluate("window.painted()")
    shown.answer()


def press(shown, *keys):
    for key in keys:
        shown.page.keyboard.press(key)


def walk(shown, words, key="Tab", most=60):
    """Press a key until what has the focus is called so; all that had it on the way."""
    seen = []
    for _ in range(most):
        press(shown, key)
        seen.append(shown.page.evaluate(HELD))
        if words in seen[-1][1]:
            return seen
    raise AssertionError(f"{words!r} is not reached by {key}: {seen}")


def test_a_state_that_is_picked_lists_its_tasks_and_dims_the_others(scores):
    assert names(scores) == ["seed=34", "seed=35"]
    assert scores.page.evaluate(SEEN, 3) == pytest.approx(GREEN)

    pick(scores, "failure")

    button = scores.page.locator(".nbt-state", has_text="failure")
    assert button.get_attribute("aria-pressed") == "true"
    assert names(scores) == ["seed=30", "seed=31", "seed=32", "seed=33"]
    assert "ValueError: bad 31" in scores.text(".nbt-rows")
    dimmed = [255 + (part - 255) * 0.15 for part in GREEN]
    assert scores.page.evaluate(SEEN, 3) == pytest.approx(dimmed, abs=1)
    assert scores.page.evaluate(SEEN, 31) == pytest.approx(RED)


def test_many_picked_tasks_come_by_dozens(scores):
    pick(scores, "success")
    assert (len(names(scores)), scores.text("div.nbt-caption")) == (12, "success, 12 of 30")

    scores.page.get_by_role("button", name="more").click()
    scores.page.evaluate("window.painted()")

    assert (len(names(scores)), scores.text("div.nbt-caption")) == (24, "success, 24 of 30")


def test_several_states_are_picked_and_escape_shows_all_again(scores):
    pick(scores, "failure")
    pick(scores, "pending")
    assert names(scores) == [f"seed={i}" for i in (30, 31, 32, 33, 36, 37, 38, 39)]

    press(scores, "Escape")

    assert names(scores) == ["seed=34", "seed=35"]
    assert scores.page.locator('.nbt-state[aria-pressed="true"]').count() == 0


def test_the_lines_of_few_tasks_are_filtered_too(show):
    one = LiveRecord("a1", 3, "fit", submitted_ms=1_000)
    shown = show(one)
    one.finish(1, bytes([SUCCESS]), [b""], "w", 9_000)
    shown.flush()

    shown.page.locator(".nbt-state", has_text="success").click()

    assert names(shown) == ["fit[1]"]


def test_all_that_has_failed_is_retried_after_a_second_click(scores, calls):
    button = scores.page.get_by_role("button", name="Retry failed")
    button.click()
    assert button.inner_text() == "Sure? 4"
    assert calls == []

    button.click()
    scores.answer()

    assert calls == [[(scores.one, index) for index in range(30, 34)]]


def test_what_waits_is_cancelled_after_a_second_click(scores, calls):
    button = scores.page.get_by_role("button", name="Cancel pending")
    button.click()
    assert button.inner_text() == "Sure? 4"
    button.click()
    scores.answer()

    assert (calls, scores.calls) == (["waiting"], [])


def test_the_next_failure_is_opened_one_after_the_other(scores):
    button = scores.page.get_by_role("button", name="Next failure")
    for index in (30, 31, 32, 33, 30):
        button.click()
        scores.answer()
        assert f"bad {index}" in scores.text(".nbt-panel")


def test_a_cell_of_several_tasks_stands_for_the_most_urgent_of_them(show):
    n = 260_000
    one = LiveRecord("a1", n, "fit", submitted_ms=1_000)
    one.finish(0, bytes([SUCCESS]) * n, [], "w", 9_000)
    one.states[7], one.left = FAILURE, 1
    shown = show(one)
    assert shown.page.evaluate("[window.pixel(3, 2), window.pixel(4, 2)]") == [
        [213, 94, 0],
        [0, 158, 115],
    ]

    shown.page.locator("canvas").click(position={"x": 7, "y": 1})

    assert shown.page.evaluate("window.sent.at(-1).i") == 7


def test_the_first_failure_of_a_type_is_opened(scores):
    scores.page.locator("summary", has_text="ValueError").click()
    scores.page.get_by_role("button", name="first: seed=30").click()
    scores.answer()

    assert "bad 30" in scores.text(".nbt-panel")


def test_the_ids_of_failures_are_copied_or_shown(scores, bare_page):
    button = bare_page.get_by_role("button", name="Copy ids")
    replace_clipboard(bare_page, "window.copied = text")
    button.click()
    scores.answer()
    assert bare_page.evaluate("window.copied").splitlines() == [f"a1-{i}" for i in range(30, 34)]
    assert scores.text(".nbt-says") == "4 ids copied"

    replace_clipboard(bare_page, "throw new Error()")
    button.click()
    scores.answer()
    assert "a1-33" in bare_page.locator("pre[aria-label='ids of what has failed']").inner_text()


def test_every_control_of_a_board_is_reached_by_tab_and_seen(scores):
    pick(scores, "failure")
    scores.page.locator(".nbt").focus()
    seen = walk(scores, "ValueError")

    held = [f"{tag} {name}" for tag, name, _ in seen]
    wanted = ["Cancel pending", "Cancel all", "Next failure", "Copy ids", "Retry failed"]
    wanted += [
        "✓success",
        "✕failure",
        "▶running",
        "·pending",
        "show all",
        "40 tasks, one cell each",
    ]
    wanted += ["seed=30", "Retry this task", "seed=33", "ValueError"]
    places = [next((at for at, one in enumerate(held) if word in one), -1) for word in wanted]
    assert places == sorted(places), list(zip(wanted, places, strict=True))
    assert -1 not in places
    assert {outline for *_, outline in seen} == {"solid"}


def test_a_failure_is_found_opened_retried_and_closed_by_keys(scores, calls):
    walk(scores, "40 tasks")
    press(scores, "f", "f", "Enter")
    scores.answer()
    assert "bad 31" in scores.text(".nbt-panel")
    walk(scores, "Close the details")
    press(scores, "Escape")
    assert not scores.page.locator(".nbt-panel").is_visible()
    assert "40 tasks" in scores.page.evaluate(HELD)[1]
    assert "seed=31" in scores.text(".nbt-hint")

    walk(scores, "Retry failed", "Shift+Tab")
    press(scores, "Enter", "Enter")
    scores.answer()
    assert len(calls) == 1
    assert "Retry failed" in scores.page.evaluate(HELD)[1]


def test_the_focus_goes_on_where_the_line_that_has_it_vanishes(scores):
    walk(scores, "seed=34")

    scores.one.finish(34, bytes([SUCCESS]), [b""], "w", 9_500)
    scores.flush()
    assert scores.page.evaluate(HELD)[1] == "seed=35"
    scores.one.finish(35, bytes([SUCCESS]), [b""], "w", 9_500)
    scores.flush()

    assert names(scores) == []
    tag, name, outline = scores.page.evaluate(HELD)
    assert (tag, outline) != ("body", "none"), name


def test_a_line_that_is_cancelled_by_keys_hands_the_focus_on(scores):
    walk(scores, "seed=34")
    press(scores, "Tab", "Enter", "Enter")
    scores.answer()
    assert scores.calls == [[(scores.one, 34)]]

    scores.one.finish(34, b"R", [b""], "w", 9_500)
    scores.flush()

    assert scores.page.evaluate(HELD)[1] == "seed=35"


def test_f_goes_through_the_failures_of_few_tasks(show):
    one = LiveRecord("a1", 6, "fit", submitted_ms=1_000)
    shown = show(one)
    for index in (1, 4):
        one.errors[index] = ErrorText("ValueError", "bad")
        one.finish(index, bytes([FAILURE]), [b""], "w", 9_000)
    shown.flush()
    shown.page.locator(".nbt-name").first.focus()

    found = []
    for _ in range(3):
        press(shown, "f")
        found.append(shown.page.evaluate(HELD)[1])

    assert found == ["fit[1]", "fit[4]", "fit[1]"]
