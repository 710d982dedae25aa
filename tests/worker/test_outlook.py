"""A result knows its place in the queue, and when it will probably have ended."""

from datetime import UTC, datetime, timedelta

import chores
import pytest
from patience import wait_until

import nbtasks


@pytest.fixture(scope="module")
def app(shared_app, shared_worker):
    """One worker for all; what is to wait is sent to a queue that it does not take from now."""
    wait_until(lambda: shared_worker.process.poll() is None, "it is up")
    app = shared_app
    app.control.add_consumer("held", reply=True)
    app.control.pause("held")
    yield app
    app.control.resume("held")


@pytest.fixture(autouse=True)
def _empty(app):
    """Each test finds an empty queue, and leaves one."""
    yield
    app.control.purge("held", scheduled=True)


@pytest.fixture
def task(app):
    return app.task(chores.noop, name="noop", queue="held")


def soon(app):
    return datetime.fromtimestamp(app.clock.wall_ms() / 1000, UTC)


def told(app):
    """Have the worker say how much it has done, without waiting for its next heartbeat."""
    name = app.workers()[0].name
    app.control.ping(name)
    return app.control.inspect().stats()[name]


def test_each_task_knows_how_many_come_before_it(task):
    first, second = task.delay(1), task.delay(2)
    group = task.map_async(range(10))
    urgent = task.apply_async((3,), priority=9)
    assert [each.position for each in (urgent, first, second)] == [0, 1, 2]
    assert [group[at].position for at in (0, 9)] == [3, 12]


def test_a_place_far_behind_is_a_good_guess(task):
    for _ in range(1100):
        task.delay(0)
    task.map_async(range(100))
    last = task.delay(1)
    assert 1150 < last.position < 1250


def test_what_does_not_wait_in_a_queue_has_no_place(app, task):
    later = task.apply_async((1,), countdown=60)
    assert later.position is None
    assert timedelta(seconds=55) < later.eta - soon(app) < timedelta(seconds=65)
    after = nbtasks.chain(task.s(1), task.si(2)).apply_async()
    assert (after.position, after.eta) == (None, None)
    done = app.task(chores.noop, name="noop").delay(1)
    assert done.get(10) == 1
    assert (done.position, done.eta) == (None, None)
    later.revoke()
    assert (later.position, later.eta) == (None, None)


def test_what_waits_ends_as_fast_as_its_workers_are(app, task):
    app.task(chores.noop, name="noop").map_async(range(500)).get(10)
    wait_until(lambda: told(app)["total"].get("noop", 0) >= 500, "the worker has told so")
    task.map_async(range(1000))
    near, far = task.delay(1), task.delay(2)
    assert near.position == 1000
    assert soon(app) < far.eta < soon(app) + timedelta(minutes=10)


def test_of_a_queue_that_nobody_takes_from_nothing_is_foretold(app, task):
    with pytest.warns(nbtasks.NoWorkerWarning):
        result = task.apply_async((1,), queue="nobody")
    assert (result.position, result.eta) == (0, None)
    app.control.purge("nobody")


def test_what_runs_ends_as_its_progress_says(app, tmp_path):
    def half_way(self, folder):
        self.progress(5, 10)
        return chores.hold(folder, "a")

    result = app.task(half_way, name="half", bind=True).delay(str(tmp_path))
    wait_until(lambda: result.eta, "it says how far it is")
    assert result.position is None
    assert soon(app) - timedelta(seconds=2) < result.eta < soon(app) + timedelta(seconds=10)
    (tmp_path / "go-a").touch()
    result.get(10)
    assert result.eta is None
