"""What the doctor says of real servers, healthy and sick ones."""

import json
import socket

import pytest
from click.testing import CliRunner
from patience import wait_until
from servers import Server

from nbtasks import __version__, doctor
from nbtasks.cli import commands
from nbtasks.clock import SystemClock
from nbtasks.config import Config
from nbtasks.doctor import Level, diagnose
from nbtasks.store.checkup import Checkup, WorkerSays, examine

KEY = "the key of the tests of the doctor"


@pytest.fixture
def start(tmp_path):
    """Start servers with options of their own; their URL."""
    servers = []

    def make(*options):
        folder = tmp_path / f"s{len(servers)}"
        folder.mkdir()
        server = Server(folder, *options)
        servers.append(server)
        server.start()
        return server

    yield make
    for server in servers:
        server.kill()


def findings(url, **settings):
    return diagnose(Config(url=url, key=KEY.encode(), **settings), SystemClock(), {})


def said(found, check):
    """What a check says: the worst level and all texts."""
    mine = [each for each in found if each.check == check]
    assert all(each.advice for each in mine if each.level is not Level.FINE), mine
    return max(each.level for each in mine), " | ".join(each.text for each in mine)


def checkup(**changes):
    fields = {
        "info": {"redis_version": "7.0.15"}, "settings": {}, "user": "default", "ahead_ms": 0.0,
        "is_almighty": True, "has_password": True, "workers": (), "overdue": 0, "dead": 0,
    }  # fmt: skip
    return Checkup(**{**fields, **changes})


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def test_a_server_as_it_should_be_has_nothing_wrong_but_that_nobody_works(start):
    found = findings(start("--appendonly", "yes", "--appendfsync", "everysec").url)
    assert {each.check: each.level for each in found if each.level} == {"workers": Level.WARNING}
    text = "append-only file, appendfsync everysec: a crash loses about a second"
    assert said(found, "disk") == (Level.FINE, text)
    assert said(found, "reachable")[1].startswith("unix://")


@pytest.mark.parametrize(
    ("options", "check", "level", "text"),
    [
        (["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"], "eviction", 2,
         "maxmemory-policy is allkeys-lru: tasks and results are thrown away"),
        (["--maxmemory-policy", "volatile-lru"], "eviction", 1, "maxmemory-policy is volatile-lru"),
        (["--appendonly", "no"], "disk", 1, "a crash of Redis loses all that it holds"),
        (["--appendonly", "no", "--save", "60 1"], "disk", 1, "loses all since its last snapshot"),
        (["--appendonly", "yes", "--appendfsync", "no"], "disk", 1, "appendfsync is no"),
        (["--min-replicas-to-write", "1"], "replicas", 2, "Redis refuses all writes"),
        (["--maxmemory", "1200kb"], "memory", 1, "of maxmemory"),
        (["--maxmemory", "500kb"], "memory", 2, "of maxmemory"),
    ],
    ids=["evicts", "may evict", "no disk", "snapshots", "no fsync", "alone", "tight", "full"],
)  # fmt: skip
def test_a_setting_that_loses_tasks_is_named(start, options, check, level, text):
    worst, texts = said(findings(start(*options).url), check)
    assert (worst, text in texts) == (level, True), texts


def test_a_snapshot_that_failed_is_named(start):
    server = start("--appendonly", "no", "--enable-protected-configs", "yes")
    with server.client() as client:
        client.config_set("dbfilename", "x" * 300)
        client.execute_command("BGSAVE")
        wait_until(lambda: client.info()["rdb_last_bgsave_status"] == "err", "it failed")
    level, text = said(findings(server.url), "disk")
    assert level is Level.BROKEN
    assert "the last snapshot failed: rdb_last_bgsave_status is err" in text


