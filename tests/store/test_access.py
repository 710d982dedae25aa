"""Users and TLS, from the very lines of the security guide, against a real server."""

import os
import re
import shlex
import socket
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
import redis
from needs import side
from patience import wait_until
from servers import Server

from nbtasks.app import App
from nbtasks.clock import SystemClock
from nbtasks.errors import StoreRefused, StoreUnavailable
from nbtasks.store.checkup import examine

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "security.md"
WORKER_TESTS = Path(__file__).parents[1] / "worker"
KEY = "the key of the tests of access"

SIDES = ("client", "worker", "monitor")


def lines(start):
    """The lines of code in the guide that begin like this."""
    return re.findall(rf"^    ({start}.*)$", GUIDE.read_text("utf-8"), re.MULTILINE)


def word(name):
    return f"{name}-of-the-test"


class Guarded(Server):
    """A server that a plain connection does not get into; the test comes in as administrator."""

    def client(self):
        return redis.Redis.from_url(self.as_user("admin"))

    def as_user(self, name):
        return f"unix://{name}:{word(name)}@{self.socket}"

    def refused(self):
        """What Redis has refused to whom, since it started."""
        with self.client() as client:
            found = [(entry["username"], entry["object"]) for entry in client.acl_log()]
        # redis-py tells newer servers its name, and does not mind that they refuse.
        return [each for each in found if each[1] != "client|setinfo"]


@pytest.fixture
def guarded(tmp_path):
    """A server with the users of the guide."""
    text = "\n".join(lines("user"))
    for name in SIDES:
        text = text.replace(f"PASSWORD-OF-{name.upper()}", word(name))
    path = tmp_path / "users.acl"
    path.write_text(f"{text}\nuser admin on >{word('admin')} +@all ~* &*\n")
    server = Guarded(tmp_path, "--aclfile", str(path), "--appendonly", "no")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def app(guarded):
    app = App("main", broker=guarded.as_user("client"), key=KEY, patience_ms=3000)
    yield app
    app.close()


@pytest.fixture
def worker(guarded, app, tmp_path):
    """A worker that comes in as one."""
    yield from run_worker(guarded.as_user("worker"), app, tmp_path)


def run_worker(url, app, folder):
    environment = {**os.environ, "NBTASKS_KEY": KEY, "PYTHONPATH": path_for_workers()}
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "nbtasks", "worker", url, "-c", "1"],
            env=environment, stdout=log, stderr=log, cwd=folder,
        )  # fmt: skip
    wait_until(app.workers, "the worker is up")
    yield process
    process.terminate()
    process.wait()


def path_for_workers():
    return os.pathsep.join([str(WORKER_TESTS), os.environ.get("PYTHONPATH", "")])


@pytest.fixture
def chores(monkeypatch):
    monkeypatch.syspath_prepend(str(WORKER_TESTS))
    return __import__("plain_chores")


@pytest.mark.parametrize("user", SIDES)
def test_each_user_of_the_guide_has_just_the_commands_that_it_needs(user):
    (line,) = lines(f"user {user} ")
    wanted = " ".join(sorted(f"+{name}" for name in side(user)))
    assert " ".join(re.findall(r"\+\S+", line)) == wanted
    assert re.findall(r"[~&%]\S+", line) == ["~nbt:{main}:*"]


@pytest.mark.usefixtures("worker")
def test_clients_and_workers_do_all_they_do_with_those_rights(app, guarded, chores):
    task = app.task(chores.echo, max_retries=1)
    assert task.map_async(range(300)).get(20)[7] == [[7], {}]
    assert task.apply_async((1,), task_id="named", countdown=0.01).get(10) == [[1], {}]
    with pytest.raises(KeyError):
        app.task(chores.fail, max_retries=1, default_retry_delay=0).delay("x").get(10)
    assert app.task(chores.talk).delay("words").get(10) == "words"
    waiting = task.apply_async((1,), countdown=100)
    assert app.AsyncResult(waiting.id).revoke(terminate=True)
    assert waiting.forget()
    assert app.revoke_by_stamped_headers({"job": 1}) == 0
    assert app.log(app.AsyncResult("named").records[0], 0) == ""
    assert guarded.refused() == []


