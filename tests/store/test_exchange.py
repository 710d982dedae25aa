"""exchange: what is handed in counts only with the lease, and what is taken is leased at once."""

import json

import pytest
from store_side import finished

from nbtasks.errors import VersionMismatch, WorkerLost
from nbtasks.failure import system_failure
from nbtasks.states import STATES, is_finished


def error_of(store, rid, index=0):
    """The error that the store wrote for a member, as a client reads it."""
    (body,) = store.bodies(rid, [index], b"F")
    return system_failure(body, rid)


# Taking


def test_a_take_splits_a_slice_by_the_time_it_may_need(submit, worker):
    submit(10)
    assert [(one.start, one.stop) for one in worker.take(slots=2, budget_us=3000)] == [
        (0, 3),
        (3, 6),
    ]
    assert worker.take(budget_us=1_000_000)[0].start == 6


def test_a_take_is_bounded_in_members(submit, worker):
    submit(10)
    assert len(worker.take(most=4)[0].bodies) == 4


def test_one_member_is_taken_however_long_it_may_need(submit, worker):
    submit(3)
    assert len(worker.take(budget_us=1, guess_us=10**9)[0].bodies) == 1


def test_large_arguments_are_taken_few_at_a_time(submit, worker):
    submit(bodies=[b"x" * 2_000_000] * 4)
    assert len(worker.take(budget_us=5000, guess_us=1)[0].bodies) == 2


def test_the_largest_chunk_of_a_record_says_how_large_its_arguments_are(submit, worker):
    small, large = [b"x"] * 2000, [b"x" * 2_000_000] * 2
    submit(bodies=[*small, *large])
    assert len(worker.take(budget_us=5000, guess_us=1)[0].bodies) == 2


def test_a_slot_is_filled_with_several_short_records(submit, worker):
    rids = [submit() for _ in range(3)]
    assert [one.rid for one in worker.take(slots=1)] == rids


def test_the_measured_time_of_a_record_decides_how_much_is_taken(submit, worker):
    submit(10)
    worker.exchange(["f", (first := worker.take(most=1)[0]).lease, 1, first.rid, 0, "S", 500, b""])
    assert len(worker.take(budget_us=2000, guess_us=1)[0].bodies) == 4


def test_a_take_skips_members_that_are_no_longer_waiting(submit, worker, store):
    rid = submit(6)
    store.revoke(rid, 2, 4, terminate=False)
    assert [(one.start, one.stop) for one in worker.take(slots=3)] == [(0, 2), (4, 6)]


def test_what_was_taken_is_not_taken_again(submit, hand):
    submit()
    assert hand("w1").take()
    assert hand("w2").take() == []


# Handing in


def test_a_finished_member_has_its_state_and_its_value(submit, worker, store, states):
    rid = submit(2)
    worker.finish(worker.take_one(), "SF", [b"value", b"error"])
    assert states(rid) == "SF"
    assert store.bodies(rid, [0, 1], b"SF") == [b"value", b"error"]


def test_part_of_a_slice_may_be_handed_in_early(submit, worker, states):
    rid = submit(3)
    taken = worker.take_one()
    worker.exchange(finished(taken, "S", last=False))
    assert states(rid) == "Sss"
    taken.start, taken.bodies = 1, taken.bodies[1:]
    assert worker.finish(taken) == 0
    assert states(rid) == "SSS"


def test_invariant_2_a_lost_lease_stores_nothing(submit, hand, redis, store, states):
    rid = submit()
    zombie, other = hand("zombie"), hand("other")
    old = zombie.take_one()
    redis.zadd(f"{store.keys.prefix}lease", {old.lease: 1}, xx=True)
    new = other.take_one()
    assert zombie.finish(old, "S", [b"stale"]) == 1
    assert states(rid) == "s"
    assert other.finish(new, "S", [b"fresh"]) == 0
    assert store.bodies(rid, [0], b"S") == [b"fresh"]


