"""revoke, watch, forget, extend, order, report: what clients and heartbeats ask of the store."""

import json

import pytest
from store_side import finished

from nbtasks.app import App
from nbtasks.errors import UnknownTask
from nbtasks.record import Dropped
from nbtasks.store.fleet import live_workers

LOG_LIMIT = 1_000_000


# revoke


def test_invariant_7_a_revoke_holds_with_no_worker_running(submit, store, states, hand):
    rid = submit(3)
    assert store.revoke(rid, 0, 3, terminate=False) == 3
    assert states(rid) == "RRR"
    assert hand("later").take(slots=3) == []


def test_a_revoked_record_leaves_nothing_in_its_queue(submit, store):
    store.revoke(submit(3), 0, 3, terminate=False)
    assert store.call("ZCARD", store.keys.ready("default")) == 0


def test_a_group_that_was_partly_taken_leaves_nothing_in_its_queue(submit, store, worker):
    rid = submit(5)
    worker.take(most=2)
    store.revoke(rid, 0, 5, terminate=False)
    assert store.call("ZCARD", store.keys.ready("default")) == 0


def test_members_that_travel_alone_leave_nothing_in_their_queue(submit, store, worker, redis):
    rid = submit(4)
    taken = worker.take_one()
    worker.exchange(
        ["r", taken.lease, 0, rid, 0, 60_000, b"error"],
        ["d", taken.lease, 0, rid, 1, "signal 9"],
        ["d", taken.lease, 0, rid, 2, "signal 9"],
        ["b", taken.lease, 1, rid, 3, 4, 0],
    )
    store.revoke(rid, 0, 4, terminate=False)
    assert store.call("ZCARD", store.keys.ready("default")) == 0
    assert not redis.exists(f"{store.keys.prefix}sched")


def test_what_was_handed_over_to_another_python_leaves_nothing_when_revoked(
    submit, store, hand, redis
):
    rid = submit(python="3.99")
    hand("w2", python="3.99").beat()
    hand("w1").take()
    store.revoke(rid, 0, 1, terminate=False)
    assert not redis.exists(store.keys.ready("default@3.99"))


def test_a_revoked_countdown_leaves_nothing_in_the_schedule(submit, store, redis):
    store.revoke(submit(delay_ms=60_000), 0, 1, terminate=False)
    assert not redis.exists(f"{store.keys.prefix}sched")


def test_a_revoke_of_a_running_member_drops_its_value(submit, store, worker, states):
    rid = submit()
    taken = worker.take_one()
    assert store.revoke(rid, 0, 1, terminate=False) == 1
    worker.finish(taken, "S", [b"late"])
    assert states(rid) == "R"
    assert store.bodies(rid, [0], b"R") == [None]


def test_what_waits_is_revoked_and_what_runs_goes_on(submit, store, worker, states):
    rid = submit(5)
    worker.exchange(finished(worker.take(most=1)[0], "S"))
    (runs,) = worker.take(most=1)
    assert store.revoke_waiting(rid, 0, 5) == 3
    assert states(rid) == "SsRRR"
    worker.finish(runs, "S", [b"kept"])
    assert states(rid) == "SSRRR"
    assert store.call("ZCARD", store.keys.ready("default")) == 0


def test_a_finished_member_cannot_be_revoked(submit, store, worker, states):
    rid = submit(2)
    worker.exchange(finished(worker.take(most=1)[0], "S"))
    assert store.revoke(rid, 0, 2, terminate=True) == 1
    assert states(rid) == "SR"


def test_a_revoke_of_many_members_goes_in_batches(submit, store, states):
    rid = submit(2500)
    assert store.revoke(rid, 0, 2500, terminate=True) == 2500
    assert states(rid) == "R" * 2500
    assert store.call("ZCARD", store.keys.ready("default")) == 0


def test_a_revoke_of_an_unknown_record_says_so(store):
    with pytest.raises(UnknownTask, match="no task 'nope' is stored"):
        store.revoke("nope", 0, 1, terminate=False)


def test_invariant_3_every_member_ends_whatever_happens_to_the_others(
    submit, store, hand, states, redis
):
    rid = submit(5, max_deliveries=1)
    worker = hand("w1")
    taken = worker.take_one()
    store.revoke(rid, 2, 3, terminate=False)
    worker.exchange(
        ["f", taken.lease, 0, rid, 0, "SF", 10, b"value", b"error"],
        ["f", taken.lease, 0, rid, 2, "S", 10, b"late"],
        ["r", taken.lease, 0, rid, 3, 0, b"error"],
        ["d", taken.lease, 1, rid, 4, "signal 9"],
    )
    again = worker.take_one()
    assert states(rid) == "SFRsF"
    worker.finish(again)
    assert states(rid) == "SFRSF"
    assert redis.hget(store.keys.record(rid), "left") == b"0"


