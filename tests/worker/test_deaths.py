"""A child dies: the task it ran is tried again at once, and only that one is to blame."""

import os
import signal
from collections import Counter
from contextlib import suppress

import chores
import pytest
from patience import wait_until
from worker_side import children, deaths, warm

from nbtasks.errors import RemoteError, WorkerLost


@pytest.mark.parametrize("how", ["kill", "segfault", "exit"])
@pytest.mark.usefixtures("worker")
def test_the_task_of_a_dead_child_runs_again_at_once(app, tmp_path, how):
    first, second = app.task(chores.crash_first).delay(str(tmp_path / "starts"), how).get(10)
    assert second - first < 1


@pytest.mark.usefixtures("worker")
def test_neighbours_of_a_crash_are_not_blamed_and_all_finish(app, tmp_path):
    warm(app, chores.noop)
    path = str(tmp_path / "runs")
    task = app.task(lambda number: chores.crash_at(path, 50, number))
    group = task.map_async(range(100))
    values = group.get(20, propagate=False)
    assert isinstance(values.pop(50), WorkerLost)
    assert values == [number for number in range(100) if number != 50]
    runs = Counter(int(words[0]) for words in chores.lines(path))
    assert runs[50] == 3
    assert max(count for number, count in runs.items() if number != 50) <= 2
    assert deaths(app, group) == {50: 3}


@pytest.mark.parametrize(
    ("how", "word"), [("kill", "signal 9"), ("segfault", "SIGSEGV"), ("exit", "exit code 3")]
)
@pytest.mark.usefixtures("worker")
def test_a_task_that_kills_three_processes_is_given_up_and_says_how(app, how, word):
    with pytest.raises(WorkerLost, match=word) as caught:
        app.task(chores.crash).delay(how).get(10)
    assert "3 times" in str(caught.value)


def test_dead_children_are_replaced(app, worker):
    before = children(worker)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(children(worker) - before) == 2, "two new children")
    assert app.map(chores.noop, range(20)).get(10) == list(range(20))


@pytest.mark.slow
def test_killing_idle_children_while_tasks_come_in_loses_none(app, worker):
    results = []
    for number in range(150):
        results.append(app.task(chores.noop).apply_async((number,), max_deliveries=1000))
        if number % 3 == 0:
            for pid in list(children(worker))[:1]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
    assert [result.get(20) for result in results] == list(range(150))
    assert worker.process.poll() is None


@pytest.mark.slow
@pytest.mark.usefixtures("worker")
def test_a_child_that_dies_is_noticed_though_a_process_it_forked_lives(app, tmp_path):
    result = app.task(chores.fork_then_crash).delay(str(tmp_path / "tries"))
    assert result.get(5) == "second try"


@pytest.mark.slow
@pytest.mark.usefixtures("worker")
def test_a_task_that_closes_every_file_does_not_hang_the_worker(app, tmp_path):
    result = app.task(chores.close_all_files).delay(str(tmp_path / "tries"))
    assert result.get(5) == "second try"


def test_forked_processes_of_a_task_may_print(app, worker):
    result = app.task(chores.print_from_a_pool).delay()
    assert result.get(10) == [number * number for number in range(200)]
    assert "from the task" in result.log
    assert children(worker)


@pytest.mark.usefixtures("worker")
def test_a_process_that_a_task_has_just_forked_can_be_ended(app):
    assert app.task(chores.end_new_processes).delay(50).get(20) == [-signal.SIGTERM] * 50


def test_a_terminate_signal_to_all_processes_lets_the_running_task_finish(
    app, start_worker, tmp_path
):
    worker = start_worker("-c", "1")
    result = app.task(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "the task runs")
    for pid in (worker.pid, *children(worker)):
        os.kill(pid, signal.SIGTERM)
    (tmp_path / "go-a").touch()
    assert result.get(10) > 0
    assert worker.process.wait(10) == 0
    assert len(chores.lines(tmp_path / "started")) == 1


@pytest.mark.slow
def test_a_child_that_has_seen_300_functions_still_runs_the_first(app, start_worker):
    start_worker("-c", "1")
    functions = [_constant(number) for number in range(300)]
    assert [app.task(call).delay().get(10) for call in functions] == list(range(300))
    assert app.task(functions[0]).delay().get(10) == 0


def test_an_error_larger_than_a_value_may_be_is_told_in_words(app, start_own):
    start_own(max_input=100_000)
    with pytest.raises(RemoteError, match="LoudError"):
        app.task(chores.fail_with).delay(1_000_000).get(10)


def _constant(number):
    # Another line of code each time: functions that only close over another number are one by hash.
    names = {}
    exec(f"def call(): return {number}", names)  # noqa: S102 - our own text
    return names["call"]
