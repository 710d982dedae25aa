"""What members keep for their next try: checkpoints, and the parts they have yielded."""

import pytest
from store_side import finished


def checkpoint(worker, taken, data, index=0):
    return worker.report("c", taken, data, index)


def part(worker, taken, place, body=b"part", index=0):
    return worker.report("y", taken, b"%d %b" % (place, body), index)


@pytest.fixture
def field(redis, store):
    """A field of a record."""
    return lambda rid, name: redis.hget(store.keys.record(rid), name)


@pytest.fixture
def parts(redis, store):
    """The parts of a member that count."""

    def read(rid, index=0):
        key = store.keys.record(rid)
        count = int(redis.hget(key, f"pc{index}") or 0)
        return [redis.hget(key, f"pt{index}:{at}") for at in range(count)]

    return read


def test_who_takes_a_member_again_gets_its_checkpoint(submit, worker):
    rid = submit(3)
    taken = worker.take_one()
    checkpoint(worker, taken, b"0 old", 1)
    checkpoint(worker, taken, b"0 new", 1)
    worker.exchange(["b", taken.lease, 1, rid, 0, 3, 0])
    assert worker.take_one().kept == [[1, b"0 new"]]


def test_who_keeps_nothing_gets_nothing(submit, worker):
    submit(3)
    assert worker.take_one().kept == 0


def test_invariant_2_without_the_lease_nothing_is_kept(submit, worker, redis, store, field):
    rid = submit()
    taken = worker.take_one()
    redis.delete(f"{store.keys.prefix}lease")
    assert checkpoint(worker, taken, b"0 late") == 1
    assert part(worker, taken, 0) == 1
    assert (field(rid, "cp0"), field(rid, "pc0")) == (None, None)


@pytest.mark.parametrize(("state", "is_kept"), [("S", False), ("F", True)], ids=["S", "F"])
def test_a_checkpoint_goes_with_a_success_and_stays_after_a_failure(
    submit, worker, field, state, is_kept
):
    rid = submit()
    taken = worker.take_one()
    checkpoint(worker, taken, b"0 body")
    worker.exchange(finished(taken, state, [b"value"]))
    assert (field(rid, "cp0") is not None) == is_kept


def test_a_checkpoint_goes_when_its_member_is_revoked(submit, worker, store, field):
    rid = submit(2)
    taken = worker.take_one()
    checkpoint(worker, taken, b"0 body", 1)
    store.revoke(rid, 1, 2, terminate=False)
    assert field(rid, "cp1") is None


def test_parts_are_kept_in_their_order_and_told(submit, worker, parts, events):
    rid = submit()
    taken = worker.take_one()
    for place in range(3):
        part(worker, taken, place, b"%d" % place)
    assert parts(rid) == [b"0", b"1", b"2"]
    told = [item[1:] for item in events() if item[0] == b"y"]
    assert told == [[rid.encode(), b"0", b"%d" % count] for count in (1, 2, 3)]


def test_a_try_that_begins_anew_takes_the_place_of_the_last(submit, worker, parts):
    rid = submit()
    taken = worker.take_one()
    for place in range(3):
        part(worker, taken, place, b"old")
    part(worker, taken, 0, b"new")
    assert parts(rid) == [b"new"]
    part(worker, taken, 0, b"")
    assert parts(rid) == []


def test_a_part_behind_a_gap_is_not_taken_for_the_next_one(submit, worker, parts):
    rid = submit()
    taken = worker.take_one()
    part(worker, taken, 0, b"first")
    part(worker, taken, 2, b"third")
    assert parts(rid) == [b"first"]


def test_with_a_checkpoint_come_the_parts_before_it(submit, worker):
    rid = submit()
    taken = worker.take_one()
    for place in range(3):
        part(worker, taken, place, b"%d" % place)
    checkpoint(worker, taken, b"2 body")
    worker.exchange(["b", taken.lease, 1, rid, 0, 1, 0])
    assert worker.take_one().kept == [[0, b"2 body", b"0", b"1"]]
