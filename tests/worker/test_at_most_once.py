"""`acks_late=False`: a task that may have begun is never run again."""

import signal

import chores
import pytest
from patience import wait_until

from nbtasks import ConfigError, WorkerLost


@pytest.fixture
def held(app, tmp_path):
    """A task that runs until it is let go, and what it noted."""
    result = app.task(chores.hold, acks_late=False).delay(str(tmp_path), "a")
    return result, lambda: chores.lines(tmp_path / "started")


def test_one_crash_is_the_end_of_it(app, start_worker):
    start_worker("-c", "1")
    with pytest.raises(WorkerLost, match="once"):
        app.task(chores.crash, acks_late=False).delay("kill").get(20)


@pytest.mark.filterwarnings("ignore:no worker listens")
def test_a_worker_that_is_told_to_stop_at_once_gives_it_up(held, start_worker):
    result, starts = held
    worker = start_worker("-c", "1")
    wait_until(starts, "it runs")
    worker.process.send_signal(signal.SIGQUIT)
    worker.process.wait(20)
    start_worker("-c", "1")
    with pytest.raises(WorkerLost, match="stop at once"):
        result.get(20)
    assert len(starts()) == 1


@pytest.mark.filterwarnings("ignore:no worker listens")
def test_a_worker_that_is_gone_takes_it_along(held, start_own):
    result, starts = held
    worker = start_own(concurrency=1)
    wait_until(starts, "it runs")
    worker.kill()
    start_own(concurrency=1)
    with pytest.raises(WorkerLost):
        result.get(20)
    assert len(starts()) == 1


def test_it_is_true_or_false(app):
    with pytest.raises(ConfigError, match="acks_late is 0"):
        app.task(chores.noop, acks_late=0)


def test_it_is_not_kept_to_be_sent_again(app):
    with pytest.warns(match="no worker listens"):
        result = app.task(chores.noop).apply_async((1,), acks_late=False, redrive=True)
    assert len(app._redrive) == 0
    result.revoke()
