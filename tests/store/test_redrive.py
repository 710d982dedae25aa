"""Re-drive: what the store has lost of unfinished records is sent again, and nothing else is."""

import pytest
from store_side import MINUTE_MS, make_record

from nbtasks.clock import SystemClock
from nbtasks.live import LiveRecord
from nbtasks.redrive import MEMBER_OVERHEAD, OVERHEAD, Redrive
from nbtasks.store.store import Found, Store
from nbtasks.store.submission import CHUNK

LIMIT = 10_000_000


class Moved(SystemClock):
    """A clock that a test can move."""

    wall = tick = 0

    def wall_ms(self):
        return super().wall_ms() + self.wall

    def tick_ms(self):
        return super().tick_ms() + self.tick


class Scene:
    """A client's store that keeps what it submits, and a Redis that loses it."""

    def __init__(self, store, redis):
        self.store = store
        self.redis = redis
        self.clock = Moved()
        self.redrive = Redrive(self.clock)

    def send(self, n=1, **fields):
        record = make_record(n, **fields)
        assert self.redrive.keep(record, lambda: b"code", 4, LIMIT)
        self.store.submit(record, lambda: b"code")
        self.redrive.sent(record.rid)
        return record

    def lose(self, pattern="*"):
        for key in self.redis.keys(self.store.keys.prefix + pattern):
            self.redis.delete(key)

    def check(self, live=None, *, is_gapless=True):
        self.redrive.check(self.store, live or {}, is_gapless=is_gapless)

    def field(self, record, name):
        return self.redis.hget(self.store.keys.record(record.rid), name)


@pytest.fixture
def scene(store, redis):
    return Scene(store, redis)


def test_a_lost_record_is_sent_again_under_the_same_id(scene, worker, states):
    record = scene.send(3)
    scene.lose()
    scene.check()
    taken = worker.take_one()
    assert (taken.rid, taken.bodies, taken.header) == (record.rid, record.bodies, record.header)
    assert states(record.rid) == "sss"


def test_a_record_that_is_stored_stays_as_it_is(scene, worker, states):
    record = scene.send(3)
    taken = worker.take_one()
    scene.check()
    assert states(record.rid) == "sss"
    assert worker.finish(taken) == 0
    assert worker.take() == []


def test_a_record_that_is_being_submitted_is_left_alone(scene, states):
    record = make_record()
    scene.redrive.keep(record, lambda: b"code", 4, LIMIT)
    scene.check()
    assert states(record.rid) == ""


def test_lost_code_is_sent_again(scene):
    scene.send()
    scene.lose("fn:*")
    scene.check()
    assert scene.store.call("GET", scene.store.keys.code("c0de")) == b"code"


def test_a_record_that_was_stored_in_part_is_sent_again_whole(scene, worker):
    record = scene.send(CHUNK + 5)
    scene.redis.hset(scene.store.keys.record(record.rid), "up", CHUNK)
    scene.redis.zrem(scene.store.keys.ready("default"), f"{record.rid}:{CHUNK}:{CHUNK + 5}")
    scene.check()
    assert [found for _, found in scene.store.look([record.rid])] == [Found.WHOLE]
    taken = worker.take(slots=9, budget_us=10**9, most=CHUNK)
    assert sum(len(one.bodies) for one in taken) == CHUNK + 5


def test_a_record_that_ended_unseen_is_no_longer_kept(scene, worker):
    scene.send()
    worker.finish(worker.take_one())
    scene.check()
    assert len(scene.redrive) == 0


# What must not be sent again


def test_a_record_that_ended_before_redis_lost_it_is_not_sent_again(scene, states):
    record = scene.send(2)
    scene.redrive.ended(record.rid, 0, b"S")
    scene.redrive.ended(record.rid, 1, b"F")
    scene.lose()
    scene.check()
    assert states(record.rid) == ""


