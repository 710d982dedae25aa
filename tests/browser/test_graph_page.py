"""The graph's own page: records made by hand, a fake model, Chromium without Jupyter."""

import os
from pathlib import Path

import comm
import pytest
from browsing import DARK, LIGHT
from widget_page import Shown, wire_to

from nbtasks.live import ErrorText, LiveRecord
from nbtasks.plan import Role
from nbtasks.result.canvas import Canvas
from nbtasks.result.steps import Link, Step
from nbtasks.states import FAILURE, SUCCESS

pytestmark = pytest.mark.browser


class Sent:
    """load | group(score * n) | best | report, with an errback of the scores."""

    def __init__(self, n=3):
        self.load, self.best, self.report = (
            LiveRecord(name, 1, name, submitted_ms=1_000) for name in ("load", "best", "report")
        )
        self.score = LiveRecord("score", n, "score", submitted_ms=1_000)
        self.sorry = LiveRecord("sorry", 1, "sorry", submitted_ms=1_000)
        self.canvas = Canvas(
            None,
            [
                Step(self.load),
                Step(self.score, links=(Link(0, "w"),)),
                Step(self.best, links=(Link(1, "w"),)),
                Step(self.report, links=(Link(2, "w"),)),
                Step(self.sorry, Role.ERRBACK, (Link(1, "w"),)),
            ],
        )

    def end(self, record, states, at_ms, start=0):
        for index in range(start, start + len(states)):
            record.begin(index, "w", at_ms - 900)
        record.finish(start, bytes(states), [b""] * len(states), "w", at_ms)

    def end_well(self, n=3):
        """All but the errback, the second score as the last of these."""
        self.end(self.load, [SUCCESS], 2_000)
        for index in (0, *range(2, n), 1):
            self.end(self.score, [SUCCESS], 3_000 + (index == 1), index)
        self.end(self.best, [SUCCESS], 4_000)
        self.end(self.report, [SUCCESS], 5_000)
        self.sorry.finish(0, b"I", [b""], "w", 4_000)


@pytest.fixture
def kind():
    return "graph"


@pytest.fixture
def show(bare_page, monkeypatch):
    boards = []
    monkeypatch.setattr(comm, "create_comm", wire_to(boards))

    def start(sent, **options):
        shown = Shown(bare_page, *sent.canvas.records, canvas=sent.canvas, **options)
        boards.append(shown)
        return shown.start()

    return start


def node(shown, name):
    return shown.page.locator(f'.nbt-node[aria-label^="{name}"]')


def labels(shown):
    read = "(nodes) => nodes.map((node) => node.getAttribute('aria-label'))"
    return shown.page.locator(".nbt-node").evaluate_all(read)


def picture(shown, name):
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        shown.page.screenshot(path=Path(folder) / f"graph-{name}.png")


def test_a_canvas_is_drawn_and_its_boxes_follow_their_tasks(show):
    sent = Sent()
    shown = show(sent)
    assert labels(shown) == [
        "load: pending",
        "score[0]: pending",
        "score[1]: pending",
        "score[2]: pending",
        "best: pending",
        "report: pending",
        "errback: sorry: pending",
    ]

    sent.end(sent.load, [SUCCESS], 2_000)
    sent.score.begin(1, "w", 2_000)
    shown.flush()

    assert labels(shown)[:3] == ["load: success", "score[0]: pending", "score[1]: running"]
    picture(shown, "live")


def test_boxes_that_come_later_are_in_the_background_where_their_state_is_not_picked(show):
    sent = Sent(40)
    shown = show(sent)
    sent.end_well(40)
    shown.flush()
    shown.page.get_by_role("tab", name="Graph").click()
    shown.page.locator(".nbt-state", has_text="ignored").click()

    node(shown, "40 × score").dblclick()

    assert node(shown, "score[7]").get_attribute("data-dim") == ""
    assert node(shown, "errback").get_attribute("data-dim") is None


def test_a_box_that_is_picked_opens_wherever_the_keys_are(show):
    shown = show(Sent(40))
    node(shown, "40 × score").click()
    shown.page.keyboard.press("ArrowLeft")
    shown.page.get_by_role("button", name="Open this box").click()
    assert len(labels(shown)) == 44

    shown.page.keyboard.press("ArrowLeft")
    shown.page.get_by_role("button", name="Close group").click()

    assert len(labels(shown)) == 5


