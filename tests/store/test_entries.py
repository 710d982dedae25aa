"""Schedule entries: each due time is fired once, whoever asks, and its runs are known."""

import pytest
from store_side import MINUTE_MS, make_record

from nbtasks.edges import Edges
from nbtasks.record import new_id
from nbtasks.store.canvases import CanvasRecords
from nbtasks.store.entries import Firing, cancel_runs, fire, look

DUE = 1_000_000
LATER = 2_000_000


@pytest.fixture
def enter(store):
    """Add an entry; its code is stored."""
    store.call("SET", store.keys.code("c0de"), b"code", "PX", MINUTE_MS)

    def run(name="nightly", *, due=DUE, mark="m", program="", failures=0, when="w", stand=""):
        args = (b"body", mark, "{}", due, due, failures, program, when, stand, "c0de")
        return store.run_script("enter", name, *args)

    return run


@pytest.fixture
def ask(hand):
    """Look at what is due: `ask("w2")`."""

    def run(who="w1"):
        one = hand(who)
        return look(one.link, one.store.keys, who, lead_ms=MINUTE_MS, most=100, others_ms=500)

    return run


@pytest.fixture
def go(worker):
    """Fire an entry: what `fire` says, and the run's id."""

    def run(name="nightly", *, kind="r", due=DUE, after=LATER, version="1", rid="", **more):
        rid = rid or new_id()
        if kind in "rnb":
            record = make_record(rid=rid, edges=Edges(root=rid), **more)
            nodes = {"nodes": [{"rid": rid, "n": 1}], "edges": []}
            more = {"run": CanvasRecords(rid, [record], nodes)}
        times = {"due_ms": due, "next_ms": after, "next_at_ms": after}
        firing = Firing(name=name, version=version, kind=kind, **times, **more)
        (said,) = fire(worker.link, worker.store.keys, [firing])
        return said, rid

    return run


@pytest.fixture
def field(store):
    """A field of an entry, as text."""
    return lambda name, key="nightly": (
        store.call("HGET", store.keys.entry(key), name) or b""
    ).decode()


@pytest.fixture
def runs(store):
    """The runs of an entry, by id: kind, number of times, state."""

    def read(name="nightly"):
        items = iter(store.call("HGETALL", store.keys.runs(name)))
        found = {
            key.decode(): text.decode().split() for key, text in zip(items, items, strict=True)
        }
        return {key: (text[2], int(text[3]), text[5]) for key, text in found.items()}

    return read


def names(found):
    return [due.name for due in found.due]


def test_a_due_time_is_fired_once_whoever_fires_it(enter, go, worker, field):
    enter()
    first, rid = go()
    second, _ = go(rid=rid)
    assert (first, second, field("due")) == (1, 0, str(LATER))
    assert worker.take_one().rid == rid
    assert worker.take() == []


def test_who_fires_late_what_another_has_fired_starts_nothing(enter, go, worker):
    enter()
    go()
    worker.finish(worker.take_one())
    assert go()[0] == 0
    assert worker.take() == []


def test_what_was_changed_meanwhile_is_not_fired(enter, go, worker):
    enter()
    assert enter(mark="other") == 1
    assert go(version="1")[0] == 0
    assert worker.take() == []


def test_a_change_that_is_none_leaves_all_as_it_is(enter, go, field):
    enter()
    go()
    assert enter() == 0
    assert field("due") == str(LATER)


def test_other_arguments_leave_the_rhythm_as_it_is(enter, go, field):
    enter()
    go()
    assert enter(mark="other") == 1
    assert field("due") == str(LATER)
    assert enter(mark="third", when="w2") == 1
    assert field("due") == str(DUE)


def test_an_entry_belongs_to_who_has_declared_it(enter):
    enter(program="shop")
    assert enter(mark="other") == b"shop"
    assert enter(mark="other", program="stock") == b"shop"


def test_an_entry_without_its_code_is_not_added(enter, store):
    store.call("UNLINK", store.keys.code("c0de"))
    assert enter() == -1
    assert store.run_script("entries", "nightly")[1:] == []


def test_its_code_stays_as_long_as_the_entry(enter, store):
    enter()
    assert store.call("PTTL", store.keys.code("c0de")) == -1
    assert store.run_script("alter", "nightly", "x") == 1
    assert store.call("PTTL", store.keys.code("c0de")) > 0
    left = [store.keys.entry("nightly"), store.keys.runs("nightly"), f"{store.keys.prefix}due"]
    assert store.call("EXISTS", *left) == 0


