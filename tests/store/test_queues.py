"""pause and purge: queues as a whole."""

import pytest
from servers import leaks
from store_side import make_record

from nbtasks.errors import ConfigError
from nbtasks.failure import system_failure
from nbtasks.store.queues import pause_queue, paused_queues, purge_queue, resume_queue


def ready(store, redis):
    return redis.zcard(store.keys.ready("default"))


# Pausing


def test_nothing_is_taken_from_a_paused_queue_and_nobody_is_woken_for_it(
    submit, store, worker, redis
):
    pause_queue(store, "default")
    rid = submit(3)
    redis.delete(store.keys.wake("default"))  # an idle worker was woken, once
    reply = worker.exchange(slots=2)
    assert (reply.taken, reply.more, reply.due_ms) == ([], False, -1)
    assert not redis.exists(store.keys.wake("default"))
    assert resume_queue(store, "default")
    assert worker.take_one().rid == rid


def test_other_queues_of_a_worker_go_on(submit, store, hand):
    pause_queue(store, "slow")
    submit(queue="slow", priority=9)
    rid = submit(queue="fast")
    assert [one.rid for one in hand(queues=["slow", "fast"]).take(slots=3)] == [rid]


def test_what_is_due_and_what_is_given_back_waits_in_a_paused_queue(
    submit, store, worker, redis, states
):
    rid, late = submit(2), submit(delay_ms=60_000)
    taken = worker.take_one()
    pause_queue(store, "default")
    redis.zadd(f"{store.keys.prefix}sched", {f"{late}:0:1": 1})
    worker.exchange(
        ["f", taken.lease, 0, rid, 0, "S", 10, b"value"], ["b", taken.lease, 1, rid, 1, 2, 0]
    )
    assert (worker.take(), states(rid), ready(store, redis)) == ([], "Sp", 2)


def test_the_suspects_of_a_paused_queue_wait_too(submit, store, worker):
    submit(max_deliveries=2)
    taken = worker.take_one()
    worker.exchange(["d", taken.lease, 1, taken.rid, 0, "signal 9"])
    pause_queue(store, "default")
    assert worker.take() == []
    resume_queue(store, "default")
    assert worker.take_one().is_suspect


def test_a_worker_can_be_paused_by_the_name_of_its_own_queue(submit, store, hand):
    pause_queue(store, "worker@w1")
    submit(queue="worker@w1")
    assert hand(queues=["worker@w1", "default"]).take() == []


def test_to_let_a_queue_go_on_wakes_every_worker(store, hand, redis):
    hand("w7").beat()
    pause_queue(store, "default")
    resume_queue(store, "default")
    assert redis.exists(store.keys.wake("@w7"))


def test_paused_queues_are_listed_with_their_time(store, redis):
    assert paused_queues(store) == {}
    assert pause_queue(store, "a")
    assert not pause_queue(store, "a")
    seconds, _ = redis.time()
    assert abs(paused_queues(store)["a"] - seconds * 1000) < 60_000
    assert resume_queue(store, "a")
    assert not resume_queue(store, "a")
    assert paused_queues(store) == {}


def test_only_a_name_of_a_queue_can_be_paused(store):
    with pytest.raises(ConfigError, match="queue 'a b' is not a name"):
        pause_queue(store, "a b")


# Purging


def test_a_purge_ends_what_waits_and_leaves_what_runs(submit, store, worker, states, redis):
    rid, other = submit(5), submit(queue="other")
    taken = worker.take(most=2)[0]
    assert purge_queue(store, "default") == 3
    assert (states(rid), states(other)) == ("ssRRR", "p")
    assert worker.finish(taken) == 0
    assert not redis.exists(store.keys.ready("default"))
    assert states(rid) == "SSRRR"


def test_a_purged_task_says_so(submit, store):
    rid = submit()
    purge_queue(store, "default")
    (body,) = store.bodies(rid, [0], b"R")
    assert str(system_failure(body, rid)) == f"task {rid!r} was not finished: purged"


def test_a_purge_leaves_what_is_not_due_unless_it_is_told_to(submit, store, worker, states):
    late, other = submit(delay_ms=60_000), submit(delay_ms=60_000, queue="other")
    retried = submit()
    taken = worker.take_one()
    worker.exchange(["r", taken.lease, 1, retried, 0, 60_000, b"error"])
    assert purge_queue(store, "default") == 0
    assert purge_queue(store, "default", scheduled=True) == 2
    assert (states(late), states(retried), states(other)) == ("R", "R", "p")


def test_a_purge_finds_suspects_and_what_only_another_python_can_load(submit, store, hand, states):
    rid, other = submit(max_deliveries=2), submit(python="3.39")
    worker = hand("w1")
    hand("w2", python="3.39").beat()
    for taken in worker.take():
        worker.exchange(["d", taken.lease, 1, taken.rid, 0, "signal 9"])
    assert purge_queue(store, "default") == 2
    assert (states(rid), states(other)) == ("R", "R")


def test_a_purge_of_many_goes_in_steps_and_leaves_no_keys(submit, store, states, redis):
    large, small = submit(5000), [submit(priority=i % 10) for i in range(250)]
    step = store.run_script("purge", "default", "r", "")
    assert step[:2] == [100, 1]
    assert purge_queue(store, "default") == 5150
    assert set(states(large)) == set(map(states, small)) == {"R"}
    assert leaks(redis, store.keys.prefix) == []


def test_what_is_sent_while_a_purge_goes_on_stays(submit, store, states):
    for _ in range(101):
        submit()
    _, _, place = store.run_script("purge", "default", "r", "")
    later = submit(priority=9)
    assert store.run_script("purge", "default", "r", place)[:2] == [1, 0]
    assert states(later) == "p"


def test_a_paused_queue_can_be_purged(submit, store):
    pause_queue(store, "default")
    submit(3)
    assert purge_queue(store, "default") == 3


def test_a_purge_of_thousands_that_are_not_due_goes_in_steps(store, states):
    record = make_record(6000, delay_ms=60_000)
    store.submit(record, lambda: b"code")
    assert store.run_script("purge", "default", "s", "")[:2] == [1000, 1]
    assert purge_queue(store, "default", scheduled=True) == 5000
    assert states(record.rid) == "R" * 6000
