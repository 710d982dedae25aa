"""The application of a Celery tutorial, with nothing but its import lines changed."""

import importlib
import os
import re
import subprocess
import sys
import time

import pytest
from patience import wait_until
from worker_side import HERE
from workers import KEY

from nbtasks.errors import TimeLimitExceeded

SOURCE = HERE / "tutorial_celery.py"
IMPORTS = {
    "from celery import Celery, Task": "from nbtasks import App as Celery, Task",
    "from celery import": "from nbtasks import",
    "from celery.exceptions import": "from nbtasks import",
    "from celery.result import": "from nbtasks import",
    "from celery.schedules import": "from nbtasks import",
}
"""What stands in a line that imports from Celery, and what does here."""


def ported(text):
    """The program with other import lines."""
    for theirs, ours in IMPORTS.items():
        text = re.sub(f"^{re.escape(theirs)}\\b", ours, text, flags=re.MULTILINE)
    return text


@pytest.fixture(scope="module")
def proj(server, tmp_path_factory):
    """The program, imported by a client, and run by `nbtasks -A proj worker`."""
    folder = tmp_path_factory.mktemp("tutorial")
    (folder / "proj.py").write_text(ported(SOURCE.read_text()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROJ_BROKER", server.url)
        patch.setenv("NBTASKS_KEY", KEY)
        patch.syspath_prepend(folder)
        words = [sys.executable, "-m", "nbtasks", "-A", "proj", "worker", "-l", "INFO"]
        with (folder / "log").open("ab") as log:
            worker = subprocess.Popen(
                [*words, "-c", "2", "-Q", "celery,feeds"],
                cwd=folder, env=os.environ, stdout=log, stderr=log,
            )  # fmt: skip
        proj = importlib.import_module("proj")
        wait_until(proj.app.workers, "the worker is up")
        yield proj
        worker.terminate()
        assert worker.wait(20) == 0
        proj.app.close()
        del sys.modules["proj"]


def test_only_import_lines_are_changed():
    theirs, ours = SOURCE.read_text().splitlines(), ported(SOURCE.read_text()).splitlines()
    changed = [line for line, other in zip(theirs, ours, strict=True) if line != other]
    assert len(changed) == 4
    assert all(line.startswith("from celery") for line in changed)
    assert not any("celery import" in line for line in ours)


def test_first_steps(proj):
    result = proj.add.delay(4, 4)
    assert result.get(timeout=20) == 8
    assert (result.ready(), result.successful(), result.failed()) == (True, True, False)
    assert (result.state, result.status, result.traceback) == ("SUCCESS", "SUCCESS", None)
    assert proj.state_of(result.id) == "SUCCESS"
    assert proj.add(2, 2) == 4
    with pytest.raises(TypeError):
        proj.add.delay(2)


def test_calling_tasks(proj):
    assert proj.add.apply_async((2, 2), link=proj.add.s(16), countdown=0.1).get(timeout=20) == 4
    assert proj.add.s(2).delay(8).get(timeout=20) == 10
    assert proj.app.send_task("proj.add", args=[3, 4], kwargs={}).get(timeout=20) == 7
    failed = proj.add.delay(2, "two")
    assert isinstance(failed.get(timeout=20, propagate=False), TypeError)
    assert "unsupported operand" in failed.traceback


def test_designing_workflows(proj):
    assert (proj.add.s(4, 4) | proj.mul.s(8))().get(timeout=20) == 64
    assert proj.workflow(10).get(timeout=20) == 180
    assert proj.totals(4).get(timeout=20) == [0, 0, 1, 3]
    assert proj.tsum.delay([1, 2], [3]).get(timeout=20) == 6
    assert proj.app.signature("proj.add", args=(1, 1)).delay().get(timeout=20) == 2


def test_a_task_tells_its_progress(proj, tmp_path):
    gate = tmp_path / "gate"
    result = proj.upload_files.delay(["a", "b", "c"], str(gate))
    there = {"current": 1, "total": 3, "file": "b"}
    wait_until(lambda: (result.state, result.info) == ("PROGRESS", there), "it tells")
    gate.touch()
    assert result.get(timeout=20) == {"uploaded": 3}


def test_tasks_are_tried_again(proj, tmp_path):
    assert proj.read_file.delay(str(tmp_path / "file")).get(timeout=20) == ["text", 1]
    assert proj.unreliable.delay().get(timeout=20) == 2
    assert proj.give_up.delay().get(timeout=20) == "gave up"


def test_time_limits_hold(proj):
    soft, hard = proj.crawl.delay(), proj.hang.delay()
    assert soft.get(timeout=20) == "cleaned up"
    with pytest.raises(TimeLimitExceeded):
        hard.get(timeout=20)


def test_tasks_are_routed(proj):
    result = proj.import_feed.delay("http://example.com/rss")
    assert result.get(timeout=20) == ["http://example.com/rss", "feeds"]


def test_an_errback_is_called(proj, tmp_path):
    path = tmp_path / "error"
    proj.fail.apply_async((str(path),), link_error=proj.on_error.s())
    wait_until(path.exists, "it was called")
    wait_until(lambda: "ValueError" in path.read_text(), "it has written")


def test_a_class_keeps_what_it_has(proj):
    counts = [proj.count_calls.delay().get(timeout=20) for _ in range(6)]
    assert max(counts) > 1


def test_rate_limits_hold(proj):
    began = time.monotonic()
    results = [proj.call_api.delay(each) for each in range(9)]
    assert proj.add.delay(1, 2).get(timeout=20) == 3
    assert [result.get(timeout=20) for result in results] == list(range(9))
    assert time.monotonic() - began > 0.35


def test_workers_are_looked_at_and_told(proj):
    (tasks,) = proj.app.control.inspect().registered().values()
    assert {"proj.add", "proj.feeds.import_feed"} <= {each.split(" ")[0] for each in tasks}
    (answer,) = proj.app.control.ping(timeout=5)
    assert [*answer.values()] == [{"ok": "pong"}]
