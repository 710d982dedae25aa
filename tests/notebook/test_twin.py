"""The picture beside a live widget, who is known to look at it, and how the widget leaves."""

import time

import pytest
from board_side import Clock, record, succeed

from nbtasks.notebook.board import FAILED_FOR_MS, Board
from nbtasks.notebook.bundle import show_formats
from nbtasks.notebook.live_view import FREEZE_AFTER_MS
from nbtasks.notebook.looks import LOOKED_MS, Looks
from nbtasks.notebook.parting import Parting, make_widget
from nbtasks.notebook.standing import Standing
from nbtasks.notebook.twin import CLASS, GAP_MS, GONE, Twin
from nbtasks.states import FAILURE

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
BEGAN = "as it was at 1970-01-01 06:01:40"
"""The first moment of a clock, in the zone of these tests."""


class TwoClocks(Clock):
    """What it says of dates and what it says of spans are not the same."""

    def tick_ms(self):
        return super().tick_ms() - 7_000.0


class Subject:
    """What a twin shows: the words of the moment, which take a while to make."""

    def __init__(self, clock):
        self.clock = clock
        self.words, self.takes_ms = "first", 0

    def look(self):
        self.clock.now_ms += self.takes_ms
        return {"text/html": f"<p>{self.words}</p>", "text/plain": self.words}

    def twin(self, again="%tasks show one", gap_ms=GAP_MS):
        return Twin(self.look, again, gap_ms=gap_ms, clock=self.clock)


