"""A canary as password and as key: it turns up nowhere but where it is needed."""

import logging
import os
import subprocess
import sys
import uuid

import chores
import psutil
import pytest
import redis
import secret_chores
from patience import wait_until
from servers import Server

from nbtasks.app import App
from nbtasks.errors import NbTasksError
from nbtasks.store.link import Link

CANARY = "canary-" + uuid.uuid4().hex
KEY = CANARY + "-key"
PASSWORD = CANARY + "-password"


class Locked(Server):
    """A server that wants a password."""

    def client(self):
        return redis.Redis.from_url(self.url, password=PASSWORD)


@pytest.fixture
def locked(tmp_path):
    server = Locked(tmp_path, "--requirepass", PASSWORD, "--appendonly", "no")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def url(locked):
    return locked.url.replace("unix://", f"unix://:{PASSWORD}@")


@pytest.fixture
def app(url):
    app = App("secrets", broker=url, key=KEY, patience_ms=1000)
    yield app
    app.close()


@pytest.fixture
def start(app, url, tmp_path):
    """Start a worker that logs all it can; secrets come by its environment."""
    started = []

    def run(*options):
        environment = {**os.environ, "NBTASKS_KEY": KEY, "NBTASKS_URL": url}
        command = [sys.executable, "-m", "nbtasks", "worker", "-a", "secrets", "-c", "1"]
        with (tmp_path / "worker.log").open("ab") as log:
            started.append(
                subprocess.Popen(
                    [*command, "-l", "debug", *options],
                    env=environment,
                    stdout=log,
                    stderr=log,
                    cwd=tmp_path,
                )
            )
        wait_until(app.workers, "the worker is up")
        return psutil.Process(started[-1].pid)

    yield run
    for process in started:
        process.terminate()
        process.wait()


def all_of_redis(app):
    found = []
    for key in app.store.call("KEYS", "*"):
        found.append(key)
        kind = app.store.call("TYPE", key)
        reads = {b"hash": ["HGETALL"], b"stream": ["XRANGE"], b"zset": ["ZRANGE"]}
        bounds = {b"stream": ["-", "+"], b"zset": [0, -1]}
        command = [*reads.get(kind, ["GET"]), key, *bounds.get(kind, [])]
        found.append(repr(app.store.call(*command)).encode())
    return b"\n".join(found)


def test_nothing_that_is_shown_sent_or_logged_holds_a_secret(app, start, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    worker = start()
    task = app.task(chores.noop)
    result, group = task.delay(1), app.map(chores.noop, range(5))
    assert (result.get(10), group.get(10)) == (1, list(range(5)))
    failed = app.task(chores.fail).delay("a")
    with pytest.raises(ValueError, match="a") as caught:
        failed.get(10)
    shown = [
        app,
        app.config,
        app.connection,
        app.store,
        app.event_stream,
        app.connection.signer,
        task,
    ]
    shown += [result, group, failed, failed.traceback, vars(app.connection.signer), caught.value]
    shown += [app.workers(), caplog.text, (tmp_path / "worker.log").read_text()]
    shown += [each.cmdline() for each in (worker, *worker.children(recursive=True))]
    assert [each for each in map(repr, shown) if CANARY in each] == []
    assert CANARY.encode() not in all_of_redis(app)


@pytest.mark.parametrize("options", [(), ("--start-method", "spawn")], ids=["fork", "spawn"])
def test_programs_that_tasks_start_do_not_get_the_secrets(app, start, options):
    start(*options)
    assert CANARY not in app.task(secret_chores.environment_of_a_program).delay(1).get(20)


@pytest.mark.parametrize("options", [(), ("--start-method", "spawn")], ids=["fork", "spawn"])
def test_an_app_that_a_task_makes_still_knows_them(app, start, options):
    start(*options)
    assert app.task(secret_chores.knows_its_app).delay("secrets").get(20) == [True, True, 1]


@pytest.mark.parametrize(
    "place",
    [
        "redis://user:{}@127.0.0.1:1/0",
        "redis://:{}@nowhere.invalid:6379",
        "redis://127.0.0.1:1?password={}",
        "unix://:{}@/nowhere/s",
        "rediss://:{}@127.0.0.1:1?ssl_ca_certs=/nowhere",
        "http://:{}@host",
        "redis://:{}@host:port",
        "redis://:{}/x@host",
        "user:{}@host",
        "redis://:{}@127.0.0.1:1/0?socket_timeout=x",
        "redis://:{}@127.0.0.1:1/0?unknown=1",
    ],
)
def test_no_error_about_a_url_holds_its_password(place, caplog):
    caplog.set_level(logging.DEBUG)
    app = App("secrets", broker=place.format(PASSWORD), key=KEY, patience_ms=50)
    with pytest.raises(NbTasksError) as caught:
        app.task(chores.noop).delay(1)
    assert CANARY not in chain(caught.value) + caplog.text
    command = [sys.executable, "-m", "nbtasks", "doctor", place.format(PASSWORD)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert CANARY not in done.stdout + done.stderr


def chain(error):
    """All that a traceback would say of an error and of what it came from, its values included."""
    found = []
    while error is not None:
        found += [repr(error), str(error), repr(error.args)]
        error = error.__cause__ or error.__context__
    return "\n".join(found)


def test_no_error_of_a_server_that_refuses_or_goes_away_holds_a_secret(app, locked, url):
    wrong = App("secrets", broker=url.replace(PASSWORD, CANARY), key=KEY)
    with pytest.raises(NbTasksError) as caught:
        wrong.workers()
    assert CANARY not in chain(caught.value)
    app.workers()
    locked.kill()
    with pytest.raises(NbTasksError) as caught:
        app.workers()
    assert CANARY not in chain(caught.value)


@pytest.mark.parametrize(
    "key",
    [CANARY[:10], f"{CANARY}\n{CANARY[:9]}", ["a b" * 9, f" {CANARY}"], 5],
    ids=["short", "a line too many", "a list", "a number"],
)
def test_no_error_about_a_key_holds_it(key, url):
    with pytest.raises(NbTasksError) as caught:
        App("secrets", broker=url, key=key).workers()
    assert CANARY[:9] not in chain(caught.value)


def test_a_link_shows_no_password(url):
    link = Link(url)
    assert CANARY not in link.url
    assert CANARY not in repr(link)