def test_replicas_and_their_settings_are_looked_at_from_both_sides(start):
    port = free_port()
    primary = start("--port", str(port), "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0")
    replica = start("--replicaof", f"127.0.0.1 {port}")
    with primary.client() as client:
        wait_until(
            lambda: client.info().get("slave0", {}).get("state") == "online", "the replica is there"
        )
    level, text = said(findings(primary.url), "replicas")
    assert level is Level.WARNING
    assert "is online, " in text
    assert "a primary that is cut off goes on taking tasks" in text
    role = said(findings(replica.url), "role")
    assert role == (Level.BROKEN, "this is a replica, and takes no writes")


INSIDE = {"port": "6379", "bind": "127.0.0.1 -::1", "protected-mode": "yes"}
OUTSIDE = {**INSIDE, "bind": "* -::*"}


@pytest.mark.parametrize(
    ("changes", "level", "text"),
    [
        ({"settings": INSIDE}, 0, "may do everything; Redis listens on this machine only"),
        ({"settings": {"port": "0"}}, 0, "Redis listens on this machine only"),
        ({"settings": OUTSIDE}, 1, "user 'default' may run every command, FLUSHALL"),
        ({"settings": OUTSIDE, "has_password": False}, 1, "only protected-mode keeps others out"),
        (
            {"settings": {**OUTSIDE, "protected-mode": "no"}, "has_password": False},
            2,
            "user 'default' needs no password, and Redis listens on *, ::*",
        ),
        ({"settings": {"port": "1", "bind": ""}, "has_password": False}, 2, "on every address"),
        ({"has_password": False}, 2, "on addresses that it does not tell"),
        ({"settings": OUTSIDE, "is_almighty": False}, 0, "has only some rights"),
        ({"user": "x", "is_almighty": None}, 0, "user 'x' is no administrator"),
    ],
    ids=str,
)
def test_who_may_come_in_is_judged(changes, level, text):
    (finding,) = doctor.access(checkup(**changes))
    assert (finding.level, text in finding.text) == (level, True), finding
    assert bool(finding.advice) == bool(level)


def test_what_users_may_do_is_asked_of_the_server(start):
    server = start("--port", str(free_port()), "--bind", "127.0.0.1")
    with server.client() as client:
        for rights in ("boss +@all ~*", "some +@all -config ~n*", "less +@all -acl -config ~n*"):
            name, *rules = rights.split()
            client.execute_command("ACL", "SETUSER", name, "on", ">word", *rules)

    def asked_by(name):
        found = examine(server.url.replace("//", f"//{name}:word@"), "main", SystemClock())
        return found.user, found.is_almighty, found.has_password, found.settings.get("bind")

    assert asked_by("boss") == ("boss", True, True, "127.0.0.1")
    assert asked_by("some") == ("some", False, True, None)
    assert asked_by("less") == ("", None, None, None)
    found = examine(server.url, "main", SystemClock())
    assert (found.user, found.is_almighty, found.has_password) == ("default", True, False)


def test_workers_of_other_versions_stuck_leases_and_dead_tasks_are_named(start):
    server = start()
    prefix = "nbt:{main}:"
    with server.client() as client:
        client.zadd(f"{prefix}fleet", {"old": 2**52, "same": 2**52})
        client.hset(f"{prefix}w:old", mapping={"python": "3.9"})
        client.hset(
            f"{prefix}w:same", mapping={"python": doctor.PYTHON_TAG, "version": __version__}
        )
        client.zadd(f"{prefix}lease", {"r:0:1:t": 5})
        client.zadd(f"{prefix}dead", {"r:0:1": 5})
    found = findings(server.url)
    level, text = said(found, "workers")
    assert level is Level.WARNING
    assert text.startswith("2 live | old runs Python 3.9, and here is ")
    assert "old runs nbtasks ?, and here is" in text
    assert "same" not in text
    assert said(found, "leases")[0] is Level.BROKEN
    assert said(found, "dead tasks")[0] is Level.WARNING


