"""Failed tasks run again: by their handles, by their ids, from the command line."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from patience import wait_until

from nbtasks.cli import commands
from nbtasks.errors import UnknownTask, WorkerLost


def die_unless(path):
    """A function that kills its process unless a file is there."""

    def run(number):
        if not Path(path).exists():
            os._exit(7)
        return number

    return run


def fail_unless(path):
    """A function that fails unless a file is there."""

    def run(number):
        if not Path(path).exists():
            raise ValueError(number)
        return number

    return run


@pytest.fixture
def cure(tmp_path):
    """The file that makes them work."""
    return tmp_path / "cure"


@pytest.mark.usefixtures("worker")
def test_a_failed_task_runs_again_by_its_handle(app, cure):
    result = app.task(fail_unless(str(cure))).delay(5)
    with pytest.raises(ValueError, match="5"):
        result.get(10)
    cure.touch()
    assert result.requeue()
    assert result.get(10) == 5
    assert (result.state, result.traceback) == ("SUCCESS", None)
    assert not result.requeue()


@pytest.mark.usefixtures("worker")
def test_a_task_that_keeps_failing_can_be_queued_again_and_again(app, cure):
    result = app.task(fail_unless(str(cure))).delay(5)
    for _ in range(100):
        with pytest.raises(ValueError, match="5"):
            result.get(10)
        assert result.requeue()
    cure.touch()
    wait_until(result.ready, "it has ended")


@pytest.mark.usefixtures("worker")
def test_a_group_is_whole_once_its_failures_ran_again(app, cure):
    group = app.map(fail_unless(str(cure)), range(5))
    with pytest.raises(ValueError, match="0"):
        group.get(10)
    wait_until(group.ready, "all have failed")
    cure.touch()
    assert app.requeue(group.results) == 5
    assert group.get(10) == list(range(5))


@pytest.mark.usefixtures("worker")
def test_dead_tasks_are_listed_and_run_again(app, cure):
    task = app.task(die_unless(str(cure)), name="fragile", max_deliveries=1)
    results = [task.delay(number) for number in range(2)]
    for result in results:
        with pytest.raises(WorkerLost, match="died once"):
            result.get(10)
    dead = app.dead()
    assert {(each.id, each.name, each.queue) for each in dead} == {
        (result.id, "fragile", "default") for result in results
    }
    cure.touch()
    assert app.requeue([dead[0], dead[1].id]) == 2
    assert [result.get(10) for result in results] == [0, 1]
    assert app.dead() == []


def test_what_nobody_stored_cannot_run_again(app):
    with pytest.raises(UnknownTask):
        app.requeue(["nothing"])


# The command line


@pytest.fixture
def run(app, server, monkeypatch):
    """Run `nbtasks dead ...` for the test's app; its exit code and what it printed."""
    monkeypatch.setenv("NBTASKS_URL", server.url)
    monkeypatch.setenv("NBTASKS_KEY", app.config.key.decode())

    def call(*words):
        done = CliRunner().invoke(commands, ["dead", *words, "-a", app.config.name])
        return done.exit_code, done.output

    return call


@pytest.fixture
def two_dead(app, cure, worker):  # noqa: ARG001 - the worker runs them
    """Two dead tasks of different names."""
    results = []
    for name in ("one", "two"):
        task = app.task(die_unless(str(cure)), name=name, max_deliveries=1)
        results.append(task.delay(1))
        wait_until(results[-1].ready, "it is given up")
    cure.touch()
    return results


def test_the_command_line_lists_dead_tasks(run, two_dead):
    code, text = run("list")
    assert code == 0
    assert [line.split()[0] for line in text.splitlines()] == [each.id for each in two_dead]
    assert "one  the process that ran it died once" in text
    code, text = run("list", "--json", "-n", "two")
    assert json.loads(text)["id"] == two_dead[1].id


def test_the_command_line_queues_dead_tasks_again(run, two_dead):
    assert run("requeue", two_dead[0].id) == (0, "1 queued again\n")
    wait_until(two_dead[0].successful, "the first has run again")
    assert run("requeue", "--all") == (0, "1 queued again\n")
    wait_until(two_dead[1].successful, "the second has run again")
    assert run("list") == (0, "")


def test_the_command_line_drops_dead_tasks(run, two_dead):
    assert run("drop", "--all", "-q", "other") == (0, "0 dropped\n")
    assert run("drop", "--all", "-n", "one") == (0, "1 dropped\n")
    assert two_dead[1].id in run("list")[1]


@pytest.mark.parametrize("words", [(), ("x", "--all")], ids=["none", "both"])
def test_the_command_line_wants_to_know_which(run, words):
    code, text = run("requeue", *words)
    assert code == 2
    assert "say which: give IDs, or --all" in text


def test_the_command_line_knows_no_other_id(run, two_dead):
    assert run("drop", two_dead[0].id, "x") == (1, "nbtasks: no dead task 'x'\n")
    assert run("drop", "--all") == (0, "2 dropped\n")
