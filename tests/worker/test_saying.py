"""States that tasks give themselves."""

import pytest
from patience import wait_until

from nbtasks.app import App
from nbtasks.errors import ConfigError
from nbtasks.saying import said_state

META = {"current": 1, "total": 4, "note": ["a", None]}


@pytest.fixture
def app(shared_app, shared_worker):  # noqa: ARG001 - it is to run
    return shared_app


@pytest.fixture
def running(app, tmp_path):
    """A task that has said its state, and runs until the file `go` is there."""

    @app.task(bind=True)
    def upload(self, path, meta):
        from pathlib import Path  # noqa: PLC0415 - on the worker
        from threading import Event  # noqa: PLC0415

        self.update_state(state="UPLOADING", meta=meta)
        while not Path(path).exists():
            Event().wait(0.01)
        return "done"

    yield upload.delay(str(tmp_path / "go"), META)
    (tmp_path / "go").touch()


def test_a_task_says_its_state_and_clients_hear_it(running, tmp_path):
    wait_until(lambda: running.state == "UPLOADING", "it says its state")
    assert (running.info, running.result, running.ready()) == (META, META, False)
    assert running.progress.fraction == 0.25
    assert "UPLOADING" in repr(running)
    (tmp_path / "go").touch()
    assert running.get(timeout=20) == "done"
    assert (running.state, running.info) == ("SUCCESS", "done")


def test_who_asks_by_id_hears_the_state_too(app, running):
    wait_until(lambda: running.state == "UPLOADING", "it says its state")
    other = App(app.config.name, broker=app.config.url, key=app.config.key)
    found = other.AsyncResult(running.id)
    assert (found.state, found.info) == ("UPLOADING", META)
    other.close()


def test_a_task_that_runs_here_may_say_it_too():
    @App("test-saying").task(bind=True)
    def say(self):
        self.update_state(meta={"done": 1})
        return "said"

    assert say.apply().get() == say() == "said"


@pytest.mark.parametrize(
    ("state", "meta", "error"),
    [
        ("busy", None, "the state 'busy' is none"),
        ("SUCCESS", None, "a task cannot say that it is SUCCESS"),
        ("BUSY", {"a": object()}, "meta of state 'BUSY' is not JSON"),
    ],
)
def test_what_cannot_be_said_is_an_error(state, meta, error):
    with pytest.raises(ConfigError, match=error):
        said_state(state, meta)


@pytest.mark.parametrize("meta", [None, [1], {"current": "x", "total": True}, {"a": 1}])
def test_what_has_no_numbers_is_no_bar(meta):
    assert said_state("BUSY", meta).fraction is None
    assert said_state("BUSY", meta).meta == meta
