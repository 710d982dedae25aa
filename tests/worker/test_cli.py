"""Commands against a real worker."""

import json
import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress

import chores
import pytest
from click.testing import CliRunner
from patience import wait_until
from workers import KEY

from nbtasks.cli import commands
from nbtasks.store.backlog import queue_of, read_backlog

SHOP = """
from nbtasks import shared_task

@shared_task
def add(x, y):
    return x + y

@shared_task
def boom():
    raise ValueError("no such product")
"""


@pytest.fixture
def app(shared_app, shared_worker):
    (shared_worker.log.parent / "clishop.py").write_text(SHOP)
    shared_app.expects_workers = False
    return shared_app


@pytest.fixture
def run(app):
    """Run a command for the app of this file."""

    def run(*words, code=0, **options):
        place = ("-b", app.config.url, "--app", app.config.name)
        done = CliRunner().invoke(commands, [*place, *words], env={"NBTASKS_KEY": KEY}, **options)
        assert done.exit_code == code, done.output
        return done

    return run


def test_a_task_is_called_and_its_value_printed(run):
    assert run("call", "clishop.add", "-a", "[2, 3]", "--wait").stdout == "5\n"
    told = run("call", "clishop.add", "-k", '{"x": 1, "y": 2}', "--wait", "--json").stdout
    assert (json.loads(told)["state"], json.loads(told)["result"]) == ("SUCCESS", 3)


def test_a_task_that_fails_is_one_line_and_its_traceback_where_it_is_asked_for(run, app):
    id_ = run("call", "clishop.boom").stdout.strip()
    app.AsyncResult(id_).get(20, propagate=False)
    assert run("result", id_, code=1).stderr == "FAILURE  ValueError: no such product\n"
    assert "clishop.py" in run("result", id_, "--traceback", code=1).stderr


def test_a_result_is_told_by_its_id(run, app):
    fine = app.task(lambda: "\x1b[31mred").delay()
    fine.get(20)
    assert run("result", fine.id).stdout == "'\\x1b[31mred'\n"
    assert json.loads(run("result", fine.id, "-j").stdout)["result"] == "\x1b[31mred"
    run("result", "nothing", code=1)


def test_what_has_not_ended_has_a_code_of_its_own(run, app):
    waits = app.task(lambda: 1).apply_async(queue="cli-nobody")
    run("result", waits.id, code=75)
    run("result", waits.id, "--wait", "--timeout", "0.05", code=75)
    assert run("revoke", waits.id).stdout == "1 revoked\n"
    run("revoke", waits.id, code=1)


def test_status_has_workers_and_queues(run, app):
    waits = app.task(lambda x: x, queue="cli-bulk").map_async(range(1500))
    told = json.loads(run("status", "--json").stdout)
    assert [worker["concurrency"] for worker in told["workers"]] == [2]
    queues = {queue["name"]: (queue["waiting"], queue["note"]) for queue in told["queues"]}
    assert queues["cli-bulk"] == (1500, "nobody takes from it")
    assert "nobody takes from it" in run("status").stdout
    waits.revoke()


def test_purge_ends_what_waits(run, app):
    waits = app.task(lambda x: x, queue="cli-purge").map_async(range(1500))
    assert "1,500 waiting tasks" in run("purge", "-Q", "cli-purge", input="n\n", code=1).stderr
    assert read_backlog(app.store, ["cli-purge"]).waiting["cli-purge"] == 1500
    assert run("purge", "-Q", "cli-purge", "-f").stdout == "1,500 purged\n"
    wait_until(waits.ready, "the client has heard of it")
    assert {result.state for result in waits} == {"REVOKED"}
    run("purge", "-Q", "cli-purge", "-f", code=1)


@pytest.fixture
def held(app, tmp_path):
    """A task that runs until the end of the test."""
    result = app.task(chores.hold, name="held").delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "it runs")
    yield result
    (tmp_path / "go-a").touch()
    result.get(20)


def test_what_workers_have_and_are_is_inspected(run, app, held):
    (name,) = (worker.name for worker in app.workers())
    assert f"{held.id}  held" in run("inspect", "active").stdout
    assert held.id in run("inspect", "query_task", held.id).stdout
    assert json.loads(run("inspect", "ping", "-j").stdout) == {name: {"ok": "pong"}}
    assert run("inspect", "ping").stdout == f"{name}\n  pong\n"
    assert "\n  default_queue: default\n" in run("inspect", "conf", "-d", name).stdout
    assert run("inspect", "reserved").stdout == "nothing is reserved\n"
    run("inspect", "query_task", "nothing", code=1)
    run("inspect", "stats", "--pattern", "gpu-*", code=69)


