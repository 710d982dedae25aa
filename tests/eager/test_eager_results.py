"""What an eager run returns: results that answer as those of workers do, and what may be sent."""

import asyncio
import threading
import traceback
from datetime import UTC

import pytest
from eager_side import make_eager_app, throw

import nbtasks
from nbtasks.errors import ChordError, ConfigError, RemoteError, TooBig, UnknownTask, Unsendable
from nbtasks.result import AsyncResult, EagerResult, GroupResult, ResultSet

# Results


def test_apply_returns_a_result_that_has_ended(add):
    result = add.apply((1,), {"y": 2})
    assert isinstance(result, EagerResult)
    assert isinstance(result, AsyncResult)
    assert (result.get(), result.wait(), result.result) == (3, 3, 3)
    assert (result.state, result.status) == ("SUCCESS", "SUCCESS")
    assert result.ready()
    assert result.successful()
    assert not result.failed()
    assert result.traceback is None
    assert result.parent is None
    assert (result.id, result.args) == (result.task_id, None)
    assert result.date_done.tzinfo is UTC
    assert "EagerResult add" in repr(result)


def test_a_failed_result_has_the_error_its_note_and_its_traceback(fail):
    result = fail.apply(("no",))
    with pytest.raises(ValueError, match="no") as caught:
        result.get()
    assert caught.value.__notes__[0].startswith("in this process, try 1")
    assert "raise ValueError(*args)" in "".join(traceback.format_exception(caught.value))
    assert "raise ValueError(*args)" in result.traceback
    assert result.state == "FAILURE"
    assert isinstance(result.get(propagate=False), ValueError)


def test_there_is_nothing_to_revoke_and_nothing_to_queue_again(add, fail):
    result = add.apply((1, 2))
    assert not result.revoke(terminate=True)
    assert result.state == "SUCCESS"
    assert not result.requeue()
    with pytest.raises(ConfigError, match="ran in this process"):
        fail.apply().requeue()


def test_what_is_forgotten_is_not_known_any_more(add):
    result = add.apply((1, 2))
    assert result.forget()
    with pytest.raises(UnknownTask):
        result.get()


def test_sets_take_eager_results(add):
    results = [add.apply((i, i)) for i in range(3)]
    found = ResultSet(results)
    assert found.get() == [0, 2, 4]
    assert found.completed_count() == 3
    assert {each.get() for each in found.as_completed()} == {0, 2, 4}


def test_the_members_of_a_group_and_its_parents_are_eager_results(add):
    result = (add.s(1, 2) | nbtasks.group(add.s(i) for i in range(3))).apply()
    assert isinstance(result, GroupResult)
    assert [type(each) for each in result] == [EagerResult] * 3
    assert result.get() == [3, 4, 5]
    assert isinstance(result.parent, EagerResult)
    assert result.parent.get() == 3


def test_a_canvas_that_ran_here_can_be_looked_at(add):
    result = nbtasks.chord([add.s(1, 1), add.s(2, 2)], add.si(3, 3)).apply()
    assert result.canvas.forecast.done == result.canvas.forecast.total == 3
    assert "<svg" in result.visualize().svg
    assert [each.get() for each in result.parent] == [2, 4]
    assert result.parent[0].children == [result]
    assert result.root is result.parent
    assert dict(result.collect())[result] == 6
    assert add.apply((1, 2)).canvas.forecast.total == 1


def test_a_group_that_ran_here_cannot_be_saved(add):
    result = nbtasks.group(add.s(i, i) for i in range(3)).apply()
    with pytest.raises(ConfigError, match="ran in this process"):
        result.save()
    assert not result.delete()


def test_results_can_be_awaited(add, fail):
    async def wait():
        assert await add.apply((1, 2)) == 3
        with pytest.raises(ValueError, match="no"):
            await fail.apply(("no",))

    asyncio.run(wait())


