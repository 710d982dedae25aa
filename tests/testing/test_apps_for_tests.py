"""Eager apps, private apps, and workers that tests start."""

import signal

import pytest

from nbtasks import ConfigError, StoreUnavailable, current_app, shared_task
from nbtasks.app import App
from nbtasks.testing import FakeClock, drain, eager_app, private_app, private_server, start_worker


def add(x, y):
    return x + y


@pytest.fixture
def same_current_app():
    before = current_app()
    yield
    before.set_default()


@pytest.mark.usefixtures("same_current_app")
def test_an_eager_app_runs_tasks_at_once_and_raises():
    task = eager_app().task(lambda x: 1 / x, name="inverse")
    assert task.delay(2).get() == 0.5
    with pytest.raises(ZeroDivisionError):
        task.delay(0)


@pytest.mark.usefixtures("same_current_app")
def test_an_eager_app_has_the_settings_it_is_given():
    app = eager_app(task_eager_propagates=False, task_max_retries=0)
    assert app.task(lambda: 1 / 0, name="fails").delay().failed()


def test_a_program_is_moved_to_the_server_of_the_test_and_back(nbtasks_server):
    program = App("program", broker="redis://127.0.0.1:1", key="of the program")
    task = program.task(add)
    with private_app(nbtasks_server, program=program, task_max_retries=7) as app:
        assert app is program
        assert app is current_app()
        result = task.delay(1, 2)
        assert drain(app) == [result]
        assert app.conf.task_max_retries == 7
        FakeClock(app)
    assert (program.config.name, program.config.url) == ("program", "redis://127.0.0.1:1")
    assert not isinstance(program.clock, FakeClock)
    program.conf.patience_ms = 1
    with pytest.raises(StoreUnavailable):
        task.delay(1, 2)


def test_what_a_private_app_stored_is_removed(nbtasks_server):
    with private_app(nbtasks_server) as app:
        app.map(abs, [1, 2])
        prefix = app.store.keys.prefix
    with private_app(nbtasks_server) as other:
        assert other.store.call("KEYS", f"{prefix}*") == []


def test_shared_tasks_are_sent_by_the_private_app(nbtasks_app):
    result = shared_task(add, name="shared_add").delay(1, 2)
    assert drain(nbtasks_app) == [result]
    assert result.get() == 3


def test_a_private_server_ends_with_its_data():
    with private_server() as server, private_app(server) as app:
        assert app.store.call("PING") == b"PONG"
    assert not server.folder.parent.exists()


def test_a_worker_runs_tasks_in_another_process(nbtasks_app):
    with start_worker(nbtasks_app, concurrency=2, queues=["q", "default"]) as worker:
        result = nbtasks_app.task(add).apply_async((1, 2), queue="q")
        assert result.get(10) == 3
        assert result.worker == worker.name
        assert "queues q,default" in worker.text()
    assert worker.process.returncode == 0
    assert nbtasks_app.workers() == []


def test_a_worker_that_does_not_come_up_says_why(nbtasks_app):
    with (
        pytest.raises(ConfigError, match=r"the worker ended; its log says: .*no name"),
        start_worker(nbtasks_app, queues=["no name"]),
    ):
        pass


def test_a_worker_that_was_killed_needs_no_end(nbtasks_app):
    with start_worker(nbtasks_app) as worker:
        worker.process.kill()
    assert worker.process.returncode == -signal.SIGKILL


@pytest.mark.usefixtures("same_current_app")
def test_no_worker_is_started_that_would_not_do(nbtasks_app):
    FakeClock(nbtasks_app)
    with pytest.raises(ConfigError, match="real time"), start_worker(nbtasks_app):
        pass
    with pytest.raises(ConfigError, match="eager"), start_worker(eager_app()):
        pass
