"""A worker that is killed leaves no process behind, whatever its tasks have started."""

import os
import signal

import chores
import psutil
import pytest
from patience import wait_until
from worker_side import children, forget_leases, is_alive, watchdog

GONE_S = 2.0  # one second, and one for a machine that has other things to do


@pytest.fixture
def busy(app, start_worker, tmp_path):
    """A worker with a task that has started a process; the pids of all of them."""
    worker = start_worker("-c", "2")
    app.task(chores.swallow_limits).delay(str(tmp_path / "pids"))
    wait_until(lambda: chores.lines(tmp_path / "pids"), "the task runs")
    started = int(chores.lines(tmp_path / "pids")[0][0])
    yield worker, {started, *children(worker)}
    forget_leases(app)


def running_watchdog(worker):
    return wait_until(lambda: watchdog(worker), "the watchdog is in a session of its own")


def test_nothing_outlives_a_killed_worker(busy):
    worker, pids = busy
    dog = running_watchdog(worker)
    worker.kill()
    wait_until(lambda: not any(map(is_alive, pids)), "all are gone", GONE_S)
    wait_until(lambda: not is_alive(dog), "the watchdog, too", GONE_S)


def test_nothing_outlives_a_worker_whose_whole_group_is_killed(busy):
    worker, pids = busy
    os.killpg(worker.pid, signal.SIGKILL)
    worker.process.wait()
    wait_until(lambda: not any(map(is_alive, pids)), "all are gone", GONE_S)


def test_processes_that_stand_still_are_ended_as_well(busy):
    worker, pids = busy
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    worker.kill()
    wait_until(lambda: not any(map(is_alive, pids)), "all are gone", GONE_S)


def test_a_watchdog_that_was_killed_is_replaced_and_knows_of_all(busy):
    worker, pids = busy
    first = running_watchdog(worker)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: watchdog(worker) not in {None, first}, "another one is there")
    worker.kill()
    wait_until(lambda: not any(map(is_alive, pids)), "all are gone", GONE_S)


def test_a_watchdog_ignores_what_ends_a_service_and_leaves_with_its_worker(worker):
    dog = running_watchdog(worker)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        os.kill(dog, number)
    assert is_alive(dog)
    assert worker.stop() == 0
    assert not is_alive(dog)


def test_a_watchdog_costs_next_to_nothing(worker):
    dog = psutil.Process(running_watchdog(worker))
    wait_until(lambda: dog.num_fds() == 4, "it has three files to nowhere, and the pipe")
    assert dog.memory_full_info().uss < 4_000_000
    assert sum(dog.cpu_times()[:2]) < 0.1
