"""Processes are replaced after so many tasks, or when they hold too much; nothing runs twice."""

import os
from collections import Counter

import chores
import pytest
from patience import wait_until
from worker_side import children, deaths, warm

from nbtasks.errors import ConfigError
from nbtasks.worker.memory import parse_size


@pytest.mark.parametrize("most", [1, 7])
def test_a_process_runs_just_so_many_tasks(app, start_worker, most):
    start_worker("-c", "2", "--max-tasks-per-child", str(most))
    runs = Counter(app.map(lambda _: os.getpid(), range(70)).get(30))
    assert max(runs.values()) == most
    assert len(runs) >= 70 // most


def test_bundles_are_cut_to_what_a_process_may_still_run(app, start_worker, tmp_path):
    start_worker("-c", "1", "--max-tasks-per-child", "150")
    warm(app, chores.noop)
    path = str(tmp_path / "runs")
    task = app.task(lambda number: chores.note(path, number, os.getpid()))
    task.map_async(range(1000)).get(30)
    found = chores.lines(path)
    assert Counter(words[0] for words in found) == Counter(map(str, range(1000)))
    assert max(Counter(words[1] for words in found).values()) == 150


def test_a_replaced_process_is_no_crash(app, start_worker):
    worker = start_worker("-c", "1", "--max-tasks-per-child", "5")
    group = app.map(chores.noop, range(50))
    assert group.get(20) == list(range(50))
    assert deaths(app, group) == {}
    assert " ended (" not in worker.text()
    assert "retires: it has run 5 tasks" in worker.text()


def test_a_process_that_holds_too_much_is_replaced_after_the_task(app, start_worker):
    worker = start_worker("-c", "1", "--max-memory-per-child", "200MB")
    first = app.task(chores.noop_and_pid).delay().get(5)
    assert app.task(chores.hoard).delay(300_000_000).get(10) == first
    wait_until(lambda: first not in children(worker), "the process is gone")
    assert app.task(chores.noop_and_pid).delay().get(5) != first
    assert " ended (" not in worker.text()


def test_what_waits_in_a_process_that_retires_is_run_once_by_another(app, start_worker, tmp_path):
    start_worker("-c", "1", "--max-memory-per-child", "200MB")
    warm(app, chores.noop)
    path = str(tmp_path / "runs")

    def run(number):
        chores.note(path, number)
        return chores.hoard(300_000_000) if number == 3 else os.getpid()

    values = app.map(run, range(40)).get(20)
    assert Counter(words[0] for words in chores.lines(path)) == Counter(map(str, range(40)))
    assert values[39] != values[3]


@pytest.mark.parametrize(
    ("text", "size"),
    [("500MB", 500_000_000), ("2GiB", 2**31), ("1.5g", 1_500_000_000), ("4096", 4096)],
)
def test_sizes_are_read_as_people_write_them(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "much", "0", "-5MB", "5 apples", "1iB"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ConfigError, match="is not a size"):
        parse_size(text)
