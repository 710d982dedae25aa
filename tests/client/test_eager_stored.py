"""What ran in a client's own process, and is stored as if workers had run it."""

from contextlib import closing

import pytest
from workers import KEY

import nbtasks
from nbtasks.app import App
from nbtasks.errors import ChordError, StoreRefused
from nbtasks.result import EagerResult


@pytest.fixture
def eager(app):
    """An app of the same name whose tasks run here; `app` is another client."""
    settings = {"task_always_eager": True, "task_store_eager_result": True}
    with closing(App(app.config.name, broker=app.config.url, key=KEY, **settings)) as eager:
        yield eager


@pytest.fixture
def add(eager):
    return eager.task(name="add")(lambda x, y: x + y)


@pytest.fixture
def fail(eager):
    @eager.task(name="fail")
    def fail(*args):
        raise ValueError(*args)

    return fail


def test_another_client_finds_the_value(app, add):
    result = add.delay(1, 2)
    assert isinstance(result, EagerResult)
    found = app.AsyncResult(result.id)
    assert not isinstance(found, EagerResult)
    assert (found.name, found.state, found.get(timeout=10)) == ("add", "SUCCESS", 3)


def test_a_group_is_stored_with_all_its_members(app, add):
    result = nbtasks.group(add.s(i, i) for i in range(5000)).delay()
    found = [app.AsyncResult(result[at].id) for at in (0, 1, 2500, 4999)]
    assert [each.get(timeout=10) for each in found] == [0, 2, 5000, 9998]


def test_errors_are_stored_and_what_they_have_kept_from_running(app, add, fail):
    result = nbtasks.chord([add.s(1, 1), fail.s("no")], add.s(1)).delay()
    header, body = app.AsyncResult(result.parent[1].id), app.AsyncResult(result.id)
    with pytest.raises(ValueError, match="no") as caught:
        header.get(timeout=10)
    assert caught.value.__notes__
    assert "raise ValueError" in header.traceback
    with pytest.raises(ValueError, match="no"):
        body.get(timeout=10)
    assert isinstance(body.result, ChordError)


def test_what_was_not_needed_is_stored_as_that(app, add, fail):
    result = (add.s(1, 2) | fail.s().set(on_upstream="one_failed")).delay()
    found = app.AsyncResult(result.id)
    assert (found.state, found.get(timeout=10)) == ("IGNORED", None)


def test_it_cannot_be_queued_again(app, fail):
    found = app.AsyncResult(fail.delay("no").id)
    with pytest.raises(StoreRefused):
        found.requeue()


def test_it_can_be_forgotten(app, add):
    result = add.delay(1, 2)
    found = app.AsyncResult(result.id)
    assert found.forget()
    with pytest.raises(LookupError):
        app.AsyncResult(result.id)


def test_an_id_of_the_users_own_may_be_used_again(app, add):
    add.apply((1, 2), task_id="mine")
    add.apply((3, 4), task_id="mine")
    assert app.AsyncResult("mine").get(timeout=10) == 7


def test_a_task_of_workers_that_waits_is_not_touched(app, add):
    with pytest.warns(nbtasks.NoWorkerWarning):
        waits = app.task(name="add")(max).apply_async((1, 2), task_id="mine")
    assert add.apply((3, 4), task_id="mine").get() == 7
    assert waits.state == "PENDING"
    assert app.AsyncResult("mine").state == "PENDING"
    assert waits.revoke()
