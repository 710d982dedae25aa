"""The bars of the last minute: which events make which, and in which row."""

import pytest

from nbtasks.monitor.records import About
from nbtasks.monitor.timeline import Timeline
from nbtasks.monitor.watching import Rates
from nbtasks.states import FAILURE, RETRY, STARTED, SUCCESS
from nbtasks.store.tidings import Began, Ended, Returned, WorkerSaid

AT = 1_000_000
FIT = About("fit", "default", 9)


def began(index, at_ms=AT, worker="w"):
    return Began(at_ms, "r", index, worker, at_ms)


def ended(start, states, at_ms=AT, each_us=1000, worker="w"):
    return Ended(at_ms, "r", start, states, 100, worker, each_us, [0] * len(states), [], [])


def rows(bars):
    return [(bar.row, bar.start_ms - AT, bar.end_ms and bar.end_ms - AT, bar.n) for bar in bars]


def test_a_task_that_runs_is_a_bar_that_ends_with_it():
    line = Timeline()
    line.hear(began(0), FIT)
    (bar,) = line.fresh()
    assert (bar.state, bar.end_ms, bar.name, bar.task_id) == (STARTED, 0, "fit", "r-0")

    line.hear(ended(0, bytes([FAILURE]), AT + 500), FIT)

    assert line.fresh() == [bar]
    assert (bar.state, bar.end_ms) == (FAILURE, AT + 500)
    assert line.fresh() == []


def test_short_tasks_are_one_bar_together():
    line = Timeline()

    line.hear(ended(0, bytes([SUCCESS, FAILURE, SUCCESS]), each_us=2000), FIT)

    (bar,) = line.shown(AT)
    assert (bar.start_ms, bar.end_ms, bar.n, bar.state) == (AT - 6, AT, 3, FAILURE)


def test_what_runs_at_the_same_time_has_rows_of_its_own():
    line = Timeline()
    for item in (began(0), began(1), ended(0, bytes([SUCCESS]), AT + 10), began(2, AT + 10)):
        line.hear(item, FIT)

    assert rows(line.shown(AT)) == [(0, 0, 10, 1), (1, 0, 0, 1), (0, 10, 0, 1)]


def test_a_worker_that_leaves_ends_its_bars():
    line = Timeline()
    line.hear(began(0, worker="a"), FIT)
    line.hear(began(1, worker="b"), FIT)

    line.hear(WorkerSaid(AT + 5, "a", "offline", {}), About("", ""))

    assert [bar.state for bar in line.shown(AT)] == [RETRY, STARTED]


def test_what_is_lost_ends_its_bar():
    line = Timeline()
    line.hear(began(3), FIT)

    line.hear(Returned(AT + 5, "r", 0, 10, "w", "lost"), FIT)

    assert rows(line.shown(AT)) == [(0, 0, 5, 1)]


def test_what_is_known_to_run_is_one_bar_however_often_it_is_said():
    line = Timeline()
    line.hear(began(0), FIT)
    line.hear(began(0), FIT)

    assert len(line.shown(AT)) == 1
    assert line.running() == [("r", 0)]


@pytest.mark.parametrize(("state", "shown"), [(FAILURE, FAILURE), (STARTED, RETRY), (0, RETRY)])
def test_what_ended_while_nobody_listened_has_an_end(state, shown):
    line = Timeline()
    line.hear(began(0), FIT)

    line.end("r", 0, AT + 900, state)

    (bar,) = line.shown(AT)
    assert (bar.state, bar.end_ms) == (shown, AT + 900)
    assert not line.running()


def test_bars_of_before_the_last_minute_are_not_shown():
    line = Timeline()
    line.hear(ended(0, bytes([SUCCESS])), FIT)
    line.hear(began(1), FIT)

    assert [bar.state for bar in line.shown(AT + 61_000)] == [STARTED]


def test_rates_are_those_of_the_last_whole_seconds():
    rates = Rates()
    for second in range(10):
        rates.add(AT + 1000 * second, "done", 3)

    assert rates.per_second(AT + 9_500)["done"] == 15
    assert rates.per_second(AT + 60_000)["done"] == 0
