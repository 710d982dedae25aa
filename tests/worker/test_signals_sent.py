"""Which signals come when, in which process, and what they tell."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from patience import wait_until
from worker_side import HERE
from workers import WorkerProcess

from nbtasks import signals
from nbtasks.app import App
from nbtasks.canvas import group

pytestmark = pytest.mark.slow


@dataclass
class Notes:
    """What the receivers of signal_side.py have written."""

    path: Path
    worker_pid: int = 0

    def all(self):
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [json.loads(line) for line in lines]

    def named(self, *names):
        return [note for note in self.all() if note["signal"] in names]

    def of(self, task_id):
        """The signals that tell the id, and what they have told."""
        return [(note["signal"], note) for note in self.all() if task_id in note.values()]

    def wait_for(self, name, count=1, /, **told):
        return wait_until(lambda: len(found := self._like(name, told)) >= count and found, name)

    def _like(self, name, told):
        return [note for note in self.named(name) if told.items() <= note.items()]


@pytest.fixture(scope="module")
def program():
    """Workers find signal_side.py; where it writes to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(HERE))
        yield patch


@pytest.fixture(scope="module")
def shared_notes(program, shared_app, tmp_path_factory):
    """Those of a worker of `shared_app`, which several tests share."""
    path = tmp_path_factory.mktemp("signals")
    program.setenv("SIGNAL_NOTES", str(path / "notes"))
    worker = WorkerProcess(shared_app, "-A", "signal_side", "-n", "w1", log=path / "log")
    wait_until(shared_app.workers, "the worker has come up")
    yield Notes(path / "notes", worker.pid)
    worker.stop()


@pytest.fixture
def notes(program, tmp_path):
    program.setenv("SIGNAL_NOTES", str(tmp_path / "notes"))
    return Notes(tmp_path / "notes")


@pytest.fixture
def heard():
    """What is sent in this process from now on: names, and what is told."""
    found = []

    def hear(*, signal, **named):
        found.append((signal.name, named))

    everyone = [getattr(signals, name) for name in signals.__all__ if name != "Signal"]
    for signal in everyone:
        signal.connect(hear)
    yield found
    for signal in everyone:
        signal.disconnect(hear)


LIFE = [
    "import_modules", "celeryd_init", "worker_init", "worker_ready", "worker_shutting_down",
    "worker_shutdown",
]  # fmt: skip


@pytest.mark.parametrize(
    "options", [(), ("--start-method", "spawn"), ("-P", "solo")], ids=["fork", "spawn", "solo"]
)
def test_a_worker_tells_its_program_what_happens_and_where(app, start_worker, notes, options):
    worker = start_worker("-A", "signal_side", "-n", "w1", *options)
    assert app.send_task("signal_side.well", (1,)).get(timeout=20) == 1
    notes.wait_for("task_received", pid=worker.pid, sender="w1")
    (begun,) = notes.wait_for("task_prerun", sender="signal_side.well")
    assert (begun["pid"] == worker.pid) == ("solo" in options)
    worker.stop()
    (ends,) = notes.wait_for("worker_process_shutdown")
    assert [note["signal"] for note in notes.named(*LIFE)] == LIFE
    (begins,) = notes.named("worker_process_init")
    assert begins["pid"] == begun["pid"] == ends["pid"]


def test_a_task_is_told_of_from_its_beginning_to_its_end(shared_app, shared_notes):
    sent = shared_app.send_task("signal_side.well", (5,))
    assert sent.get(timeout=20) == 5
    shared_notes.wait_for("task_postrun", task_id=sent.id, state="SUCCESS", retval=5)
    assert [name for name, _ in shared_notes.of(sent.id)] == ["task_prerun", "task_postrun"]
    shared_notes.wait_for("task_success", result=5, sender="signal_side.well")


