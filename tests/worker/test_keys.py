"""Keys on real workers: the user's file, a rotation that no task notices, and doing without."""

import os
import subprocess
import sys
import uuid
import warnings

import pytest
from chores import noop
from patience import wait_until

from nbtasks.app import App
from nbtasks.errors import BadSignature, ConfigError
from nbtasks.keyring import KeyFile, default_path, key_id


@pytest.fixture(autouse=True)
def user(tmp_path, monkeypatch):
    """A user with a key file, and no other key."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("NBTASKS_KEY", raising=False)
    path = default_path(os.environ)
    KeyFile.open(path)
    return path


@pytest.fixture
def machine(server, tmp_path):
    """Start workers that read the key file, and clients that do."""
    name = f"keys-{uuid.uuid4().hex[:8]}"
    started, apps = [], []

    def worker(*options):
        command = [sys.executable, "-m", "nbtasks", "worker", server.url, "-a", name, "-c", "1"]
        with (tmp_path / "log").open("ab") as log:
            started.append(
                subprocess.Popen([*command, *options], stdout=log, stderr=log, cwd=tmp_path)
            )
        return started[-1]

    def client(**settings):
        apps.append(App(name, broker=server.url, patience_ms=5000, **settings))
        return apps[-1]

    worker.client = client
    worker.log = tmp_path / "log"
    yield worker
    for process in started:
        process.terminate()
        process.wait()
    for app in apps:
        for key in app.store.call("KEYS", f"{app.store.keys.prefix}*"):
            app.store.call("UNLINK", key)
        app.close()


def ready(app, count=1):
    wait_until(lambda: len(app.workers()) == count, "the workers are up")
    return app


def test_a_url_needs_no_other_key_than_the_users_file(machine):
    machine()
    assert ready(machine.client()).task(noop).delay(1).get(10) == 1


def test_a_key_file_that_others_may_read_is_used_by_nobody(machine, user):
    user.chmod(0o644)
    with pytest.raises(ConfigError, match="may be read by others"):
        machine.client().workers()
    assert machine().wait(10) == 2
    assert "may be read by others than its owner" in machine.log.read_text()
    user.chmod(0o600)


def test_no_task_fails_while_a_key_is_rotated(machine, user):
    """Each step restarts one side, while the other still has the file of the step before."""
    both = KeyFile.open(user).add(b"the next key of the tests")
    first, second = both.keys
    steps = [both, both.rotate(key_id(second)), KeyFile(user, (second.decode(),))]
    running, app = machine(), ready(machine.client())
    task = app.task(noop)
    for step in steps:
        assert task.map_async(range(20)).get(10) == list(range(20))
        running.terminate()
        assert running.wait(10) == 0
        waiting = task.map_async(range(20))
        step.save()
        running = machine()  # with the new file, while the client has the old one
        assert waiting.get(10) == list(range(20))
        app = machine.client()
        task = app.task(noop)
        assert app.AsyncResult(f"{waiting.records[0].rid}-3").get(10) == 3
    assert task.delay(1).get(10) == 1
    assert first not in KeyFile.open(user).keys


def test_a_worker_without_the_key_says_which_one_it_needs(machine, user):
    app = machine.client()
    app.workers()
    KeyFile.open(user).rotate().save()
    KeyFile.open(user).drop(app.connection.signer.key_id).save()
    machine()
    with pytest.raises(BadSignature, match=f"whose key is '{app.connection.signer.key_id}' .here:"):
        ready(app).task(noop).delay(1).get(10)


def test_doing_without_a_key_is_said_at_each_start_on_both_sides(machine, monkeypatch):
    monkeypatch.setenv("NBTASKS_INSECURE", "1")
    machine()
    with pytest.warns(UserWarning, match="insecure=True: tasks and results carry no signature"):
        assert ready(machine.client()).task(noop).delay(1).get(10) == 1
    assert "WARNING insecure=True: tasks and results" in machine.log.read_text()


def test_what_is_not_signed_is_refused_by_a_worker_with_a_key(machine):
    machine()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        app = ready(machine.client(insecure=True))
    with pytest.raises(BadSignature, match=r"which has no signature .its client has insecure=True"):
        app.task(noop).delay(1).get(10)
