"""Edges between records: what is ready, what fails, what is not needed, each exactly once."""

import pytest
from canvas_side import Canvas, failure, names, run_all
from store_side import finished

from nbtasks.store.dead import run_again


@pytest.fixture
def canvas(store):
    return Canvas(store)


def test_a_chain_runs_step_by_step_and_each_takes_the_value_before_it(canvas, worker):
    canvas.chain("a", "b", "c")
    canvas.send()
    assert canvas.states() == {"a": "p", "b": "w", "c": "w"}
    for name in "abc":
        taken = worker.take_one()
        assert names(canvas, [taken]) == [name]
        assert taken.inputs == (0 if name == "a" else [[b"S", b"v0"]])
        worker.finish(taken)
    assert canvas.states() == dict.fromkeys("abc", "S")


def test_what_a_step_makes_ready_is_taken_in_the_same_exchange(canvas, worker):
    canvas.chain("a", "b")
    canvas.send()
    taken = worker.take_one()
    reply = worker.exchange(["f", taken.lease, 1, taken.rid, 0, "S", 5, b"v"], slots=1)
    assert names(canvas, reply.taken) == ["b"]


@pytest.mark.parametrize("bad", ["a", "b"])
def test_a_failed_step_ends_all_after_it_with_a_pointer_to_it(canvas, worker, bad):
    canvas.chain("a", "b", "c", "d")
    canvas.send()
    run_all(worker, canvas, {bad})
    after = "bcd" if bad == "a" else "cd"
    assert canvas.states() == {name: "S" if name < bad else "F" for name in "abcd"}
    for name in after:
        found = failure(canvas, name)
        assert found == {
            "type": "Dependency", "of": canvas.rid(bad), "rid": canvas.rid(bad), "i": 0, "n": 1,
            "chord": False,
        }  # fmt: skip


def test_a_chord_gets_all_values_in_order_and_only_once_all_are_there(canvas, worker):
    canvas.add("head", n=5)
    canvas.add("body", "w:head", is_chord=True)
    canvas.send()
    first = worker.exchange(slots=1, most=3).taken[0]
    worker.finish(first)
    assert canvas.states()["body"] == "w"
    worker.finish(worker.take_one())
    (body,) = worker.take()
    assert body.inputs == [[b"SSSSS", b"v0", b"v1", b"v2", b"v3", b"v4"]]


def test_a_chord_fails_as_soon_as_one_of_its_header_does(canvas, worker):
    canvas.add("head", n=3)
    canvas.add("body", "w:head", is_chord=True)
    canvas.send()
    (taken,) = worker.take()
    worker.exchange(["f", taken.lease, 0, taken.rid, 1, "F", 5, b"no"])
    assert canvas.states() == {"head": "sFs", "body": "F"}
    assert failure(canvas, "body")["of"] == f"{canvas.rid('head')}-1"
    assert failure(canvas, "body")["chord"] is True
    worker.exchange(["f", taken.lease, 0, taken.rid, 0, "S", 5, b"v"])
    worker.exchange(["f", taken.lease, 1, taken.rid, 2, "F", 5, b"no"])
    assert canvas.states() == {"head": "SFF", "body": "F"}


def test_any_number_of_members_ends_at_once_with_what_they_wait_for(canvas, worker):
    canvas.add("a")
    canvas.add("many", "w:a", n=9000)
    canvas.send()
    run_all(worker, canvas, {"a"})
    assert canvas.states() == {"a": "F", "many": "F" * 9000}


def test_a_revoked_member_fails_the_chord_with_no_worker_there(canvas):
    canvas.add("head", n=3)
    canvas.add("body", "w:head", is_chord=True)
    canvas.add("next", "w:body")
    canvas.send()
    canvas.store.revoke(canvas.rid("head"), 1, 2, terminate=False)
    assert canvas.states() == {"head": "pRp", "body": "F", "next": "F"}
    assert failure(canvas, "next")["chord"] is True


def test_equal_chains_go_on_member_by_member(canvas, worker):
    canvas.add("a", n=4)
    canvas.add("b", "e:a", n=4)
    canvas.add("body", "w:b", is_chord=True)
    canvas.send()
    (taken,) = worker.take()
    worker.exchange(["f", taken.lease, 0, taken.rid, 1, "SS", 5, b"x1", b"x2"])
    (b,) = worker.take()
    assert (b.start, b.bodies, b.inputs) == (1, [b"a1", b"a2"], [[b"SS", b"x1", b"x2"]])
    worker.finish(b)
    worker.exchange(["f", taken.lease, 0, taken.rid, 0, "F", 5, b"no"])
    worker.exchange(["f", taken.lease, 1, taken.rid, 3, "S", 5, b"x3"])
    run_all(worker, canvas)
    assert canvas.states() == {"a": "FSSS", "b": "FSSS", "body": "F"}
    assert failure(canvas, "b")["chord"] is False
    assert failure(canvas, "body") == {**failure(canvas, "b"), "chord": True, "own": True}


