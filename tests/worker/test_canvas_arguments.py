"""Results among arguments, tasks over lists, and canvases with an id, on a real worker."""

import asyncio

import pytest
from patience import wait_until

from nbtasks.canvas import chain, chord, group
from nbtasks.errors import UnknownTask

pytestmark = pytest.mark.usefixtures("shared_worker")


@pytest.fixture(scope="module")
def add(shared_app):
    def add(x, y):
        return x + y

    return shared_app.task(name="add")(add)


@pytest.fixture(scope="module")
def total(shared_app):
    return shared_app.task(name="total")(lambda values, more=0: sum(values) + more)


@pytest.fixture(scope="module")
def same(shared_app):
    return shared_app.task(name="same")(lambda value: value)


@pytest.fixture
def note(shared_app, tmp_path):
    """A task that writes how many arguments it got; `note.read` reads what was written."""
    path = tmp_path / "notes"

    def note(*args):
        with path.open("a") as file:
            file.write(f"{len(args)}\n")

    task = shared_app.task(name="note")(note)
    task.read = lambda: path.read_text().split() if path.exists() else []
    return task


def test_a_task_waits_for_results_among_its_arguments(add, total, same):
    first, second = add.delay(1, 2), add.delay(3, 4)
    assert add.delay(first, second).get(timeout=10) == 10
    assert total.delay([first, second], more=first).get(timeout=10) == 13
    assert total.delay([first, 1, second]).get(timeout=10) == 11
    inside = same.delay({"x": [first, {"y": (second, 1)}]})
    assert inside.get(timeout=10) == {"x": [3, {"y": (7, 1)}]}


def test_a_task_waits_for_a_group_and_for_its_members(add, total):
    members = group(add.s(n, 1) for n in range(10))()
    assert total.delay(members).get(timeout=10) == 55
    assert total.delay(list(members)).get(timeout=10) == 55
    assert total.delay([members[0], members[3]]).get(timeout=10) == 5


def test_a_task_fails_with_the_result_that_it_waits_for(add, shared_app):
    @shared_app.task(name="fail")
    def fail():
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        add.delay(fail.delay(), 1).get(timeout=10)


def test_a_task_may_take_what_another_one_failed_of(add, same):
    failed = add.delay(1, "x")
    result = same.apply_async(([failed, add.delay(1, 2)],), on_upstream="all_done")
    error, value = result.get(timeout=10)
    assert (type(error), value) == (TypeError, 3)
    ignored = same.apply_async((add.delay(1, 2),), on_upstream="one_failed")
    assert (ignored.get(timeout=10), ignored.state) == (None, "IGNORED")


def test_a_diamond_runs_each_task_once(add, note):
    top = chain(note.si(), add.si(1, 2))
    end = top.freeze()
    bottom = group(top, add.s(end, 10), add.s(end, 20))
    assert bottom.delay().get(timeout=10) == [3, 13, 23]
    assert end.get(timeout=10) == 3
    assert note.read() == ["0"]


def test_a_frozen_group_stands_for_its_list(add, total):
    members = group(add.s(1, 2), add.s(3, 4))
    whole = group(members, total.s(members.freeze()))
    assert whole().get(timeout=10) == [3, 7, 10]
    alone = group(add.s(1, 2), add.s(3, 4))
    frozen = alone.freeze()
    last = (alone | total.s()).delay()
    assert (last.get(timeout=10), frozen.get(timeout=10)) == (10, [3, 7])
    assert frozen.completed_count() == 2


def test_what_is_frozen_but_not_sent_is_unknown(add):
    frozen = add.s(1, 2).freeze()
    assert "add(1, 2)" in repr(frozen)
    with pytest.raises(UnknownTask):
        frozen.get(timeout=1)


def test_a_frozen_canvas_that_is_sent_twice_runs_twice(note):
    canvas = chord([note.s(), note.s()], note.s())
    frozen = canvas.freeze()
    first, second = canvas.delay(), canvas.delay()
    assert [first.get(timeout=10), second.get(timeout=10)] == [None, None]
    assert (first.id, second.id != frozen.id) == (frozen.id, True)
    assert sorted(note.read()) == ["0", "0", "0", "0", "1", "1"]


def test_one_task_may_do_many_calls(add, shared_app, total):
    assert shared_app.task(len).map(["a", "bc"]).delay().get(timeout=10) == [1, 2]
    assert add.starmap([(1, 2), (3, 4)]).delay().get(timeout=10) == [3, 7]
    parts = add.chunks(zip(range(7), range(7), strict=True), 3)
    assert parts.delay().get(timeout=10) == [[0, 2, 4], [6, 8, 10], [12]]
    sums = parts.group() | total.map(parts.delay())
    assert sums.delay().get(timeout=10) == [6, 24, 12]


def test_bound_and_async_tasks_go_over_lists_too(shared_app):
    @shared_app.task(bind=True, name="whose")
    def whose(self, x):
        return self.request.id, x

    @shared_app.task(name="later")
    async def later(x):
        await asyncio.sleep(0)
        return x + 1

    result = whose.map([1, 2]).delay()
    assert result.get(timeout=10) == [(result.id, 1), (result.id, 2)]
    assert later.map([1, 2]).delay().get(timeout=10) == [2, 3]


def test_wrong_items_are_named_before_anything_is_sent(add):
    with pytest.raises(TypeError, match=r"task 'add'.*too many positional arguments"):
        add.starmap([(1, 2), (1, 2, 3)]).delay()
    with pytest.raises(TypeError, match=r"task 'add'.*missing a required argument"):
        (add.s(1, 2) | add.chunks([(1,)], 1)).delay()


def test_an_immutable_errback_gets_nothing(add, note):
    with pytest.raises(TypeError):
        add.s(1, "x").on_error(note.si()).on_error(note.s() | note.s()).delay().get(timeout=10)
    wait_until(lambda: sorted(note.read()) == ["0", "1", "3"], "all errbacks have run")