@pytest.mark.parametrize("background", [LIGHT, DARK])
def test_many_tasks_are_one_box_with_a_bar_that_opens(show, background):
    sent = Sent(40)
    shown = show(sent)
    sent.end(sent.load, [SUCCESS], 2_000)
    sent.end(sent.score, [SUCCESS] * 29 + [FAILURE], 3_000)
    shown.flush()
    assert "40 × score: 30 / 40 · 1 failed" in labels(shown)
    picture(shown, f"closed-{background[1]}")

    node(shown, "40 × score").dblclick()

    assert len(labels(shown)) == 44
    assert node(shown, "score[29]").get_attribute("aria-label") == "score[29]: failure"
    picture(shown, f"open-{background[1]}")
    shown.page.get_by_role("button", name="Close group").click()
    assert len(labels(shown)) == 5


def test_the_graph_is_walked_by_keys(show):
    shown = show(Sent(40))
    press = shown.page.keyboard.press
    focused = "document.activeElement.getAttribute('aria-label')"
    node(shown, "load").focus()

    press("ArrowRight")
    assert shown.page.evaluate(focused) == "40 × score: 0 / 40"
    press("e")
    assert shown.page.evaluate(focused) == "score[0]: pending"
    press("ArrowDown")
    assert shown.page.evaluate(focused) == "score[1]: pending"
    press("c")
    assert shown.page.evaluate(focused) == "40 × score: 0 / 40"
    press("ArrowLeft")
    assert shown.page.evaluate(focused) == "load: pending"
    assert shown.page.locator('.nbt-node[tabindex="0"]').count() == 1


def test_a_box_opens_its_details(show):
    sent = Sent()
    sent.score.write(1, "stdout", "epoch 3\n")
    shown = show(sent)

    node(shown, "score[1]").click()
    shown.answer()

    assert "epoch 3" in shown.text(".nbt-panel")
    node(shown, "score[1]").press("Enter")
    assert not shown.page.locator(".nbt-panel").is_visible()


def test_what_has_failed_runs_again_from_here(show):
    sent, calls = Sent(), []
    shown = show(sent, retry=calls.append)
    sent.end(sent.load, [SUCCESS], 2_000)
    sent.score.errors[1] = ErrorText("ValueError", "no fold is left")
    sent.end(sent.score, [SUCCESS, FAILURE, SUCCESS], 3_000)
    shown.flush()

    node(shown, "score[1]").click()
    shown.answer()
    picture(shown, "failed")
    shown.page.get_by_role("button", name="Retry from here").click()
    shown.answer()

    assert calls == [[(sent.score, 1)]]
    node(shown, "load").click()
    assert not shown.page.get_by_role("button", name="Retry from here").is_visible()


def tab_to(shown, words):
    for _ in range(30):
        shown.page.keyboard.press("Tab")
        if words in focused(shown):
            return
    raise AssertionError(f"{words!r} is not reached by Tab")


def focused(shown):
    return shown.page.evaluate(
        "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"
    )


def test_a_failure_is_found_opened_retried_and_left_by_keys(show):
    sent, calls = Sent(), []
    shown = show(sent, retry=calls.append)
    press = shown.page.keyboard.press
    sent.score.errors[1] = ErrorText("ValueError", "no fold is left")
    sent.end(sent.score, [SUCCESS, FAILURE, SUCCESS], 3_000)
    shown.flush()
    tab_to(shown, "load")
    press("f")
    press("Enter")
    shown.answer()
    assert "no fold is left" in shown.text(".nbt-panel")
    tab_to(shown, "Retry from here")
    press("Enter")
    shown.answer()
    assert calls == [[(sent.score, 1)]]

    sent.score.hear_again(1, 1)
    shown.flush()
    assert focused(shown) == "score[1]: pending"
    press("Escape")
    assert not shown.page.locator(".nbt-panel").is_visible()
    assert focused(shown) == "score[1]: pending"


def test_a_branch_is_cancelled_by_keys_and_the_focus_stays_in_the_graph(show):
    sent = Sent()
    shown = show(sent)
    tab_to(shown, "load")
    shown.page.keyboard.press("End")
    shown.page.keyboard.press("Enter")
    tab_to(shown, "Cancel branch")
    shown.page.keyboard.press("Enter")
    shown.page.keyboard.press("Enter")
    shown.answer()
    assert shown.calls == [[(sent.sorry, 0)]]

    sent.sorry.finish(0, b"R", [b""], "w", 4_000)
    shown.flush()

    assert focused(shown) == "errback: sorry: revoked"