def test_a_diamond_runs_its_end_once_with_both_values(canvas, worker):
    canvas.add("top")
    canvas.add("left", "w:top")
    canvas.add("right", "w:top")
    canvas.add("end", "w:left", "w:right")
    canvas.send()
    assert run_all(worker, canvas) == ["top", "left", "right", "end"]


@pytest.mark.parametrize(("bad", "state"), [((), "I"), (("a",), "S"), (("b",), "S")])
def test_an_errback_of_a_chain_runs_once_for_the_step_that_failed(canvas, worker, bad, state):
    canvas.chain("a", "b", "c")
    canvas.add("eb", "w:a", "w:b", "w:c", is_errback=True, rule="one_failed", delivered=0)
    canvas.send()
    order = run_all(worker, canvas, bad)
    assert canvas.states()["eb"] == state
    assert order.count("eb") == len(bad)


def test_an_errback_gets_who_failed_and_how(canvas, worker):
    canvas.add("head", n=2)
    canvas.add("eb", "w:head", is_errback=True, rule="one_failed", delivered=0)
    canvas.send()
    (taken,) = worker.take()
    worker.exchange(["f", taken.lease, 0, taken.rid, 1, "F", 5, b"no"])
    (eb,) = worker.take()
    name = f"{canvas.rid('head')}/1/2".encode()
    assert eb.inputs == [[name, b"F", b"no", canvas.records["head"].header, b"a1"]]


def test_an_errback_of_a_later_step_is_not_told_what_it_inherited(canvas, worker):
    canvas.chain("a", "b")
    canvas.add("eb", "w:b", is_errback=True, rule="one_failed", delivered=0)
    canvas.send()
    assert run_all(worker, canvas, {"a"}) == ["a"]
    assert canvas.states() == {"a": "F", "b": "F", "eb": "I"}


def test_an_errback_behind_a_body_is_not_told_what_that_has_passed_on(canvas, worker):
    canvas.add("head", n=2)
    canvas.add("body", "w:head", is_chord=True)
    canvas.add("next", "w:body")
    canvas.add("eb", "w:next", is_errback=True, rule="one_failed", delivered=0)
    canvas.send()
    assert run_all(worker, canvas, {"head"}) == ["head"]
    assert canvas.states() == {"head": "FF", "body": "F", "next": "F", "eb": "I"}
    assert failure(canvas, "next")["chord"] is True


def test_an_errback_of_a_body_is_told_that_the_header_failed(canvas, worker):
    canvas.add("head", n=2)
    canvas.add("body", "w:head", is_chord=True)
    canvas.add("eb", "w:body", is_errback=True, rule="one_failed", delivered=0)
    canvas.send()
    assert run_all(worker, canvas, {"head"}) == ["head", "eb"]


def test_all_done_runs_with_the_failures_in_place(canvas, worker):
    canvas.add("head", n=2)
    canvas.add("body", "w:head", is_chord=True, rule="all_done")
    canvas.send()
    (taken,) = worker.take()
    worker.finish(taken, "FS", [b"no", b"v1"])
    assert worker.take_one().inputs == [[b"FS", b"no", b"v1"]]


def test_a_failed_step_run_again_takes_what_hangs_on_it_along(canvas, worker):
    canvas.add("x")
    canvas.add("a")
    canvas.add("b", "w:a", "w:x")
    canvas.add("c", "w:b")
    canvas.add("eb", "w:c", is_errback=True, rule="one_failed", delivered=0)
    canvas.send()
    run_all(worker, canvas, {"a"})
    assert canvas.states() == {"x": "S", "a": "F", "b": "F", "c": "F", "eb": "I"}
    assert run_again(canvas.store, canvas.rid("c"), [0]) == (
        [1],
        [(canvas.rid(name), 0, 1) for name in ("a", "b", "eb")],
    )
    assert canvas.states() == {"x": "S", "a": "p", "b": "w", "c": "w", "eb": "w"}
    assert run_all(worker, canvas) == ["a", "b", "c"]
    assert canvas.states() == {"x": "S", "a": "S", "b": "S", "c": "S", "eb": "I"}


def test_members_that_run_again_in_one_request_count_once_each(canvas, worker):
    canvas.add("head", n=2)
    canvas.add("body", "w:head", is_chord=True)
    canvas.send()
    run_all(worker, canvas, {"head"})
    assert run_again(canvas.store, canvas.rid("head"), [0, 1]) == (
        [1, 1],
        [(canvas.rid("body"), 0, 1)],
    )
    assert run_all(worker, canvas) == ["head", "head", "body"]
    assert canvas.states() == {"head": "SS", "body": "S"}


def test_a_node_with_another_failed_source_stays_failed_when_one_runs_again(canvas, worker):
    canvas.add("a")
    canvas.add("x")
    canvas.add("b", "w:a", "w:x")
    canvas.send()
    run_all(worker, canvas, {"a", "x"})
    first = "a" if failure(canvas, "b")["of"] == canvas.rid("a") else "x"
    canvas.store.run_script("requeue", "nonce", canvas.rid(first), 0)
    run_all(worker, canvas)
    assert canvas.states()["b"] == "F"


