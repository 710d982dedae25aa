"""A task for one worker: it runs there and nowhere else, and before what waits in queues."""

import chores
import pytest
from patience import wait_until
from worker_side import children

from nbtasks import ConfigError, NoWorkerWarning, TaskState, worker_direct

ON = worker_direct("chosen@here")


def test_a_task_runs_on_the_worker_it_was_sent_to(app, start_worker):
    start_worker("-c", "1", "-n", "other")
    start_worker("-c", "1", "-n", "chosen@here")
    task = app.task(lambda self: self.request.hostname, bind=True)

    results = [task.apply_async(queue=ON) for _ in range(8)]

    assert {result.get(10) for result in results} == {"chosen@here"}


def test_it_comes_before_what_waits_in_queues(app, start_worker, tmp_path):
    start_worker("-c", "1", "-n", "chosen@here")
    held = app.task(chores.hold).delay(str(tmp_path), "it")
    wait_until((tmp_path / "started").exists, "it runs")
    note = app.task(chores.note)
    group = app.map(note, [str(tmp_path / "order")] * 3)
    note.apply_async((str(tmp_path / "order"), "first"), queue=ON)

    (tmp_path / "go-it").touch()

    assert held.get(10)
    group.get(10)
    assert chores.lines(tmp_path / "order") == [["first"], [], [], []]


def test_where_its_worker_is_killed_it_waits_for_the_next_of_that_name(app, start_own, tmp_path):
    worker = start_own(name="chosen@here")
    task = app.task(chores.hold)
    results = [task.apply_async((str(tmp_path), "it"), queue=ON) for _ in range(2)]
    wait_until((tmp_path / "started").exists, "the first runs")

    worker.kill()
    start_own()  # another one, that gives it back, and leaves it
    wait_until(lambda: results[0].state == TaskState.PENDING, "it was given back")
    (tmp_path / "go-it").touch()
    assert app.task(chores.noop).delay(1).get(10) == 1
    assert [result.state for result in results] == [TaskState.PENDING] * 2

    last = start_own(name="chosen@here")
    assert {result.get(10) for result in results} <= children(last)


@pytest.mark.usefixtures("worker")
def test_that_nobody_has_the_name_is_said_with_the_nearest(app):
    (there,) = app.workers()
    said = (
        f"until a worker '{there.name}x' starts, and there is none now: did you mean {there.name!r}"
    )
    with pytest.warns(NoWorkerWarning, match=said):
        app.task(chores.noop).apply_async((1,), queue=worker_direct(f"{there.name}x")).revoke()


@pytest.mark.parametrize("name", ["", "a b", "é", "x" * 300])
def test_what_no_worker_can_be_called_is_refused(name):
    with pytest.raises(ConfigError, match="is not a name"):
        worker_direct(name)
