"""Every pool does the same: one table of behaviours, run against each of them."""

import chores
import pytest
from patience import wait_until
from worker_side import deaths, states, warm

from nbtasks import TaskRevoked, TimeLimitExceeded, WorkerLost

POOLS = {
    "prefork": ["-c", "3"],
    "spawn": ["-c", "3", "--start-method", "spawn"],
    "forkserver": ["-c", "3", "--start-method", "forkserver"],
    "threads": ["-P", "threads", "-c", "3"],
    "solo": ["-P", "solo"],
}
KILLABLE = ["prefork", "spawn", "forkserver", "threads"]


@pytest.fixture(params=POOLS)
def worker(request, start_worker):
    """A worker with each pool in turn."""
    return start_worker(*POOLS[request.param])


@pytest.fixture(params=KILLABLE)
def killable(request, start_worker):
    """The same for the pools whose processes may be killed."""
    return start_worker(*POOLS[request.param])


@pytest.mark.usefixtures("worker")
def test_values_come_back(app):
    assert app.map(chores.noop, range(300)).get(10) == list(range(300))


@pytest.mark.usefixtures("worker")
def test_errors_come_back(app):
    with pytest.raises(ValueError, match="it failed"):
        app.task(chores.fail).delay("it failed").get(5)


@pytest.mark.usefixtures("worker")
def test_output_comes_back_with_its_own_task(app):
    task = app.task(chores.tell)
    results = [task.delay([("out", f"{n} out\n"), ("err", f"{n} err\n")] * 5) for n in range(12)]
    for number, result in enumerate(results):
        assert result.get(5) == 10
        assert result.log == f"{number} out\n{number} err\n" * 5


@pytest.mark.usefixtures("worker")
def test_log_records_of_a_task_come_back_with_it(app):
    result = app.task(chores.log).delay("a warning")
    result.get(5)
    assert "a warning" in result.log


@pytest.mark.usefixtures("worker")
def test_progress_and_the_current_task_are_the_tasks_own(app):
    task = app.task(chores.report)
    results = [task.delay(f"r{number}") for number in range(6)]
    for number, result in enumerate(results):
        assert result.get(5) == result.id
        assert result.progress.message == f"r{number}"


@pytest.mark.usefixtures("worker")
def test_a_failed_task_is_retried(app, tmp_path):
    task = app.task(max_retries=2, default_retry_delay=0.01)(chores.fail_and_note)
    result = task.delay(str(tmp_path / "tries"), "again")
    with pytest.raises(ValueError, match="again"):
        result.get(5)
    assert len(chores.lines(tmp_path / "tries")) == 3


@pytest.mark.usefixtures("worker")
def test_coroutines_run_side_by_side(app, tmp_path):
    task = app.task(chores.hold_async)
    results = [task.delay(str(tmp_path), str(name)) for name in range(8)]
    wait_until(lambda: len(chores.lines(tmp_path / "started")) == 8, "all of them run")
    for name in range(8):
        (tmp_path / f"go-{name}").touch()
    assert [result.get(5) for result in results] == [str(name) for name in range(8)]


@pytest.mark.usefixtures("worker")
def test_what_waits_behind_a_long_task_is_not_kept_waiting(app, tmp_path, worker, start_worker):
    warm(app, chores.noop)
    task = app.task(lambda name: chores.hold_or_return(str(tmp_path), name))
    group = task.map_async(["long", *range(60)])
    start_worker("-c", "1")
    wait_until(lambda: group.completed_count() == 60, "all the short ones are done")
    (tmp_path / "go-long").touch()
    assert group.get(5)[1:] == list(range(60))
    assert worker.process.poll() is None


@pytest.mark.usefixtures("worker")
def test_a_revoked_task_that_runs_ends_as_revoked(app, tmp_path):
    result = app.task(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "it runs")
    result.revoke(terminate=True)
    with pytest.raises(TaskRevoked):
        result.get(5)
    (tmp_path / "go-a").touch()
    assert app.task(chores.noop).delay(1).get(5) == 1