def test_an_app_finds_a_result_by_its_id_as_long_as_somebody_holds_it(app, add):
    result = add.apply((1, 2))
    assert app.AsyncResult(result.id).get() == 3
    group = nbtasks.group(add.s(i, i) for i in range(3)).apply()
    assert app.AsyncResult(group[2].id).get() == 4


def test_a_frozen_handle_is_that_of_the_run(add):
    signature = add.s(1, 2)
    handle = signature.freeze()
    result = signature.apply()
    assert handle.id == result.id
    assert handle.get() == 3


# Arguments and values


def test_a_task_cannot_change_what_it_was_called_with(app):
    @app.task
    def append(values):
        values.append(1)
        return values

    values = []
    result = append.apply((values,))
    assert values == []
    result.get().append(2)
    assert result.get() == [1]


def test_wrong_arguments_are_refused_before_anything_runs(add):
    with pytest.raises(TypeError, match="add"):
        add.apply((1, 2, 3))


def test_nothing_runs_where_one_argument_cannot_be_sent(app, same):
    ran = []

    @app.task
    def first():
        ran.append(1)

    with pytest.raises(Unsendable, match="argument 'value' of 'same'"):
        (first.s() | same.si(threading.Lock())).apply()
    assert not ran


def test_a_value_that_cannot_be_sent_is_a_failure(app):
    lock = app.task(name="lock")(threading.Lock)
    result = lock.apply()
    with pytest.raises(Unsendable, match="the value of 'lock'"):
        result.get()


def test_what_is_too_big_is_refused_here_as_well():
    app = make_eager_app(max_input=1000)
    same = app.task(name="same")(lambda value: value)
    many = app.task(name="many")(lambda: bytes(2000))
    fail = app.task(name="fail")(lambda: throw(bytes(2000)))
    with pytest.raises(TooBig, match="argument 'value'"):
        same.apply((bytes(2000),))
    with pytest.raises(TooBig, match="the value of 'many'"):
        many.apply().get()
    with pytest.raises(RemoteError, match="it carries"):
        fail.apply().get()


def test_with_json_only_json_is_taken():
    app = make_eager_app(serializer="json")
    same = app.task(name="same")(lambda value: value)
    assert same.apply(([1, "a", None],)).get() == [1, "a", None]
    with pytest.raises(Unsendable):
        same.apply((object(),))


def test_results_among_arguments_are_their_values(add, same):
    one, two = add.apply((1, 0)), add.apply((1, 1))
    assert add.apply((one, two)).get() == 3
    assert same.apply(([one, two],)).get() == [1, 2]
    assert same.apply(({"a": (one, 5)},)).get() == {"a": (1, 5)}


def test_a_failed_result_among_arguments_fails_the_task_with_its_error(add, fail):
    result = add.apply((fail.apply(("no",)), 1))
    with pytest.raises(ValueError, match="no"):
        result.get()


# Errors at once


def test_throw_raises_the_exception_itself(app):
    error = ValueError("no")

    @app.task
    def fail():
        raise error

    with pytest.raises(ValueError, match="no") as caught:
        fail.apply(throw=True)
    assert caught.value is error


def test_errors_propagate_where_the_setting_says_so():
    app = make_eager_app(task_eager_propagates=True, task_always_eager=True)
    fail = app.task(name="fail")(lambda: throw("no"))
    with pytest.raises(ValueError, match="no"):
        fail.delay()
    with pytest.raises(ValueError, match="no"):
        nbtasks.chord([fail.s()], fail.si()).delay()
    assert isinstance(fail.apply(throw=False).result, ValueError)


def test_a_chord_that_was_not_run_says_so(add, fail, same):
    result = nbtasks.chord([fail.s("no"), add.s(1, 2)], same.s()).apply()
    with pytest.raises(ValueError, match="no"):
        result.get()
    assert isinstance(result.result, ChordError)
    assert "raised ValueError: no" in str(result.result)
    assert "ChordError" in result.traceback
