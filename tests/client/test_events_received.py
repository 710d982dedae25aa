"""`app.events`: Celery's events of real tasks and workers, and a model made of them."""

import threading
import uuid

import pytest
from patience import wait_until
from workers import KEY, WorkerProcess

from nbtasks.app import App
from nbtasks.errors import ConfigError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("shared_worker")]


class Listening:
    """A receiver in a thread, and what it has heard."""

    def __init__(self, app, *kinds):
        self.events = []
        handlers = dict.fromkeys(kinds or ("*",), self.events.append)
        self.receiver = app.events.Receiver(app.connection, handlers=handlers)
        self._thread = threading.Thread(target=self.receiver.capture)
        self._thread.start()
        key = f"{app.store.keys.prefix}monitor"
        wait_until(lambda: app.store.call("EXISTS", key), "it is registered")

    def of(self, task_id):
        return [event for event in self.events if event.get("uuid") == task_id]

    def wait_for(self, kind, **told):
        def find():
            return [
                event for event in self.events if {"type": kind, **told}.items() <= event.items()
            ]

        return wait_until(find, f"a {kind}")[0]

    def stop(self):
        self.receiver.should_stop = True
        self._thread.join()


@pytest.fixture
def listen():
    """Listen to an app, to events of some types or to all."""
    opened = []

    def start(app, *kinds):
        opened.append(Listening(app, *kinds))
        return opened[-1]

    yield start
    for each in opened:
        each.stop()


@pytest.fixture
def encrypted(server, tmp_path, monkeypatch):
    """An app that encrypts, and a worker of it."""
    monkeypatch.setenv("NBTASKS_ENCRYPT", "1")
    app = App(f"test-{uuid.uuid4().hex[:8]}", broker=server.url, key=KEY, encrypt=True)
    worker = WorkerProcess(app, "-c", "1", log=tmp_path / "log")
    wait_until(app.workers, "the worker has come up")
    yield app
    worker.stop()
    app.close()


@pytest.fixture
def app(shared_app):
    shared_app.task(lambda x, by=1: x * by, name="scale")
    return shared_app


def test_a_task_that_succeeds_is_told_of_step_by_step(app, listen):
    heard = listen(app)
    result = app.tasks["scale"].delay(21, by=2)
    assert result.get(10) == 42
    heard.wait_for("task-succeeded", uuid=result.id)
    sent, received, started, done = heard.of(result.id)
    kinds = [event["type"] for event in (sent, received, started, done)]
    assert kinds == ["task-sent", "task-received", "task-started", "task-succeeded"]
    assert (sent["name"], sent["args"], sent["kwargs"]) == ("scale", "(21,)", "{'by': 2}")
    assert (sent["queue"], sent["root_id"], sent["retries"]) == ("default", result.id, 0)
    assert (done["result"], done["runtime"] >= 0) == ("42", True)
    (worker,) = app.workers()
    assert {each["hostname"] for each in (received, started, done)} == {worker.name}
    assert sent["timestamp"] <= received["timestamp"] <= done["timestamp"]


def test_errors_retries_and_revokes_are_told(app, listen):
    heard = listen(app, "task-failed", "task-retried", "task-revoked")

    def divide(x):
        return 1 / x

    failed = app.task(divide, name="divide", max_retries=1, default_retry_delay=0).delay(0)
    failed.get(10, propagate=False)
    later = app.tasks["scale"].apply_async((1,), countdown=60)
    later.revoke()
    heard.wait_for("task-revoked", uuid=later.id, terminated=False, expired=False)
    assert [event["type"] for event in heard.of(failed.id)] == ["task-retried", "task-failed"]
    error = heard.wait_for("task-failed")
    assert error["exception"] == "ZeroDivisionError('division by zero')"
    assert "in divide" in error["traceback"]


def test_a_task_that_expires_is_told_as_revoked(app, listen):
    heard = listen(app, "task-revoked")
    app.control.pause("default")
    result = app.tasks["scale"].apply_async((1,), expires=0.001)
    due_ms = app.store.now_ms() + 2
    wait_until(lambda: app.store.now_ms() > due_ms, "it has expired")
    app.control.resume("default")
    heard.wait_for("task-revoked", uuid=result.id, expired=True)


