"""What settings say of tasks holds where the task and its call say nothing."""

import os

import pytest

from nbtasks.errors import TimeLimitExceeded, WorkerLost

pytestmark = pytest.mark.usefixtures("shared_worker")


@pytest.fixture
def app(shared_app):
    """The app of the shared worker, with its settings as they were afterwards."""
    before = shared_app.config
    yield shared_app
    shared_app.config = before


@pytest.fixture
def tries():
    """Fails twice; a worker cannot import this file, so the function travels."""

    def tries(self):
        if self.request.retries < 2:
            raise OSError("not yet")
        return self.request.retries

    return tries


def test_an_annotation_is_over_the_task_and_under_the_call(app, tries):
    task = app.task(tries, name="tries", bind=True, max_retries=1, default_retry_delay=0)
    app.conf.task_annotations = {"*": {"max_retries": 0}, "tries": {"max_retries": 2}}
    assert task.delay().get(timeout=10) == 2
    with pytest.raises(OSError, match="not yet"):
        task.apply_async(retries=1).get(timeout=10)
    app.conf.task_annotations = {"*": {"max_retries": 0}}
    assert isinstance(task.apply().result, OSError)


def test_the_settings_of_retries_hold_where_a_task_names_errors_only(app, tries):
    task = app.task(tries, name="tries", bind=True, autoretry_for=(OSError,))
    app.conf.update(task_max_retries=2, task_default_retry_delay=0.01)
    assert task.delay().get(timeout=5) == 2
    app.conf.task_max_retries = 1
    with pytest.raises(OSError, match="not yet"):
        task.delay().get(timeout=5)


@pytest.fixture
def spin():
    """Never ends."""

    def spin():
        while True:
            pass

    return spin


def test_the_usual_time_limit_is_under_that_of_the_task(app, spin):
    app.conf.update(task_time_limit=0.1)
    with pytest.raises(TimeLimitExceeded, match=r"its time limit of 0\.1 s"):
        app.task(spin).delay().get(timeout=10)
    app.conf.update(task_time_limit=60, task_soft_time_limit=30)
    with pytest.raises(TimeLimitExceeded, match=r"its time limit of 0\.2 s"):
        app.task(spin, time_limit=0.2).delay().get(timeout=10)


def test_a_task_that_is_not_rejected_on_a_lost_worker_ends_with_the_first(app):
    app.conf.task_reject_on_worker_lost = False

    def die():
        os._exit(3)

    with pytest.raises(WorkerLost, match="died once"):
        app.task(die).delay().get(timeout=10)
    with pytest.raises(WorkerLost, match="died 3 times"):
        app.task(die, max_deliveries=3).delay().get(timeout=10)