@pytest.mark.parametrize(
    "chunk",
    [
        pytest.param(["S", 1000, b"forged"], id="finish"),
        pytest.param(None, id="retry"),
        pytest.param("b", id="back"),
        pytest.param("d", id="died"),
    ],
)
def test_invariant_2_another_token_counts_for_nothing(submit, worker, states, chunk):
    rid = submit()
    taken = worker.take_one()
    forged = taken.lease[:-16] + "0" * 16
    head = [forged, 1, rid, 0]
    whole = {
        "b": ["b", *head, 1, 0],
        "d": ["d", *head, "no reason"],
    }.get(chunk if isinstance(chunk, str) else "")
    if whole is None:
        whole = ["f", *head, *chunk] if chunk else ["r", *head, 0, b"error"]
    assert worker.exchange(whole).dropped == 1
    assert states(rid) == "s"
    assert worker.finish(taken) == 0


def test_a_result_handed_in_twice_counts_once(submit, worker, redis, store, events):
    rid = submit()
    taken = worker.take_one()
    assert worker.finish(taken, "S", [b"one"]) == 0
    assert worker.finish(taken, "S", [b"two"]) == 1
    assert store.bodies(rid, [0], b"S") == [b"one"]
    assert redis.hget(store.keys.record(rid), "left") == b"0"
    assert [item[0] for item in events()] == [b"f"]


def test_a_member_that_failed_is_tried_again_when_it_is_due(submit, worker, states):
    rid = submit()
    taken = worker.take_one()
    reply = worker.exchange(["r", taken.lease, 1, rid, 0, 0, b"error"], slots=1)
    assert reply.taken[0].retries == 1
    assert states(rid) == "s"


def test_a_retry_waits_for_its_delay(submit, worker, states):
    rid = submit()
    taken = worker.take_one()
    reply = worker.exchange(["r", taken.lease, 1, rid, 0, 60_000, b"error"], slots=1)
    assert reply.taken == []
    assert states(rid) == "r"
    assert reply.due_ms > 50_000


def test_a_retry_handed_in_twice_counts_once(submit, worker, redis, store):
    rid = submit(2)
    taken = worker.take_one()
    chunk = ["r", taken.lease, 0, rid, 0, 60_000, b"error"]
    worker.exchange(chunk)
    worker.exchange(chunk)
    assert redis.hget(store.keys.record(rid), "k0") == b"1"


def test_what_was_not_begun_goes_back_before_all_others(submit, worker, states):
    first = submit(3)
    taken = worker.take_one()
    second = submit()
    worker.exchange(["b", taken.lease, 1, first, 0, 3, 0])
    assert states(first) == "ppp"
    assert [one.rid for one in worker.take(slots=2)] == [first, second]


def test_what_goes_back_may_say_how_long_its_members_take(submit, worker):
    rid = submit(10)
    worker.exchange(["b", worker.take_one().lease, 1, rid, 0, 10, 500_000])
    assert len(worker.take_one().bodies) == 2


def test_a_running_member_that_goes_back_is_shown_as_waiting(submit, worker, events):
    rid = submit()
    taken = worker.take_one()
    worker.report("s", taken, 25)
    worker.exchange(["b", taken.lease, 1, rid, 0, 1, 0])
    assert events()[-1] == [b"b", rid.encode(), b"0", b"p"]


def test_a_revoked_member_that_goes_back_is_not_queued(submit, worker, store, redis, states):
    rid = submit()
    taken = worker.take_one()
    store.revoke(rid, 0, 1, terminate=True)
    worker.exchange(["b", taken.lease, 1, rid, 0, 1, 0])
    assert states(rid) == "R"
    assert not redis.exists(store.keys.ready("default"))


def test_a_record_that_is_gone_is_not_made_again_by_its_worker(submit, worker, store, redis):
    rid = submit(3)
    taken = worker.take_one()
    store.revoke(rid, 0, 3, terminate=False)
    assert store.forget(rid)
    worker.report("s", taken, 25)
    worker.report("p", taken, b"[1,2]")
    worker.report("o", taken, b"1late")
    worker.exchange(["b", taken.lease, 0, rid, 2, 3, 5000])
    worker.exchange(["r", taken.lease, 0, rid, 1, 0, b"error"])
    worker.exchange(["d", taken.lease, 0, rid, 1, "it died"])
    worker.finish(taken)
    assert not list(redis.scan_iter(f"{store.keys.prefix}*{rid}*"))


# Deaths and leases


