"""Revoked tasks: those that wait never start, those that run are killed or run out unseen."""

import chores
import pytest
from patience import wait_until
from worker_side import children, deaths, warm

from nbtasks import ConfigError
from nbtasks.app import App
from nbtasks.clock import SystemClock
from nbtasks.errors import TaskRevoked


@pytest.fixture
def held(app, start_worker, tmp_path):
    """A worker whose one process is held by a task."""
    worker = start_worker("-c", "1")
    result = app.task(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "the task runs")
    return worker, result


def test_a_revoked_task_that_waits_never_starts(app, held, tmp_path):
    waiting = app.task(chores.hold).delay(str(tmp_path), "b")
    assert waiting.revoke()
    (tmp_path / "go-a").touch()
    assert held[1].get(5) > 0
    assert app.task(chores.noop).delay(1).get(5) == 1
    with pytest.raises(TaskRevoked):
        waiting.get(5)
    assert [words[0] for words in chores.lines(tmp_path / "started")] == ["a"]


def test_revoke_with_terminate_kills_the_child_within_a_second(app, held):
    worker, result = held
    before = children(worker)
    clock = SystemClock()
    start = clock.tick_ms()
    result.revoke(terminate=True)
    wait_until(lambda: not before & children(worker), "the child is gone")
    assert clock.tick_ms() - start < 1000
    with pytest.raises(TaskRevoked):
        result.get(5)
    wait_until(lambda: len(children(worker)) == 1, "it is replaced")
    assert app.task(chores.noop).delay(1).get(5) == 1


def test_a_task_revoked_without_terminate_runs_out_and_its_value_is_dropped(app, held, tmp_path):
    worker, result = held
    before = children(worker)
    result.revoke()
    (tmp_path / "go-a").touch()
    assert app.task(chores.noop).delay(1).get(5) == 1
    assert chores.lines(tmp_path / "ended")
    with pytest.raises(TaskRevoked):
        result.get(5)
    assert children(worker) == before


def test_another_client_may_terminate_a_task(app, held):
    worker, result = held
    before = children(worker)
    other = App(app.config.name, broker=app.config.url, key=app.config.key)
    other.AsyncResult(result.id).revoke(terminate=True)
    other.close()
    with pytest.raises(TaskRevoked):
        result.get(5)
    wait_until(lambda: not before & children(worker), "the child is gone", 1)
    assert app.task(chores.noop).delay(1).get(5) == 1


def test_terminating_one_member_does_not_hurt_its_neighbours(app, start_worker, tmp_path):
    start_worker("-c", "1")
    warm(app, chores.noop)
    task = app.task(lambda name: chores.hold_or_return(str(tmp_path), name))
    group = task.map_async([*range(20), "long", *range(20, 40)])
    wait_until(lambda: chores.lines(tmp_path / "started"), "the long one runs")
    group[20].revoke(terminate=True)
    values = group.get(10, propagate=False)
    assert isinstance(values.pop(20), TaskRevoked)
    assert values == list(range(40))
    assert deaths(app, group) == {}


def test_revoking_a_member_that_waits_in_a_child_never_runs_its_neighbour_twice(
    app, start_own, tmp_path
):
    start_own()
    warm(app, chores.noop)
    task = app.task(lambda name: chores.hold(str(tmp_path), name))
    group = task.map_async(["a", "b"])
    wait_until(lambda: chores.lines(tmp_path / "started"), "the first runs")
    group[1].revoke(terminate=True)
    (tmp_path / "go-a").touch()
    assert group[0].get(5) > 0
    assert app.task(chores.noop).delay(1).get(5) == 1
    started = [words[0] for words in chores.lines(tmp_path / "started")]
    # The second may begin before the worker hears of it; then it is killed, and only it.
    assert started in (["a"], ["a", "b"])
    with pytest.raises(TaskRevoked):
        group[1].get(5)


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGINT", "SIGUSR1"])
def test_a_task_may_clean_up_when_it_gets_another_signal(app, start_worker, tmp_path, signal):
    worker = start_worker("-c", "1")
    before = children(worker)
    result = app.task(chores.clean_up).delay(str(tmp_path / "notes"))
    wait_until(lambda: chores.lines(tmp_path / "notes"), "the task runs")
    assert result.revoke(terminate=True, signal=signal)
    with pytest.raises(TaskRevoked):
        result.get(5)
    wait_until(lambda: len(chores.lines(tmp_path / "notes")) == 2, "it has cleaned up")
    assert app.task(chores.noop).delay(1).get(5) == 1
    assert children(worker) == before


def test_a_signal_that_ends_a_process_is_no_crash_of_the_task(app, held):
    worker, result = held
    before = children(worker)
    result.revoke(terminate=True, signal="SIGUSR2")
    wait_until(lambda: not before & children(worker), "the child is gone")
    assert "did not end within" not in worker.text()
    assert app.task(chores.noop).delay(1).get(5) == 1
    assert deaths(app, result) == {}


@pytest.mark.slow
def test_a_task_that_ignores_its_signal_is_killed_after_two_seconds(app, start_worker, tmp_path):
    worker = start_worker("-c", "1")
    before = children(worker)
    result = app.task(chores.ignore_signals).delay(str(tmp_path / "notes"))
    wait_until(lambda: chores.lines(tmp_path / "notes"), "the task runs")
    result.revoke(terminate=True, signal="SIGTERM")
    wait_until(lambda: not before & children(worker), "the child is gone", 4)
    wait_until(lambda: "did not end within 2 s of SIGTERM" in worker.text(), "the log says so")
    assert app.task(chores.noop).delay(1).get(5) == 1


def test_a_signal_that_does_not_exist_is_refused(held, tmp_path):
    with pytest.raises(ConfigError, match="there is no signal 'SIGNONSENSE'"):
        held[1].revoke(terminate=True, signal="SIGNONSENSE")
    (tmp_path / "go-a").touch()
    assert held[1].get(5) > 0
