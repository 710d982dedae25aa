"""What a client knows of a record, and who is told of a change."""

import threading

import pytest

from nbtasks.events import apply_snapshot
from nbtasks.live import EVERY, LiveRecord, Progress, Start
from nbtasks.output import OUTPUT_LIMIT, Output
from nbtasks.states import TaskState
from nbtasks.store.store import Snapshot


def record(n=3):
    return LiveRecord("r1", n, "fit")


def finish(live, start, states, bodies=()):
    live.finish(start, states, list(bodies) or [b""] * len(states), "w1", 1000)


def test_a_new_record_waits():
    live = record()
    assert [live.state(i) for i in range(3)] == ["PENDING"] * 3
    assert live.counts() == {TaskState.PENDING: 3}
    assert (live.left, live.is_done(None), live.first_failure) == (3, False, None)


@pytest.mark.parametrize(("n", "expected"), [(1, "r1"), (2, "r1-1")])
def test_a_record_of_one_has_the_id_of_its_task(n, expected):
    assert record(n).task_id(n - 1) == expected


def test_a_member_that_has_finished_does_not_change_any_more():
    live = record()
    finish(live, 0, b"S")
    live.begin(0, "w1", 5)
    live.back(0, ord("r"))
    live.report(0, Progress(1, 2))
    live.move(0, ord("p"))
    assert live.state(0) == "SUCCESS"
    assert live.left == 2


def test_a_member_that_finishes_twice_counts_once():
    live = record()
    finish(live, 0, b"SS")
    finish(live, 0, b"SS", [b"a", b"b"])
    assert live.left == 1
    assert live.bodies == {0: b"a", 1: b"b"}


@pytest.mark.parametrize(
    ("states", "expected"), [(b"SSS", None), (b"SFS", 1), (b"RSF", 0), (b"SRF", 1)]
)
def test_the_first_failure_is_kept(states, expected):
    live = record()
    finish(live, 0, states)
    assert live.first_failure == expected


def test_progress_makes_a_started_member_a_progressing_one():
    live = record()
    live.begin(1, "w1", 5)
    assert live.started[1] == Start("w1", 5)
    assert live.state(1) == TaskState.STARTED
    live.report(1, Progress(1, 4))
    assert live.state(1) == TaskState.PROGRESS
    live.back(1, ord("p"))
    assert (live.state(1), live.started, live.progress) == (TaskState.PENDING, {}, {})


def test_retries_are_counted():
    live = record()
    for _ in range(2):
        live.begin(0, "w1", 5)
        live.back(0, ord("r"))
    assert (live.state(0), live.retries) == (TaskState.RETRY, {0: 2})


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        (Progress(1, 4), 0.25),
        (Progress(5, 4), 1.0),
        (Progress(-1, 4), 0.0),
        (Progress(1, None), None),
        (Progress(0, 0), None),
    ],
    ids=str,
)
def test_a_fraction_is_from_0_to_1(progress, expected):
    assert progress.fraction == expected


def test_a_member_that_is_queued_again_is_as_new():
    live = record()
    live.begin(1, "w1", 5)
    finish(live, 0, b"SFF", [b"a", b"b", b"c"])
    live.again(1, 1)
    assert (live.state(1), live.left, live.first_failure, live.is_done(1)) == (
        TaskState.PENDING, 1, 2, False,
    )  # fmt: skip
    assert (live.bodies, live.started, live.ended, live.finished_ms) == (
        {0: b"a", 2: b"c"},
        {},
        {},
        0,
    )


def test_what_an_earlier_life_tells_after_a_request_to_queue_again_is_not_believed():
    live = record()
    finish(live, 0, b"FFF")
    live.again(1, 2)  # asked for here; the stream has not told of the first time yet
    live.hear_again(1, 1)
    finish(live, 0, b"FFF")
    live.begin(1, "w1", 5)
    live.report(1, Progress(1, 2))
    assert (live.state(1), live.left, live.first_failure) == ("PENDING", 1, 0)
    live.hear_again(1, 2)
    finish(live, 1, b"S")
    assert (live.state(1), live.left) == ("SUCCESS", 0)


def test_after_a_request_to_queue_again_a_snapshot_is_believed():
    live = record(1)
    finish(live, 0, b"F")
    live.again(0, 1)
    apply_snapshot(live, Snapshot(b"", "", 0, b"S"), 2000)
    assert live.state(0) == "SUCCESS"


def test_a_request_to_queue_again_that_is_heard_twice_counts_once():
    live = record(1)
    finish(live, 0, b"F")
    live.again(0, 1)
    live.hear_again(0, 1)
    finish(live, 0, b"S")
    live.again(0, 1)
    assert (live.state(0), live.left) == ("SUCCESS", 0)
    live.hear_again(0, 2)
    assert live.left == 1


# Who is told


@pytest.mark.parametrize(
    ("index", "states", "expected"),
    [
        pytest.param(1, b"pSp", True, id="the member"),
        pytest.param(1, b"SpS", False, id="another member"),
        pytest.param(None, b"SSS", True, id="all"),
        pytest.param(None, b"SSp", False, id="not all"),
        pytest.param(None, b"pFp", True, id="a failure"),
        pytest.param(EVERY, b"pFp", False, id="a failure is not every one"),
        pytest.param(EVERY, b"SFR", True, id="every one"),
    ],
)
def test_a_waiter_is_called_when_it_is_due(index, states, expected):
    calls = []
    live = record()
    live.call_when_done(index, lambda: calls.append(1))
    for at, state in enumerate(states):
        if chr(state).isupper():
            finish(live, at, bytes([state]))
    assert bool(calls) is expected
    assert len(calls) <= 1