def test_workers_are_told_what_to_do(run, app):
    (name,) = (worker.name for worker in app.workers())
    assert run("control", "pool_grow", "2").stdout.split()[2:4] == [name, "done"]
    assert "done" in run("control", "pool_shrink", "2", "-d", name).stdout
    told = json.loads(run("control", "add_consumer", "cli-more", "--json").stdout)
    assert [*told] == [name]
    assert app.task(lambda: 1, queue="cli-more").delay().get(20) == 1
    run("control", "cancel_consumer", "cli-more")
    assert "the most come first" in run("control", "autoscale", "2", "3", code=2).stderr
    run("control", "ping", "-d", "nobody", code=69)


def test_queues_are_paused_and_go_on(run, app):
    assert run("control", "pause", "cli-held").stdout == "cli-held: paused\n"
    assert "cli-held was paused before" in run("control", "pause", "cli-held", code=1).stdout
    assert json.loads(run("control", "resume", "cli-held", "-j").stdout) == {"resume": True}
    assert not app.control.paused()


def test_tasks_are_paused_and_slowed_down_by_name(run, app):
    assert run("control", "pause_task", "cli.slow").stdout == "cli.slow: paused\n"
    assert [*app.control.paused_tasks()] == ["cli.slow"]
    assert run("control", "resume_task", "cli.slow").stdout == "cli.slow: resumed\n"
    assert run("control", "rate_limit", "cli.slow", "10/m").stdout == "cli.slow: 10/m\n"
    assert app.control.rate_limits() == {"cli.slow": "10/m"}
    assert "the rate that it is sent with" in run("control", "rate_limit", "cli.slow").stdout
    assert not app.control.rate_limits()
    assert 'write "10/s"' in run("control", "rate_limit", "cli.slow", "often", code=2).stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["call", "clishop.add", "-a", "[2, 3]", "--wait"], 0),
        (["call", "clishop.boom", "--wait"], 1),
        (["call", "clishop.add", "-a", "2"], 2),
        (["-b", "redis://127.0.0.1:1", "status"], 69),
    ],
)
def test_the_program_ends_with_the_code_that_scripts_look_at(app, words, code):
    place = {"NBTASKS_URL": app.config.url, "NBTASKS_NAME": app.config.name, "NBTASKS_KEY": KEY}
    environ = {**os.environ, **place, "NBTASKS_PATIENCE_MS": "1000"}
    command = [sys.executable, "-m", "nbtasks", *words]
    done = subprocess.run(command, env=environ, capture_output=True, check=False)
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("source", ["q", "q!", "q@3.12", "q@3.12!", "q@3.12!%", "q%"])
def test_what_waits_apart_counts_for_its_queue(source):
    assert queue_of(source) == "q"


@pytest.fixture
def listen(app):
    """Run `nbtasks events` in a process of its own; what it prints goes to a file."""
    place = {"NBTASKS_URL": app.config.url, "NBTASKS_NAME": app.config.name, "NBTASKS_KEY": KEY}
    started = []

    def start(*words, **files):
        command = [sys.executable, "-m", "nbtasks", "events", *words]
        started.append(subprocess.Popen(command, env={**os.environ, **place}, **files))
        flag = f"{app.store.keys.prefix}monitor"
        wait_until(lambda: app.store.call("EXISTS", flag), "it listens")
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_events_are_lines_of_json(listen, app, tmp_path):
    with (tmp_path / "lines").open("wb") as file:
        process = listen("-e", "task-sent,task-failed", "--limit", "2", "--json", stdout=file)
        result = app.send_task("clishop.boom")
        assert process.wait(20) == 0
    sent, failed = map(json.loads, (tmp_path / "lines").read_text().splitlines())
    assert (sent["type"], sent["name"], sent["uuid"]) == ("task-sent", "clishop.boom", result.id)
    assert failed["exception"] == "ValueError('no such product')"


def test_events_are_lines_of_words_into_a_pipe(listen, app):
    process = listen("--limit", "3", "-e", "task-sent,task-started,task-succeeded",
                     stdout=subprocess.PIPE)  # fmt: skip
    result = app.send_task("clishop.add", (1, 2))
    lines = process.communicate(timeout=20)[0].decode().splitlines()
    assert process.returncode == 0
    assert f"task-succeeded   clishop.add[{result.id}] on worker-" in lines[-1]
    assert " result=3" in lines[-1]


def test_where_nothing_comes_events_end(run):
    done = run("events", "-e", "task-nothing", "--timeout", "0.1", code=75)
    assert done.stderr == "nbtasks: no event came for 0.1 s\n"


def test_events_are_a_live_table_in_a_terminal(listen, app):
    ours, theirs = pty.openpty()
    process = listen(stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    app.send_task("clishop.add", (1, 2))
    app.send_task("clishop.boom")
    seen, words = b"", (b"clishop.add(1, 2)", b"1 SUCCESS", b"1 FAILURE", b"no such product")
    while not all(word in seen for word in words):
        seen += os.read(ours, 65_536)
    process.send_signal(signal.SIGINT)
    with suppress(OSError):  # the other end is closed
        while os.read(ours, 65_536):
            pass
    os.close(ours)
    assert process.wait(20) == 0
