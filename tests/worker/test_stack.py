"""`stack()`: where a running task is, also in native code, in a thread, or awaiting something."""

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import stack_side
from patience import wait_until
from stack_side import (
    block_the_loop,
    deep,
    hold_the_lock,
    outer,
    outermost,
    sleep_in_c,
    wait_named,
)
from workers import WorkerProcess

from nbtasks import App, BadSignature, NotRunning, UnknownTask, WaitTimeout
from nbtasks.clock import SystemClock


def started(folder, name="started"):
    wait_until((folder / name).exists, "it runs")


@pytest.fixture(scope="module")
def worker(shared_app, tmp_path_factory):
    """A worker with two processes, which finds the tasks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        worker = WorkerProcess(shared_app, "-c", "2", log=tmp_path_factory.mktemp("w") / "log")
    wait_until(shared_app.workers, "the worker has come up")
    yield worker
    worker.stop()


@pytest.fixture(scope="module")
def app(shared_app):
    return shared_app


@pytest.fixture
def run(app, tmp_path, worker):  # noqa: ARG001 - it runs them
    """Start a task, and end it with the test."""
    results = []

    def start(function, *args, until="started"):
        result = app.task(function).delay(str(tmp_path), *args)
        results.append(result)
        started(tmp_path, until)
        return result

    yield start
    for result in results:
        result.revoke(terminate=True)


@pytest.fixture
def pool(fresh_app, tmp_path):
    """Start a worker with another pool, and one task for each of these names."""
    workers = []

    def start(kind, *names):
        workers.append(
            WorkerProcess(fresh_app, "-c", "4", "--pool", kind, log=tmp_path / "worker.log")
        )
        wait_until(fresh_app.workers, "the worker is up")
        return [fresh_app.task(wait_named).delay(str(tmp_path), name) for name in names]

    yield start
    for worker in workers:
        worker.stop()


def test_the_stack_of_a_running_task_has_its_lines_and_none_of_ours(run):
    text = run(outer).stack()
    head, *lines = text.splitlines()
    assert head.startswith("Stack (most recent call last), on worker ")
    assert lines[0].startswith(f'  File "{stack_side.__file__}", line ')
    assert lines[0].endswith(", in outer")
    assert lines[1] == "    return spin(folder)"
    assert lines[2].endswith(", in spin")
    assert "nbtasks/worker" not in text


def test_it_answers_within_half_a_second(run):
    result = run(outer)
    clock = SystemClock()
    start = clock.tick_ms()
    assert "in spin" in result.stack()
    assert clock.tick_ms() - start < 500


@pytest.mark.parametrize("function", [hold_the_lock, sleep_in_c], ids=["holds it", "lets go"])
def test_native_code_is_no_hindrance(run, function):
    result = run(function)
    assert f"in {function.__name__}" in result.stack()


def test_a_task_that_was_looked_at_goes_on(run, tmp_path):
    result = run(outer)
    for _ in range(5):
        assert "in spin" in result.stack()
    (tmp_path / "go").touch()
    assert result.get(5) is None


def test_of_a_deep_recursion_the_newest_calls_are_shown(run):
    text = run(deep, 300).stack()
    assert text.count("in deep") > 90
    assert "in sleep_in_c" in text


def test_a_coroutine_shows_what_it_awaits(run):
    first = run(outermost, "a", until="started-a")
    second = run(outermost, "b", until="started-b")
    for result in (first, second):
        lines = [line for line in result.stack().splitlines() if line.startswith("  File")]
        names = [line.rpartition(", in ")[2] for line in lines]
        assert names == ["outermost", "inner", "wait"]


def test_a_coroutine_that_holds_its_loop_up_is_found(run):
    text = run(block_the_loop).stack()
    assert "this is what holds its event loop up" in text
    assert "in block_the_loop" in text


@pytest.mark.usefixtures("worker")
def test_what_does_not_run_has_no_stack(app):
    waiting = app.task(outer).apply_async(("x",), countdown=100)
    with pytest.raises(NotRunning, match=r"does not run now \(PENDING\)"):
        waiting.stack()
    waiting.revoke()
    with pytest.raises(NotRunning, match="REVOKED"):
        waiting.stack()
    waiting.forget()
    with pytest.raises(UnknownTask):
        waiting.stack()


def test_what_ran_here_has_no_stack(app):
    with pytest.raises(NotRunning, match="SUCCESS"):
        app.task(len).apply(("x",)).stack()


def test_another_client_may_ask_too(app, server, run):
    result = run(outer)
    other = App(app.config.name, broker=server.url, key=app.config.key)
    assert "in spin" in other.AsyncResult(result.id).stack()
    other.close()


def test_an_answer_that_is_not_signed_by_our_key_is_refused(app, server, run):
    result = run(outer)
    other = App(app.config.name, broker=server.url, key=b"another key, just as long")
    with pytest.raises(BadSignature, match="the stack of task"):
        other.AsyncResult(result.id).stack()
    other.close()


def test_a_worker_that_stands_still_does_not_answer(app, run):
    result = run(outer)
    wait_until(lambda: result.worker, "it is known where it runs")
    (pid,) = [facts.pid for facts in app.workers() if facts.name == result.worker]
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(WaitTimeout):
            result.stack(timeout=0.1)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert "in spin" in result.stack()


def test_a_task_in_the_worker_itself_has_one(pool, tmp_path):
    (result,) = pool("solo", "a")
    started(tmp_path, "started-a")
    assert "in wait_named" in result.stack()
    (tmp_path / "go").touch()
    assert result.get(5) == "a"


def test_threads_of_one_process_answer_at_the_same_time(pool, tmp_path):
    names = "abcd"
    results = pool("threads", *names)
    for name in names:
        started(tmp_path, f"started-{name}")
    with ThreadPoolExecutor(8) as threads:
        texts = list(threads.map(lambda result: result.stack(), results * 4))
    assert [text.count("in wait_named") for text in texts] == [1] * 16
    (tmp_path / "go").touch()
    assert [result.get(5) for result in results] == list(names)
