"""What a worker does not do: import Jupyter, unpickle in the parent, leak, or work when idle."""

import os
import signal

import chores
import psutil
import pytest
from patience import wait_until
from worker_side import children, warm

JUPYTER = ["IPython", "ipywidgets", "anywidget", "ipykernel", "traitlets"]


@pytest.mark.usefixtures("worker")
def test_neither_parent_nor_child_imports_jupyter(app):
    # A child is a fork of its parent: what the parent has imported, it has too.
    assert app.task(chores.modules).delay([*JUPYTER, "chores"]).get(10) == ["chores"]


def test_the_parent_never_unpickles(app, start_own, tmp_path):
    path = tmp_path / "unpickled"
    start_own(audit=str(path))
    assert app.map(chores.noop, [frozenset([ValueError])] * 50).get(10)
    with pytest.raises(ValueError, match="a"):
        app.task(chores.fail).delay("a").get(10)
    assert not path.exists()


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_20000_tasks_and_50_deaths_leave_no_files_open_and_no_memory_behind(app, start_worker):
    worker = start_worker("-c", "2")
    parent = psutil.Process(worker.pid)
    task = app.task(chores.noop)

    def round_(tasks, deaths):
        for _ in range(deaths):
            before = children(worker)
            os.kill(min(before), signal.SIGKILL)
            wait_until(lambda before=before: children(worker) - before, "a new child")
        assert task.map_async(range(tasks)).get(40) == list(range(tasks))
        wait_until(lambda: len(children(worker)) == 2, "both children")
        return parent.num_fds(), parent.memory_full_info().uss

    round_(5000, 10)
    files, memory = round_(5000, 5)
    files_after, memory_after = round_(20_000, 50)
    assert files_after == files
    assert memory_after - memory < 4_000_000


@pytest.mark.slow
def test_an_idle_worker_hardly_uses_the_processor_or_redis(app, server, start_worker):
    worker = start_worker("-c", "2")
    app.task(chores.noop).delay(1).get(10)
    app.close()
    parent = psutil.Process(worker.pid)
    seconds = 5
    with server.client() as client:
        client.config_resetstat()
        parent.cpu_percent()
        load = parent.cpu_percent(seconds)
        stats = client.info("commandstats")
    # What clients sent; the commands inside of scripts are counted too, and cost next to nothing.
    sent = sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("evalsha", "bzpopmin"))
    assert load < 2
    assert sent / seconds < 5
    assert sum(entry["calls"] for entry in stats.values()) / seconds < 40


def test_a_child_has_less_than_40_mb_of_its_own(app, worker):
    warm(app, chores.noop)
    for pid in children(worker):
        assert psutil.Process(pid).memory_full_info().uss < 40_000_000


@pytest.mark.slow
def test_a_child_lets_go_of_large_arguments_when_its_task_has_ended(app, start_worker):
    worker = start_worker("-c", "1")
    task = app.task(chores.swallow)
    task.delay(b"", 1).get(10)
    task.delay(b"a" * 60_000_000, 1).get(20)
    (pid,) = children(worker)
    child = psutil.Process(pid)
    wait_until(lambda: child.memory_full_info().uss < 40_000_000, "the memory is free again", 3)
