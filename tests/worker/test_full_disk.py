"""The disk of the append-only file is full: what was acknowledged stays, and work goes on later."""

import resource

import chores
import psutil
import pytest
from patience import wait_until
from servers import Server
from worker_side import deaths

from nbtasks.embedded import find_server
from nbtasks.errors import StoreError

BACK_S = 10


@pytest.fixture
def own_server(tmp_path, monkeypatch):
    """A server that lives through a limit on the size of its files, as through a full disk."""
    wrapper = tmp_path / "server"
    wrapper.write_text(f"#!/bin/sh\ntrap '' XFSZ\nexec {find_server()} \"$@\"\n")
    wrapper.chmod(0o700)
    with monkeypatch.context() as patch:
        patch.setenv("NBTASKS_SERVER", str(wrapper))
        server = Server(tmp_path, "--appendonly", "yes", "--appendfsync", "everysec")
        server.start()
    yield server
    server.kill()


@pytest.fixture
def let_write(own_server):
    """Limit how large its files may become: `let_write(0)`, or no longer: `let_write()`."""
    process = psutil.Process(own_server.process.pid)

    def limit(size=resource.RLIM_INFINITY):
        process.rlimit(psutil.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    return limit


def is_refusing(server):
    """Whether Redis has noticed that it cannot write."""
    with server.client() as client:
        return client.info("persistence")["aof_last_write_status"] == "err"


@pytest.mark.slow
def test_a_redis_whose_disk_is_full_loses_no_task(
    durable_app, own_server, start_durable, let_write, tmp_path
):
    worker = start_durable()
    task = durable_app.task(chores.hold)
    running, waiting = (task.delay(str(tmp_path), name) for name in "ab")
    wait_until(lambda: chores.lines(tmp_path / "started"), "the task runs")
    let_write(0)
    wait_until(lambda: is_refusing(own_server), "Redis refuses writes")
    with pytest.raises(StoreError, match="MISCONF"):
        durable_app.task(chores.noop).delay(1)
    (tmp_path / "go-a").touch()
    wait_until(lambda: "MISCONF" in worker.text(), "the worker could not hand it in")
    let_write()
    (tmp_path / "go-b").touch()
    assert running.get(BACK_S)
    assert waiting.get(BACK_S)
    assert len(chores.lines(tmp_path / "started")) == 2
    assert deaths(durable_app, running) == deaths(durable_app, waiting) == {}
