"""Edges to what is there already: earlier tasks, what replaces one, what is added to a chord."""

import pytest
from canvas_side import Canvas, failure, names, run_all


@pytest.fixture
def canvas(store):
    return Canvas(store)


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


def test_what_was_added_to_a_chord_adds_nothing_itself(canvas, worker, store, submit):
    canvas.add("head")
    canvas.add("body", "w:head", is_chord=True)
    canvas.send()
    taken = worker.take_one()
    added, more = submit(), submit()
    assert store.run_script("join", taken.rid, 0, 0, f"w{added}", b"note") == 1
    assert store.run_script("join", added, 0, 0, f"w{more}", b"note") == 0
    worker.finish(taken)
    for each in worker.take():
        worker.finish(each)
    assert [len(each.inputs) for each in worker.take()] == [3]


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
