"""A worker dies or stands still: its tasks go to others, nothing is lost, nothing counts twice."""

import signal
from collections import Counter

import chores
import pytest
from patience import wait_until
from worker_side import LEASE_MS, children, is_alive, leases, states

from nbtasks.clock import SystemClock

TASKS = 1000


@pytest.mark.slow
def test_a_worker_killed_amid_1000_tasks_loses_none_and_none_counts_twice(app, start_own, tmp_path):
    victim = start_own(concurrency=2)
    start_own(concurrency=2)
    path = str(tmp_path / "done")
    task = app.task(lambda number: chores.spin_and_note(path, 2, number))
    group = task.map_async(range(TASKS))
    wait_until(lambda: len(chores.lines(path)) > TASKS // 5, "a fifth is done")
    victim.kill()
    clock = SystemClock()
    killed = clock.tick_ms()
    before = set(leases(app))
    wait_until(lambda: not before & set(leases(app)), "all that it held is taken back")
    recovered = clock.tick_ms() - killed
    assert group.get(30) == list(range(TASKS))
    runs = Counter(int(words[0]) for words in chores.lines(path))
    assert set(runs) == set(range(TASKS))
    assert max(runs.values()) <= 2
    assert states(app, group) == b"S" * TASKS
    assert recovered < LEASE_MS + 1000


@pytest.mark.slow
def test_children_die_with_a_killed_parent(app, start_own, tmp_path):
    worker = start_own(concurrency=2)
    result = app.task(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "the task runs")
    pids = children(worker)
    assert len(pids) == 2
    worker.kill()
    wait_until(lambda: not any(map(is_alive, pids)), "the children are gone", 3)
    (tmp_path / "go-a").touch()
    start_own()
    assert result.get(10) not in pids


@pytest.mark.slow
def test_an_idle_worker_takes_over_though_it_never_saw_the_task(app, start_own, tmp_path):
    workers = [start_own(), start_own()]
    result = app.task(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "the task runs")
    child = int(chores.lines(tmp_path / "started")[0][1])
    (victim,) = [worker for worker in workers if child in children(worker)]
    victim.kill()
    wait_until(lambda: len(chores.lines(tmp_path / "started")) == 2, "it runs again", 3.5)
    (tmp_path / "go-a").touch()
    result.get(5)


@pytest.mark.slow
def test_a_lost_wake_up_does_not_leave_a_task_waiting(app, server, start_own):
    start_own()
    with server.client() as client, server.client() as thief:
        # Waits longer than the worker, so it is woken first, and like a worker that dies, does
        # nothing about it.
        connection = thief.connection_pool.get_connection()
        connection.send_command("CLIENT", "ID")
        number = connection.read_response()
        connection.send_command("BZPOPMIN", app.store.keys.wake("default"), 0)
        wait_until(
            lambda: any(
                int(found["id"]) == number and int(found["idle"]) > 2
                for found in client.client_list()
            ),
            "every wait of the worker began later",
        )
        result = app.task(chores.noop).delay(7)
        assert connection.read_response()
        assert result.get(5) == 7
        connection.disconnect()


@pytest.fixture
def stopped(app, start_own, tmp_path):
    """A worker that stands still with a task that another one has begun too; their processes."""
    worker = start_own()
    result = app.task(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "the task runs")
    worker.signal(signal.SIGSTOP)
    other = start_own()
    wait_until(lambda: len(chores.lines(tmp_path / "started")) == 2, "it runs again")
    first, second = (int(words[1]) for words in chores.lines(tmp_path / "started"))
    yield worker, other, result, first, second
    worker.signal(signal.SIGCONT)


@pytest.mark.slow
def test_the_result_of_a_worker_that_lost_its_lease_does_not_count(app, stopped, tmp_path):
    worker, _, result, first, second = stopped
    (tmp_path / f"go-{first}").touch()
    wait_until(lambda: chores.lines(tmp_path / "ended"), "the zombie has finished")
    worker.signal(signal.SIGCONT)
    other_task = app.task(chores.noop).delay(5)
    assert other_task.get(10) == 5
    assert states(app, result) == b"s"
    (tmp_path / f"go-{second}").touch()
    assert result.get(10) == second


@pytest.mark.slow
def test_a_worker_that_lost_its_lease_drops_the_child_and_goes_on(app, stopped, tmp_path):
    worker, other, result, first, second = stopped
    (tmp_path / f"go-{second}").touch()
    assert result.get(10) == second
    assert is_alive(first)
    worker.signal(signal.SIGCONT)
    wait_until(lambda: not is_alive(first), "the zombie's child is dropped")
    assert other.stop() == 0
    assert app.map(chores.noop, range(50)).get(10) == list(range(50))
    assert states(app, result) == b"S"
