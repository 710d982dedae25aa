"""What becomes of due times: each is in one step, whatever was missed and whatever still runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtasks.errors import ConfigError
from nbtasks.overlap import Leave, Moment, Overlap, Policy, Run, Wait, fire_at, steps
from nbtasks.schedule import every

SECOND = every(1)
AT = 1_000_000


def told(policy, due, now, schedule=SECOND, **at):
    """The steps in short: `r 0`, `s 1-3`, `m 0-5`, `w 2`, in seconds after AT."""
    found = []
    moment = Moment(name="x", due_ms=AT + due * 1000, now_ms=AT + now * 1000, **at)
    for step in steps(schedule, policy, moment):
        match step:
            case Run(time):
                found.append(f"r {_s(time)}")
            case Wait(time):
                found.append(f"w {_s(time)}")
            case Leave(time, last, _, is_skipped):
                found.append(f"{'s' if is_skipped else 'm'} {_s(time)}-{_s(last)}")
    return found


def _s(time):
    return (time - AT) // 1000


SKIP, BUFFER, ALLOW, CANCEL = (Policy(overlap=each) for each in Overlap)
SHORT = Policy(overlap=Overlap.ALLOW, catch_up_ms=20_000)

CASES = {
    "not due yet": (SKIP, 5, 4, {}, []),
    "one time": (SKIP, 5, 5, {}, ["r 5"]),
    "skip: one for all that were missed": (SKIP, 1, 4, {}, ["r 1", "s 2-4"]),
    "skip: another runs": (SKIP, 1, 4, {"is_running": True}, ["s 1-4"]),
    "buffer: the first runs, the second waits": (BUFFER, 1, 4, {}, ["r 1", "w 2"]),
    "buffer: another runs": (BUFFER, 1, 1, {"is_running": True}, ["w 1"]),
    "buffer: what has waited runs": (BUFFER, 1, 4, {"is_buffered": True}, ["r 1", "s 2-4"]),
    "buffer: it waits on": (
        BUFFER, 1, 4, {"is_buffered": True, "is_running": True}, ["w 1"],
    ),
    "allow: all": (ALLOW, 1, 3, {"is_running": True}, ["r 1", "r 2", "r 3"]),
    "cancel_other: the last of them": (CANCEL, 1, 3, {"is_running": True}, ["s 1-2", "r 3"]),
    "missed for longer than is made up for": (
        SHORT, 0, 23, {}, ["m 0-2", *(f"r {time}" for time in range(3, 24))],
    ),
    "what waited is not missed": (
        Policy(overlap=Overlap.BUFFER, catch_up_ms=0), 1, 4, {"is_buffered": True},
        ["r 1", "s 2-4"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_becomes_of_a_time(case):
    policy, due, now, at, wanted = CASES[case]
    assert told(policy, due, now, **at) == wanted


def test_very_many_missed_times_are_left_behind_in_one_step():
    policy = Policy(overlap=Overlap.ALLOW, catch_up_ms=1000)
    assert told(policy, 0, 1_000_000)[-2:] == ["r 999999", "r 1000000"]


def test_no_more_than_so_many_are_fired_in_one_go():
    assert len(told(ALLOW, 0, 3000)) == 1000


@given(
    st.sampled_from(Overlap),
    st.integers(0, 100),
    st.integers(0, 60),
    st.booleans(),
    st.integers(100, 5000),
)
def test_each_due_time_is_in_just_one_step(overlap, late, window, is_running, period):
    schedule = every(period / 1000)
    due = schedule.next_after_ms(AT)
    now = due + late * 1000
    policy = Policy(overlap=overlap, catch_up_ms=window * 1000)
    moment = Moment(name="x", due_ms=due, now_ms=now, is_running=is_running)
    expected = due
    for step in steps(schedule, policy, moment):
        assert step.due_ms == expected
        if isinstance(step, Wait):
            return
        last = step.last_ms if isinstance(step, Leave) else step.due_ms
        assert step.next_ms == schedule.next_after_ms(last) or not getattr(step, "is_skipped", 0)
        expected = step.next_ms
    assert expected > now or expected == due + 1000 * period


def test_jitter_is_the_same_for_all_who_ask():
    spread = every(60, jitter=10)
    times = {fire_at(spread, "a", AT) for _ in range(5)}
    assert len(times) == 1
    assert AT <= times.pop() <= AT + 10_000
    assert told(SKIP, 0, 0, schedule=spread) == []


BAD = {"overlap": "twice", "pause_on_failure": True}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_policy_is_refused(name):
    with pytest.raises(ConfigError, match=name):
        Policy(**{name: BAD[name]})
