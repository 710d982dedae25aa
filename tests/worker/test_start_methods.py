"""Processes that are no copy of the worker: what they know, and how they end."""

import os
import signal
import socket
from pathlib import Path

import chores
import psutil
import pytest
from patience import wait_until
from worker_side import children, is_alive

from nbtasks.worker.forkserver import receive_files
from nbtasks.worker.options import WorkerOptions
from nbtasks.worker.spawning import Boot

METHODS = ["fork", "spawn", "forkserver"]
FRESH = ["spawn", "forkserver"]


@pytest.fixture(params=METHODS)
def method(request):
    return request.param


def family(worker):
    """All processes below a worker."""
    return {child.pid for child in psutil.Process(worker.pid).children(recursive=True)}


@pytest.mark.parametrize("method", FRESH)
def test_the_key_is_neither_in_the_command_line_nor_in_the_environment(
    app, start_worker, tmp_path, monkeypatch, method
):
    path = tmp_path / "key"
    path.write_bytes(app.config.key)
    path.chmod(0o600)
    monkeypatch.setenv("NBTASKS_KEY_FILE", str(path))
    worker = start_worker("-c", "2", "--start-method", method, key="")
    assert app.map(chores.noop, range(20)).get(10) == list(range(20))
    for pid in {worker.pid, *family(worker)}:
        for name in ("cmdline", "environ"):
            assert app.config.key not in Path(f"/proc/{pid}/{name}").read_bytes()


def test_what_a_fresh_process_is_told_is_not_shown(app):
    boot = Boot.of(app.config, WorkerOptions(name="w1", queues=("default",), concurrency=1))
    assert app.config.key.decode() not in repr(boot)


def test_nothing_outlives_a_worker_that_is_killed(app, start_worker, tmp_path, method):
    worker = start_worker("-c", "2", "--start-method", method)
    app.task(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "a task runs")
    before = family(worker)
    worker.kill()
    wait_until(lambda: not any(map(is_alive, before)), "all are gone", 3)
    app.store.call("UNLINK", app.store.keys.prefix + "lease")


def test_a_fork_server_whose_worker_was_killed_amid_a_message_just_ends():
    ours, theirs = socket.socketpair()
    ours.send(b"never read, so the kernel tells of a reset")
    theirs.close()
    assert receive_files(ours) == []
    ours.close()


def test_nothing_is_left_by_a_worker_that_ends(app, start_worker, method):
    worker = start_worker("-c", "2", "--start-method", method)
    app.map(chores.noop, range(20)).get(10)
    before = family(worker)
    assert worker.stop() == 0
    wait_until(lambda: not any(map(is_alive, before)), "all are gone", 3)


def test_a_process_finds_the_app_and_the_modules_of_its_worker(app, start_worker, method):
    start_worker("-c", "1", "--start-method", method)

    def look():
        import sys  # noqa: PLC0415 - it is the task's own

        from nbtasks import current_app  # noqa: PLC0415 - it is the task's own

        return current_app().config.name, os.getcwd() in sys.path  # noqa: PTH109 - what it finds

    assert app.task(look).delay().get(10) == (app.config.name, True)


def test_a_dead_process_is_noticed_at_once(app, start_worker, tmp_path, method):
    start_worker("-c", "1", "--start-method", method)
    first, second = app.task(chores.crash_first).delay(str(tmp_path / "tries"), "kill").get(10)
    assert second - first < 3


def test_a_dead_fork_server_is_replaced_and_its_tasks_run_again(app, start_worker, tmp_path):
    worker = start_worker("-c", "2", "--start-method", "forkserver")
    result = app.task(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "the task runs")
    pid = int(chores.lines(tmp_path / "started")[0][1])
    server = psutil.Process(pid).parent().pid
    assert server in children(worker)
    os.kill(server, signal.SIGKILL)
    wait_until(lambda: len(chores.lines(tmp_path / "started")) == 2, "it runs again")
    (tmp_path / "go-a").touch()
    assert result.get(5)
    assert app.map(chores.noop, range(20)).get(10) == list(range(20))


@pytest.mark.parametrize("method", FRESH)
def test_many_threads_in_one_fresh_process(app, start_worker, method):
    start_worker("-P", "threads", "-c", "150", "--start-method", method)
    pids = app.map(chores.sleep_and_pid, [200] * 150).get(20)
    assert len(set(pids)) == 1
