"""Results as ids: saved in the store, or as tuples, and made again by another client."""

import asyncio
import json

import pytest

from nbtasks import App, AsyncResult, GroupResult, UnknownTask, result_from_tuple
from nbtasks.result.parts import Lone


@pytest.fixture
def other(app):
    """Another client of the same app."""
    client = App(app.config.name, broker=app.config.url, key=app.config.key)
    yield client
    client.close()


@pytest.fixture
def tasks(app, start_worker):
    """A group of a whole record, a task and a group, after a task; all have run."""
    start_worker("-c", "2")
    before = app.task(lambda: "before").delay()
    before.get(timeout=30)
    square = app.task(lambda x: x * x, name="square")
    inner = GroupResult(app, square.map_async([5, 6]).parts, group_id="inner", parent=before)
    one = square.delay(4)
    parts = [*square.map_async([1, 2, 3]).parts, Lone(one), Lone(inner)]
    group = GroupResult(app, parts, group_id="outer", parent=before)
    group.get(timeout=30)
    return group


def test_a_saved_group_is_restored_by_another_client(tasks, other):
    tasks.save()
    found = other.restore_group("outer")
    assert found.get(timeout=10) == [1, 4, 9, 16, [25, 36]]
    assert (found.id, found.as_tuple()) == ("outer", tasks.as_tuple())
    assert found.parent.get(timeout=10) == "before"
    assert len(found.parts) == len(tasks.parts)
    assert GroupResult.restore("outer", app=other) == found


def test_a_saved_group_goes_when_results_do_or_when_it_is_deleted(tasks, other):
    tasks.save()
    key = other.store.keys.group("outer")
    assert 0 < other.store.call("PTTL", key) <= other.config.result_expires_ms
    assert tasks.delete()
    assert not tasks.delete()
    assert other.restore_group("outer") is None


def test_a_tuple_becomes_a_result_again(tasks, other):
    ids = json.loads(json.dumps(tasks.as_tuple()))
    found = result_from_tuple(ids, app=other)
    assert found.get(timeout=10) == [1, 4, 9, 16, [25, 36]]
    assert found.root.id == tasks.parent.id
    last = result_from_tuple(tasks[0].as_tuple())
    assert last.get(timeout=10) == 1


def test_what_is_not_stored_any_more_is_unknown(tasks, other):
    tasks.save()
    assert tasks.forget()
    found = other.restore_group("outer")
    assert len(found) == 5
    with pytest.raises(UnknownTask):
        found.get(timeout=10)
    with pytest.raises(UnknownTask):
        result_from_tuple((("nobody", None), None), app=other).get()


def test_a_group_is_gone_through_as_its_parts_end(tasks):
    found = {result.id: result.get() for result in tasks.as_completed(timeout=10)}
    assert found[tasks[4].id] == [25, 36]
    assert len(found) == 5
    assert sorted(map(str, tasks.iterate(timeout=10))) == ["1", "16", "4", "9", "[25, 36]"]


async def _completed(group):
    return [result.get() async for result in group.as_completed(timeout=10)]


@pytest.mark.usefixtures("worker")
def test_async_for_goes_through_results_as_they_end(app):
    group = app.map(lambda x: x * x, range(20))
    assert sorted(asyncio.run(_completed(group))) == [x * x for x in range(20)]
    assert asyncio.run(_completed(GroupResult(app, []))) == []


def test_callbacks_get_the_id_and_the_value_of_each(tasks):
    told = []
    tasks.get(callback=lambda task_id, value: told.append((task_id, value)))
    assert [value for _, value in told] == [1, 4, 9, 16, [25, 36]]
    tasks[0].get(callback=lambda task_id, value: told.append((task_id, value)))
    assert told[-1] == (tasks[0].id, 1)


def test_a_task_by_its_id_is_a_canvas_of_its_own(tasks, other):
    found = other.AsyncResult(tasks[0].id)
    assert isinstance(found, AsyncResult)
    assert (found.children, found.parent) == ([], None)
    assert found.canvas.forecast.total == 3