@pytest.mark.parametrize(
    ("away_ms", "is_gapless", "is_sent"),
    [
        pytest.param(2 * MINUTE_MS, True, True, id="all events were read"),
        pytest.param(MINUTE_MS // 2, False, True, id="too early to have expired"),
        pytest.param(2 * MINUTE_MS, False, False, id="it may have ended and expired"),
    ],
)
def test_a_record_that_may_have_ended_and_expired_is_not_sent_again(
    scene, states, away_ms, is_gapless, is_sent
):
    record = scene.send(keep_ms=MINUTE_MS)
    scene.lose()
    scene.clock.wall += away_ms
    scene.check(is_gapless=is_gapless)
    assert states(record.rid) == ("p" if is_sent else "")
    assert (record.rid in scene.redrive) is is_sent


def test_a_look_at_a_stored_record_says_that_it_had_not_expired(scene, states):
    record = scene.send(keep_ms=MINUTE_MS)
    scene.clock.wall += 2 * MINUTE_MS
    scene.check(is_gapless=False)
    scene.lose()
    scene.check(is_gapless=False)
    assert states(record.rid) == "p"


def test_members_that_have_ended_run_again_only_where_their_value_is_lost(scene, states):
    record = scene.send(5)
    live = LiveRecord(record.rid, 5, "fit")
    live.finish(0, b"SSFR", [b"v0", b"", b"e2", b""], "w", 1)
    scene.redrive.ended(record.rid, 0, b"SSFR")
    scene.lose()
    scene.check({record.rid: live})
    assert states(record.rid) == "SppRp"
    assert scene.store.bodies(record.rid, [0], b"S") == [b"v0"]
    assert scene.store.call("HGET", scene.store.keys.record(record.rid), "left") == b"3"


def test_a_record_whose_members_ended_after_it_was_sent_again_is_let_go(scene):
    record = scene.send(3)
    scene.redrive.ended(record.rid, 0, b"SR")
    scene.lose()
    scene.check()
    scene.redrive.ended(record.rid, 0, b"S")
    assert record.rid in scene.redrive
    scene.redrive.ended(record.rid, 2, b"S")
    assert len(scene.redrive) == 0


@pytest.mark.parametrize("clock_name", ["wall", "tick"])
def test_what_is_sent_again_has_waited_already(scene, clock_name):
    record = scene.send(delay_ms=60_000, expires_ms=90_000)
    scene.lose()
    setattr(scene.clock, clock_name, 50_000)
    scene.check()
    ((_, due),) = scene.redis.zrange(f"{scene.store.keys.prefix}sched", 0, -1, withscores=True)
    fields = scene.redis.hmget(scene.store.keys.record(record.rid), "t0", "exp")
    submitted, expires = map(int, fields)
    assert 9_000 < due - submitted <= 10_000
    assert 39_000 < expires - submitted <= 40_000


def test_what_is_sent_again_is_not_refused_by_a_full_queue(scene, submit, states):
    record = scene.send(max_queued=1)
    scene.lose()
    submit(5)
    scene.check()
    assert states(record.rid) == "p"


# Room


def test_records_that_do_not_fit_are_not_kept_and_this_is_said_once(scene, caplog):
    limit = 2 * OVERHEAD + 100
    kept = [scene.redrive.keep(make_record(header=b""), lambda: b"", 0, limit) for _ in range(4)]
    assert kept == [True, True, False, False]
    (message,) = caplog.messages
    assert "unfinished tasks are above redrive_bytes (2,300)" in message


def test_what_has_ended_makes_room(scene):
    first, second = make_record(10, header=b"h" * 100), make_record(header=b"")
    scene.redrive.keep(first, lambda: b"", 5000, LIMIT)
    size = OVERHEAD + 100 + 10 * MEMBER_OVERHEAD + 20 + 5000
    assert scene.redrive.size == size
    scene.redrive.keep(second, lambda: b"", 5000, LIMIT)
    scene.redrive.drop(first.rid)
    assert scene.redrive.size == OVERHEAD + MEMBER_OVERHEAD + 2 + 5000
    scene.redrive.ended(second.rid, 0, b"S")
    assert (scene.redrive.size, len(scene.redrive)) == (0, 0)


def test_a_record_is_kept_once(scene):
    record = make_record()
    assert scene.redrive.keep(record, lambda: b"", 0, LIMIT)
    assert not scene.redrive.keep(record, lambda: b"", 0, LIMIT)
    scene.redrive.drop(record.rid)
    scene.redrive.drop(record.rid)
    assert scene.redrive.size == 0


def test_what_a_full_redis_refuses_is_sent_again_later(own_server, redis):
    scene = Scene(Store(own_server.url, "x", SystemClock(), 5000), redis)
    record = make_record()
    scene.redrive.keep(record, lambda: b"code", 4, LIMIT)
    scene.redrive.sent(record.rid)
    for limit, states in ((1, None), (0, b"p")):
        scene.store.call("CONFIG", "SET", "maxmemory", limit)
        scene.check()
        found = scene.store.watch(record.rid)
        assert (found and found.states) == states
    scene.store.close()
