"""Edges between records: what is ready, what fails, what is not needed, each exactly once."""

import json

import pytest
from canvas_side import Canvas, names, run_all


@pytest.fixture
def canvas(store):
    return Canvas(store)


def failure(canvas, name, index=0):
    body = canvas.store.call("HGET", canvas.store.keys.record(canvas.rid(name)), f"e{index}")
    return json.loads(body[1:])


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


def test_a_task_that_was_submitted_before_is_waited_for_or_is_there(canvas, worker, submit):
    ended, running = submit(), submit()
    for taken in worker.take(slots=2, most=1):
        if taken.rid == ended:
            worker.finish(taken, bodies=[b"early"])
        else:
            late = taken
    canvas.add("a", known=[f"w{ended}", f"w{running}"])
    canvas.send()
    assert canvas.states() == {"a": "w"}
    worker.finish(late, bodies=[b"late"])
    assert worker.take_one().inputs == [[b"S", b"early"], [b"S", b"late"]]


def test_what_waits_for_a_step_and_for_an_earlier_task_waits_for_both(canvas, worker, submit):
    earlier = submit()
    early = worker.take_one()
    canvas.add("a")
    canvas.add("b", "w:a", known=[f"w{earlier}"])
    canvas.send()
    assert run_all(worker, canvas) == ["a"]
    assert canvas.states() == {"a": "S", "b": "w"}
    worker.finish(early, bodies=[b"early"])
    assert worker.take_one().inputs == [[b"S", b"v0"], [b"S", b"early"]]


def test_an_earlier_task_that_has_failed_fails_a_later_step_at_once(canvas, worker, submit):
    earlier = submit()
    worker.finish(worker.take_one(), "F", [b"no"])
    canvas.add("a")
    canvas.add("b", "w:a", known=[f"w{earlier}"])
    canvas.send()
    assert canvas.states() == {"a": "p", "b": "F"}


def test_what_has_failed_before_it_was_sent_counts_once(canvas, worker):
    canvas.add("a", known=["wnobody"])
    canvas.add("x")
    canvas.add("end", "w:a", "w:x", rule="all_done")
    canvas.send()
    assert canvas.states() == {"a": "F", "x": "p", "end": "w"}
    assert run_all(worker, canvas) == ["x", "end"]


def test_a_canvas_that_is_sent_twice_goes_on_as_if_it_were_sent_once(canvas, worker, submit):
    earlier = submit()
    early = worker.take_one()
    canvas.add("a")
    canvas.add("x")
    canvas.add("end", "w:a", "w:x")
    canvas.add("late", known=[f"w{earlier}"])
    canvas.send()
    first, second = worker.take(slots=2)
    worker.finish(first)
    canvas.send()  # as after a lost reply
    assert canvas.states()["end"] == canvas.states()["late"] == "w"
    worker.finish(early)
    worker.finish(second)
    assert sorted(run_all(worker, canvas)) == ["end", "late"]


def test_a_dependency_that_is_not_stored_fails_what_waits_for_it(canvas):
    canvas.add("a", known=["wnobody"])
    canvas.add("b", "w:a")
    canvas.send()
    assert canvas.states() == {"a": "F", "b": "F"}
    assert failure(canvas, "a") == {"type": "UnknownTask", "of": "nobody"}


def test_a_replaced_member_goes_on_with_what_replaced_it(canvas, worker, submit):
    canvas.chain("a", "b")
    canvas.send()
    taken = worker.take_one()
    other = submit()
    worker.exchange(["w", taken.lease, 1, taken.rid, 0, b"go on", f"w{other}"])
    assert canvas.states() == {"a": "w", "b": "w"}
    worker.finish(worker.take_one(), bodies=[b"instead"])
    (again,) = worker.take()
    assert (again.rid, again.bodies) == (taken.rid, [b"go on"])
    assert again.inputs == [[b"S", b"instead"]]
    worker.finish(again)
    assert names(canvas, worker.take()) == ["b"]


def test_a_replacement_that_has_failed_already_fails_the_member(canvas, worker, submit):
    canvas.chain("a", "b")
    canvas.send()
    taken = worker.take_one()
    other = submit()
    worker.finish(worker.take_one(), "F", [b"no"])
    worker.exchange(["w", taken.lease, 1, taken.rid, 0, b"go on", f"w{other}"])
    assert canvas.states() == {"a": "F", "b": "F"}
    assert failure(canvas, "b")["of"] == other