def test_what_a_task_says_itself_is_told(app, listen):
    heard = listen(app, "task-page", "task-progress")

    @app.task(bind=True, name="say")
    def say(self):
        self.send_event("task-page", number=3, of={"book": "x"})
        self.progress(1, 2, "half")
        self.update_state(state="READING", meta={"page": 7})

    @app.task(bind=True, name="say_async")
    async def say_async(self):
        self.send_event("task-page", number=4)

    result, second = say.delay(), say_async.delay()
    page = heard.wait_for("task-page", uuid=result.id)
    assert (page["number"], page["of"]) == (3, {"book": "x"})
    assert heard.wait_for("task-progress", uuid=result.id)["state"] in {"PROGRESS", "READING"}
    assert heard.wait_for("task-page", uuid=second.id)["number"] == 4
    assert say.apply().get(5) is None


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("task-succeeded", {}, "choose another type"),
        ("a b", {}, "is no type of an event"),
        ("task-mine", {"uuid": 1}, "has uuid of itself"),
        ("task-mine", {"x": object()}, "is not JSON"),
        ("task-mine", {"x": "y" * 40_000}, "and may have 32,768"),
    ],
)
def test_what_no_event_may_be_is_refused(kind, fields, words):
    app = App("test-events", task_always_eager=True, task_eager_propagates=True)
    task = app.task(lambda self: self.send_event(kind, **fields), name="say", bind=True)
    with pytest.raises(ConfigError, match=words):
        task.delay()


def test_workers_come_beat_and_go(app, listen, tmp_path):
    heard = listen(app)
    (known,) = [each["hostname"] for each in heard.events] or [app.workers()[0].name]
    heard.wait_for("worker-heartbeat", hostname=known)
    worker = WorkerProcess(app, "-n", "late", log=tmp_path / "log")
    online = heard.wait_for("worker-online", hostname="late")
    assert (online["pid"], online["sw_ident"]) == (worker.pid, "nbtasks")
    worker.stop()
    heard.wait_for("worker-offline", hostname="late")


def test_a_model_follows_tasks_and_workers(app, listen):
    heard, state = listen(app), app.events.State()
    results = [app.tasks["scale"].delay(n) for n in range(3)]
    heard.wait_for("task-succeeded", uuid=results[2].id)
    for event in list(heard.events):
        state.event(event)
    task = state.tasks[results[2].id]
    (worker,) = app.workers()
    assert (task.name, task.state, task.worker.hostname) == ("scale", "SUCCESS", worker.name)
    assert task.info()["args"] == "(2,)"
    assert [each.id for _, each in state.tasks_by_type("scale", 1)]
    assert len(list(state.tasks_by_worker(worker.name))) == state.task_count == 3
    assert [each.hostname for each in state.alive_workers()] == [worker.name]


def test_capture_ends_after_so_many_events_or_after_a_silence(app):
    heard = []
    receiver = app.events.Receiver(handlers={"worker-heartbeat": heard.append})
    receiver.capture(limit=1)
    assert len(heard) == 1
    quiet = app.events.Receiver(handlers={"task-never": heard.append})
    with pytest.raises(TimeoutError, match=r"no event came for 0\.1 s"):
        quiet.capture(timeout=0.1, wakeup=False)


def test_celerys_way_to_write_it_works(app):
    with app.connection() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": str})
        (event,) = receiver.itercapture(limit=1)
    assert event["type"] == "worker-heartbeat"


def test_what_is_encrypted_is_in_no_event(encrypted, listen):
    canary = f"canary-{uuid.uuid4().hex}"

    def echo(secret, *, fails=False):
        if fails:
            raise ValueError(secret)
        return secret

    heard, task = listen(encrypted), encrypted.task(echo, name="echo")
    well, failed = task.delay(canary), task.delay(canary, fails=True)
    assert well.get(20) == canary
    failed.get(20, propagate=False)
    heard.wait_for("task-failed", uuid=failed.id)
    assert canary not in repr(heard.events)
    assert [event["args"] for event in heard.of(well.id) if "args" in event] == [None]
