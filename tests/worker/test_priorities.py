"""Priorities under a backlog: what is more urgent runs next, whoever runs it."""

import chores
import pytest
from worker_side import wait_for_leases

from nbtasks import group
from nbtasks.store.queues import pause_queue, resume_queue

BACKLOG = 10_000


@pytest.fixture
def note(app, tmp_path):
    """A task that notes its word, and what has been noted so far."""
    path = str(tmp_path / "notes")

    def note(word):
        chores.note(path, word)

    task = app.task(note)
    task.words = lambda: [word for (word,) in chores.lines(path)]
    return task


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo"])
def test_urgent_tasks_run_before_a_backlog_of_10000(app, start_worker, note, pool):
    start_worker("-c", "1", "-P", pool, "-Q", "first,second")
    for queue in ("first", "second"):
        pause_queue(app.store, queue)
    backlog = note.map_async(["low"] * BACKLOG, queue="first")
    medium = note.map_async(["medium"] * 3, queue="first", priority=4)
    urgent = [note.apply_async(("high",), queue="first", priority=9) for _ in range(10)]
    last = note.apply_async(("last",), queue="second", priority=9)
    for queue in ("second", "first"):
        resume_queue(app.store, queue)
    urgent[-1].get(20)
    medium.get(20)
    backlog.revoke()
    last.get(20)
    wait_for_leases(app)
    words = [word for word in note.words() if word != "last"]
    assert words[:14] == ["high"] * 10 + ["medium"] * 3 + ["low"]


@pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning")
def test_all_tasks_of_a_canvas_have_its_priority(app, note):
    pause_queue(app.store, "default")
    result = group(note.s("a"), note.s("b") | note.si("c")).apply_async(priority=7)
    records = {each.record.rid for each in (*result, result[1].parent)}
    found = {app.store.call("HGET", app.store.keys.record(rid), "pr") for rid in records}
    assert (len(records), found) == (3, {b"7"})
    result.revoke()
    result[1].parent.revoke()
    resume_queue(app.store, "default")
