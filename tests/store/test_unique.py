"""One record has a key at a time, however it ends."""

import pytest
from store_side import MINUTE_MS, make_record

from nbtasks.store.dead import requeue
from nbtasks.store.queues import purge_queue

KEY = "ab12"


@pytest.fixture
def key(store):
    return f"{store.keys.prefix}un:{KEY}"


@pytest.fixture
def first(submit):
    """A record that waits, and has the key."""
    return submit(unique=f"{KEY} 0")


def purge(store):
    purge_queue(store, "default")


def revoke(store, rid):
    store.revoke(rid, 0, 1, terminate=False)


def lose(store, worker, rid):
    store.call("HSET", store.keys.record(rid), "cap", 1)
    taken = worker.take_one()
    worker.exchange(["d", taken.lease, 1, rid, 0, "its process died"])


def expire(store, worker, rid):
    store.call("HSET", store.keys.record(rid), "exp", 1)
    assert worker.take() == []


ENDS = {
    "success": lambda store, worker, rid: worker.finish(worker.take_one()),  # noqa: ARG005
    "failure": lambda store, worker, rid: worker.finish(worker.take_one(), "F"),  # noqa: ARG005
    "revoked": lambda store, worker, rid: revoke(store, rid),  # noqa: ARG005
    "purged": lambda store, worker, rid: purge(store),  # noqa: ARG005
    "lost": lose,
    "expired": expire,
}


def make(store, unique):
    """What a submit of another record gives."""
    return store.submit(make_record(unique=unique), lambda: b"code")


@pytest.mark.parametrize("end", ENDS)
def test_the_key_is_free_when_its_record_has_ended(store, worker, first, redis, end):
    assert make(store, f"{KEY} 0") == first
    ENDS[end](store, worker, first)
    worker.take()
    assert redis.keys(f"{store.keys.prefix}un:*") == []
    assert make(store, f"{KEY} 0") == ""


@pytest.mark.usefixtures("first")
def test_keys_do_not_stand_in_the_way_of_others(store):
    assert make(store, "ba21 0") == ""
    assert make(store, "") == ""


@pytest.mark.usefixtures("first")
def test_what_was_refused_is_not_stored(store, redis):
    before = set(redis.keys(f"{store.keys.prefix}*"))
    make(store, f"{KEY} 0")
    assert set(redis.keys(f"{store.keys.prefix}*")) == before


def test_a_task_that_is_tried_again_keeps_its_key(store, worker, first):
    taken = worker.take_one()
    worker.exchange(["r", taken.lease, 1, first, 0, 60_000, b"{}"])
    assert make(store, f"{KEY} 0") == first


def test_the_key_stays_taken_for_a_while(store, worker, submit, key, redis):
    rid = submit(unique=f"{KEY} {MINUTE_MS}")
    worker.finish(worker.take_one())
    assert 0 < redis.pttl(key) <= MINUTE_MS
    assert make(store, f"{KEY} 0") == rid
    store.forget(rid)
    assert make(store, f"{KEY} 0") == ""


def test_a_submit_whose_reply_was_lost_has_the_key_itself(store, submit):
    rid = submit(unique=f"{KEY} 0")
    assert submit(rid=rid, unique=f"{KEY} 0") == rid
    assert make(store, f"{KEY} 0") == rid


def test_what_is_sent_again_runs_whoever_has_the_key(worker, first, submit, key, redis):
    submit(unique=f"+{KEY} 0")
    assert len(worker.take(slots=2)) == 2
    assert redis.get(key) != first.encode()


def test_one_that_is_queued_again_leaves_the_key_to_who_has_it(store, worker, first):
    worker.finish(worker.take_one(), "F")
    store.call("ZADD", f"{store.keys.prefix}dead", 1, f"{first}:0:1")
    make(store, f"{KEY} 0")
    second = make(store, f"{KEY} 0")
    assert requeue(store, first, [0]) == [1]
    revoke(store, first)
    assert make(store, f"{KEY} 0") == second != first
