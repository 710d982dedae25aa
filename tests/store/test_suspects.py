"""Who is blamed when a process or a worker dies, and when leases are taken back."""

import json

import pytest
from store_side import finished

LEASE_MS = 60_000


@pytest.fixture
def lose(redis, store):
    """Let the lease of something taken run out, as if its worker had died."""
    return lambda *taken: redis.zadd(
        f"{store.keys.prefix}lease", {one.lease: 1 for one in taken}, xx=True
    )


@pytest.fixture
def deaths(redis, store):
    """How many deaths a member of a record has on its account; None: it was never lost."""

    def count(rid, index=0):
        found = redis.hget(store.keys.record(rid), f"d{index}")
        return None if found is None else int(found)

    return count


def die(worker, rid, times):
    """The process of a record's only member dies so often."""
    for _ in range(times):
        worker.exchange(["d", worker.take_one().lease, 1, rid, 0, "signal 9"])


def test_what_was_not_seen_to_run_is_not_counted_five_times(submit, hand, lose, deaths):
    rid = submit()
    counts = []
    for _ in range(7):
        lose(hand("dead").take_one())
        hand("alive").exchange()
        counts.append(deaths(rid))
    assert counts == [0, 0, 0, 0, 0, 1, 2]


def test_what_was_seen_to_run_is_counted(submit, hand, lose, deaths):
    rid = submit(3)
    dead = hand("dead")
    taken = dead.take_one()
    dead.report("s", taken, 25, 1)
    lose(taken)
    hand("alive").take(slots=3)
    assert [deaths(rid, i) for i in range(3)] == [0, 1, 0]


def test_a_member_that_waits_again_is_no_longer_seen_to_run(submit, hand, lose, deaths):
    rid = submit(2)
    worker = hand("w1")
    taken = worker.take_one()
    worker.report("s", taken, 25, 0)
    worker.exchange(["b", taken.lease, 1, rid, 0, 2, 0])
    lose(worker.take_one())
    hand("alive").take(slots=2)
    assert [deaths(rid, i) for i in range(2)] == [0, 0]


def test_at_most_once_gives_up_whatever_may_have_run(submit, hand, lose, states):
    rid = submit(3, max_deliveries=1)
    lose(hand("dead").take_one())
    hand("alive").take()
    assert states(rid) == "FFF"


def test_who_has_one_life_left_goes_to_a_worker_that_holds_no_other(submit, hand):
    rids = [submit(queue="one"), submit(queue="two")]
    for rid, queue in zip(rids, ("one", "two"), strict=True):
        die(hand(queues=[queue]), rid, 2)
    other = submit(queue="two")
    worker = hand(queues=["one", "two"])
    first = worker.take(slots=3)
    assert [(one.rid, one.is_suspect) for one in first] == [(rids[0], 1), (other, 0)]
    assert worker.take(slots=3, suspects=False) == []
    assert [one.rid for one in worker.take(slots=3)] == [rids[1]]


def test_its_neighbours_are_not_blamed_for_the_worker_that_died_with_it(
    submit, hand, lose, deaths, worker
):
    pill = submit()
    die(worker, pill, 2)
    neighbour = submit()
    dead = hand("dead")
    taken = dead.take(slots=2)
    for one in taken:
        dead.report("s", one, 25)
    lose(*taken)
    hand("alive").take(slots=2)
    assert (deaths(pill), deaths(neighbour)) == (3, 0)


def test_that_holds_too_where_their_leases_end_one_after_the_other(
    submit, hand, lose, deaths, worker
):
    pill = submit()
    die(worker, pill, 2)
    neighbour = submit()
    dead = hand("dead")
    for one in dead.take(slots=2):
        dead.report("s", one, 25)
        lose(one)
        hand("alive").exchange()
    assert (deaths(pill), deaths(neighbour)) == (3, 0)


def test_a_neighbour_of_what_has_ended_well_is_counted(submit, hand, lose, deaths, worker):
    saved = submit()
    die(worker, saved, 2)
    neighbour = submit()
    dead = hand("dead")
    last_chance, other = dead.take(slots=2)
    dead.finish(last_chance)
    dead.report("s", other, 25)
    lose(other)
    hand("alive").take()
    assert deaths(neighbour) == 1


def test_a_revoked_member_with_one_life_left_leaves_nothing_in_its_queue(
    submit, worker, store, redis
):
    rid = submit()
    die(worker, rid, 2)
    store.revoke(rid, 0, 1, terminate=False)
    assert not list(redis.scan_iter(f"{store.keys.prefix}ready:*"))


