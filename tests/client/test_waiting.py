"""Waits for many results, while the thread that hears of them is at work."""

import asyncio
import random
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from nbtasks import AsyncResult, GroupResult, ResultSet, WaitTimeout
from nbtasks.live import LiveRecord
from nbtasks.waiting import is_over, progress_of, wait_async, wait_for

SIZES = (1, 50, 3, 1, 20)


def records():
    return [LiveRecord(f"r{at}", n, "f") for at, n in enumerate(SIZES)]


@contextmanager
def heard(lives, states=b"S", *, after=None):
    """A thread ends all members, in a random order."""
    members = [(live, index) for live in lives for index in range(live.n)]
    random.shuffle(members)

    def hear():
        if after is not None:
            after.wait(10)
        for live, index in members:
            live.finish(index, random.choice(states).to_bytes(), [b""], "w", 1)  # noqa: S311

    thread = Thread(target=hear)
    thread.start()
    yield
    thread.join()


def waits_of(lives):
    """All of some records, and each member of the others."""
    whole = [(live, None) for live in lives[:2]]
    return whole + [(live, index) for live in lives[2:] for index in range(live.n)]


def test_a_wait_ends_when_all_are_done(app):
    lives = records()
    with heard(lives):
        wait_for(app, waits_of(lives), 20)
        assert all(live.is_done(None) for live in lives)
    assert not any(live._waiters for live in lives)


def test_an_awaited_wait_ends_when_all_are_done(app):
    lives = records()
    with heard(lives):
        asyncio.run(wait_async(app, waits_of(lives), lambda: None))
        assert all(live.is_done(None) for live in lives)


@pytest.mark.parametrize("index", [None, 7])
def test_a_wait_ends_at_the_first_failure_of_what_it_waits_for(app, index):
    live, other = LiveRecord("r", 50, "f"), LiveRecord("o", 1, "f")
    begun = Event()
    live.call_when_done(7, begun.set)
    live.finish(7, b"F", [b""], "w", 1)
    wait_for(app, [(other, None), (live, index)], 20)
    assert begun.is_set()
    with pytest.raises(WaitTimeout, match="1 of 51 done" if index is None else "1 of 2 done"):
        wait_for(app, [(other, None), (live, index)], 0.01, to_the_end=True)


def test_a_wait_to_the_end_is_for_failed_ones_too(app):
    lives = records()
    with heard(lives, b"SFRI"):
        wait_for(app, waits_of(lives), 20, to_the_end=True)
        assert all(live.is_done(None) for live in lives)


def test_a_member_that_is_queued_again_is_waited_for_again(app):
    live, other = LiveRecord("r", 1, "f"), LiveRecord("o", 1, "f")
    again = Event()

    def once_more():
        live.hear_again(0, 1)
        again.set()

    live.call_when_done(0, once_more)  # asked for before the wait: it is told first
    with heard([other], after=again):
        live.finish(0, b"S", [b""], "w", 1)
        assert not live.is_done(0)
        Thread(target=live.finish, args=(0, b"S", [b""], "w", 2)).start()
        wait_for(app, [(live, 0), (other, 0)], 20)
        assert is_over([(live, 0), (other, 0)])


def test_results_come_once_each_as_they_end(app):
    lives = records()
    inner = GroupResult(app, lives[1:2], group_id="inner")
    everything = ResultSet([inner, *GroupResult(app, [lives[0], *lives[2:]])])
    with heard(lives):
        found = [result.id for result in everything.as_completed(timeout=20)]
    assert sorted(found) == sorted(result.id for result in everything)


def test_results_come_once_each_to_a_coroutine(app):
    lives = records()

    async def found():
        return [each.id async for each in GroupResult(app, lives).as_completed(timeout=20)]

    with heard(lives):
        ids = asyncio.run(found())
    assert len(set(ids)) == len(ids) == sum(SIZES)


def test_nothing_that_ends_in_time_is_late(app):
    live = LiveRecord("r", 2, "f")
    with pytest.raises(WaitTimeout, match="0 of 2 done"):
        next(GroupResult(app, [live]).as_completed(timeout=0.01))

    async def first():
        return await anext(aiter(GroupResult(app, [live]).as_completed(timeout=0.01)))

    with pytest.raises(WaitTimeout, match="0 of 2 done"):
        asyncio.run(first())
    assert not live._observers


def test_how_far_a_wait_is_counts_what_is_waited_for():
    live = LiveRecord("r", 3, "f")
    live.finish(0, b"S", [b""], "w", 1)
    assert progress_of([(live, None)]) == "1 of 3 done"
    assert progress_of([(live, 0), (live, 1)]) == "1 of 2 done"


def test_a_single_result_says_its_state_when_it_is_late(app):
    with pytest.raises(WaitTimeout, match="PENDING"):
        AsyncResult(app, LiveRecord("r", 1, "f")).get(timeout=0.01)


def test_a_failure_that_is_queued_again_is_no_end_of_its_group(app, monkeypatch):
    live = LiveRecord("r", 2, "f")
    live.finish(0, b"F", [b""], "w", 1)
    threads = []

    def waited(_):
        if not threads:
            live.hear_again(0, 1)
            threads.append(Thread(target=live.finish, args=(0, b"II", [], "w", 2)))
            threads[0].start()

    monkeypatch.setattr(app, "on_waited", waited)
    assert GroupResult(app, [live]).get(timeout=20) == [None, None]