def test_a_waiter_that_comes_too_late_is_called_at_once():
    live = record(1)
    finish(live, 0, b"S")
    calls = []
    live.call_when_done(0, lambda: calls.append(1))
    assert calls == [1]


def test_a_dropped_waiter_is_not_called():
    live, calls = record(1), []
    call = lambda: calls.append(1)  # noqa: E731 - the same object twice
    live.call_when_done(0, call)
    live.drop_callback(call)
    finish(live, 0, b"S")
    assert calls == []


def test_an_end_while_a_waiter_is_being_added_is_not_missed():
    calls = []

    class Slow(LiveRecord):
        """The event thread brings the end between the look and the adding."""

        ender = None

        def _is_due(self, index):
            answer = super()._is_due(index)
            if self.ender is None:
                self.ender = threading.Thread(target=finish, args=(self, 0, b"S"))
                self.ender.start()
                self.ender.join(0.1)  # it ends here only where it does not wait for the lock
            return answer

    live = Slow("r1", 1, "fit")
    live.call_when_done(0, lambda: calls.append(1))
    live.ender.join()
    assert calls == [1]


def test_a_lost_record_ends_all_waits_and_tells_all_observers():
    live, calls, ranges = record(), [], []
    live.call_when_done(EVERY, lambda: calls.append(1))
    live.observe(ranges.append)
    live.lose()
    assert (calls, ranges, live.is_done(2)) == ([1], [range(3)], True)


def test_observers_and_dirty_sets_hear_until_they_are_dropped():
    live, ranges = record(), []
    dirty = live.dirty_set()
    live.observe(ranges.append)
    finish(live, 1, b"SS")
    assert (ranges, dirty) == ([range(1, 3)], {1, 2})
    live.drop_observer(ranges.append)
    live.drop_dirty_set(dirty)
    dirty.clear()
    finish(live, 0, b"S")
    assert dirty == set()


# Output


def test_output_keeps_its_streams_in_order():
    output = Output()
    for stream, text in (("stdout", "a"), ("stderr", "b"), ("stdout", "c")):
        output.add(stream, text)
    assert (output.text(), output.text("stdout"), output.text("value")) == ("abc", "ac", "")


def test_output_drops_its_oldest_parts():
    output = Output()
    for text in ("a" * (OUTPUT_LIMIT // 2), "b" * (OUTPUT_LIMIT // 2), "c"):
        output.add("stdout", text)
    assert output.size == OUTPUT_LIMIT // 2 + 1
    assert output.dropped == OUTPUT_LIMIT // 2
    output.add("stdout", "d" * (2 * OUTPUT_LIMIT))
    assert output.text() == "d" * OUTPUT_LIMIT


# Snapshots


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        pytest.param(b"Sps", ["SUCCESS", "PENDING", "STARTED"], id="mixed"),
        pytest.param(b"RFr", ["REVOKED", "FAILURE", "RETRY"], id="failed"),
        pytest.param(b"\0xS", ["PENDING", "PENDING", "SUCCESS"], id="unknown bytes"),
        pytest.param(b"SSSSS", ["SUCCESS"] * 3, id="too long"),
        pytest.param(b"S", ["SUCCESS", "PENDING", "PENDING"], id="too short"),
    ],
)
def test_a_snapshot_brings_a_record_up_to_date(states, expected):
    live = record()
    apply_snapshot(live, Snapshot(b"", "q", 1, states), 5)
    assert [live.state(i) for i in range(3)] == expected
    assert live.left == 3 - sum(state in {"SUCCESS", "FAILURE", "REVOKED"} for state in expected)


def test_a_snapshot_takes_back_what_was_shown_as_running():
    live = record()
    live.begin(0, "w1", 5)
    live.report(0, Progress(1, 2))
    apply_snapshot(live, Snapshot(b"", "q", 1, b"ppp"), 5)
    assert (live.state(0), live.started, live.progress) == (TaskState.PENDING, {}, {})


def test_output_that_was_asked_for_and_told_by_events_is_known_once():
    live = LiveRecord("r", 2, "task")
    live.write(0, "stdout", "a", (1, 0))
    live.hold_output()
    live.write(0, "stdout", "b", (2, 0))
    live.write(0, "stdout", "c", (3, 1))
    live.write(1, "stdout", "other", (2, 0))

    live.release_output({0: [("stdout", "before "), ("stdout", "ab")]}, (3, 0))
    live.write(0, "stdout", "d", (4, 0))

    assert live.output[0].text() == "before abcd"
    assert live.output[1].text() == "other"


# Who is in a hurry


@pytest.mark.parametrize(
    ("n", "index", "is_awaited"),
    [
        pytest.param(100_000, 5, True, id="one of many"),
        pytest.param(100_000, EVERY, False, id="all of many"),
        pytest.param(100_000, None, False, id="all of many, or a failure"),
        pytest.param(5, EVERY, True, id="all of few"),
    ],
)
def test_who_waits_for_the_end_of_many_is_in_no_hurry(n, index, is_awaited):
    live = record(n)
    assert not live.is_awaited()
    live.call_when_done(index, int)
    assert live.is_awaited() == is_awaited


def test_who_observes_is_in_a_hurry():
    live = record(100_000)
    live.observe(list)
    assert live.is_awaited()
