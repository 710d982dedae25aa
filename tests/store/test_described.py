"""inspect.lua and what reads it: what workers have, what waits for its time, what was revoked."""

from nbtasks.record import Header
from nbtasks.retry import NEVER
from nbtasks.store.described import ARGUMENT_BYTES, held, revoked, scheduled

EACH = 10


def test_what_a_worker_has_taken_is_described(submit, hand, store):
    rid = submit(3, priority=4)
    one, other = hand("w1"), hand("w2")
    taken = one.take_one()
    one.report("s", taken, 25)
    ((owner, found),) = held(store, {one.owner}, EACH)
    assert (owner, found.rid, found.start, found.n) == (one.owner, rid, 0, 3)
    assert (found.queue, found.priority, found.states) == ("default", 4, b"sss")
    assert [(member.index, member.began_ms > 0) for member in found.members] == [
        (0, True),
        (1, False),
        (2, False),
    ]
    assert found.members[0].body
    assert list(held(store, {other.owner}, EACH)) == []


def test_of_a_slice_as_many_are_listed_as_were_asked_for(submit, worker, store):
    submit(5)
    taken = worker.take_one()
    worker.exchange(["f", taken.lease, 0, taken.rid, 0, "S", 10, b"value"])
    ((_, found),) = held(store, {worker.owner}, 1)
    assert [member.index for member in found.members] == [1]


def test_coroutines_are_all_listed(submit, worker, store):
    submit(5, header=Header(task="a", code="c0de", is_async=True, retry=NEVER).encode())
    worker.take_one()
    ((_, found),) = held(store, {worker.owner}, 1)
    assert len(found.members) == 5


def test_long_arguments_are_left_out(submit, worker, store):
    submit(bodies=[b"x" * (ARGUMENT_BYTES + 1)])
    worker.take_one()
    ((_, found),) = held(store, {worker.owner}, 1)
    assert found.members[0].body == b""


def test_a_lease_of_a_record_that_is_gone_is_left_out(submit, worker, store, redis):
    rid = submit()
    worker.take_one()
    redis.delete(store.keys.record(rid))
    assert list(held(store, {worker.owner}, 1)) == []


def test_what_waits_for_its_time_comes_in_its_order(submit, store):
    later, sooner = submit(delay_ms=60_000), submit(2, delay_ms=30_000)
    found = list(scheduled(store, EACH))
    assert [(each.rid, len(each.members)) for _, each in found] == [(sooner, 2), (later, 1)]
    assert found[1][0] - found[0][0] > 25_000


def test_what_was_revoked_is_kept_for_a_while_and_not_for_ever(submit, store, redis):
    rid = submit(3)
    store.revoke(rid, 1, 2, terminate=False)
    (found,) = revoked(store)
    assert (found.rid, found.start, found.states) == (rid, 1, b"R")
    assert 0 < redis.ttl(store.keys.revoked) <= 3 * 3600


def test_no_more_than_ten_thousand_are_kept(submit, store, redis):
    redis.zadd(store.keys.revoked, {f"old:{at}:{at + 1}": at for at in range(10_000)})
    rid = submit()
    store.revoke(rid, 0, 1, terminate=False)
    assert redis.zcard(store.keys.revoked) == 10_000
    assert redis.zrange(store.keys.revoked, -1, -1) == [f"{rid}:0:1".encode()]


def test_what_went_back_and_was_taken_again_stands_under_its_new_lease(submit, hand, store):
    rid = submit(3)
    one, other = hand("w1"), hand("w2")
    taken = one.take_one()
    one.exchange(["b", taken.lease, 0, rid, 1, 3, 20_000])
    assert members(store, one) == [0]
    other.take_one()
    assert (members(store, one), members(store, other)) == ([0], [1, 2])


def test_what_is_to_be_tried_again_is_in_nobodys_hands(submit, worker, store):
    rid = submit(3)
    taken = worker.take_one()
    worker.exchange(["r", taken.lease, 0, rid, 0, 60_000, b"error"])
    assert members(store, worker) == [1, 2]


def members(store, worker):
    return [each.index for _, found in held(store, {worker.owner}, EACH) for each in found.members]
