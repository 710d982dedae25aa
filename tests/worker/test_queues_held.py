"""Queues as a whole, with real workers: pausing and purging."""

import chores
from patience import wait_until

from nbtasks import TaskRevoked
from nbtasks.store.queues import pause_queue, purge_queue, resume_queue


def scripts_run(app):
    """How often any script was run."""
    lines = app.store.call("INFO", "commandstats").decode().splitlines()
    (found,) = [line for line in lines if line.startswith("cmdstat_evalsha:")]
    return int(found.partition("calls=")[2].partition(",")[0])


def heartbeats_later(app, name, count):
    """Wait for some heartbeats of a worker."""
    key, seen = app.store.keys.worker(name), set()

    def has_beaten():
        seen.add(app.store.call("HGET", key, "seen"))
        app.clock.pause(30)  # each look is a command, too
        return len(seen) > count

    wait_until(has_beaten, f"{name} has sent {count} heartbeats")


def test_a_paused_queue_waits_whatever_becomes_of_workers_and_is_not_polled(app, start_own):
    task = app.task(chores.noop)
    first = start_own(name="w1", concurrency=1)
    assert task.delay(1).get(20) == 1
    pause_queue(app.store, "default")
    results = [task.delay(i) for i in range(5)]
    before = scripts_run(app)
    heartbeats_later(app, "w1", 2)
    assert scripts_run(app) - before < 25  # a heartbeat is two
    first.kill()
    start_own(name="w2", concurrency=1)
    heartbeats_later(app, "w2", 1)
    assert not any(result.ready() for result in results)
    resume_queue(app.store, "default")
    assert [result.get(20) for result in results] == [0, 1, 2, 3, 4]


def test_a_canvas_goes_on_where_its_tasks_are_purged(app, start_own):
    start_own(name="w1", concurrency=1)
    pause_queue(app.store, "default")
    task = app.task(chores.noop)
    result = (task.si(1) | task.s().set(on_upstream="all_done")).delay()
    assert purge_queue(app.store, "default") == 1
    resume_queue(app.store, "default")
    assert isinstance(result.get(20), TaskRevoked)