def test_who_asks_has_what_is_due_to_himself_for_a_while(enter, ask):
    enter()
    assert names(ask()) == ["nightly"]
    assert names(ask()) == []


def test_the_first_who_asks_is_told_first(enter, ask, store):
    first, second = ask("w1"), ask("w2")
    assert (first.wait_ms, second.wait_ms) == (None, None)
    enter(due=first.now_ms + MINUTE_MS)
    first, second = ask("w1"), ask("w2")
    assert second.wait_ms - first.wait_ms > 400
    # What the leader has left lying is for everybody.
    store.call("ZADD", f"{store.keys.prefix}due", first.now_ms - 2000, "nightly")
    assert names(ask("w2")) == ["nightly"]


def test_the_first_who_asks_after_redis_clock_was_set_back_is_told(ask, store):
    found = ask("w1")
    assert found.back_ms == 0
    store.call("SET", f"{store.keys.prefix}asked", found.now_ms + MINUTE_MS)
    assert MINUTE_MS - 5000 < ask("w1").back_ms <= MINUTE_MS
    assert ask("w2").back_ms == 0


def test_a_time_that_comes_again_is_looked_at_where_nothing_has_changed(enter, go, store, field):
    enter()
    go()
    again = ("b", DUE, DUE, "1")
    assert store.run_script("alter", "nightly", *again, DUE) == 0
    assert store.run_script("alter", "nightly", *again, LATER) == 1
    assert field("due") == str(DUE)


def test_an_entry_is_retimed_by_who_has_read_it_as_it_is(enter, go, store, field):
    enter()
    first = ("w", "1", b"other", "n", "{}", DUE + 5, DUE + 5, "w2")
    assert store.run_script("alter", "nightly", *first) == 1
    assert store.run_script("alter", "nightly", *first) == 0
    assert (field("v"), field("b"), field("due")) == ("2", "other", str(DUE + 5))
    assert go(due=DUE, version="1")[0] == 0


def test_an_entry_that_is_due_earlier_wakes_who_waits(enter, ask, store):
    wakes = store.keys.wake("%beat")
    now = ask().now_ms
    enter(due=now + 2 * MINUTE_MS)
    assert store.call("ZPOPMIN", wakes)
    enter("second", due=now + 3 * MINUTE_MS)
    assert not store.call("ZPOPMIN", wakes)
    enter("third", due=now + MINUTE_MS)
    assert store.call("ZPOPMIN", wakes)


def test_a_run_that_has_not_ended_is_seen(enter, ask, go, worker, store):
    enter()
    go(after=DUE)
    assert [due.is_running for due in ask().due] == [True]
    worker.finish(worker.take_one())
    store.call("ZADD", f"{store.keys.prefix}due", 1, "nightly")
    assert [due.is_running for due in ask().due] == [False]


def test_how_a_run_has_ended_is_remembered(enter, go, worker, runs, field):
    enter()
    _, rid = go()
    assert (runs()[rid], field("on")) == (("r", 1, "-"), "1")
    worker.finish(worker.take_one(), "F", [b"e"])
    assert (runs()[rid], field("on"), field("bad")) == (("r", 1, "F"), "0", "1")


def test_failures_in_a_row_pause_an_entry(enter, go, worker, field, ask):
    enter(failures=2)
    for state, bad in (("F", "1"), ("S", "0"), ("F", "1"), ("F", "2")):
        assert field("off") == ""
        assert go(after=DUE)[0] == 1
        worker.finish(worker.take_one(), state, [b"v"])
        assert field("bad") == bad
    assert field("off") == "2 runs in a row have failed"
    assert names(ask()) == []
    assert go()[0] == 0


def test_what_waits_for_a_run_is_due_when_that_has_ended(enter, go, worker, ask, store):
    enter()
    go(after=DUE)
    assert go(kind="w")[0] == 1
    assert names(ask()) == []
    store.call("UNLINK", store.keys.wake("%beat"))
    worker.finish(worker.take_one())
    assert [(due.name, due.is_buffered) for due in ask().due] == [("nightly", True)]
    assert store.call("ZPOPMIN", store.keys.wake("%beat"))


