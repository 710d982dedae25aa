"""Workers with short leases, an app on a server of the test's own, and importable tasks."""

import os
import uuid

import pytest
from patience import wait_until
from worker_side import HERE, OwnWorker

from nbtasks.app import App

KEY = "a key that only these tests know"


@pytest.fixture(autouse=True, scope="module")
def importable_chores():
    """Workers find chores.py, also one that all tests of a file share."""
    parts = [str(HERE), str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, parts)))
        yield


@pytest.fixture
def start_own(app, tmp_path):
    """Start workers with a short lease: `start_own(concurrency=2)`."""
    yield from _starter(app, tmp_path)


@pytest.fixture
def durable_app(own_server):
    """An app on the server that the test may kill."""
    app = App(f"own-{uuid.uuid4().hex[:8]}", broker=own_server.url, key=KEY, patience_ms=20_000)
    yield app
    app.close()


@pytest.fixture
def start_durable(durable_app, tmp_path):
    """Start workers of `durable_app`, with a long lease."""
    yield from _starter(durable_app, tmp_path, lease_ms=15_000, heartbeat_ms=1000)


def _starter(app, tmp_path, **defaults):
    workers = []

    def start(**settings):
        name = settings.pop("name", f"w{len(workers)}")
        worker = OwnWorker(app, name, tmp_path / f"{name}.log", **{**defaults, **settings})
        workers.append(worker)
        wait_until(
            lambda: worker.name in {facts.name for facts in app.workers()}, "the worker is up"
        )
        return worker

    yield start
    for worker in workers:
        if worker.process.poll() is None:
            worker.kill()