@pytest.mark.parametrize(
    ("info", "level"),
    [
        ({"redis_version": "7.0.15"}, 0),
        ({"redis_version": "6.2.0"}, 0),
        ({"redis_version": "6.0.16"}, 2),
        ({"redis_version": "7.2.4", "valkey_version": "8.1.0"}, 0),
        ({"redis_version": "7.2.4", "valkey_version": "7.2.5"}, 2),
        ({}, 2),
    ],
    ids=str,
)
def test_servers_that_are_too_old_are_named(info, level):
    (finding,) = doctor.version(checkup(info=info))
    assert finding.level == level


@pytest.mark.parametrize(
    ("ahead_ms", "text"),
    [(5000.0, "5.0 s before this machine's"), (-90_000.0, "90.0 s behind this machine's")],
)
def test_clocks_that_differ_are_named(ahead_ms, text):
    (finding,) = doctor.clocks(checkup(ahead_ms=ahead_ms))
    assert (finding.level, text in finding.text) == (Level.WARNING, True)


def test_the_clock_of_a_server_of_this_machine_is_ours(start):
    assert abs(examine(start().url, "main", SystemClock()).ahead_ms) < 1000


def test_workers_tell_their_versions(app, start_worker):
    start_worker("-c", "1")
    found = examine(app.config.url, app.config.name, SystemClock())
    assert [(each.python, each.version) for each in found.workers] == [
        (doctor.PYTHON_TAG, __version__)
    ]
    assert isinstance(found.workers[0], WorkerSays)


# The command


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("NBTASKS_KEY", KEY)
    monkeypatch.delenv("NBTASKS_KEY_FILE", raising=False)
    return lambda *args: CliRunner().invoke(commands, ["doctor", *args])


def test_the_exit_code_is_the_worst_finding_and_advice_stands_below(start, run):
    done = run(start("--appendonly", "yes").url)
    assert done.exit_code == 1
    assert "warning  workers     no worker is live\n" in done.output
    assert "start one with `nbtasks worker`" in done.output
    assert run(start("--min-replicas-to-write", "1").url).exit_code == 2


def test_programs_get_json(start, run):
    done = run("--json", start().url)
    told = json.loads(done.output)
    assert told["exit_code"] == done.exit_code == 1
    assert {"check", "level", "text", "advice"} == set(told["findings"][0])


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("redis://:canary@127.0.0.1:1", "Redis at redis://:***@127.0.0.1:1 cannot be reached"),
        ("http://:canary@host", "'http://:***@host' is not the URL of a Redis"),
    ],
)
def test_a_server_that_is_not_there_is_broken_and_no_password_is_shown(run, url, text):
    done = run(url)
    assert (done.exit_code, text in done.output) == (2, True)
    assert "canary" not in done.output


def test_keys_are_looked_at_first(start, run, monkeypatch, tmp_path):
    url = start().url
    monkeypatch.delenv("NBTASKS_KEY")
    assert "broken   key         there is a URL, but no signing key" in run(url).output
    CliRunner().invoke(commands, ["key", "add"])
    assert "is its owner's alone" in run(url).output
    (tmp_path / "nbtasks" / "key").chmod(0o644)
    assert "may be read by others than its owner (mode 0644)" in run(url).output
    (tmp_path / "nbtasks" / "key").unlink()
    monkeypatch.setenv("NBTASKS_INSECURE", "1")
    assert "warning  key         insecure is set: nothing is signed" in run(url).output


def test_without_a_url_it_looks_at_the_embedded_server(run, monkeypatch, tmp_path):
    monkeypatch.setenv("NBTASKS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NBTASKS_GRACE", "0.1")
    monkeypatch.delenv("NBTASKS_URL", raising=False)
    done = run()
    assert "ok       transport   stays on this machine" in done.output
    assert "append-only file, appendfsync everysec" in done.output


@pytest.mark.parametrize(
    ("url", "level"),
    [("rediss://h", 0), ("redis://h", 1), ("redis://localhost", 0), ("unix:///s", 0)],
)
def test_what_goes_over_the_network_in_the_open_is_named(url, level):
    (finding,) = doctor.transport(url)
    assert finding.level == level