def test_a_run_that_redis_has_lost_does_not_run(enter, go, ask, store):
    enter()
    _, rid = go(after=DUE)
    store.call("UNLINK", store.keys.canvas(rid), store.keys.record(rid), store.keys.states(rid))
    assert [due.is_running for due in ask().due] == [False]


def test_times_that_are_not_fired_are_one_line(enter, go, runs):
    enter()
    go(kind="s", after=DUE + 3, count=3, last_ms=DUE + 2)
    go(kind="s", due=DUE + 3, after=DUE + 4, count=1, last_ms=DUE + 3)
    go(kind="m", due=DUE + 4, count=1, last_ms=DUE + 4)
    assert sorted(runs().values()) == [("m", 1, "-"), ("s", 4, "-")]


def test_only_the_last_runs_are_remembered(enter, go, runs):
    enter()
    made = [go(after=DUE)[1] for _ in range(101)]
    assert len(runs()) == 100
    assert made[-1] in runs()


def test_a_run_beside_the_schedule_happens_once_and_leaves_it_alone(enter, go, worker, field):
    enter()
    (first, rid), (second, _) = go(kind="b", rid="back1"), go(kind="b", rid="back1")
    assert (first, second, field("due")) == (1, 0, str(DUE))
    assert [taken.rid for taken in worker.take(2)] == [rid]


def test_a_time_that_was_backfilled_before_is_over(enter, go, worker, field):
    enter()
    go(kind="b", rid="back2")
    assert go(rid="back2")[0] == 1
    assert field("due") == str(LATER)
    assert len(worker.take(2)) == 1


def test_a_full_queue_leaves_it_due(enter, go, submit, field):
    enter()
    submit(2)
    said, _ = go(max_queued=2)
    assert "no room" in str(said)
    assert field("due") == str(DUE)


def test_a_paused_entry_is_not_due_before_it_is_resumed(enter, ask, go, store):
    enter()
    store.run_script("alter", "nightly", "p", "by hand")
    assert names(ask()) == []
    assert go()[0] == 0
    store.run_script("alter", "nightly", "r", DUE, DUE)
    assert names(ask()) == ["nightly"]


def test_an_entry_that_is_changed_stays_paused(enter, ask, store, field):
    enter()
    store.run_script("alter", "nightly", "p", "by hand")
    enter(mark="other", when="w2")
    assert field("off") == "by hand"
    assert names(ask()) == []


def test_an_entry_that_ends_is_not_due_again(enter, ask, go, field):
    enter()
    assert go(after=None)[0] == 1
    assert field("due") == ""
    assert names(ask()) == []
    assert ask().wait_ms is None


def test_the_runs_of_an_entry_can_be_ended(enter, go, worker, states, runs):
    enter()
    _, rid = go()
    worker.take_one()
    cancel_runs(worker.link, worker.store.keys, "nightly", DUE)
    assert states(rid) == "s"
    cancel_runs(worker.link, worker.store.keys, "nightly", DUE + 1)
    assert states(rid) == "R"
    assert runs()[rid] == ("r", 1, "R")


def test_a_member_that_runs_again_ends_its_run_once_more(enter, go, worker, runs, field):
    enter()
    _, rid = go()
    worker.finish(worker.take_one(), "F", [b"e"])
    worker.store.run_script("requeue", "nonce", rid, 0)
    worker.finish(worker.take_one())
    assert (runs()[rid], field("on"), field("bad")) == (("r", 1, "S"), "0", "0")


def declared(store, *names, version=0, born=""):
    return store.run_script("declare", "shop", version, born, *names)


def test_what_a_program_no_longer_declares_is_named(enter, store):
    enter("a", program="shop")
    enter("b", program="shop")
    enter("c")
    assert declared(store, "a")[1:] == [b"b"]


def test_a_version_of_a_program_that_counts_no_more_changes_nothing(enter, store, field):
    (old,) = declared(store, "a")
    assert enter("a", program="shop", stand=f"0 {old}") == 1
    declared(store, "a", version=1)
    assert enter("a", program="shop", stand=f"0 {old}", mark="older") == 0
    assert field("mk", "a") == "m"


def test_of_two_versions_of_a_program_the_one_started_last_counts(store):
    old, *_ = declared(store, "a")
    assert declared(store, "a", born=old + 1) == [old + 1]
    assert declared(store, "a", born=old) == [-1]
    assert declared(store, "a", born=old, version=1) == [old]
    assert declared(store, "a", born=old + 2) == [-1]
