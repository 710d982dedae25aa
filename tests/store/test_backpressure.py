"""No room: what is refused leaves nothing behind, and what runs goes on."""

import uuid

import pytest
from store_side import Hand, finished, make_record

from nbtasks.clock import SystemClock
from nbtasks.errors import QueueFull, StoreFull
from nbtasks.serializers import PYTHON_TAG
from nbtasks.store.store import Store
from nbtasks.store.submission import CHUNK

MB = 1_000_000


class Triggering(list):
    """Bodies that do something when the chunk from `at` on is cut."""

    def __init__(self, bodies, at, do):
        super().__init__(bodies)
        self.at = at
        self.do = do

    def __getitem__(self, which):
        if isinstance(which, slice) and which.start == self.at:
            self.do()
        return super().__getitem__(which)


@pytest.fixture
def full(own_server):
    """A server that can be filled: `full(room)` leaves so many bytes."""
    with own_server.client() as client:
        yield lambda room=0: client.config_set(
            "maxmemory", client.info("memory")["used_memory"] + room if room else 1
        )


@pytest.fixture
def own_store(own_server):
    store = Store(own_server.url, f"own-{uuid.uuid4().hex[:8]}", SystemClock(), 5000)
    store.connect()
    yield store
    store.close()


@pytest.fixture
def own_hand(own_store):
    hand = Hand(own_store, "w1", ["default"], PYTHON_TAG, 60_000)
    yield hand
    hand.link.close()


def send(store, n=1, **fields):
    record = make_record(n, **fields)
    store.submit(record, lambda: b"code")
    return record.rid


def test_a_full_redis_refuses_a_submit_whose_code_it_has(own_store, full):
    send(own_store)
    before = sorted(own_store.call("KEYS", "*"))
    full()
    with pytest.raises(StoreFull, match=r"is full, and nothing was submitted: .*maxmemory"):
        send(own_store)
    assert sorted(own_store.call("KEYS", "*")) == before
    assert own_store.call("ZCARD", own_store.keys.ready("default")) == 1


def test_a_full_redis_refuses_code_that_it_does_not_have(own_store, full):
    full()
    with pytest.raises(StoreFull, match="maxmemory"):
        send(own_store)
    assert own_store.call("KEYS", "*") == []


@pytest.mark.parametrize("delay_ms", [0, 60_000], ids=["now", "later"])
def test_a_record_that_is_refused_half_way_is_withdrawn_whole(own_store, full, delay_ms):
    send(own_store)
    full(8 * MB)
    with pytest.raises(StoreFull):
        send(own_store, delay_ms=delay_ms, bodies=[b"x" * 10_000] * (2 * CHUNK))
    keys = own_store.keys
    assert len(own_store.call("KEYS", keys.record("*"))) == 1
    assert own_store.call("ZCARD", keys.ready("default")) == 1
    assert own_store.call("ZCARD", f"{keys.prefix}sched") == 0
    send(own_store)


def test_what_began_of_a_withdrawn_record_runs_out_and_is_dropped(own_store, own_hand, full):
    taken = []

    def take_and_fill():
        taken.append(own_hand.take_one())
        full()

    with pytest.raises(StoreFull):
        send(own_store, bodies=Triggering([b"x"] * 9 * CHUNK, 6 * CHUNK, take_and_fill))
    assert own_store.call("KEYS", own_store.keys.record("*")) == []
    assert own_hand.beat(taken[0].lease) == []
    assert own_hand.finish(taken[0]) == 0
    assert own_hand.take() == []
    assert own_store.call("KEYS", own_store.keys.record("*")) == []
    assert own_store.call("EXISTS", f"{own_store.keys.prefix}lease") == 0


def test_a_submit_that_is_interrupted_half_way_is_withdrawn(own_store):
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        send(own_store, bodies=Triggering([b"x"] * 9 * CHUNK, 6 * CHUNK, interrupt))
    assert own_store.call("KEYS", own_store.keys.record("*")) == []
    assert own_store.call("ZCARD", own_store.keys.ready("default")) == 0


def test_a_record_whose_client_dies_half_way_expires(own_store, own_server):
    ttls = []

    def look():
        with own_server.client() as client:
            ttls.extend(client.pttl(key) for key in client.keys("nbt:*[rs]:*"))

    rid = send(own_store, bodies=Triggering([b"x"] * 9 * CHUNK, 6 * CHUNK, look))
    assert len(ttls) >= 2
    assert all(0 < ttl <= 86_400_000 for ttl in ttls)
    assert own_store.call("PTTL", own_store.keys.record(rid)) == -1
    assert own_store.call("PTTL", f"{own_store.keys.prefix}s:{rid}") == -1