def test_what_was_given_back_is_no_longer_the_first_worker_s_to_lose(submit, hand, lose, states):
    rid = submit(3, max_deliveries=1)
    dead, alive = hand("dead"), hand("alive")
    taken = dead.take_one()
    dead.exchange(["b", taken.lease, 0, rid, 2, 3, 0])
    other = alive.take_one()
    lose(taken)
    assert alive.take() == []
    assert states(rid) == "FFs"
    assert alive.finish(other) == 0
    assert states(rid) == "FFS"


# Gaps


def test_after_a_gap_live_workers_have_the_time_of_a_heartbeat(submit, hand, lose, redis, store):
    submit()
    worker = hand(lease_ms=LEASE_MS)
    taken = worker.take_one()
    lose(taken)
    redis.set(f"{store.keys.prefix}beat", 1)
    reply = worker.exchange(slots=1)
    assert reply.taken == []
    assert reply.due_ms in range(LEASE_MS // 4, LEASE_MS // 3 + 1)
    worker.beat(taken.lease)
    assert worker.exchange(slots=1).taken == []
    assert worker.finish(taken) == 0


def test_when_that_is_over_what_nobody_renewed_is_taken_back(submit, hand, lose, redis, store):
    rid = submit()
    lose(hand("dead").take_one())
    redis.set(f"{store.keys.prefix}beat", 1)
    alive = hand("alive")
    assert alive.take() == []
    redis.delete(f"{store.keys.prefix}grace")
    assert alive.take_one().rid == rid


def test_the_first_heartbeat_after_a_gap_gives_the_others_time_too(
    submit, hand, lose, redis, store
):
    submit()
    lose(hand("alive too").take_one())
    redis.set(f"{store.keys.prefix}beat", 1)
    first = hand("first")
    first.beat()
    assert first.take() == []


def test_a_clock_that_was_set_back_does_not_keep_leases_for_as_long(submit, hand, redis, store):
    submit()
    taken = hand("dead", lease_ms=LEASE_MS).take_one()
    seconds, _ = redis.time()
    lease, beat = f"{store.keys.prefix}lease", f"{store.keys.prefix}beat"
    redis.zadd(lease, {taken.lease: (seconds + 3600) * 1000}, xx=True)
    redis.set(beat, (seconds + 3600) * 1000)
    hand("alive", lease_ms=LEASE_MS).beat()
    assert redis.zscore(lease, taken.lease) <= (seconds + 2) * 1000 + LEASE_MS


# What comes again after a lost reply


@pytest.mark.parametrize("kind", ["r", "b", "d"])
def test_a_hand_in_that_comes_again_counts_once(submit, hand, states, kind):
    rid = submit(2)
    worker = hand()
    taken = worker.take_one()
    head = [kind, taken.lease, 0, rid, 0]
    chunk = {"r": [0, b"error"], "b": [1, 0], "d": ["signal 9"]}[kind]
    worker.exchange([*head, *chunk], hand_in="first")
    other = hand("other")
    again = other.take_one()
    assert (again.start, again.stop) == (0, 1)
    worker.exchange([*head, *chunk], hand_in="first")
    assert states(rid) == "ss"
    assert other.take() == []


def test_the_next_hand_in_counts(submit, worker, states):
    rid = submit(2)
    taken = worker.take_one()
    worker.exchange(["b", taken.lease, 0, rid, 1, 2, 0], hand_in="first")
    worker.exchange(finished(taken, "S"), hand_in="second")
    assert states(rid) == "Sp"


def test_a_report_that_comes_again_is_not_written_twice(submit, worker, store):
    rid = submit()
    taken = worker.take_one()
    item = ["o", taken.lease, rid, 0, "1once"]
    for _ in range(2):
        worker.script("report", worker.name, "first", *item)
    assert [part.text for part in store.log(rid, 0)] == ["once"]


def test_the_error_of_a_member_that_was_given_up_says_what_was_seen(
    submit, hand, lose, store, redis
):
    rid = submit()
    worker = hand()
    die(worker, rid, 2)
    taken = worker.take_one()
    worker.report("s", taken, 25)
    lose(taken)
    hand("alive").exchange()
    body = redis.hget(store.keys.record(rid), "e0")
    assert json.loads(body[1:])["deaths"] == 3