# watch and forget


def test_invariant_4_an_unknown_record_is_unknown_and_not_waiting(store):
    assert store.watch("nope") is None


def test_a_watch_gives_what_is_known(submit, store, worker):
    rid = submit(2, queue="default")
    worker.exchange(finished(worker.take(most=1)[0], "S"))
    snapshot = store.watch(rid)
    assert (snapshot.queue, snapshot.states) == ("default", b"Sp")
    assert snapshot.submitted_ms > 0
    assert b'"task":"fit"' in snapshot.header


def test_who_watches_gets_the_events_from_then_on(submit, store, worker, events, redis):
    rid = submit()
    redis.hset(store.keys.record(rid), "c", "somebody")
    store.watch(rid)
    store.watch(rid)
    worker.finish(worker.take_one(), "S", [b"value"])
    for client in ("somebody", store.client):
        ((kind, *item),) = events(client)
        assert (kind, item[0], item[2], item[-1]) == (b"f", rid.encode(), b"S", b"value")


def test_a_finished_record_can_be_forgotten(submit, store, worker, redis):
    rid = submit(2)
    taken = worker.take_one()
    worker.report("o", taken, "1text")
    worker.finish(taken)
    assert store.forget(rid)
    assert not list(redis.scan_iter(f"{store.keys.prefix}*{rid}*"))


def test_an_unfinished_record_cannot_be_forgotten(submit, store, states):
    rid = submit(2)
    store.revoke(rid, 0, 1, terminate=False)
    assert not store.forget(rid)
    assert states(rid) == "Rp"


def test_what_is_not_stored_counts_as_forgotten(store):
    assert store.forget("nope")


# extend


def test_a_heartbeat_renews_the_leases(submit, hand, redis, store):
    submit()
    worker = hand("w1", lease_ms=1000)
    taken = worker.take_one()
    before = redis.zscore(f"{store.keys.prefix}lease", taken.lease)
    worker.lease_ms = 60_000
    assert worker.beat(taken.lease) == []
    assert redis.zscore(f"{store.keys.prefix}lease", taken.lease) > before + 50_000


def test_a_heartbeat_is_told_what_it_no_longer_holds(submit, worker, redis, store):
    submit()
    taken = worker.take_one()
    redis.zrem(f"{store.keys.prefix}lease", taken.lease)
    assert worker.beat(taken.lease) == [(b"l", taken.lease.encode())]
    assert not redis.exists(f"{store.keys.prefix}lease")


def test_a_heartbeat_is_told_what_to_kill(submit, worker, store):
    rid = submit(3)
    taken = worker.take_one()
    store.revoke(rid, 1, 2, terminate=True)
    assert worker.beat(taken.lease) == [(b"x", taken.lease.encode(), 1, b"SIGKILL")]


def test_a_heartbeat_whose_answer_was_lost_is_told_again(submit, worker, store):
    rid = submit()
    taken = worker.take_one()
    store.revoke(rid, 0, 1, terminate=True)
    assert worker.beat(taken.lease) == worker.beat(taken.lease) != []


def test_a_revoke_without_terminate_kills_nothing(submit, worker, store):
    rid = submit()
    taken = worker.take_one()
    store.revoke(rid, 0, 1, terminate=False)
    assert worker.beat(taken.lease) == []


def test_a_revoke_with_terminate_wakes_the_workers(submit, hand, store, redis):
    rid = submit()
    worker = hand("w7")
    worker.beat()
    worker.take_one()
    store.revoke(rid, 0, 1, terminate=True)
    assert redis.exists(store.keys.wake("@w7"))


def test_a_heartbeat_shows_the_worker(hand, store):
    hand("w2", queues=["gpu", "cpu"], python="3.12").beat()
    hand("w1").beat()
    first, second = live_workers(store)
    assert first.name == "w1"
    assert (second.name, second.queues, second.python) == ("w2", ("gpu", "cpu"), "3.12")


def test_a_worker_whose_heartbeat_is_overdue_is_not_shown(hand, store, redis):
    hand("w1").beat()
    redis.zadd(store.keys.fleet, {"w1": 1})
    assert live_workers(store) == []


