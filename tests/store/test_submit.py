"""submit: a record is stored whole or not at all, and sending it again changes nothing."""

import pytest
from store_side import make_record

from nbtasks.errors import ConfigError, UnknownTask
from nbtasks.store.submission import CHUNK, chunks


def send_chunk(store, record, start, stop):
    """One call of the script, as `Store.submit` makes it."""
    return store.run_script(
        "submit",
        record.rid,
        start,
        len(record.bodies),
        record.header,
        record.queue,
        store.client,
        record.priority,
        record.python,
        record.code,
        record.max_deliveries,
        record.keep_ms,
        record.delay_ms,
        record.expires_ms,
        record.max_queued,
        record.states,
        b"",
        *record.bodies[start:stop],
    )


def dump(redis, store):
    """All that is stored; hashes by their fields, because Redis may reorder those at any time."""
    keys = redis.keys(f"{store.keys.prefix}*")
    return {
        key: redis.hgetall(key) if redis.type(key) == b"hash" else redis.dump(key) for key in keys
    }


def test_invariant_1_a_submitted_record_waits_in_its_queue(submit, worker, states):
    rid = submit(3)
    assert states(rid) == "ppp"
    taken = worker.take_one()
    assert (taken.rid, taken.start, taken.bodies) == (rid, 0, [b"a0", b"a1", b"a2"])


def test_invariant_1_a_repeated_submit_changes_nothing(store, redis):
    record = make_record(3)
    store.submit(record, lambda: b"code")
    before = dump(redis, store)
    store.submit(record, lambda: b"other code")
    assert dump(redis, store) == before


def test_a_repeated_submit_of_a_finished_record_does_not_run_it_again(store, worker, states):
    record = make_record()
    store.submit(record, lambda: b"code")
    worker.finish(worker.take_one())
    store.submit(record, lambda: b"code")
    assert worker.take() == []
    assert states(record.rid) == "S"


def test_a_repeated_chunk_is_not_queued_twice(store, worker):
    record = make_record(4)
    store.call("SET", store.keys.code("c0de"), b"code")
    assert send_chunk(store, record, 0, 2) == 2
    assert send_chunk(store, record, 0, 2) == 2
    assert send_chunk(store, record, 2, 4) == 4
    assert send_chunk(store, record, 2, 4) == 4
    assert sum(len(taken.bodies) for taken in worker.take(slots=4)) == 4


def test_a_chunk_after_a_missing_one_is_not_stored(store):
    record = make_record(6)
    store.call("SET", store.keys.code("c0de"), b"code")
    assert send_chunk(store, record, 0, 2) == 2
    assert send_chunk(store, record, 4, 6) == 2
    assert send_chunk(store, record, 2, 4) == 4


def test_without_its_code_nothing_of_a_record_is_written(store, redis):
    record = make_record()
    assert send_chunk(store, record, 0, 1) == -1
    assert not list(redis.scan_iter(f"{store.keys.prefix}*"))


def test_code_is_sent_once_and_only_where_it_is_missing(store):
    asked = []
    for _ in range(3):
        store.submit(make_record(), lambda: asked.append(1) or b"code")
    assert len(asked) == 1


def test_code_that_vanishes_between_two_chunks_is_sent_again(store, redis, states):
    class Vanishing(list):
        """Bodies; the code is deleted when the third chunk is cut."""

        gone = False

        def __getitem__(self, at):
            if isinstance(at, slice) and at.start >= 2 * CHUNK and not self.gone:
                self.gone = True
                redis.delete(store.keys.code("c0de"))
            return super().__getitem__(at)

    store.call("SET", store.keys.code("c0de"), b"code")
    record = make_record(bodies=Vanishing([b"x"] * (9 * CHUNK)))
    store.submit(record, lambda: b"code")
    assert states(record.rid) == "p" * (9 * CHUNK)
    assert store.call("PING") == b"PONG"
    assert store.call("GET", store.keys.code("c0de")) == b"code"


def test_a_record_of_many_chunks_is_stored_whole(submit, worker, states):
    rid = submit(2 * CHUNK + 1)
    assert states(rid) == "p" * (2 * CHUNK + 1)
    taken = worker.take(slots=3, budget_us=10**9, most=CHUNK)
    assert [(one.start, one.stop) for one in taken] == [
        (0, CHUNK),
        (CHUNK, 2 * CHUNK),
        (2 * CHUNK, 2 * CHUNK + 1),
    ]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        pytest.param([1] * 3, [(0, 3)], id="few"),
        pytest.param([1] * 2001, [(0, 2000), (2000, 2001)], id="many"),
        pytest.param([9_000_000] * 2, [(0, 1), (1, 2)], id="large"),
        pytest.param([], [], id="none"),
    ],
)
def test_chunks_are_bounded_in_members_and_in_bytes(sizes, expected):
    class Sized(bytes):
        size: int

        def __len__(self):
            return self.size

    bodies = []
    for size in sizes:
        bodies.append(Sized())
        bodies[-1].size = size
    assert list(chunks(bodies)) == expected


def test_another_record_under_the_same_id_is_refused(store):
    record = make_record(1)
    store.submit(record, lambda: b"code")
    with pytest.raises(ConfigError, match=r"task_id '.*' is taken by another record"):
        store.submit(make_record(3, rid=record.rid), lambda: b"code")


def test_higher_priority_goes_first_and_equals_in_the_order_they_came(submit, worker):
    rids = [submit(priority=priority) for priority in (0, 5, 0, 9, 5)]
    order = [rids.index(taken.rid) for taken in worker.take(slots=5, budget_us=1, guess_us=1)]
    assert order == [3, 1, 4, 0, 2]


def test_a_record_with_a_delay_waits_until_it_is_due(submit, worker, store, redis):
    rid = submit(delay_ms=60_000)
    reply = worker.exchange(slots=1)
    assert reply.taken == []
    assert 50_000 < reply.due_ms <= 60_000
    redis.zadd(f"{store.keys.prefix}sched", {f"{rid}:0:1": 1}, xx=True)
    assert worker.take_one().rid == rid


def test_a_queue_is_only_taken_from_by_its_workers(submit, hand):
    rid = submit(queue="gpu")
    assert hand("cpu-worker").take() == []
    assert hand("gpu-worker", queues=["gpu", "default"]).take_one().rid == rid


def test_a_submit_wakes_a_worker_of_its_queue(submit, store):
    submit(queue="gpu")
    assert store.call("ZRANGE", store.keys.wake("gpu"), 0, -1) == [b"1"]


def test_a_delayed_submit_wakes_a_worker_so_that_it_learns_when_to_look(submit, store):
    submit(delay_ms=60_000)
    assert store.call("EXISTS", store.keys.wake("default")) == 1


def test_a_record_that_is_stored_in_part_cannot_be_revoked(store, redis):
    record = make_record(CHUNK + 1)
    store.submit(make_record(), lambda: b"code")
    send_chunk(store, record, 0, CHUNK)
    with pytest.raises(UnknownTask):
        store.revoke(record.rid, 0, 1, terminate=False)
    assert redis.hget(f"{store.keys.prefix}refs", "c0de") == b"1"