def test_a_member_whose_process_died_waits_again(submit, worker, states):
    rid = submit()
    worker.exchange(["d", worker.take_one().lease, 1, rid, 0, "signal 11"])
    assert states(rid) == "p"
    assert worker.take_one().rid == rid


def test_invariant_6_a_member_that_killed_its_process_travels_alone(submit, worker):
    rid = submit(5)
    taken = worker.take_one()
    worker.exchange(
        ["b", taken.lease, 0, rid, 0, 2, 0],
        ["d", taken.lease, 0, rid, 2, "signal 11"],
        ["b", taken.lease, 1, rid, 3, 5, 0],
    )
    ranges = {(one.start, one.stop) for one in worker.take(slots=5)}
    assert ranges == {(0, 2), (2, 3), (3, 5)}


def test_invariant_6_deliveries_are_capped(submit, worker, store, states, redis):
    rid = submit(max_deliveries=2)
    for _ in range(2):
        worker.exchange(["d", worker.take_one().lease, 1, rid, 0, "signal 11"])
    assert states(rid) == "F"
    assert worker.take() == []
    error = error_of(store, rid)
    assert isinstance(error, WorkerLost)
    assert "died 2 times (signal 11)" in str(error)
    assert redis.zrange(f"{store.keys.prefix}dead", 0, -1) == [f"{rid}:0:1".encode()]
    assert redis.ttl(f"{store.keys.prefix}dead") > 0


def test_invariant_5_the_next_exchange_takes_back_what_a_dead_worker_held(submit, hand):
    rid = submit(2)
    hand("dead", lease_ms=1).take_one()
    found = hand("alive").exchange(slots=2)
    while not found.taken:
        found = hand("alive").exchange(slots=2)
    assert [(one.rid, one.start) for one in found.taken] == [(rid, 0), (rid, 1)]


def test_invariant_5_the_heartbeat_of_an_idle_worker_takes_it_back_too(
    submit, hand, redis, store, states
):
    rid = submit()
    taken = hand("dead").take_one()
    redis.zadd(f"{store.keys.prefix}lease", {taken.lease: 1}, xx=True)
    redis.delete(store.keys.wake("default"))
    hand("alive").beat()
    assert states(rid) == "p"
    assert redis.exists(store.keys.wake("default"))


def test_invariant_5_the_heartbeat_of_an_idle_worker_queues_what_is_due(submit, hand, redis, store):
    rid = submit(delay_ms=60_000)
    redis.delete(store.keys.wake("default"))
    redis.zadd(f"{store.keys.prefix}sched", {f"{rid}:0:1": 1}, xx=True)
    hand("idle").beat()
    assert redis.exists(store.keys.wake("default"))


def test_only_the_unfinished_members_of_a_lost_slice_go_again(submit, hand, redis, store, states):
    rid = submit(3)
    dead = hand("dead")
    taken = dead.take_one()
    dead.exchange(finished(taken, "S", last=False))
    redis.zadd(f"{store.keys.prefix}lease", {taken.lease: 1}, xx=True)
    assert [one.start for one in hand("alive").take(slots=3)] == [1, 2]
    assert states(rid) == "Sss"


def test_a_lease_says_when_the_next_look_is_needed(submit, hand):
    submit()
    worker = hand("w1", lease_ms=30_000)
    assert worker.exchange(slots=1).due_ms in range(20_000, 30_001)


def test_with_nothing_to_come_no_look_is_needed(worker):
    assert worker.exchange(slots=1).due_ms == -1


# Expiry and Python versions


def test_an_expired_member_is_revoked_when_its_turn_comes(submit, worker, states, redis, store):
    rid = submit(2, expires_ms=60_000)
    redis.hset(store.keys.record(rid), "exp", 1)
    assert worker.take() == []
    assert states(rid) == "RR"
    assert error_words(store, rid) == {"type": "TaskRevoked", "reason": "expired"}


def error_words(store, rid):
    (body,) = store.bodies(rid, [0], b"F")
    return json.loads(body[1:])


def test_a_slice_for_another_python_is_handed_over_to_it(submit, hand, states):
    rid = submit(python="3.99")
    mine, theirs = hand("w1"), hand("w2", python="3.99")
    theirs.beat()
    assert mine.take() == []
    assert states(rid) == "p"
    assert theirs.take_one().rid == rid


