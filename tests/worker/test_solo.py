"""The solo pool: tasks run in the worker itself, with its terminal, and cannot be ended."""

import os
import subprocess
import sys

import chores
import pytest
from patience import wait_until
from worker_side import children, deaths, leases, states

from nbtasks import SoftTimeLimitExceeded, TaskRevoked, TimeLimitExceeded


@pytest.fixture
def solo(start_worker):
    return start_worker("-P", "solo")


@pytest.fixture
def debugged(app, tmp_path):
    """A worker whose terminal is in the hands of the test."""
    command = [sys.executable, "-m", "nbtasks", "worker", app.config.url, "-a", app.config.name]
    log = tmp_path / "terminal"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "-P", "solo"],
            stdin=subprocess.PIPE, stdout=output, stderr=output,
            env={**os.environ, "NBTASKS_KEY": app.config.key.decode()},
        )  # fmt: skip
    wait_until(app.workers, "the worker has come up")
    yield process, log
    process.kill()
    process.wait()
    process.stdin.close()


def test_tasks_run_in_the_main_thread_of_the_worker(app, solo):
    def where():
        import threading  # noqa: PLC0415 - it is the task's own

        return os.getpid(), threading.current_thread() is threading.main_thread()

    assert app.task(where).delay().get(5) == (solo.pid, True)
    assert children(solo) == set()


def test_a_warning_at_the_start_says_what_it_cannot_do(solo):
    assert "tasks run in the worker itself, which cannot end them" in solo.text()


def test_a_breakpoint_talks_to_the_workers_own_terminal(app, debugged):
    process, log = debugged

    def stop_here():
        value = 41
        breakpoint()  # noqa: T100 - what this is about
        return value

    result = app.task(stop_here).delay()
    wait_until(lambda: "(Pdb)" in log.read_text(), "the debugger asks")
    process.stdin.write(b"p value * 2\nc\n")
    process.stdin.flush()
    assert result.get(5) == 41
    wait_until(lambda: "82" in log.read_text(), "the debugger answers")


def test_output_goes_to_the_terminal_and_to_the_card(app, solo):
    result = app.task(chores.tell).delay([("out", "heard twice\n")])
    result.get(5)
    assert result.log == "heard twice\n"
    wait_until(lambda: "heard twice" in solo.text(), "the terminal has it, too")


def test_much_output_and_many_log_records_do_not_lock_the_worker(app, solo):
    def talk():
        for _ in range(300):
            chores.log("x" * 10_000)
        chores.print_much(3)

    app.task(talk).delay().get(20)
    assert solo.process.poll() is None


def test_a_task_over_its_limit_fails_when_it_ends(app, solo, tmp_path):
    result = app.task(time_limit=0.1)(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: "it will fail" in solo.text(), "the log says so")
    assert states(app, result) == b"s"
    (tmp_path / "go-a").touch()
    with pytest.raises(TimeLimitExceeded):
        result.get(5)
    assert app.task(chores.noop).delay(1).get(5) == 1


def test_a_task_that_is_terminated_runs_on_and_the_log_says_so(app, solo, tmp_path):
    result = app.task(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "it runs")
    result.revoke(terminate=True)
    wait_until(lambda: "runs on in the worker itself, though revoked" in solo.text(), "it says so")
    (tmp_path / "go-a").touch()
    with pytest.raises(TaskRevoked):
        result.get(5)
    assert app.task(chores.noop).delay(1).get(5) == 1


def test_a_coroutine_that_swallows_its_end_runs_on_and_the_log_says_so_once(app, solo, tmp_path):
    result = app.task(chores.stubborn).delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "it runs")
    result.revoke(terminate=True)
    words = "did not end within 2 s of being cancelled"
    wait_until(lambda: words in solo.text(), "it says so")
    assert app.map(chores.sleep_ms, [50] * 5).get(5)
    assert solo.text().count(words) == 1
    (tmp_path / "go-a").touch()
    wait_until(lambda: not leases(app), "it has ended")


@pytest.mark.usefixtures("solo")
def test_a_soft_limit_interrupts_the_task(app):
    with pytest.raises(SoftTimeLimitExceeded):
        app.task(soft_time_limit=0.1)(chores.sleep_ms).delay(60_000).get(5)
    assert app.task(chores.noop).delay(1).get(5) == 1


def test_a_forked_process_of_a_task_is_no_worker(app, solo):
    result = app.task(chores.print_from_a_pool).delay()
    assert result.get(10) == [number * number for number in range(200)]
    assert solo.stop() == 0


def test_it_leaves_a_task_behind_at_the_second_signal(app, solo, start_worker, tmp_path):
    result = app.task(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "it runs")
    solo.process.terminate()
    wait_until(lambda: "finishing what runs" in solo.text(), "it has seen the signal")
    solo.process.terminate()
    assert solo.process.wait(5) == 0
    start_worker("-c", "1")
    (tmp_path / "go-a").touch()
    assert result.get(5)
    assert deaths(app, result) == {}