def test_a_body_with_another_failed_source_stays_failed_as_a_body(canvas, worker):
    canvas.add("head", n=2)
    canvas.add("body", "w:head", is_chord=True)
    canvas.send()
    run_all(worker, canvas, {"head"})
    canvas.store.run_script("requeue", "nonce", canvas.rid("head"), 0)
    run_all(worker, canvas)
    assert canvas.states() == {"head": "SF", "body": "F"}
    assert failure(canvas, "body")["chord"] is True


def test_nothing_is_left_behind_without_an_end(canvas, worker, store):
    canvas.add("a", n=2)
    canvas.add("b", "e:a", n=2)
    canvas.add("body", "w:b", is_chord=True)
    canvas.add("cb", "w:body")
    canvas.add("eb", "w:body", is_errback=True, rule="one_failed", delivered=0)
    canvas.send()
    run_all(worker, canvas)
    for record in canvas.records.values():
        for letter in "rs":
            assert store.call("PTTL", f"{store.keys.prefix}{letter}:{record.rid}") > 0
    assert store.call("PTTL", f"{store.keys.prefix}g:{canvas.root}") > 0
    assert store.call("HLEN", f"{store.keys.prefix}refs") == 0


def test_values_stay_while_somebody_waits_for_them(canvas, worker, store):
    canvas.add("a")
    canvas.add("b", "w:a")
    canvas.send()
    worker.finish(worker.take_one())
    assert store.call("PTTL", store.keys.record(canvas.rid("a"))) == -1
    worker.finish(worker.take_one())
    assert store.call("PTTL", store.keys.record(canvas.rid("a"))) > 0


def test_a_long_chain_that_fails_is_ended_in_several_steps(canvas, worker):
    canvas.chain(*(f"s{at}" for at in range(1300)))
    canvas.send()
    worker.finish(worker.take_one(), "F", [b"no"])
    for _ in range(3):
        worker.exchange()
    assert set(canvas.states().values()) == {"F"}


def test_a_canvas_that_is_refused_leaves_nothing_behind(canvas, store):
    canvas.chain("a", "b")
    canvas.add("bad", "w:b", fields={"rid": canvas.rid("a")}, n=3)
    with pytest.raises(Exception, match="is taken"):
        canvas.send()
    assert canvas.states() == {"a": "", "b": "", "bad": ""}
    assert store.call("HLEN", f"{store.keys.prefix}refs") == 0


def test_what_waits_for_a_task_may_be_gone_when_that_ends(canvas, worker, submit, redis):
    canvas.chain("a", "b")
    canvas.send()
    taken = worker.take_one()
    other = submit()
    worker.exchange(["w", taken.lease, 1, taken.rid, 0, b"go on", f"w{other}"])
    gone = [canvas.rid("a"), canvas.rid("b")]
    for rid in gone:
        redis.delete(canvas.store.keys.record(rid), f"{canvas.store.keys.prefix}s:{rid}")
    worker.finish(worker.take_one())
    assert not any(redis.exists(canvas.store.keys.record(rid)) for rid in gone)


def test_what_is_left_over_wakes_a_worker(canvas, redis, store):
    canvas.chain(*(f"s{at}" for at in range(600)))
    canvas.send()
    redis.delete(store.keys.wake("default"))
    store.revoke(canvas.rid("s0"), 0, 1, terminate=False)
    assert redis.zcard(store.keys.wake("default")) == 1


def test_whoever_takes_the_step_it_made_ready_wakes_nobody(canvas, worker, redis, store):
    canvas.chain("a", "b")
    canvas.send()
    taken = worker.take_one()
    found = worker.exchange(finished(taken, "S"), slots=1)
    assert [one.rid for one in found.taken] == [canvas.rid("b")]
    assert not redis.exists(store.keys.wake("default"))


def test_who_makes_a_step_ready_for_later_while_taking_is_told_when(canvas, worker, redis):
    canvas.add("a", fields={"expires_ms": 60_000})
    canvas.add("b", "w:a", rule="all_done", fields={"delay_ms": 30_000})
    canvas.send()
    redis.hset(canvas.store.keys.record(canvas.rid("a")), "exp", 1)
    found = worker.exchange(slots=1)
    assert (found.taken, canvas.states()) == ([], {"a": "R", "b": "p"})
    assert 29_000 < found.due_ms <= 30_000


def test_who_leaves_steps_over_while_taking_is_told_to_come_again(canvas, worker, redis):
    canvas.chain(*(f"s{at}" for at in range(600)))
    canvas.send()
    redis.hset(canvas.store.keys.record(canvas.rid("s0")), "exp", 1)
    found = worker.exchange(slots=1)
    assert (found.taken, found.due_ms) == ([], 0)
