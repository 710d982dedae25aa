"""Tasks that were given up: listed, kept, queued again once, dropped."""

import pytest
from store_side import make_record

from nbtasks.errors import StoreRefused, UnknownTask
from nbtasks.store.dead import by_record, dead_tasks, drop, requeue

MONTH_MS = 30 * 86_400_000


@pytest.fixture
def kill(worker):
    """Take a slice and let the process die that runs it."""

    def run(index=0):
        taken = worker.take_one()
        chunk = ["d", taken.lease, 1, taken.rid, index, "signal 9"]
        assert worker.exchange(chunk).dropped == 0
        return taken

    return run


@pytest.fixture
def given_up(submit, kill):
    """Submit a record whose only member is given up."""

    def run(**fields):
        rid = submit(max_deliveries=1, **fields)
        kill()
        return rid

    return run


def test_a_task_that_was_given_up_is_listed(store, given_up):
    rid = given_up(queue="default")
    ((task, slice_),) = dead_tasks(store)
    assert (task.id, task.name, task.queue, task.deaths) == (rid, "fit", "default", 1)
    assert task.reason == "the process that ran it died once (signal 9)"
    assert task.at_ms > 0
    assert by_record([slice_]) == {rid: [0]}


def test_more_than_a_page_is_listed(store, redis, submit, monkeypatch):
    monkeypatch.setattr("nbtasks.store.dead.PAGE", 3)
    rid = submit(10)
    redis.zadd(f"{store.keys.prefix}dead", {f"{rid}:{i}:{i + 1}": i for i in range(10)})
    assert [task.id for task, _ in dead_tasks(store)] == [f"{rid}-{i}" for i in range(10)]


def test_a_dead_task_whose_record_is_gone_leaves_the_list(store, redis, submit, monkeypatch):
    monkeypatch.setattr("nbtasks.store.dead.PAGE", 2)
    rid, key = submit(9), f"{store.keys.prefix}dead"
    redis.zadd(key, {f"{rid if i % 2 else 'gone'}:{i}:{i + 1}": i for i in range(9)})
    assert [task.id for task, _ in dead_tasks(store)] == [f"{rid}-{i}" for i in (1, 3, 5, 7)]
    assert redis.zcard(key) == 4


def test_a_record_and_its_code_stay_as_long_as_its_dead_task(store, given_up, redis):
    rid = given_up(keep_ms=1000)
    for key in (store.keys.record(rid), store.keys.code("c0de"), f"{store.keys.prefix}dead"):
        assert MONTH_MS - 60_000 < redis.pttl(key) <= MONTH_MS


def test_a_task_that_is_queued_again_is_as_new(store, given_up, worker, states, redis):
    rid = given_up(expires_ms=60_000)
    before = worker.take()
    assert requeue(store, rid, [0]) == [1]
    assert (before, states(rid)) == ([], "p")
    assert list(dead_tasks(store)) == []
    assert redis.ttl(store.keys.record(rid)) == redis.ttl(store.keys.code("c0de")) == -1
    fields = redis.hmget(store.keys.record(rid), "left", "d0", "e0", "exp")
    assert fields == [b"1", None, None, None]
    taken = worker.take_one()
    assert (taken.bodies, taken.retries) == ([b"a0"], 0)
    worker.finish(taken)
    assert states(rid) == "S"
    assert redis.hget(store.keys.record(rid), "left") == b"0"


def test_followers_hear_that_a_task_was_queued_again(store, given_up, events):
    rid = given_up()
    requeue(store, rid, [0])
    assert events()[-1] == [b"q", rid.encode(), b"0", b"1"]


def test_only_what_has_failed_is_queued_again(store, submit, worker, states):
    rid = submit(4)
    taken = worker.take_one()
    worker.finish(taken, "SFRF")
    assert requeue(store, rid, [0, 1, 2, 3, 7]) == [0, 1, 0, 1, 0]
    assert states(rid) == "SpRp"
    assert requeue(store, rid, [1]) == [0]


def test_a_request_that_is_sent_twice_counts_once(store, submit, worker, states):
    rid = submit()
    worker.finish(worker.take_one(), "F")
    assert store.run_script("requeue", "n1", rid, 0) == [1]
    worker.finish(worker.take_one(), "F")
    assert store.run_script("requeue", "n1", rid, 0) == [1]
    assert states(rid) == "F"
    assert store.run_script("requeue", "n2", rid, 0) == [2]


def test_a_request_that_comes_again_after_the_end_keeps_nothing(store, redis, given_up, worker):
    rid = given_up()
    store.run_script("requeue", "n1", rid, 0)
    worker.finish(worker.take_one())
    assert store.run_script("requeue", "n1", rid, 0) == [1]
    assert redis.ttl(store.keys.record(rid)) > 0
    assert not redis.exists(f"{store.keys.prefix}refs")


def test_what_is_not_stored_is_not_queued_again(store, given_up, redis):
    with pytest.raises(UnknownTask):
        requeue(store, "nothing", [0])
    rid = given_up()
    redis.delete(store.keys.code("c0de"))
    with pytest.raises(StoreRefused, match=r"the code of task .* has expired: submit it anew"):
        requeue(store, rid, [0])


def test_a_dropped_task_is_listed_no_more_but_can_be_read(store, given_up, states):
    rid = given_up()
    slices = [slice_ for _, slice_ in dead_tasks(store)]
    assert drop(store, slices) == 1
    assert drop(store, slices) == 0
    assert list(dead_tasks(store)) == []
    assert states(rid) == "F"


# Code


def test_code_stays_while_a_record_needs_it_and_a_week_longer(store, submit, worker, redis):
    code = store.keys.code("c0de")
    submit(2)
    submit()
    first, second = worker.take(slots=2)
    worker.finish(first)
    assert redis.ttl(code) == -1
    worker.finish(second)
    assert 6 * 86_400 < redis.ttl(code) <= 7 * 86_400
    assert not redis.exists(f"{store.keys.prefix}refs")
    submit()
    assert redis.ttl(code) == -1


def test_code_that_was_lost_stays_when_it_is_stored_again(store, redis):
    record = make_record()
    store.submit(record, lambda: b"code")
    redis.delete(store.keys.code("c0de"))
    store.submit(record, lambda: b"code")
    assert redis.ttl(store.keys.code("c0de")) == -1
