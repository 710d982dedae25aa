"""A task that waits for other tasks lends its place: nested waits never stand still."""

import chores
import pytest
from patience import wait_until
from worker_side import children, deaths

from nbtasks import SoftTimeLimitExceeded, TaskRevoked, WaitTimeout


@pytest.fixture
def fib(app):
    """A task that sends itself, and waits."""

    def fib(number):
        if number < 2:
            return number
        return sum(task.map_async([number - 1, number - 2]).get())

    task = app.task(fib)
    return task


@pytest.fixture
def hold(app, tmp_path):
    """A task that waits for one that is held."""
    held = app.task(chores.hold)

    def wait_for_it(timeout=None):
        return held.delay(str(tmp_path), "a").get(timeout)

    return app.task(wait_for_it)


def test_a_recursion_runs_on_one_process(fib, start_worker):
    start_worker("-c", "1")
    assert fib.delay(8).get(40) == 21


def test_a_bundle_whose_first_member_waits_for_the_last_ends(app, start_worker):
    start_worker("-c", "1")
    assert app.map(chores.noop, range(2000)).get(20)
    inner = app.task(chores.noop)
    outer = app.task(lambda number: inner.delay(number).get())
    assert outer.map_async(range(30)).get(30) == list(range(30))


def test_results_may_be_taken_as_they_come(app, start_worker):
    start_worker("-c", "1")
    inner = app.task(chores.noop)

    def outer():
        return sorted(result.get() for result in inner.map_async(range(5)).as_completed())

    assert app.task(outer).delay().get(20) == list(range(5))


def test_results_may_be_awaited(app, start_worker):
    start_worker("-c", "1")
    inner = app.task(chores.noop)

    async def outer():
        return await inner.delay(1) + sum(await inner.map_async([2, 3]))

    assert app.task(outer).delay().get(20) == 6


def test_no_more_tasks_run_at_a_time_than_the_worker_may(app, start_worker, tmp_path):
    start_worker("-c", "1")
    inner = app.task(lambda number: chores.note_both_ends(str(tmp_path / "runs"), number))
    outer = app.task(lambda: len(inner.map_async(range(20)).get()))
    assert outer.delay().get(20) == 20
    words = [words[0] for words in chores.lines(tmp_path / "runs")]
    assert words == ["begin", "end"] * 20


def test_a_wait_that_takes_too_long_ends_and_its_task_goes_on(app, hold, start_worker, tmp_path):
    start_worker("-c", "1")
    with pytest.raises(WaitTimeout):
        hold.delay(0.3).get(10)
    (tmp_path / "go-a").touch()
    assert app.task(chores.noop).delay(1).get(10) == 1


def test_a_soft_limit_interrupts_a_wait(app, hold, start_worker, tmp_path):
    start_worker("-c", "1")
    with pytest.raises(SoftTimeLimitExceeded):
        hold.apply_async(soft_time_limit=0.3).get(10)
    (tmp_path / "go-a").touch()
    assert app.task(chores.noop).delay(1).get(10) == 1


def test_a_task_that_waits_may_be_terminated(app, hold, start_worker, tmp_path):
    worker = start_worker("-c", "1")
    before = children(worker)
    result = hold.delay()
    wait_until(lambda: chores.lines(tmp_path / "started"), "what it waits for runs")
    result.revoke(terminate=True)
    with pytest.raises(TaskRevoked):
        result.get(5)
    wait_until(lambda: not before & children(worker), "its process is gone")
    (tmp_path / "go-a").touch()
    assert app.task(chores.noop).delay(1).get(10) == 1
    assert deaths(app, result) == {}


@pytest.mark.slow
def test_processes_that_stood_in_do_not_stay(fib, start_worker):
    worker = start_worker("-c", "1")
    assert fib.delay(5).get(30) == 5
    wait_until(lambda: len(children(worker)) == 1, "one is left", 20)
    assert fib.delay(3).get(30) == 2
