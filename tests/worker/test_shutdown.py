"""The first signal finishes what runs, the second ends at once; no task is lost either way."""

import signal

import chores
import pytest
from patience import wait_until
from worker_side import children, deaths, is_alive, leases, states, warm


@pytest.fixture
def long_and_short(app, start_worker, tmp_path):
    """A worker of one process with a bundle: a long member first, short ones behind it."""
    worker = start_worker("-c", "1")
    warm(app, chores.noop)
    task = app.task(lambda name: chores.hold_or_return(str(tmp_path), name))
    group = task.map_async(["long", *range(40)])
    wait_until(lambda: chores.lines(tmp_path / "started"), "the long one runs")
    return worker, group


def test_a_warm_shutdown_lets_the_running_task_finish(long_and_short, start_worker, tmp_path):
    worker, group = long_and_short
    worker.process.send_signal(signal.SIGTERM)
    wait_until(lambda: "finishing what runs" in worker.text(), "it has seen the signal")
    (tmp_path / "go-long").touch()
    assert worker.process.wait(10) == 0
    assert group[0].get(5) > 0
    start_worker("-c", "1")
    assert group.get(10)[1:] == list(range(40))
    assert len(chores.lines(tmp_path / "started")) == 1


def test_a_warm_shutdown_gives_back_at_once_what_was_not_begun(
    long_and_short, start_worker, tmp_path
):
    worker, group = long_and_short
    worker.process.send_signal(signal.SIGTERM)
    start_worker("-c", "1")
    wait_until(lambda: group.completed_count() == 40, "another worker has run the short ones")
    assert worker.process.poll() is None
    (tmp_path / "go-long").touch()
    assert worker.process.wait(10) == 0
    assert group.get(5)[1:] == list(range(40))


def test_after_a_warm_shutdown_nothing_is_started_and_the_worker_has_left(
    app, long_and_short, start_worker, tmp_path
):
    worker, group = long_and_short
    worker.process.send_signal(signal.SIGTERM)
    wait_until(lambda: "finishing what runs" in worker.text(), "it has seen the signal")
    (tmp_path / "go-long").touch()
    assert worker.process.wait(10) == 0
    assert b"s" not in states(app, group)
    assert states(app, group)[:1] == b"S"
    assert app.workers() == []
    assert app.store.call("ZCARD", app.store.keys.prefix + "lease") == 0
    start_worker("-c", "1")
    group.get(10)


def test_a_second_signal_ends_the_worker_and_another_runs_the_task_uncounted(
    app, long_and_short, start_worker, tmp_path
):
    worker, group = long_and_short
    worker.process.send_signal(signal.SIGTERM)
    wait_until(lambda: "finishing what runs" in worker.text(), "it has seen the signal")
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(5) == 0
    assert b"s" not in states(app, group)
    start_worker("-c", "1")
    (tmp_path / "go-long").touch()
    assert group.get(10)[1:] == list(range(40))
    assert len(chores.lines(tmp_path / "started")) == 2
    assert deaths(app, group) == {}


def test_a_stop_amid_many_tasks_loses_none(app, start_worker):
    first = start_worker("-c", "2")
    group = app.map(chores.spin, [1] * 600)
    wait_until(lambda: group.completed_count() > 50, "some are done")
    assert first.stop() == 0
    assert b"s" not in states(app, group)
    start_worker("-c", "2")
    assert group.get(20) == [1] * 600
    assert deaths(app, group) == {}


def test_after_the_shutdown_timeout_what_runs_is_ended_and_goes_back(app, start_worker, tmp_path):
    worker = start_worker("-c", "2", "--shutdown-timeout", "0.3")
    group = app.task(lambda name: chores.hold(str(tmp_path), name)).map_async(["a", "b"])
    wait_until(lambda: len(chores.lines(tmp_path / "started")) == 2, "both run")
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(5) == 0
    assert b"s" not in states(app, group)
    assert deaths(app, group) == {}
    assert leases(app) == []
    group.revoke()


def test_sigquit_ends_the_worker_at_once(app, start_worker, tmp_path):
    worker = start_worker("-c", "1")
    result = app.task(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "the task runs")
    worker.process.send_signal(signal.SIGQUIT)
    assert worker.process.wait(5) == 0
    assert states(app, result) == b"p"
    assert deaths(app, result) == {}
    result.revoke()


@pytest.mark.slow
def test_a_third_signal_leaves_a_silent_redis_and_the_exit_code_says_so(
    durable_app, own_server, start_durable, tmp_path
):
    worker = start_durable()
    result = durable_app.task(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "the task runs")
    pids = children(worker)
    own_server.kill()
    for words in ("finishing what runs", "ending what runs"):
        worker.signal(signal.SIGTERM)
        wait_until(lambda words=words: words in worker.text(), "it has seen the signal")
    worker.signal(signal.SIGTERM)
    assert worker.process.wait(5) == 1
    assert not any(map(is_alive, pids))
    own_server.start()
    assert states(durable_app, result) == b"s"