def test_a_hand_over_wakes_the_other_python(submit, hand, redis, store):
    submit(python="3.99")
    hand("w2", python="3.99").beat()
    hand("w1").take()
    assert redis.exists(store.keys.wake("default@3.99"))


def test_what_is_left_for_a_python_wakes_its_next_worker(submit, hand, redis, store):
    for _ in range(2):
        submit(python="3.99")
    theirs = hand("w2", python="3.99")
    theirs.beat()
    hand("w1").take(slots=2)
    redis.delete(store.keys.wake("default@3.99"))
    theirs.take(most=1)
    assert redis.exists(store.keys.wake("default@3.99"))


def test_without_a_worker_of_its_python_a_slice_fails(submit, worker, store, states):
    rid = submit(python="3.99")
    worker.beat()
    assert worker.take() == []
    assert states(rid) == "F"
    error = error_of(store, rid)
    assert isinstance(error, VersionMismatch)
    assert error.args == (rid, "3.99", worker.python)


# Wake-ups


def test_a_worker_that_leaves_something_wakes_the_next(submit, worker, redis, store):
    submit(2)
    redis.delete(store.keys.wake("default"))
    worker.take(most=1)
    assert redis.exists(store.keys.wake("default"))


def test_a_worker_that_takes_all_wakes_nobody(submit, worker, redis, store):
    submit(2)
    worker.take()
    assert not redis.exists(store.keys.wake("default"))


def test_a_worker_that_is_not_free_leaves_the_wake_up_to_others(submit, worker, redis, store):
    submit(delay_ms=60_000)
    worker.exchange(slots=0)
    assert redis.exists(store.keys.wake("default"))


def test_a_worker_that_takes_the_wake_up_for_what_is_later_learns_when_to_look(
    submit, worker, redis, store
):
    submit(delay_ms=60_000)
    found = worker.exchange(slots=1)
    assert 59_000 < found.due_ms <= 60_000
    assert not redis.exists(store.keys.wake("default"))


def test_a_queue_that_is_only_revoked_members_is_emptied_without_a_take(submit, worker, store):
    for _ in range(3):
        store.revoke(submit(2), 0, 1, terminate=False)
    for taken in worker.take(slots=8):
        worker.finish(taken)
    assert store.call("EXISTS", store.keys.ready("default")) == 0


# What finishing does to a record


@pytest.mark.parametrize("states_in", [pytest.param(s, id=s) for s in ("SS", "SF", "FF")])
def test_invariant_8_a_finished_record_gets_a_ttl(submit, worker, redis, store, states_in):
    rid = submit(2, keep_ms=5000)
    assert redis.pttl(store.keys.record(rid)) == -1
    worker.finish(worker.take_one(), states_in)
    assert 0 < redis.pttl(store.keys.record(rid)) <= 5000
    assert 0 < redis.pttl(f"{store.keys.prefix}s:{rid}") <= 5000


def test_an_unfinished_record_has_no_ttl(submit, worker, redis, store):
    rid = submit(2)
    worker.exchange(finished(worker.take(most=1)[0], "S"))
    assert redis.pttl(store.keys.record(rid)) == -1


def test_every_state_byte_is_finished_by_the_same_rule_in_lua_and_in_python(submit, store, redis):
    for code in STATES:
        rid = submit()
        redis.set(f"{store.keys.prefix}s:{rid}", bytes([code]))
        assert store.revoke(rid, 0, 1, terminate=False) == int(not is_finished(code))


# Priorities


def test_what_is_more_urgent_is_taken_next_from_the_middle_of_a_backlog(submit, worker):
    backlog = submit(10_000)
    assert worker.take(most=100)[0].stop == 100
    urgent = [submit(priority=priority) for priority in (3, 9, 9)]
    slices = [(one.rid, one.start) for one in worker.take(slots=4, most=1)]
    assert slices == [(urgent[1], 0), (urgent[2], 0), (urgent[0], 0), (backlog, 100)]


def test_what_comes_back_keeps_its_priority(submit, worker):
    low, high = submit(2), submit(priority=5)
    (taken,) = worker.take(most=1)
    assert taken.rid == high
    worker.exchange(["b", taken.lease, 1, high, 0, 1, 0])
    assert [one.rid for one in worker.take()][:2] == [high, low]