@pytest.fixture(autouse=True)
def zone(monkeypatch):
    """A zone that no machine is in by chance."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "XYZ-5:45")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def clock():
    return TwoClocks()


@pytest.fixture
def subject(clock, shown):
    del shown
    return Subject(clock)


@pytest.fixture
def lab_board(make, monkeypatch):
    """A board with its widget, as JupyterLab shows it."""
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/mine.ipynb")

    def show(one, after_ms=0.0, retry=None):
        board = make(one, retry=retry)
        board.show("board", after_ms)
        return board

    return show


def pages(shown):
    return [output["data"].get("text/html") for output in shown]


def closed(wire):
    return [kind for kind, _, _ in wire.messages].count("comm_close")


def test_a_twin_is_the_picture_with_its_time_and_what_shows_it_live(subject, shown):
    subject.twin("%tasks show <one>")

    (output,) = shown
    assert output["data"]["text/plain"] == "first"
    html = output["data"]["text/html"]
    assert html.startswith(f'<div class="{CLASS}"><p>first</p><div')
    assert html.count("<style>") == 1
    assert f"{BEGAN}; %tasks show &lt;one&gt; shows it live</div></div><style>" in html


def test_where_nothing_shows_it_live_a_twin_has_its_time_only(subject, shown):
    subject.twin(again="")

    assert f"{BEGAN}</div>" in shown[0]["data"]["text/html"]


@pytest.mark.parametrize(
    ("gap_ms", "time_of_day"),
    [(Board.twin_gap_ms, "06:01:50"), (Standing.twin_gap_ms, "06:02:40")],
    ids=["what ends", "what goes on"],
)
def test_a_change_is_seen_once_the_gap_is_over(subject, clock, shown, gap_ms, time_of_day):
    twin = subject.twin(gap_ms=gap_ms)
    subject.words = "second"
    twin.note()

    assert twin.wait_ms(clock.tick_ms()) == gap_ms
    assert twin.wait_ms(clock.tick_ms() + gap_ms - 1) == 1.0
    assert len(shown) == 1
    clock.now_ms += gap_ms
    assert twin.wait_ms(clock.tick_ms()) is None

    first, second = shown
    assert second["update"]
    assert second["transient"] == first["transient"]
    assert "<p>second</p>" in second["data"]["text/html"]
    assert time_of_day in second["data"]["text/html"]


def test_while_nothing_changes_a_twin_is_left_alone(subject, clock, shown):
    twin = subject.twin()
    waits = [twin.wait_ms(clock.tick_ms() + later) for later in (0.0, GAP_MS, 100 * GAP_MS)]
    twin.note()
    clock.now_ms += 20_000
    waits += [twin.wait_ms(clock.tick_ms() + later) for later in (0.0, GAP_MS, 100 * GAP_MS)]

    assert waits == [None] * 6
    assert len(shown) == 2


def test_after_a_quiet_time_the_first_change_is_seen_at_once_and_the_next_waits(
    subject, clock, shown
):
    twin = subject.twin()
    clock.now_ms += 60_000
    twin.note()
    assert twin.wait_ms(clock.tick_ms()) is None
    twin.note()

    assert twin.wait_ms(clock.tick_ms()) == GAP_MS
    assert len(shown) == 2


@pytest.mark.parametrize(("takes_ms", "wait_ms"), [(200, 10_000), (201, 10_050), (1_000, 50_000)])
def test_what_takes_long_to_make_is_made_seldom(subject, clock, takes_ms, wait_ms):
    subject.takes_ms = takes_ms
    twin = subject.twin()
    twin.note()

    assert twin.wait_ms(clock.tick_ms()) == wait_ms


def test_at_the_end_a_twin_is_emptied_whatever_was_to_come(subject, clock, shown):
    twin = subject.twin()
    twin.note()
    twin.end()

    assert shown[-1]["update"]
    assert shown[-1]["data"] == GONE
    assert twin.wait_ms(clock.tick_ms() + GAP_MS) is None
    assert len(shown) == 2


def test_outside_of_ipython_a_twin_is_printed_once(clock, capsys):
    twin = Subject(clock).twin()
    twin.note()
    twin.wait_ms(clock.tick_ms() + GAP_MS)
    twin.end()

    assert capsys.readouterr().out == "first\n"


def test_a_display_has_just_its_formats(shown):
    show_formats({"a/b": 1})
    show_formats({"a/b": 1, "text/plain": "x"})

    assert [output["data"] for output in shown] == [{"a/b": 1}, {"a/b": 1, "text/plain": "x"}]


def test_in_jupyterlab_a_widget_stands_alone_and_its_twin_below(lab_board, shown):
    lab_board(record(40))

    widget, twin = shown
    assert widget["data"].keys() == {WIDGET_VIEW}
    assert twin["data"].keys() == {"text/html", "text/plain"}
    assert f'class="{CLASS}"' in twin["data"]["text/html"]
    assert f"{BEGAN}; %tasks show scores shows it live" in twin["data"]["text/html"]


def test_what_appears_late_has_no_twin(lab_board, thread, shown):
    lab_board(record(40), after_ms=300.0)
    thread.flush(Clock.now_ms + 300.0)

    assert [output["update"] for output in shown] == [False, True]
    assert shown[1]["data"].keys() == {WIDGET_VIEW, "text/html", "text/plain"}


def test_a_board_that_changes_renews_its_twin_and_an_idle_one_does_not(lab_board, thread, shown):
    one = record(40)
    clock = lab_board(one)._clock
    assert thread.flush(clock.tick_ms() + GAP_MS) is None
    succeed(one, 0, 1, 2)
    assert thread.flush(clock.tick_ms()) == GAP_MS
    assert len(shown) == 2
    clock.now_ms += 10_000
    assert thread.flush(clock.tick_ms()) is None
    assert thread.flush(clock.tick_ms() + GAP_MS) is None

    assert len(shown) == 3
    assert "3 / 40" not in shown[1]["data"]["text/html"]
    assert "3 / 40" in shown[2]["data"]["text/html"]
    assert shown[2]["transient"] == shown[1]["transient"]


def test_a_failed_board_that_lingers_has_its_end_in_its_twin(lab_board, thread, shown):
    one = record(2)
    clock = lab_board(one, retry=print)._clock
    one.finish(0, bytes([FAILURE]) * 2, [b"", b""], "w", 9_000)
    assert thread.flush(clock.tick_ms()) == GAP_MS
    clock.now_ms += GAP_MS
    assert thread.flush(clock.tick_ms()) == FAILED_FOR_MS - GAP_MS

    assert [output["update"] for output in shown] == [False, False, True]
    assert "2 FAILURE" in shown[2]["data"]["text/plain"]
    assert shown[2]["transient"] == shown[1]["transient"]


def test_at_its_end_the_picture_takes_the_place_of_the_widget(lab_board, thread, shown):
    one = record(2)
    lab_board(one)
    succeed(one, 0, 1)
    thread.flush(0.0)
    thread.flush(FREEZE_AFTER_MS)

    widget, twin, emptied, picture = shown
    assert emptied["transient"] == twin["transient"]
    assert emptied["data"] == GONE
    assert picture["transient"] == widget["transient"]
    assert "2 / 2" in picture["data"]["text/html"]
    assert "as it was at" not in picture["data"]["text/html"]


def test_what_is_frozen_before_its_end_says_when_that_was(lab_board, shown):
    lab_board(record(2)).freeze()

    assert shown[2]["data"] == GONE
    assert f"{BEGAN}; %tasks show scores shows it live" in shown[3]["data"]["text/html"]
    assert CLASS not in shown[3]["data"]["text/html"]


def test_before_the_first_word_somebody_looks_for_three_minutes(clock):
    looks = Looks(clock)
    clock.now_ms += LOOKED_MS - 1
    assert looks.are_any()
    clock.now_ms += 1

    assert not looks.are_any()
    assert not looks.is_met


def test_from_the_first_word_on_the_tabs_speak_for_themselves(clock):
    looks = Looks(clock)
    looks.say("a", is_on=False)

    assert not looks.are_any()
    assert looks.is_met


def test_it_is_hidden_only_where_all_tabs_hide_it(clock):
    looks = Looks(clock)
    looks.say("a", is_on=True)
    looks.say("b", is_on=True)
    looks.say("a", is_on=False)
    assert looks.are_any()
    looks.say("b", is_on=False)
    looks.say("b", is_on=False)

    assert not looks.are_any()


def test_a_tab_that_says_nothing_more_is_gone_after_three_minutes(clock):
    looks = Looks(clock)
    looks.say("a", is_on=True)
    looks.say("b", is_on=True)
    clock.now_ms += 100_000
    looks.say("b", is_on=True)
    clock.now_ms += LOOKED_MS - 1
    assert looks.are_any()
    looks.say("b", is_on=False)

    assert not looks.are_any()


def test_a_tab_without_a_name_counts_too(clock):
    looks = Looks(clock)
    looks.say("", is_on=True)
    assert looks.are_any()
    looks.say("", is_on=False)

    assert not looks.are_any()


@pytest.mark.parametrize(("others", "wait_ms"), [([], 990.0), (["b"], 1000 / 15 - 10)])
def test_a_board_that_no_tab_shows_is_updated_once_a_second(make, thread, wire, others, wait_ms):
    one = record(400)
    make(one).show("board")
    for who in ("a", *others):
        wire.clicks({"t": "vis", "on": True, "who": who})
    wire.clicks({"t": "vis", "on": False, "who": "a"})
    succeed(one, 0)
    thread.flush(0.0)
    succeed(one, 1)

    assert thread.flush(10.0) == pytest.approx(wait_ms)
    wire.clicks({"t": "vis", "on": True, "who": "a"})
    assert thread.flush(10.0) == pytest.approx(1000 / 15 - 10)


def test_without_a_browser_a_widget_is_closed_at_once(wire):
    found = Parting(print)
    found.begin(make_widget("board", lambda: ({}, b"")), {"text/html": "x"}, is_met=False)

    assert len(wire.custom("end")) == 1
    assert closed(wire) == 2  # with its layout


def test_a_widget_that_a_browser_has_is_kept_until_it_has_the_picture(wire):
    found, heard = Parting(lambda *told: heard.append(told)), []
    widget = make_widget("board", lambda: ({}, b""))
    widget.on_msg(found._hear)
    kept = {"id": widget.model_id, "data": {"text/html": "x"}}
    assert found.kept is None
    found.begin(widget, kept["data"], is_met=True)
    assert wire.custom() == [({"t": "end", "kept": kept}, [])]
    assert found.kept == kept
    wire.clicks({"t": "bye"})
    assert (len(heard), closed(wire)) == (1, 0)
    found.end()
    found.end()
    wire.clicks({"t": "late"})

    assert (len(heard), closed(wire)) == (1, 2)


@pytest.mark.parametrize("is_on", [True, False])
def test_a_page_that_was_away_at_the_end_gets_the_picture_when_it_comes_back(
    lab_board, wire, shown, is_on
):
    one = record(2)
    board = lab_board(one)
    wire.clicks({"t": "vis", "on": is_on, "who": "a"})
    succeed(one, 0, 1)
    board.freeze()
    wire.messages.clear()
    message = {"content": {"data": {"method": "request_state"}}, "buffers": []}
    wire.comms[-1].handle_msg(message)

    ((_, data, _),) = wire.messages
    kept = data["state"]["whole"]["kept"]
    assert kept == {"id": wire.comms[-1].comm_id, "data": shown[-1]["data"]}
    assert closed(wire) == 0
    wire.clicks({"t": "bye"})
    assert closed(wire) == 2