def test_a_warm_shutdown_finishes_what_runs_and_leaves_nothing_started(app, worker, tmp_path):
    result = app.task(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "it runs")
    worker.process.terminate()
    wait_until(lambda: "finishing what runs" in worker.text(), "it has seen the signal")
    (tmp_path / "go-a").touch()
    assert worker.process.wait(10) == 0
    assert states(app, result) == b"S"
    assert app.workers() == []


def test_a_second_signal_gives_back_what_runs(app, worker, tmp_path, start_worker):
    result = app.task(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "it runs")
    worker.process.terminate()
    wait_until(lambda: "finishing what runs" in worker.text(), "it has seen the signal")
    worker.process.terminate()
    assert worker.process.wait(5) == 0
    assert b"s" not in states(app, result)
    start_worker("-c", "1")
    (tmp_path / "go-a").touch()
    assert result.get(10)
    assert deaths(app, result) == {}


@pytest.mark.usefixtures("killable")
def test_a_task_that_kills_its_process_is_given_up(app):
    with pytest.raises(WorkerLost):
        app.task(chores.crash).delay("segfault").get(15)
    assert app.task(chores.noop).delay(1).get(5) == 1


@pytest.mark.usefixtures("killable")
def test_neighbours_of_an_overdue_task_run_again_uncounted(app, tmp_path):
    held = [app.task(chores.hold).delay(str(tmp_path), name) for name in "ab"]
    with pytest.raises(TimeLimitExceeded):
        app.task(time_limit=0.2)(chores.sleep_ms).delay(60_000).get(10)
    for name in "ab":
        (tmp_path / f"go-{name}").touch()
    for result in held:
        assert result.get(10)
        assert deaths(app, result) == {}


@pytest.mark.usefixtures("killable")
def test_a_pool_that_has_lost_its_processes_gets_new_ones(app):
    for _ in range(3):
        with pytest.raises(WorkerLost):
            app.task(chores.crash).apply_async(("exit",), max_deliveries=1).get(10)
    assert app.map(chores.noop, range(50)).get(10) == list(range(50))


def test_of_threads_that_died_together_only_the_guilty_one_is_given_up(app, start_worker, tmp_path):
    start_worker("-P", "threads", "-c", "3")
    held = [app.task(chores.hold).delay(str(tmp_path), name) for name in "ab"]
    wait_until(lambda: len(chores.lines(tmp_path / "started")) == 2, "two are running")
    guilty = app.task(chores.crash).delay("segfault")
    for name in "ab":
        (tmp_path / f"go-{name}").touch()
    with pytest.raises(WorkerLost):
        guilty.get(15)
    assert all(result.get(10) for result in held)


def test_what_a_thread_of_a_task_prints_is_the_tasks_where_no_other_runs(app, start_worker):
    start_worker("-c", "1")

    def run():
        import threading  # noqa: PLC0415 - it is the task's own

        thread = threading.Thread(target=print, args=("from a thread",))
        thread.start()
        thread.join()

    result = app.task(run).delay()
    result.get(5)
    assert result.log == "from a thread\n"


def test_threads_of_one_process_share_its_memory(app, start_worker, tmp_path):
    start_worker("-P", "threads", "-c", "3")
    results = [app.task(chores.hold).delay(str(tmp_path), name) for name in "abc"]
    wait_until(lambda: len(chores.lines(tmp_path / "started")) == 3, "all three run")
    for name in "abc":
        (tmp_path / f"go-{name}").touch()
    assert len({result.get(5) for result in results}) == 1


def test_a_process_of_threads_is_replaced_as_a_whole(app, start_worker):
    start_worker("-P", "threads", "-c", "3", "--max-tasks-per-child", "20")
    pids = [app.task(chores.noop_and_pid).delay().get(5) for _ in range(60)]
    assert max(map(pids.count, set(pids))) <= 20
    assert len(set(pids)) >= 3


def test_a_soft_limit_does_not_reach_a_thread_but_the_hard_one_does(app, start_worker):
    start_worker("-P", "threads", "-c", "2")
    task = app.task(soft_time_limit=0.1, time_limit=0.5)(chores.sleep_ms)
    with pytest.raises(TimeLimitExceeded):
        task.delay(60_000).get(10)
