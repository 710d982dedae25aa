"""What every test may use: a real server, an app of its own on it, real workers."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings
from patience import wait_until
from servers import Server, leaks
from workers import KEY, WorkerProcess

from nbtasks.app import App

# How long one example takes says nothing on a machine that does other things as well.
settings.register_profile("without-deadline", deadline=None)
settings.load_profile("without-deadline")

LONG_FIRST = ("browser", "notebook", "worker", "chaos", "client", "store")
"""Folders of tests, those with the longest ones first."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where files run side by side, none of the long ones is to be alone at the end."""
    ranks = {name: rank for rank, name in enumerate(LONG_FIRST)}
    items.sort(key=lambda item: ranks.get(item.path.parent.name, len(ranks)))


@pytest.fixture(scope="session", autouse=True)
def no_key_file_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whoever runs the tests may have a key file; no test is to find it, or to change it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the whole run; tests are apart by the name of their app."""
    server = Server(tmp_path_factory.mktemp("r"), "--appendonly", "no")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own, to be killed and started again; keeps its data."""
    server = Server(tmp_path, "--appendonly", "yes", "--appendfsync", "always")
    server.start()
    yield server
    server.kill()


@contextmanager
def open_app(server: Server, name: str = "") -> Iterator[App]:
    """An app; it is an error to leave a key behind that nobody removes."""
    name = name or f"test-{uuid.uuid4().hex[:12]}"
    app = App(name, broker=server.url, key=KEY, patience_ms=5000)
    yield app
    prefix = app.store.keys.prefix
    app.close()
    with server.client() as client:
        left = leaks(client, prefix)
        for key in client.scan_iter(f"{prefix}*"):
            client.delete(key)
    assert not left, f"keys without TTL or owner: {left}"


@pytest.fixture
def fresh_app(server: Server) -> Iterator[App]:
    """An app of the test's own; the test fails when it leaves a key behind that nobody removes."""
    with open_app(server) as app:
        yield app


@pytest.fixture
def app(fresh_app: App) -> App:
    """The same; files whose tests share an app have another fixture of this name."""
    return fresh_app


@pytest.fixture(scope="module")
def shared_app(server: Server) -> Iterator[App]:
    """An app for all tests of a file."""
    with open_app(server) as app:
        yield app


@pytest.fixture(scope="module")
def shared_worker(
    shared_app: App, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WorkerProcess]:
    """A worker with two processes for all tests of a file."""
    worker = WorkerProcess(shared_app, "-c", "2", log=tmp_path_factory.mktemp("w") / "log")
    try:
        wait_until(shared_app.workers, "the worker has come up")
        yield worker
    finally:
        worker.stop()


@pytest.fixture
def start_worker(app: App, tmp_path: Path) -> Iterator[Callable[..., WorkerProcess]]:
    """Start workers for the test's app: `start_worker("-c", "2")`. They end after the test."""
    workers: list[WorkerProcess] = []

    def start(*options: str, key: str = KEY, wait: bool = True) -> WorkerProcess:
        before = len(app.workers())
        worker = WorkerProcess(app, *options, log=tmp_path / f"worker{len(workers)}.log", key=key)
        workers.append(worker)
        if wait:
            wait_until(lambda: len(app.workers()) > before, "the worker has come up")
        return worker

    yield start
    for worker in workers:
        if worker.process.poll() is None:
            worker.kill()


@pytest.fixture
def worker(start_worker: Callable[..., WorkerProcess]) -> WorkerProcess:
    """A worker with two processes."""
    return start_worker("-c", "2")