def test_an_errback_is_told_of_the_failure_of_what_replaced_a_task(canvas, worker, submit):
    canvas.chain("a", "b")
    canvas.add("eb", "w:a", "w:b", is_errback=True, rule="one_failed", delivered=0)
    canvas.send()
    taken = worker.take_one()
    other = submit()
    worker.exchange(["w", taken.lease, 1, taken.rid, 0, b"go on", f"w{other}"])
    worker.finish(worker.take_one(), "F", [b"no"])
    (eb,) = worker.take()
    (found,) = eb.inputs
    assert found[:2] == [f"{taken.rid}/0/1".encode(), b"F"]
    assert found[2].endswith(b"\nno")


def test_a_member_whose_replacement_is_ignored_leaves_the_others_alone(canvas, worker, submit):
    canvas.add("a", n=2)
    canvas.send()
    (taken,) = worker.take()
    others = [submit(), submit()]
    for index, other in enumerate(others):
        chunk = ["w", taken.lease, index, taken.rid, index, b"go on", f"w{other}"]
        worker.exchange(chunk)
    for each, state in zip(worker.take(), "IS", strict=True):
        worker.finish(each, state)
    assert [again.start for again in worker.take()] == [1]


def test_what_is_added_to_a_chord_is_waited_for_and_comes_last(canvas, worker, store, submit):
    canvas.add("head", n=2)
    canvas.add("body", "w:head", is_chord=True)
    canvas.send()
    (taken,) = worker.take()
    added = submit()
    for _ in range(2):  # a lost reply
        assert store.run_script("join", taken.rid, 1, 0, f"w{added}", b"note") == 1
    worker.finish(taken)
    assert canvas.states()["body"] == "w"
    worker.finish(worker.take_one(), bodies=[b"more"])
    name = f"+{taken.rid}/1/0".encode()
    assert worker.take_one().inputs == [[b"SS", b"v0", b"v1"], [name, b"note"], [b"S", b"more"]]


def test_a_failed_step_run_again_takes_what_hangs_on_it_along(canvas, worker):
    canvas.add("x")
    canvas.add("a")
    canvas.add("b", "w:a", "w:x")
    canvas.add("c", "w:b")
    canvas.add("eb", "w:c", is_errback=True, rule="one_failed", delivered=0)
    canvas.send()
    run_all(worker, canvas, {"a"})
    assert canvas.states() == {"x": "S", "a": "F", "b": "F", "c": "F", "eb": "I"}
    assert canvas.store.run_script("requeue", "nonce", canvas.rid("c"), 0) == [1]
    assert canvas.states() == {"x": "S", "a": "p", "b": "w", "c": "w", "eb": "w"}
    assert run_all(worker, canvas) == ["a", "b", "c"]
    assert canvas.states() == {"x": "S", "a": "S", "b": "S", "c": "S", "eb": "I"}


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


def test_an_earlier_task_expires_though_what_takes_its_value_has_failed(canvas, worker, submit):
    bad, good = submit(), submit()
    for taken in worker.take(slots=2, most=1):
        worker.finish(taken, "F" if taken.rid == bad else "S")
    canvas.add("a", known=[f"w{bad}", f"w{good}"])
    canvas.send()
    assert canvas.states() == {"a": "F"}
    for rid in (bad, good):
        assert canvas.store.call("PTTL", canvas.store.keys.record(rid)) > 0


def test_what_is_added_to_a_chord_that_has_failed_expires(canvas, worker, store, submit):
    canvas.add("head", n=2)
    canvas.add("body", "w:head", is_chord=True)
    canvas.send()
    (taken,) = worker.take()
    worker.exchange(["f", taken.lease, 0, taken.rid, 0, "F", 5, b"no"])
    added = submit()
    assert store.run_script("join", taken.rid, 1, 0, f"w{added}", b"note") == 1
    worker.finish(worker.take_one())
    assert store.call("PTTL", store.keys.record(added)) > 0


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


def test_revoking_a_replaced_task_revokes_what_runs_in_its_place(canvas, worker, store):
    canvas.chain("a", "b")
    canvas.send()
    other = Canvas(store)
    other.chain("x", "y", "z")
    taken = worker.take_one()
    other.send()
    worker.exchange(["w", taken.lease, 1, taken.rid, 0, b"go on", f"w{other.rid('z')}"])
    running = worker.take_one()
    assert running.rid == other.rid("x")
    assert store.revoke(canvas.rid("a"), 0, 1, terminate=True) == 1
    assert canvas.states() == {"a": "R", "b": "F"}
    assert other.states() == {"x": "R", "y": "R", "z": "R"}
    assert worker.beat(running.lease) == [(b"x", running.lease.encode(), 0, b"SIGKILL")]
