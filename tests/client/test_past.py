"""What a result says of its call once it is sent: arguments, and when it has ended."""

from datetime import timedelta

import pytest
from patience import wait_until

from nbtasks import App, BadSignature, ResultSet


@pytest.fixture
def app(shared_app, shared_worker):  # noqa: ARG001 - it is to run
    return shared_app


@pytest.fixture
def other(app):
    """Another client of the app, which has heard of nothing."""
    made = App(app.config.name, broker=app.config.url, key=app.config.key)
    yield made
    made.close()


@pytest.fixture
def half(app):
    def half(x, *, by=2):
        return x / by

    return app.task(half)


def test_arguments_are_known_until_a_value_takes_their_place(half):
    waits = half.apply_async((4,), {"by": 1}, countdown=600)
    assert (waits.args, waits.kwargs) == ((4,), {"by": 1})
    failed = half.delay(1, by=0)
    assert isinstance(failed.get(timeout=20, propagate=False), ZeroDivisionError)
    assert (failed.args, failed.kwargs) == ((1,), {"by": 0})
    ended = half.delay(1)
    assert ended.get(timeout=20) == 0.5
    assert (ended.args, ended.kwargs) == (None, None)
    waits.revoke()


def test_an_archive_has_arguments_for_longer(app, half, tmp_path):
    archive = app.archive(f"sqlite:///{tmp_path}/runs.db")
    archive.catch_up()
    result = half.delay(3, by=2)
    result.get(timeout=20)
    archive.catch_up()
    assert (result.args, result.kwargs) == ((3,), {"by": 2})
    archive.close()


def test_of_members_of_a_group_the_end_is_known_to_who_heard_of_it(app, tmp_path):
    def wait(path):
        from pathlib import Path  # noqa: PLC0415 - on the worker
        from threading import Event  # noqa: PLC0415

        while not Path(path).exists():
            Event().wait(0.01)

    several = app.map(wait, [str(tmp_path / "go")] * 2)
    wait_until(lambda: several[0].worker, "the first one runs")
    (tmp_path / "go").touch()
    several.get(timeout=20)
    assert abs(app.clock.wall_ms() - several[0].date_done.timestamp() * 1000) < 60_000


def test_arguments_that_somebody_else_wrote_are_refused(app, half, server):
    waits = half.apply_async((4,), countdown=600)
    with server.client() as client:
        client.hset(app.store.keys.record(waits.id), "m0", b"\x01" * 80)
    with pytest.raises(BadSignature):
        waits.args  # noqa: B018 - it is looked up
    waits.revoke()


def test_who_comes_late_knows_when_a_task_has_ended(half, other):
    result = half.delay(1)
    result.get(timeout=20)
    assert abs(half.sender.clock.wall_ms() - result.date_done.timestamp() * 1000) < 60_000
    found = other.AsyncResult(result.task_id)
    assert abs(found.date_done - result.date_done) < timedelta(seconds=1)


def test_a_set_of_results_calls_back_once_all_have_ended(app, half):
    told = []
    results = ResultSet([half.delay(1), app.map(half, [1, 2])])
    assert results.then(lambda each: told.append(each.get())) is results
    wait_until(lambda: told, "it is called")
    assert told == [[0.5, [0.5, 1.0]]]
    ResultSet().then(lambda each: told.append(len(each)))
    assert told[1:] == [0]
    broken = app.map(half, [1, "a"])
    broken.then(told.clear, lambda each: told.append(each.failed()))
    wait_until(lambda: told[2:], "it is told")
    assert told[2:] == [True]


def test_what_is_known_by_now_is_given_or_raised(half):
    ended, failed = half.delay(1), half.delay("a")
    told = []
    assert (ended.get(timeout=20), ended.maybe_throw(lambda *each: told.append(each))) == (0.5, 0.5)
    assert told == [(ended.id, 0.5)]
    failed.get(timeout=20, propagate=False)
    with pytest.raises(TypeError):
        failed.maybe_throw()
    assert isinstance(failed.maybe_throw(propagate=False), TypeError)
    waits = half.apply_async((1,), countdown=600)
    assert waits.maybe_throw() is None
    waits.revoke()


def test_the_leaf_is_the_value_of_the_last_in_line(half):
    assert (half.s(8) | half.s() | half.s()).apply_async().root.get_leaf() == 1.0
