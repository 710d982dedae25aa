"""Redis goes away and comes back: the worker goes on, and what it had done meanwhile counts."""

import os
import signal
import threading

import chores
import pytest
from patience import wait_until
from worker_side import children, deaths, is_alive, states

from nbtasks import TimeLimitExceeded
from nbtasks.clock import SystemClock

BACK_S = 3


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_after_each_of_ten_restarts_of_redis_tasks_run_and_none_is_lost(
    durable_app, own_server, start_durable, tmp_path
):
    start_durable(concurrency=2)
    app = durable_app
    path = str(tmp_path / "runs")
    task = app.task(lambda number: chores.spin_and_note(path, 2, number))
    groups = []
    for number in range(10):
        groups.append(task.map_async(range(100)))
        wait_until(lambda: groups[-1].completed_count() > 10, f"round {number} runs", BACK_S + 2)
        own_server.kill()
        own_server.start()
    assert [group.get(20) for group in groups] == [list(range(100))] * 10
    assert app.task(chores.noop).delay(1).get(BACK_S) == 1


@pytest.mark.slow
def test_a_result_finished_while_redis_was_away_is_handed_in_afterwards(
    durable_app, own_server, start_durable, tmp_path
):
    start_durable()
    result = durable_app.task(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "the task runs")
    own_server.kill()
    (tmp_path / "go-a").touch()
    wait_until(lambda: chores.lines(tmp_path / "ended"), "it has ended")
    own_server.start()
    assert result.get(BACK_S + 2) > 0
    assert len(chores.lines(tmp_path / "started")) == 1
    assert deaths(durable_app, result) == {}


@pytest.mark.parametrize("what", ["connections", "scripts"])
@pytest.mark.usefixtures("worker")
def test_a_worker_goes_on_after_redis_has_dropped_its(app, server, what):
    assert app.task(chores.noop).delay(0).get(5) == 0
    with server.client() as client:
        if what == "scripts":
            client.script_flush()
        else:
            for kind in ("normal", "pubsub"):
                client.client_kill_filter(_type=kind, skipme=True)
    clock = SystemClock()
    start = clock.tick_ms()
    assert app.map(chores.noop, range(100)).get(BACK_S) == list(range(100))
    assert clock.tick_ms() - start < BACK_S * 1000


@pytest.mark.slow
@pytest.mark.usefixtures("worker")
def test_connections_killed_amid_tasks_lose_none_and_blame_none(app, server):
    group = app.map(chores.spin, [2] * 400)
    with server.client() as client:
        for part in range(1, 8):
            wait_until(lambda part=part: group.completed_count() > part * 40, "more is done")
            client.client_kill_filter(_type="normal", skipme=True)
    assert group.get(15) == [2] * 400
    assert deaths(app, group) == {}


@pytest.mark.slow
@pytest.mark.parametrize("how", ["stop", "pause"])
def test_a_worker_goes_on_after_redis_stood_still(durable_app, own_server, start_durable, how):
    start_durable()
    assert durable_app.task(chores.noop).delay(0).get(5) == 0
    if how == "stop":
        own_server.process.send_signal(signal.SIGSTOP)
        threading.Timer(2, own_server.process.send_signal, [signal.SIGCONT]).start()
    else:
        with own_server.client() as client:
            client.client_pause(2000)
    assert durable_app.task(chores.noop).delay(3).get(2 + BACK_S) == 3


@pytest.mark.slow
def test_a_worker_outlives_a_redis_that_has_no_memory_left(
    durable_app, own_server, start_durable, tmp_path
):
    worker = start_durable()
    result = durable_app.task(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "the task runs")
    with own_server.client() as client:
        client.config_set("maxmemory", 1)
        (tmp_path / "go-a").touch()
        wait_until(lambda: chores.lines(tmp_path / "ended"), "it has ended")
        wait_until(
            lambda: states(durable_app, result) == b"S" or "refused" in worker.text(),
            "it was handed in, or refused",
            10,
        )
        assert worker.process.poll() is None
        client.config_set("maxmemory", 0)
    assert result.get(BACK_S + 2) > 0


@pytest.mark.slow
def test_what_was_taken_with_a_lost_answer_goes_back_without_blame(
    durable_app, own_server, start_durable
):
    # Connections are cut just after each submit, while the worker takes: again and again Redis has
    # carried the take out, and its answer is lost.
    worker = start_durable()
    app = durable_app
    with own_server.client() as client:
        task = app.task(chores.noop)
        task.delay(0).get(5)
        found = []
        for number in range(200):
            result = task.delay(number)
            client.client_kill_filter(_type="normal", skipme=True)
            found.append(result)
        assert [result.get(10) for result in found] == list(range(200))
        assert all(deaths(app, result) == {} for result in found)
        assert worker.process.poll() is None


@pytest.fixture
def silent(durable_app, own_server, start_durable, tmp_path):
    """A worker with a task, and a Redis that stood still before the worker asked it something."""
    worker = start_durable(heartbeat_ms=200, concurrency=2)
    result = durable_app.task(time_limit=2)(chores.swallow_limits).delay(str(tmp_path / "pids"))
    wait_until(lambda: chores.lines(tmp_path / "pids"), "the task runs")
    own_server.process.send_signal(signal.SIGSTOP)
    yield worker, result, int(chores.lines(tmp_path / "pids")[0][0])
    own_server.process.send_signal(signal.SIGCONT)


@pytest.mark.slow
def test_limits_hold_while_redis_is_silent(silent, own_server):
    _, result, pid = silent
    wait_until(lambda: not is_alive(pid), "the task is killed", 3)
    own_server.process.send_signal(signal.SIGCONT)
    with pytest.raises(TimeLimitExceeded):
        result.get(BACK_S)


@pytest.mark.slow
def test_a_silent_redis_does_not_keep_a_worker_from_its_signals(silent):
    worker, _, pid = silent
    for words in ("finishing what runs", "ending what runs"):
        worker.signal(signal.SIGTERM)
        wait_until(lambda words=words: words in worker.text(), "it has seen the signal", 1)
    wait_until(lambda: not is_alive(pid), "the task is killed", 1)
    worker.signal(signal.SIGTERM)
    assert worker.process.wait(1) == 1


@pytest.mark.slow
def test_deaths_are_seen_while_redis_is_silent(silent):
    worker, _, _ = silent
    pids = children(worker)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not pids & children(worker), "they are buried", 1)
