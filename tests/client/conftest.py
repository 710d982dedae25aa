"""Apps of clients that lose their Redis, and workers for them."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import wait_until
from proxy import Proxy
from servers import Server
from workers import KEY, WorkerProcess

from nbtasks.app import App


@pytest.fixture(autouse=True)
def importable_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers find what the tests import."""
    here = Path(__file__).parent
    parts = [str(here), str(here.parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, parts)))


@pytest.fixture
def make_app() -> Iterator[Callable[..., App]]:
    """Make apps: `make_app(url, redrive=False)`. They are closed after the test."""
    apps: list[App] = []

    def make(url: str, **settings: Any) -> App:
        name = f"own-{uuid.uuid4().hex[:8]}"
        apps.append(App(name, broker=url, key=KEY, **{"patience_ms": 20_000, **settings}))
        return apps[-1]

    yield make
    for app in apps:
        app.close()


@pytest.fixture
def add_worker(tmp_path: Path) -> Iterator[Callable[[App], WorkerProcess]]:
    """Start a worker with two processes for an app."""
    workers: list[WorkerProcess] = []

    def start(app: App) -> WorkerProcess:
        workers.append(WorkerProcess(app, "-c", "2", log=tmp_path / f"worker{len(workers)}.log"))
        wait_until(app.workers, "the worker has come up")
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()


@pytest.fixture
def pair(tmp_path):
    """A primary and its replica, the proxy that clients use, and the one between the two."""
    servers = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        servers.append(
            Server(tmp_path / name, "--appendonly", "no", "--repl-diskless-sync-delay", "0")
        )
        servers[-1].start()
    clients, link = Proxy(lambda: servers[0]), Proxy(lambda first=servers[0]: first)
    with servers[1].client() as client:
        client.replicaof("127.0.0.1", link.port)
        wait_until(
            lambda: client.info("replication")["master_link_status"] == "up", "the replica is up"
        )
    yield servers, clients, link
    for each in (clients, link, *servers):
        each.kill() if isinstance(each, Server) else each.close()