def test_what_is_picked_in_the_legend_stays_in_front(show):
    sent = Sent()
    shown = show(sent)
    sent.end(sent.load, [SUCCESS], 2_000)
    shown.flush()

    shown.page.locator(".nbt-state", has_text="success").click()

    dimmed = shown.page.locator(".nbt-node[data-dim]").all()
    assert len(dimmed) == 6
    assert node(shown, "load").get_attribute("data-dim") is None


def test_a_branch_is_cancelled_with_all_that_waits_for_it(show):
    sent = Sent()
    shown = show(sent)
    sent.end(sent.load, [SUCCESS], 2_000)
    shown.flush()
    node(shown, "score[2]").click()
    button = shown.page.get_by_role("button", name="Cancel branch")

    button.click()
    assert button.inner_text() == "Sure? 3"
    button.click()
    shown.answer()

    assert shown.calls == [[(sent.report, 0), (sent.best, 0), (sent.score, 2)]]


def test_the_end_shows_what_took_longest(show):
    sent = Sent()
    shown = show(sent)
    sent.end_well()
    shown.flush()

    critical = shown.page.locator(".nbt-node[data-critical]").all()
    assert [one.get_attribute("aria-label") for one in critical] == [
        f"{name}: success" for name in ("load", "score[1]", "best", "report")
    ]
    assert shown.text(".nbt-pick") == "took longest: load → score[1] → best → report"
    assert shown.page.locator(".nbt-lines > path[data-critical]").count() == 4
    picture(shown, "critical")


def test_the_graph_is_given_as_code_and_as_mermaid(show):
    shown = show(Sent())

    shown.page.get_by_role("button", name="Copy as Python code").click()
    shown.answer()
    assert "best_result = best.delay(score_result, ...)" in shown.text(".nbt-written")
    shown.page.get_by_role("button", name="Copy as a Mermaid flowchart").click()
    shown.answer()
    assert shown.text(".nbt-written").startswith("flowchart LR")


def test_the_board_is_the_other_tab(show):
    sent = Sent(40)
    shown = show(sent)
    assert not shown.page.locator("canvas.nbt-canvas").is_visible()

    shown.page.get_by_role("tab", name="Graph").press("ArrowRight")
    sent.end(sent.load, [SUCCESS], 2_000)
    shown.flush()
    assert shown.page.evaluate("window.pixel(0, 14)") == [0, 158, 115]

    shown.page.get_by_role("tab", name="Board").press("ArrowLeft")
    assert labels(shown)[0] == "load: success"


def test_a_large_canvas_has_a_map_and_is_moved_by_dragging(show):
    shown = show(Sent(3_000))
    shown.page.get_by_role("button", name="Open all boxes").click()
    count = len(labels(shown))
    assert 100 < count <= 1_000
    shown.page.get_by_role("button", name="Larger").dblclick()
    assert shown.page.locator(".nbt-map").is_visible()
    before = shown.page.locator(".nbt-svg > g").get_attribute("transform")

    shown.page.mouse.move(300, 400)
    shown.page.mouse.down()
    shown.page.mouse.move(340, 380, steps=4)
    shown.page.mouse.up()

    assert shown.page.locator(".nbt-svg > g").get_attribute("transform") != before
    picture(shown, "large")
    assert shown.page.evaluate("document.activeElement.localName") != "svg"


def test_a_small_canvas_has_a_map_once_it_is_zoomed(show):
    shown = show(Sent())
    assert not shown.page.locator(".nbt-map").is_visible()

    for _ in range(4):
        shown.page.get_by_role("button", name="Larger").click()

    box = shown.page.locator(".nbt-map").bounding_box()
    assert box["width"] <= 150
    assert shown.page.locator(".nbt-map").evaluate(
        "(map) => map.getContext('2d').getImageData(0, 0, 150, 90).data.some(Boolean)"
    )


def test_what_was_all_in_sight_still_is_where_there_is_less_room(show):
    shown = show(Sent())
    shown.page.set_viewport_size({"width": 600, "height": 700})
    shown.page.evaluate("window.painted()")

    assert not shown.page.locator(".nbt-map").is_visible()
