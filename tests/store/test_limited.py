"""Limits in the store: who may begin, who is parked, and that the next one is let go on."""

import pytest
from store_side import finished

from nbtasks import ConfigError
from nbtasks.store.limits import (
    pause_task,
    paused_tasks,
    rate_limits,
    resume_task,
    set_rate_limit,
)
from nbtasks.store.queues import purge_queue

HOURLY = "3600000000 0 fit"
ALONE = "0 1 fit"


@pytest.fixture
def limited(submit, store, redis):
    """Submit a record with a limit: `limited(HOURLY, 3)` gives its id."""

    def send(limit, n=1, keys=(), **fields):
        rid = submit(n, **fields)
        own = {f"l{i}": key for i, key in enumerate(keys)}
        redis.hset(store.keys.record(rid), mapping={"lim": limit, **own})
        return rid

    return send


@pytest.fixture
def an_hour_passes(store, redis):
    """As far as limits know."""

    def move():
        for key in redis.scan_iter(f"{store.keys.prefix}rate:*"):
            redis.delete(key)
        for name in redis.zrange(f"{store.keys.prefix}limited", 0, -1):
            redis.zadd(f"{store.keys.prefix}limited", {name: 1})
            redis.zadd(f"{store.keys.prefix}sched", {"%": 1})

    return move


def parked(redis, store, queue="default"):
    return redis.zrange(store.keys.ready(f"{queue}%"), 0, -1)


def taken_by(worker, **options):
    return [(one.rid, one.start, one.stop) for one in worker.take(4, **options)]


def test_one_begins_and_the_rest_waits_as_one_slice(limited, worker, redis, store):
    rid = limited(HOURLY, 10)

    assert taken_by(worker) == [(rid, 0, 1)]

    assert parked(redis, store) == [f"{rid}:1:10".encode()]
    assert taken_by(worker) == []


def test_others_of_the_queue_are_not_held_up(limited, submit, worker):
    first = [limited(HOURLY) for _ in range(30)]
    free = submit(2)

    assert taken_by(worker) == [(first[0], 0, 1), (free, 0, 2)]


def test_with_time_the_next_one_begins(limited, worker, an_hour_passes):
    rid = limited(HOURLY, 3)
    other = limited(HOURLY, 1)
    worker.take()

    for expected in [(rid, 1, 2), (rid, 2, 3), (other, 0, 1)]:
        assert taken_by(worker) == []
        an_hour_passes()
        assert taken_by(worker) == [expected]


def test_a_worker_is_told_when_the_next_token_comes(limited, worker):
    limited("200000 0 fit", 5)

    reply = worker.exchange(slots=1)

    assert [len(one.bodies) for one in reply.taken] == [1]
    assert 150 < reply.due_ms <= 201  # us, cut off to ms on both sides


def test_a_worker_that_heeds_no_rates_takes_all(limited, worker):
    rid = limited(HOURLY, 10)

    assert taken_by(worker, rates=False) == [(rid, 0, 10)]


def test_as_many_run_as_may_and_the_end_of_one_lets_the_next_begin(limited, hand):
    rid = limited("0 2 fit", 4)
    one, two = hand("w1"), hand("w2")
    first, second = one.take(4)

    assert two.take(4) == []
    reply = one.exchange(finished(first, "S"), slots=2)

    assert [taken.start for taken in (first, second)] == [0, 1]
    assert [(taken.rid, taken.start) for taken in reply.taken] == [(rid, 2)]
    assert two.take(4) == []


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(["r", 1, 0, 60_000, b"error"], id="tried again"),
        pytest.param(["b", 1, 0, 1, 0], id="not begun"),
        pytest.param(["d", 1, 0, "signal 9"], id="its process died"),
    ],
)
def test_in_whatever_way_it_ends_the_next_one_begins(limited, worker, hand, rest):
    limited(ALONE, 1)
    other = limited(ALONE, 1)
    (taken,) = worker.take(4)
    kind, last, *fields = rest

    worker.exchange([kind, taken.lease, last, taken.rid, *fields])

    assert len(found := hand("w2").take(4)) == 1
    assert found[0].rid == (taken.rid if kind in "bd" else other)