# What goes on in a full Redis


def test_a_worker_takes_reports_and_hands_in_while_redis_is_full(own_store, own_hand, full):
    rid = send(own_store, 3)
    full()
    taken = own_hand.take_one()
    assert own_hand.beat(taken.lease) == []
    assert own_hand.report("p", taken, "[1,2,null]") == 0
    assert own_hand.report("o", taken, "1text") == 0
    assert own_hand.exchange(finished(taken, "S", last=False)).dropped == 0
    chunk = ["f", taken.lease, 1, rid, 1, "SF", 1000, b"v", b"e"]
    assert own_hand.exchange(chunk).dropped == 0
    assert own_store.watch(rid).states == b"SSF"


def test_a_client_looks_revokes_and_forgets_while_redis_is_full(own_store, full):
    rid = send(own_store, 3)
    own_store.client = "another"
    full()
    assert own_store.watch(rid).states == b"ppp"
    assert own_store.revoke(rid, 0, 3, terminate=True) == 3
    assert own_store.forget(rid)


def test_clients_and_workers_can_connect_to_a_full_redis(own_store, full):
    full()
    own_store.call("SCRIPT", "FLUSH")
    own_store.connect()
    assert own_store.watch("r1") is None


# Bounded queues


@pytest.fixture
def room(store):
    """Forget the count of a queue, as a quarter of a second does."""
    return lambda: store.call("DEL", f"{store.keys.prefix}room:default")


def test_a_full_queue_refuses_a_submit_and_stores_nothing_of_it(store, submit, redis):
    submit(7, max_queued=10)
    before = sorted(redis.keys(f"{store.keys.prefix}*"))
    with pytest.raises(QueueFull, match="has no room for 4 more tasks: 7 wait there, and max_qu"):
        submit(4, max_queued=10)
    assert sorted(redis.keys(f"{store.keys.prefix}*")) == before
    submit(3, max_queued=10)
    with pytest.raises(QueueFull, match="has no room for one more task: 10 wait there"):
        submit(max_queued=10)


@pytest.mark.parametrize("sizes", [[1] * 10, [3, 7], [10]], ids=str)
def test_members_are_counted_and_not_slices(submit, sizes, room):
    for size in sizes:
        submit(size)
    with pytest.raises(QueueFull):
        submit(max_queued=10)
    room()
    submit(max_queued=11)


def test_every_queue_has_room_of_its_own(submit):
    submit(10, max_queued=10)
    submit(10, max_queued=10, queue="other")


def test_what_has_been_taken_makes_room(submit, worker, room):
    submit(10, max_queued=10)
    worker.take(most=4)
    room()
    submit(4, max_queued=10)
    with pytest.raises(QueueFull):
        submit(max_queued=10)


def test_a_count_is_soon_made_anew(submit, redis, store):
    submit(max_queued=10)
    assert 0 < redis.pttl(f"{store.keys.prefix}room:default") <= 250


def test_the_count_of_a_very_long_queue_is_an_estimate(store, redis, submit):
    names = {f"r{number}:0:2": number for number in range(3000)}
    redis.zadd(store.keys.ready("default"), names)
    with pytest.raises(QueueFull, match="6,000 wait there"):
        submit(max_queued=6000)


def test_a_repeated_submit_is_not_refused_by_a_queue_that_it_filled(store):
    record = make_record(10, max_queued=10)
    store.submit(record, lambda: b"code")
    store.submit(record, lambda: b"code")


class Helping(SystemClock):
    """A clock that lets somebody else do something in each pause."""

    def __init__(self, do):
        self.do = do

    def pause(self, _):
        self.do()


@pytest.mark.parametrize("what", ["queue", "redis"])
def test_a_submit_may_wait_for_room(own_store, own_hand, full, what):
    send(own_store, 10)

    def make_room():
        own_hand.take()
        own_store.call("DEL", f"{own_store.keys.prefix}room:default")
        own_store.call("CONFIG", "SET", "maxmemory", 0)

    own_store.clock = Helping(make_room)
    if what == "redis":
        full()
    record = make_record(max_queued=10)
    own_store.submit(record, lambda: b"code", room_ms=60_000)
    assert own_store.watch(record.rid).states == b"p"


def test_a_full_queue_costs_no_connection(store, submit):
    submit(10)
    for _ in range(3):
        with pytest.raises(QueueFull):
            submit(max_queued=10)
        assert store._link.is_open
    assert store.call("PING") == b"PONG"


def test_a_submit_waits_for_room_no_longer_than_asked(store, submit):
    submit(10)
    with pytest.raises(QueueFull):
        store.submit(make_record(max_queued=10), lambda: b"code", room_ms=50)