def test_a_worker_with_a_name_that_none_can_have_hides_no_other(hand, store, redis):
    hand("w1").beat()
    redis.hset(store.keys.worker("a b"), mapping=redis.hgetall(store.keys.worker("w1")))
    redis.zadd(store.keys.fleet, {"a b": 10**15})
    redis.expire(store.keys.worker("a b"), 60)
    assert [worker.takes("elsewhere") for worker in live_workers(store)] == [False, False]


# report


def test_invariant_2_a_report_without_the_lease_is_dropped(submit, worker, store, events):
    submit()
    taken = worker.take_one()
    taken.lease = taken.lease[:-16] + "0" * 16
    for kind, data in (("s", 25), ("p", b"[1,2]"), ("o", b"1text")):
        assert worker.report(kind, taken, data) == 1
    assert events() == []
    assert store.log(taken.rid, 0) == []


def test_reports_reach_the_client_in_order(submit, worker, events):
    rid = submit(2)
    taken = worker.take_one()
    worker.report("s", taken, 25, index=1)
    worker.report("p", taken, b'[1,2,""]', index=1)
    worker.report("o", taken, b"1text", index=1)
    kinds = [(item[0], item[1], item[2]) for item in events()]
    assert kinds == [(kind, rid.encode(), b"1") for kind in (b"s", b"p", b"o")]
    assert events()[0][3] == worker.name.encode()


def test_who_comes_late_hears_a_state_that_was_said_before_where_it_runs(
    submit, worker, store, server
):
    rid = submit()
    worker.report("p", worker.take_one(), json.dumps([1, 4, "", "UPLOADING", {"a": 1}]))
    app = App(store.keys.prefix.split("{")[1].split("}")[0], broker=server.url, key="k" * 32)
    found = app.AsyncResult(rid)
    assert (found.state, found.info) == ("UPLOADING", {"a": 1})
    app.close()


def test_a_log_keeps_its_parts_and_their_streams(submit, worker, store):
    submit()
    taken = worker.take_one()
    for part in ("1out ", "2err ", "vvalue"):
        worker.report("o", taken, part)
    assert [(part.stream, part.text) for part in store.log(taken.rid, 0)] == [
        ("stdout", "out "),
        ("stderr", "err "),
        ("value", "value"),
    ]