def test_a_lost_lease_lets_the_next_one_begin(limited, worker, redis, store):
    rid = limited(ALONE, 2)
    (taken,) = worker.take(4)
    redis.zadd(store.keys.lease, {taken.lease: 1})

    assert taken_by(worker) == [(rid, 0, 1)]
    assert redis.zcard(f"{store.keys.prefix}held:fit") == 1


def test_where_redis_has_lost_the_leases_what_they_held_counts_no_more(
    limited, worker, redis, store, an_hour_passes
):
    rid = limited(ALONE, 2)
    worker.take(4)
    redis.delete(store.keys.lease)

    an_hour_passes()

    assert taken_by(worker) == [(rid, 1, 2)]


def test_a_revoked_one_counts_for_as_long_as_it_runs(limited, worker, store):
    rid = limited(ALONE, 1)
    other = limited(ALONE, 1)
    (taken,) = worker.take(4)

    store.revoke(rid, 0, 1, terminate=False)
    assert taken_by(worker) == []
    worker.finish(taken)

    assert taken_by(worker) == [(other, 0, 1)]


def test_each_key_has_a_limit_of_its_own(limited, worker, redis, store):
    rid = limited("3600000000 0 fit/", 5, keys=["a", "a", "b", "b", "c"])

    assert taken_by(worker) == [(rid, 0, 1), (rid, 2, 3), (rid, 4, 5)]
    assert parked(redis, store) == [f"{rid}:1:2".encode(), f"{rid}:3:4".encode()]


