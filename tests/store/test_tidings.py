"""The monitoring stream: what is told of tasks and workers, and when something is missed."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from patience import wait_until
from store_side import HEADER, Hand, finished

from nbtasks.errors import ConfigError, StoreUnavailable
from nbtasks.store.items import read_items, read_number
from nbtasks.store.store import Store
from nbtasks.store.tidings import (
    Began,
    Ended,
    Progressed,
    Requeued,
    Retried,
    Returned,
    Said,
    Sent,
    Taken,
    Tidings,
    WorkerSaid,
)

Listen = Callable[..., Tidings]


@pytest.fixture
def listen(store: Store) -> Iterator[Listen]:
    opened: list[Tidings] = []

    def make(*args: Any, **options: Any) -> Tidings:
        opened.append(Tidings(store, *args, **options))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def heard(listen: Listen) -> Callable[[], list[Any]]:
    """What is told from now on, at each call what is new."""
    tidings = listen()
    return lambda: tidings.read(1).items


def test_the_life_of_members_is_told_by_ranges(heard, submit, worker):
    rid = submit(3, priority=2, queue="default")
    taken = worker.take_one()
    worker.finish(taken, "SFS", [b"v0", b"e1", b"v2"])
    sent, took, ended = heard()
    assert isinstance(sent, Sent)
    assert (sent.rid, sent.start, sent.stop, sent.n) == (rid, 0, 3, 3)
    assert (sent.queue, sent.priority, sent.due_ms, sent.header) == ("default", 2, 0, HEADER)
    assert list(sent.bodies) == [b"a0", b"a1", b"a2"]
    assert took == Taken(took.at_ms, rid, 0, 3, 3, "w1", 0)
    assert isinstance(ended, Ended)
    assert (ended.start, ended.states, ended.worker, ended.each_us) == (0, b"SFS", "w1", 1000)
    assert list(ended.bodies) == [b"v0", b"e1", b"v2"]
    assert ended.at_ms >= took.at_ms >= sent.at_ms > 0


def test_without_listeners_nothing_is_written(store, submit, worker):
    submit()
    worker.finish(worker.take_one())
    assert store.call("EXISTS", f"{store.keys.prefix}ev", f"{store.keys.prefix}monitors") == 0


def test_when_the_last_listener_goes_nothing_is_left(store, submit, listen):
    one, two = listen(), listen()
    submit()
    one.close()
    assert store.call("EXISTS", f"{store.keys.prefix}ev") == 1
    two.close()
    assert store.call("KEYS", f"{store.keys.prefix}*v") == []
    assert store.call("KEYS", f"{store.keys.prefix}mon*") == []


def test_who_was_told_to_stop_between_two_reads_goes_all_the_same(store, listen):
    one = listen()
    one.abort()
    one.close()
    assert store.call("EXISTS", f"{store.keys.prefix}monitors") == 0


def test_who_listens_is_forgotten_in_time_also_where_redis_has_dropped_the_list(
    store, submit, listen
):
    listen(ttl_ms=5000)
    store.call("DEL", f"{store.keys.prefix}monitors")
    submit()
    assert 0 < store.call("PTTL", f"{store.keys.prefix}monitors") <= 5000


def test_a_large_group_is_a_few_entries(store, listen, submit, worker):
    tidings = listen(with_bodies=False)
    submit(10_000)
    for _ in range(10):
        taken = worker.take(slots=4, most=256)
        worker.exchange(*(finished(one, "S" * len(one.bodies)) for one in taken))
    items = tidings.read(1).items
    assert [type(item) for item in items[:5]] == [Sent] * 5
    assert sum(item.stop - item.start for item in items[:5]) == 10_000
    assert all(not item.bodies for item in items if isinstance(item, Sent | Ended))
    assert store.call("XLEN", f"{store.keys.prefix}ev") == 5 + 20


def test_large_bodies_are_left_to_be_fetched(heard, submit, worker):
    submit(bodies=[b"x" * 5000])
    worker.finish(worker.take_one(), bodies=[b"y" * 5000])
    sent, _, ended = heard()
    assert list(sent.bodies) == list(ended.bodies) == [b""]


def test_reports_of_a_running_member(heard, submit, worker):
    rid = submit()
    taken = worker.take_one()
    for kind, data in (("s", 40), ("p", b"[1, 2]"), ("e", b'task-mine {"a":1}'), ("o", b"1text")):
        worker.report(kind, taken, data)
    worker.finish(taken)
    _, _, began, progressed, said, ended = heard()
    assert began == Began(began.at_ms, rid, 0, "w1", began.began_ms)
    assert progressed == Progressed(progressed.at_ms, rid, 0, b"[1, 2]")
    assert said == Said(said.at_ms, rid, 0, "w1", "task-mine", b'{"a":1}')
    assert list(ended.began_ms) == [began.began_ms]


def test_a_retry_and_what_was_given_back(heard, submit, worker):
    rid = submit(2)
    taken = worker.take_one()
    worker.exchange(["r", taken.lease, 0, rid, 0, 5000, b"error"])
    worker.exchange(["b", taken.lease, 1, rid, 1, 2, 0])
    retried, returned = heard()[2:]
    assert retried == Retried(retried.at_ms, rid, 0, retried.due_ms, "w1", b"error")
    assert retried.due_ms == pytest.approx(retried.at_ms + 5000, abs=5)
    assert returned == Returned(returned.at_ms, rid, 1, 2, "w1", "")


def test_a_worker_that_dies_and_a_task_that_is_queued_again(heard, submit, worker):
    rid = submit(max_deliveries=1)
    taken = worker.take_one()
    worker.report("s", taken, 40)
    worker.exchange(["d", taken.lease, 1, rid, 0, "SIGKILL"])
    ended = heard()[-1]
    assert (ended.states, ended.bodies[0][:1]) == (b"F", b"\0")
    worker.script("requeue", "nonce", rid, 0)
    (again,) = heard()
    assert again == Requeued(again.at_ms, rid, 0, 1)


def test_a_task_that_goes_back_when_its_process_dies(heard, submit, worker):
    rid = submit()
    taken = worker.take_one()
    worker.exchange(["d", taken.lease, 1, rid, 0, "SIGKILL"])
    returned = heard()[-1]
    assert returned == Returned(returned.at_ms, rid, 0, 1, "w1", "SIGKILL")


def test_revoked_while_it_waits_and_while_it_runs(heard, store, submit, worker):
    rid = submit(2)
    worker.take(most=1)
    store.revoke(rid, 0, 2, terminate=True, signal="SIGTERM")
    ended = [item for item in heard() if isinstance(item, Ended)]
    assert [(item.states, *item.signals) for item in ended] == [(b"RR", "SIGTERM", "")]


def test_expired(heard, submit, worker, store):
    submit(expires_ms=1)
    (sent,) = heard()

    def is_over() -> bool:
        seconds, micros = map(int, store.call("TIME"))
        return seconds * 1000 + micros // 1000 >= sent.expires_ms

    wait_until(is_over, "it has expired")
    assert worker.take() == []
    (ended,) = heard()
    assert ended.states == b"R"
    assert b"expired" in ended.bodies[0]


def test_what_is_due_later_says_when(heard, submit):
    submit(delay_ms=60_000)
    (sent,) = heard()
    assert sent.due_ms == pytest.approx(sent.at_ms + 60_000, abs=5)


def test_workers_come_stay_and_go(heard, worker):
    worker.beat()
    worker.beat()
    worker.script("leave", "w1")
    came, stayed, gone = heard()
    assert [item.kind for item in (came, stayed, gone)] == ["online", "heartbeat", "offline"]
    assert isinstance(came, WorkerSaid)
    assert (came.worker, came.facts["pid"], came.facts["queues"]) == ("w1", "1", "default")
    assert came.facts == stayed.facts


def test_a_named_listener_goes_on_where_it_was(listen, submit):
    first = listen("archive")
    submit()
    position = first.read(1).position
    first.close(stay=True)
    rid = submit()
    batch = listen("archive", position=position).read(1)
    assert [item.rid for item in batch.items] == [rid]
    assert not batch.missed


def test_a_listener_that_was_not_registered_has_missed_something(listen, submit):
    first = listen("archive")
    submit()
    position = first.read(1).position
    first.close()
    submit()
    again = listen("archive", position=position)
    rid = submit()
    batch = again.read(1)
    assert (batch.missed, [item.rid for item in batch.items]) == (True, [rid])
    submit()
    assert not again.read(1).missed


def test_a_listener_that_is_too_slow_has_missed_something(listen, submit):
    tidings = listen(keep=10)
    for _ in range(300):  # Redis trims whole nodes of a stream, of 100 entries
        submit()
    batch = tidings.read(1, 1000)
    assert batch.missed
    assert 10 <= len(batch.items) < 300


def test_a_reader_finds_out_that_redis_was_emptied(store, listen, submit, redis):
    tidings = listen("archive", ttl_ms=600)
    submit()
    tidings.read(1)
    for key in redis.scan_iter(f"{store.keys.prefix}*"):
        redis.delete(key)
    wait_until(lambda: tidings.read(1).missed, "it is seen")
    rid = submit()
    assert [item.rid for item in tidings.read(1).items] == [rid]


def test_nonsense_in_the_stream_ends_nothing(store, listen, submit, redis):
    tidings = listen()
    redis.xadd(f"{store.keys.prefix}ev", {"#": "1", "x": "y"})
    rid = submit()
    (item,) = [each for _ in range(2) for each in tidings.read(1).items]
    assert item.rid == rid
    assert list(read_items(1, [b"#", b"1", b"1", b"t", b"1", b"rid", b"z", b"0"])) == []
    assert read_number([b"#"]) == -1


def test_nonsense_among_the_listeners_ends_nothing(store, listen, redis):
    redis.hset(f"{store.keys.prefix}monitors", mapping={"a": "b", "#": "7"})
    assert listen().position == "0-0/7"


def test_a_reader_can_be_aborted(listen):
    tidings = listen()
    tidings.abort()
    with pytest.raises(StoreUnavailable):
        tidings.read(1)


def test_a_listener_has_a_name(listen):
    with pytest.raises(ConfigError, match="listener"):
        listen("#")


def test_members_of_a_lost_lease_are_told(heard, submit, hand):
    slow: Hand = hand("slow", lease_ms=1)
    rid = submit()
    slow.take_one()
    other: Hand = hand("other", lease_ms=1)

    def is_back() -> bool:
        other.beat()
        return any(isinstance(item, Returned) and item.rid == rid for item in heard())

    wait_until(is_back, "the lease is taken back")