def test_a_log_keeps_its_newest_half_when_it_is_full(submit, worker, store):
    submit()
    taken = worker.take_one()
    for i in range(11):
        worker.report("o", taken, f"1{i:03}" + "x" * (LOG_LIMIT // 10))
    dropped, first, *_, last = parts = store.log(taken.rid, 0)
    assert last.text.startswith("010x")
    assert first.text.startswith("006x")
    assert sum(len(part.text) for part in parts) < LOG_LIMIT
    assert (dropped.stream, dropped.text) == ("dropped", f"0 0 {6 * (LOG_LIMIT // 10 + 5)}")


def test_a_log_that_is_full_again_says_how_much_was_dropped_in_all(submit, worker, store):
    submit()
    taken = worker.take_one()
    for i in range(50):
        worker.report("o", taken, f"1{i:03}" + "x" * (LOG_LIMIT // 10))
    dropped, *parts = store.log(taken.rid, 0)
    kept = sum(len(part.text) + 2 for part in parts)
    told = Dropped.read(dropped.text).size
    assert told + kept == pytest.approx(50 * (LOG_LIMIT // 10 + 5), abs=200)


def test_a_display_is_kept_whole_or_not_at_all(submit, worker, store):
    submit()
    taken = worker.take_one()
    for size in (LOG_LIMIT // 3, LOG_LIMIT // 5, LOG_LIMIT * 3 // 5):
        worker.report("o", taken, "d" + "x" * size + "end")
    dropped, last = store.log(taken.rid, 0)
    assert (dropped.stream, last.stream) == ("dropped", "display")
    assert len(last.text) == LOG_LIMIT * 3 // 5 + 3


def test_one_huge_part_keeps_its_end_and_its_stream(submit, worker, store):
    submit()
    taken = worker.take_one()
    worker.report("o", taken, "2" + "v" * (2 * LOG_LIMIT) + "end")
    dropped, part = store.log(taken.rid, 0)
    assert dropped.stream == "dropped"
    assert part.stream == "stderr"
    assert part.text.endswith("vend")
    assert len(part.text) == LOG_LIMIT // 2


def test_a_log_has_a_ttl(submit, worker, store, redis):
    submit()
    taken = worker.take_one()
    worker.report("o", taken, "1text")
    assert redis.ttl(store.keys.log(taken.rid, 0)) > 0


# Events


def test_what_finishes_together_is_one_entry(submit, worker, store):
    submit(3)
    submit(2)
    taken = worker.take(slots=2)
    worker.exchange(*[finished(one, "S" * len(one.bodies)) for one in taken])
    assert store.call("XLEN", store.keys.events(store.client)) == 1


def test_a_final_event_carries_states_worker_time_and_small_values(submit, worker, events):
    rid = submit(3)
    worker.finish(worker.take_one(), "SFS", [b"v0", b"e1", b"x" * 5000])
    ((kind, *item),) = events()
    assert kind == b"f"
    assert item[:4] == [rid.encode(), b"0", b"SFS", b""] or item[3] == worker.name.encode()
    assert int(item[4]) > 1_600_000_000_000
    assert item[5:] == [b"v0", b"e1", b""]


def test_a_client_far_behind_gets_states_without_values(submit, worker, store, events):
    store._try(
        lambda link: [
            link.call("XADD", store.keys.events(store.client), "*", "", "") for _ in range(1000)
        ]
    )
    submit()
    worker.finish(worker.take_one())
    assert events()[-1][-1] == b""


def test_an_event_stream_has_a_ttl(submit, worker, store):
    submit()
    worker.finish(worker.take_one())
    assert store.call("TTL", store.keys.events(store.client)) > 0


def test_a_very_long_change_is_cut_into_several_entries(submit, store, worker, events):
    rids = [submit(2000) for _ in range(4)]
    taken = worker.take(slots=4, budget_us=10**9, most=2000)
    worker.exchange(*[finished(one, "S" * 2000, [b"v"] * 2000) for one in taken])
    assert store.call("XLEN", store.keys.events(store.client)) == 2
    assert [item[1].decode() for item in events()] == rids


def test_closing_a_store_drops_its_events(submit, worker, store, redis):
    submit()
    worker.finish(worker.take_one())
    key = store.keys.events(store.client)
    assert redis.exists(key)
    store.close()
    assert not redis.exists(key)


# Keys


def test_invariant_8_nothing_without_ttl_is_left_when_all_has_ended(submit, store, hand, redis):
    worker = hand("w1")
    worker.beat()
    ended, revoked, lost = submit(3), submit(2, delay_ms=60_000), submit(max_deliveries=1)
    for taken in worker.take(slots=9):
        worker.report("o", taken, "1text")
        if taken.rid == lost:
            worker.exchange(["d", taken.lease, 1, lost, 0, "signal 9"])
        else:
            worker.finish(taken)
    store.revoke(revoked, 0, 2, terminate=True)
    left = {key: redis.ttl(key) for key in redis.scan_iter(f"{store.keys.prefix}*")}
    assert len(left) > 10
    assert {key for key, ttl in left.items() if ttl < 0} == set()
    assert store.watch(ended).states == b"SSS"


def test_invariant_9_every_key_of_an_app_is_in_one_slot(submit, store, worker, redis):
    submit(delay_ms=60_000)
    submit()
    worker.beat()
    worker.report("o", worker.take_one(), "1text")
    tag = store.keys.prefix[store.keys.prefix.index("{") : store.keys.prefix.index("}") + 1]
    keys = list(redis.scan_iter(f"*{store.keys.app}*"))
    assert len(keys) > 6
    assert all(tag.encode() in key for key in keys)


# order


def test_an_order_comes_with_the_next_heartbeat_and_wakes_for_it(store, worker):
    store.run_script("order", worker.name, "q c ! 00")
    store.run_script("order", worker.name, "q c ! 00")
    assert store.call("EXISTS", store.keys.wake(f"@{worker.name}"))
    assert worker.beat() == [(b"q", b"q c ! 00")]
    assert worker.beat() == []


def test_an_order_that_a_worker_did_not_hear_in_time_is_dropped(store, worker):
    key = f"{store.keys.prefix}ask:{worker.name}"
    store.call("ZADD", key, store.now_ms() - 11_000, "q c ! 00")
    store.run_script("order", worker.name, "q c ! 01")
    assert worker.beat() == [(b"q", b"q c ! 01")]
    assert not store.call("EXISTS", key)


def test_an_answer_is_an_event_for_who_has_asked(store, worker):
    worker.script("answer", store.client, "q", b"signed")
    ((_, fields),) = store.call("XRANGE", store.keys.events(store.client), "-", "+")
    assert fields[:6] == [b"k", b"4", b"", b"0", b"q", b"signed"]