def test_keys_of_a_record_of_many_chunks_are_stored_with_each(submit, worker):
    keys = [str(i // 5) for i in range(4500)]
    submit(4500, limit="3600000000 0 fit/", keys=keys)

    found = [one for _ in range(15) for one in taken_by(worker)]

    assert [start for _, start, _ in found] == list(range(0, 5 * len(found), 5))
    assert len(found) == 900


def test_what_is_revoked_while_it_waits_is_never_taken(
    limited, worker, redis, store, an_hour_passes
):
    rid, other = limited(HOURLY, 3), limited(HOURLY)
    worker.take(4)

    store.revoke(rid, 1, 3, terminate=False)
    assert parked(redis, store) == [f"{other}:0:1".encode()]
    an_hour_passes()

    assert taken_by(worker) == [(other, 0, 1)]


def test_when_all_that_waited_is_revoked_no_limit_is_looked_at(limited, worker, redis, store):
    rid = limited("3600000000 0 fit/", 3, keys=["a", "a", "b"])
    worker.take(4)

    store.revoke(rid, 0, 3, terminate=False)

    left = [key for key in redis.scan_iter(f"{store.keys.prefix}*") if redis.ttl(key) < 0]
    assert {key.rpartition(b":")[2] for key in left} <= {b"lease", rid.encode()}


def test_what_has_expired_takes_no_token(limited, worker, redis, store, an_hour_passes):
    limited(HOURLY)
    late, other = limited(HOURLY), limited(HOURLY)
    worker.take(4)
    redis.hset(store.keys.record(late), "exp", 1)

    an_hour_passes()

    assert taken_by(worker) == [(other, 0, 1)]
    assert store.watch(late).states == b"R"


def test_the_higher_priority_begins_first(limited, worker, an_hour_passes):
    limited(HOURLY, 2)
    worker.take(4)
    urgent = limited(HOURLY, priority=9)
    assert taken_by(worker) == []

    an_hour_passes()

    assert taken_by(worker) == [(urgent, 0, 1)]


def test_a_paused_task_waits_and_others_do_not(submit, worker, store, redis):
    rid = submit(3)

    assert pause_task(store, "fit")
    assert not pause_task(store, "fit")
    assert taken_by(worker) == []
    assert parked(redis, store) == [f"{rid}:0:3".encode()]
    assert list(paused_tasks(store)) == ["fit"]

    assert resume_task(store, "fit")
    assert not resume_task(store, "fit")
    assert taken_by(worker) == [(rid, 0, 3)]
    assert paused_tasks(store) == {}


def test_keys_of_a_task_that_was_paused_go_on_each_for_itself(limited, worker, store):
    pause_task(store, "fit")
    rid = limited("3600000000 0 fit/", 6, keys=["a", "a", "a", "b", "b", "c"])
    assert taken_by(worker) == []

    resume_task(store, "fit")

    assert taken_by(worker) == [(rid, 0, 1), (rid, 3, 4), (rid, 5, 6)]


def test_a_rate_that_is_set_wins_over_that_of_the_record(
    limited, submit, worker, store, an_hour_passes
):
    rid = limited(HOURLY, 3)
    worker.take(4)

    set_rate_limit(store, "fit", 0)
    assert taken_by(worker) == [(rid, 1, 3)]
    assert rate_limits(store) == {"fit": "0"}

    set_rate_limit(store, "fit", "1/h")
    more = submit(2)
    an_hour_passes()
    assert taken_by(worker) == [(more, 0, 1)]
    set_rate_limit(store, "fit", None)
    assert taken_by(worker) == [(more, 1, 2)]
    assert rate_limits(store) == {}


def test_the_rate_that_holds_now_counts_from_the_last_one_that_began(limited, worker, store):
    rid = limited("3000000 0 fit", 3)
    worker.take(4)

    set_rate_limit(store, "fit", "1/h")
    limited("10000 0 fit", 1)
    assert taken_by(worker) == []

    set_rate_limit(store, "fit", 100_000)
    assert taken_by(worker)[0][:2] == (rid, 1)


def test_many_that_wait_go_back_by_steps_and_somebody_is_woken_for_each(
    submit, worker, store, redis
):
    pause_task(store, "fit")
    rids = [submit() for _ in range(450)]
    while worker.exchange(slots=4).more:
        pass
    for rid in rids[:250]:
        redis.delete(store.keys.record(rid))
    redis.delete(store.keys.wake("default"))

    resume_task(store, "fit")
    assert redis.exists(store.keys.wake("default"))
    found = [one for _ in range(20) for one in taken_by(worker)]

    assert sorted(found) == sorted((rid, 0, 1) for rid in rids[250:])


def test_a_clock_that_was_set_back_holds_nobody_up(limited, worker, redis, store):
    rid = limited("200000 0 fit", 2)
    worker.take(4)
    far = int(1e6 * (redis.time()[0] + 86_400))
    redis.set(f"{store.keys.prefix}rate:fit", far)
    redis.zadd(f"{store.keys.prefix}limited", {"fit": far / 1000})
    redis.set(f"{store.keys.prefix}beat", far // 1000)

    worker.beat()

    assert taken_by(worker) == [(rid, 1, 2)]


def test_who_waits_counts_in_a_bounded_queue_and_is_purged(limited, worker, store, redis):
    limited(HOURLY, 4)
    worker.take(4)

    assert store.run_script("purge", "default", "r", "")[0] == 3
    assert parked(redis, store) == []


def test_a_purge_ends_a_long_slice_that_waits_for_a_limit_by_steps(limited, worker, store, redis):
    limited(HOURLY, 2500)
    worker.take(4)

    assert purge_queue(store, "default") == 2499

    assert not redis.exists(f"{store.keys.prefix}sched")
    assert not [key for key in redis.scan_iter(f"{store.keys.prefix}*") if b"parked" in key]


@pytest.mark.parametrize("rate", ["10 per s", "fast", -1, True, "1/d", [], "1e400"])
def test_what_is_no_rate_is_refused(store, rate):
    with pytest.raises(ConfigError, match=r'write "10/s", "5/m" or "1/h", or a number'):
        set_rate_limit(store, "fit", rate)