@pytest.mark.parametrize(
    ("user", "command"),
    [
        ("client", ["FLUSHALL"]),
        ("client", ["KEYS", "*"]),
        ("client", ["SET", "another", "1"]),
        ("client", ["EVAL", "return redis.call('FLUSHALL')", 0]),
        ("worker", ["CONFIG", "SET", "dir", "/"]),
        ("worker", ["XREAD", "STREAMS", "nbt:{main}:ev:x", "0"]),
        ("monitor", ["SET", "nbt:{main}:x", "1"]),
        ("monitor", ["SCRIPT", "LOAD", "return 1"]),
        ("default", ["PING"]),
    ],
    ids=lambda part: part if isinstance(part, str) else part[0],
)
def test_no_user_can_do_more(guarded, user, command):
    with redis.Redis.from_url(guarded.as_user(user)) as client, pytest.raises(redis.RedisError):
        client.execute_command(*command)


def test_rights_hold_inside_of_a_script(guarded):
    with redis.Redis.from_url(guarded.as_user("client")) as client:
        name = client.script_load("return redis.call('SET', 'another', '1')")
        with pytest.raises(redis.RedisError, match=r"permission|can't (access|run)"):
            client.evalsha(name, 0)
        name = client.script_load("return redis.call('FLUSHALL')")
        with pytest.raises(redis.RedisError, match=r"permission|can't (access|run)"):
            client.evalsha(name, 0)


@pytest.mark.usefixtures("worker")
def test_a_monitor_sees_who_works_and_can_send_nothing(guarded, chores):
    url = guarded.as_user("monitor")
    found = examine(url, "main", SystemClock())
    assert (len(found.workers), found.user, found.is_almighty) == (1, "monitor", None)
    monitor = App("main", broker=url, key=KEY, patience_ms=1000)
    assert len(monitor.workers()) == 1
    with pytest.raises((StoreRefused, StoreUnavailable)):
        monitor.task(chores.echo).delay(1)
    monitor.close()


def test_a_wrong_password_is_said_without_being_shown(guarded):
    url = guarded.as_user("client").replace(word("client"), "canary-word")
    with pytest.raises(StoreRefused, match="refused") as caught:
        App("main", broker=url, key=KEY).workers()
    assert "canary" not in str(caught.value)


# TLS


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A folder in which the commands of the guide were run."""
    folder = tmp_path_factory.mktemp("tls")
    (folder / "server.ext").write_text("subjectAltName=DNS:localhost\n")
    (folder / "client.ext").write_text("extendedKeyUsage=clientAuth\n")
    for line in lines("openssl "):
        command = shlex.split(line.replace("host.example", "localhost"))
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def secured(certificates, tmp_path):
    """A server with the configuration of the guide, and its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = [option for line in lines("tls-") for option in _option(line, certificates)]
    server = Server(tmp_path, *options, "--bind", "127.0.0.1", "--appendonly", "no")
    server.options = [(each == "6380" and str(port)) or each for each in server.options]
    server.start()
    yield port
    server.kill()


def _option(line, folder):
    name, value = line.split()
    return f"--{name}", str(folder / value) if value.endswith((".crt", ".key")) else value


def address(port, folder, *left_out):
    """The URL of the guide, for this server."""
    (line,) = lines("rediss://")
    head, _, query = line.replace("host.example:6380", f"localhost:{port}").partition("?")
    parts = [part.partition("=") for part in query.split("&")]
    return f"{head}?" + "&".join(
        f"{name}={folder / value}" for name, _, value in parts if name not in left_out
    )


def test_tasks_run_over_tls_with_certificates_on_both_sides(
    secured, certificates, chores, tmp_path
):
    url = address(secured, certificates)
    app = App(f"tls-{uuid.uuid4().hex[:6]}", broker=url, key=KEY)
    app.config = app.config.with_settings({"name": "main"})
    for _ in run_worker(url, app, tmp_path):
        assert app.task(chores.echo).delay(1).get(10) == [[1], {}]
    app.close()


@pytest.mark.parametrize(
    "left_out",
    [("ssl_ca_certs",), ("ssl_certfile", "ssl_keyfile")],
    ids=["unknown authority", "no certificate of ours"],
)
def test_a_side_without_its_certificate_does_not_get_in(secured, certificates, left_out):
    url = address(secured, certificates, *left_out)
    with pytest.raises(
        StoreUnavailable, match=r"rediss://localhost:.* cannot be reached: .*(?i:ssl|cert)"
    ):
        App("main", broker=url, key=KEY).workers()


def test_a_server_of_another_name_is_refused(secured, certificates):
    url = address(secured, certificates).replace("localhost", "127.0.0.1", 1)
    with pytest.raises(StoreUnavailable, match=r"(?i)certificate"):
        App("main", broker=url, key=KEY).workers()
