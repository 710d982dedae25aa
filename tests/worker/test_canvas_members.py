"""A member of a header that ends without a value, in whatever way, fails the chord, once."""

import sys
import types

import chores
import pytest
from canvas_case import is_at_rest
from patience import wait_until

from nbtasks import chord
from nbtasks.errors import (
    ChordError,
    TaskRevoked,
    TimeLimitExceeded,
    WorkerLost,
)

MANY = 10_000


def lost(app):
    return app.task(chores.crash, max_deliveries=2).s("kill")


def too_long(app):
    return app.task(chores.spin, time_limit=0.1).s(60_000)


def expired(app):
    return app.task(chores.noop, name="expired").s(1).set(countdown=0.1, expires=0.01)


def revoked(app):
    return app.task(chores.noop, name="revoked").s(1).set(countdown=600, task_id="revoked")


def unknown(app):
    """Its module is here, and not there."""
    module = types.ModuleType("not_on_the_worker")
    exec("def task(): pass", module.__dict__)  # noqa: S102 - a line of our own
    sys.modules["not_on_the_worker"] = module
    return app.task(module.task).s()


BAD = {
    "lost": (lost, WorkerLost),
    "timed out": (too_long, TimeLimitExceeded),
    "expired": (expired, TaskRevoked),
    "revoked": (revoked, TaskRevoked),
    "unregistered": (unknown, ModuleNotFoundError),
}


@pytest.mark.parametrize(("make", "kind"), BAD.values(), ids=BAD)
def test_a_chord_fails_with_a_member_that_ends_without_a_value(app, worker, tmp_path, make, kind):
    path = str(tmp_path / "calls")

    def eb(request, error, traceback):  # noqa: ARG001 - as the worker calls it
        chores.note(path, type(error).__name__)

    header = [app.task(chores.noop).s(1), make(app), app.task(chores.noop).s(2)]
    body = app.task(chores.noop, name="body").s().on_error(app.task(eb).s())
    result = chord(header, body).apply_async()
    if make is revoked:
        app.AsyncResult("revoked").revoke()
    assert worker
    with pytest.raises(kind):
        result.get(20)
    assert isinstance(result.result, ChordError)
    wait_until(lambda: is_at_rest(app), "everything has ended")
    assert chores.lines(path) == [["ChordError"]]
    assert [each.failed() for each in result.parent] == [False, True, False]


@pytest.mark.slow
def test_a_body_gets_ten_thousand_values_in_order(app, worker):
    same = app.task(chores.noop)
    assert worker
    result = chord((same.s(at) for at in range(MANY)), same.s()).apply_async()
    assert result.get(30) == list(range(MANY))