def test_a_task_that_fails_is_told_of_with_each_try(shared_app, shared_notes):
    failed = shared_app.send_task("signal_side.bad", (7,))
    with pytest.raises(KeyError):
        failed.get(timeout=20)
    shared_notes.wait_for("task_postrun", 2, task_id=failed.id)
    told = shared_notes.of(failed.id)
    assert [(name, note.get("state")) for name, note in told] == [
        ("task_prerun", None), ("task_postrun", "RETRY"), ("task_prerun", None),
        ("task_failure", None), ("task_postrun", "FAILURE"),
    ]  # fmt: skip
    assert told[3][1]["has"] == ["args", "einfo", "exception", "kwargs", "task_id", "traceback"]
    (retry,) = shared_notes.named("task_retry")
    assert retry["has"] == ["einfo", "reason", "request"]


def test_what_is_unknown_or_revoked_is_told_of(shared_app, shared_notes):
    lost = shared_app.send_task("signal_side.lost")
    lost.get(timeout=20, propagate=False)
    shared_notes.wait_for("task_unknown", name="signal_side.lost", id=lost.id)
    endless = shared_app.send_task("signal_side.endless")
    wait_until(lambda: endless.state == "STARTED", "it runs")
    endless.revoke(terminate=True)
    (told,) = shared_notes.wait_for("task_revoked")
    assert (told["pid"], told["signum"]) == (shared_notes.worker_pid, 9)


def test_headers_that_a_receiver_adds_travel(shared_app, shared_notes, heard):
    signals.before_task_publish.connect(add_header, dispatch_uid="add")
    try:
        sent = shared_app.send_task("signal_side.parent", headers={"mine": 1})
        assert sent.get(timeout=20) == {"mine": 1, "added": 2}
    finally:
        signals.before_task_publish.disconnect(dispatch_uid="add")
    assert [(name, told["sender"]) for name, told in heard if "publish" in name] == [
        ("before_task_publish", "signal_side.parent"), ("after_task_publish", "signal_side.parent"),
    ]  # fmt: skip
    assert (heard[1][1]["ids"], heard[1][1]["routing_key"]) == ([sent.id], "default")
    (well,) = shared_notes.wait_for("after_task_publish")
    assert (well["sender"], well["pid"] == shared_notes.worker_pid) == ("signal_side.well", False)


def add_header(headers, **_):
    headers["added"] = 2
    headers["id"] = "not this"


def test_what_is_sent_as_one_record_is_told_of_once(app, heard):
    app.expects_workers = False
    task = app.task(len, name="size")
    result = group(task.s([1]), task.s([2, 3])).apply_async()
    names = [name for name, _ in heard]
    assert names == ["before_task_publish", "after_task_publish"]
    _, told = heard[1]
    assert told["ids"] == [each.id for each in result]
    assert told["body"] == (([1],), {}, {})
    result.revoke()


def test_a_call_that_another_one_stands_for_was_not_sent(app, heard):
    app.expects_workers = False
    task = app.task(len, name="size", unique=True)
    first, second = task.delay([1]), task.delay([1])
    assert second.id == first.id
    assert [(name, first.id in told["ids"]) for name, told in heard] == [
        ("before_task_publish", True), ("after_task_publish", True), ("before_task_publish", False),
    ]  # fmt: skip
    first.revoke()


def test_an_eager_run_tells_here(heard):
    app = App("test-eager-signals", task_always_eager=True)

    @app.task(bind=True, max_retries=1, default_retry_delay=0)
    def twice(self):
        return 1 / self.request.retries

    assert twice.delay().get() == 1
    assert [name for name, _ in heard] == [
        "task_prerun", "task_retry", "task_postrun", "task_prerun", "task_success", "task_postrun",
    ]  # fmt: skip
    _, told = heard[-1]
    assert (told["state"], told["retval"], told["task"].name) == ("SUCCESS", 1, twice.name)


def test_a_function_without_a_task_has_one_for_receivers(shared_app, shared_notes):
    assert shared_app.task(lambda x: x + 1, name="plus").delay(1).get(timeout=20) == 2
    shared_notes.wait_for("task_success", sender="plus", result=2)
