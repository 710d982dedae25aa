"""`async def` tasks: many at a time in each process, each with its own output, limits and end."""

import chores
import pytest
from patience import wait_until
from worker_side import children, deaths, states

from nbtasks import SoftTimeLimitExceeded, TaskRevoked, TimeLimitExceeded, WorkerLost
from nbtasks.clock import SystemClock


def test_200_tasks_that_wait_half_a_second_take_little_longer(app, start_worker):
    start_worker("-c", "2")
    app.task(chores.wait_s).delay(0).get(5)
    clock = SystemClock()
    start = clock.tick_ms()
    pids = app.map(chores.wait_s, [0.5] * 200).get(20)
    assert clock.tick_ms() - start < 2000
    assert len(set(pids)) == 2


def test_no_more_run_in_a_process_than_it_may_take(app, start_worker, tmp_path):
    start_worker("-c", "1", "--async-concurrency", "3")
    task = app.task(chores.hold_async)
    results = [task.delay(str(tmp_path), str(name)) for name in range(5)]
    wait_until(lambda: len(chores.lines(tmp_path / "started")) == 3, "three run")
    for name in range(5):
        (tmp_path / f"go-{name}").touch()
    assert [result.get(5) for result in results] == list("01234")


def test_a_bundle_is_cut_to_what_a_process_may_take(app, start_worker, tmp_path):
    start_worker("-c", "1", "--async-concurrency", "3")

    async def run(name):
        if isinstance(name, str):
            await chores.hold_async(str(tmp_path), name)

    task = app.task(run)
    task.map_async(range(500)).get(20)  # they are short: from here on they come in bundles
    group = task.map_async(list("abcdefgh"))
    wait_until(lambda: len(chores.lines(tmp_path / "started")) == 3, "three run")
    for name in "abcdefgh":
        (tmp_path / f"go-{name}").touch()
    group.get(5)
    starts = [float(words[2]) for words in chores.lines(tmp_path / "started")]
    ends = [float(words[2]) for words in chores.lines(tmp_path / "ended")]
    assert sorted(starts)[3] >= min(ends)


def test_coroutines_begin_while_a_plain_task_holds_the_process(app, start_worker, tmp_path):
    start_worker("-c", "1")
    coroutine = app.task(chores.hold_async)
    first = coroutine.delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "the coroutine runs")
    plain = app.task(chores.hold).delay(str(tmp_path), "b")
    wait_until(lambda: len(chores.lines(tmp_path / "started")) == 2, "the plain one runs, too")
    (tmp_path / "go-a").touch()
    assert first.get(5) == "a"
    (tmp_path / "go-b").touch()
    assert plain.get(5)


def test_output_and_progress_of_interleaved_tasks_are_told_apart(app, start_worker):
    start_worker("-c", "1")
    task = app.task(chores.talk)
    results = [task.delay(f"t{number}", 20) for number in range(10)]
    for number, result in enumerate(results):
        assert result.get(5) == {result.id}
        assert result.log == "".join(f"t{number} {line}\n" for line in range(20))
        assert (result.progress.current, result.progress.message) == (20, f"t{number}")


def test_no_output_is_lost_when_many_tasks_print_in_turns(app, start_worker):
    start_worker("-c", "1")

    async def talk(name):
        for number in range(100):
            print(name, number)  # noqa: T201 - the task prints
            await chores.wait_s(0)

    results = [app.task(talk).delay(name) for name in range(40)]
    for name, result in enumerate(results):
        result.get(10)
        assert result.log == "".join(f"{name} {number}\n" for number in range(100))


def test_a_bound_coroutine_gets_its_own_context(app, start_worker):
    start_worker("-c", "1")

    @app.task(bind=True)
    async def who(self):
        await chores.wait_s(0.05)
        return self.request.id

    results = [who.delay() for _ in range(5)]
    assert [result.get(5) for result in results] == [result.id for result in results]


def test_an_error_fails_just_its_task_and_may_be_retried(app, start_worker, tmp_path):
    start_worker("-c", "1")
    held = app.task(chores.hold_async).delay(str(tmp_path), "a")
    failed = app.task(max_retries=2, default_retry_delay=0.01)(chores.fail_soon).delay("bad")
    with pytest.raises(ValueError, match="bad"):
        failed.get(5)
    assert failed.retries == 2
    (tmp_path / "go-a").touch()
    assert held.get(5) == "a"


def test_a_terminated_coroutine_is_cancelled_and_its_neighbours_go_on(app, start_worker, tmp_path):
    worker = start_worker("-c", "1")
    task = app.task(chores.hold_async)
    first, second = (task.delay(str(tmp_path), name) for name in "ab")
    wait_until(lambda: len(chores.lines(tmp_path / "started")) == 2, "both run")
    before = children(worker)
    first.revoke(terminate=True)
    with pytest.raises(TaskRevoked):
        first.get(5)
    (tmp_path / "go-b").touch()
    assert second.get(5) == "b"
    assert children(worker) == before
    assert len(chores.lines(tmp_path / "started")) == 2


def test_a_coroutine_that_swallows_its_end_is_killed_and_its_neighbours_are_not_blamed(
    app, start_worker, tmp_path
):
    worker = start_worker("-c", "1")
    first = app.task(chores.stubborn).delay(str(tmp_path), "a")
    second = app.task(chores.hold_async).delay(str(tmp_path), "b")
    wait_until(lambda: len(chores.lines(tmp_path / "started")) == 2, "both run")
    before = children(worker)
    first.revoke(terminate=True)
    wait_until(lambda: not before & children(worker), "the process is killed", 5)
    (tmp_path / "go-b").touch()
    assert second.get(5) == "b"
    assert deaths(app, second) == {}
    assert chores.lines(tmp_path / "swallowed")


def test_a_coroutine_over_its_limit_fails_and_its_neighbours_go_on(app, start_worker, tmp_path):
    worker = start_worker("-c", "1")
    second = app.task(chores.hold_async).delay(str(tmp_path), "b")
    wait_until(lambda: chores.lines(tmp_path / "started"), "it runs")
    before = children(worker)
    with pytest.raises(TimeLimitExceeded):
        app.task(time_limit=0.1)(chores.wait_s).delay(60).get(5)
    (tmp_path / "go-b").touch()
    assert second.get(5) == "b"
    assert children(worker) == before


def test_the_soft_limit_comes_to_a_coroutine_as_an_error_it_may_catch(app, start_worker):
    start_worker("-c", "1")

    async def careful():
        try:
            await chores.wait_s(60)
        except SoftTimeLimitExceeded as error:
            await chores.wait_s(0.01)
            return str(error)

    assert "0.1 s" in app.task(soft_time_limit=0.1)(careful).delay().get(5)
    with pytest.raises(SoftTimeLimitExceeded):
        app.task(soft_time_limit=0.1)(chores.wait_s).delay(60).get(5)


def test_all_that_ran_in_a_dead_process_are_suspects_and_the_innocent_finish(app, start_worker):
    start_worker("-c", "1")
    waiting = [app.task(chores.wait_s).delay(0.3) for _ in range(4)]
    guilty = app.task(chores.crash_soon).delay("kill")
    with pytest.raises(WorkerLost, match="signal 9"):
        guilty.get(20)
    for result in waiting:
        assert result.get(20)
        assert sum(deaths(app, result).values()) <= 2


def test_what_a_coroutine_leaves_running_ends_with_it(app, start_worker, tmp_path):
    start_worker("-c", "1")
    app.task(chores.leave_running).delay(str(tmp_path / "notes")).get(5)
    wait_until(lambda: chores.lines(tmp_path / "notes"), "it is cancelled")


def test_a_task_on_the_loop_that_wants_it_to_end_does_not_hurt_others(app, start_worker):
    worker = start_worker("-c", "1")
    before = children(worker)
    assert app.task(chores.exit_inside).delay().get(5) == "still here"
    assert app.map(chores.wait_s, [0.01] * 5).get(5) == list(before) * 5


def test_a_warm_shutdown_lets_coroutines_finish(app, start_worker, tmp_path):
    worker = start_worker("-c", "1")
    results = [app.task(chores.hold_async).delay(str(tmp_path), name) for name in "ab"]
    wait_until(lambda: len(chores.lines(tmp_path / "started")) == 2, "both run")
    worker.process.terminate()
    wait_until(lambda: "finishing what runs" in worker.text(), "it has seen the signal")
    for name in "ab":
        (tmp_path / f"go-{name}").touch()
    assert worker.process.wait(10) == 0
    assert [result.get(5) for result in results] == ["a", "b"]
    assert b"s" not in states(app, results[0])


def test_a_process_retires_when_its_coroutines_have_ended(app, start_worker):
    start_worker("-c", "1", "--max-tasks-per-child", "4", "--async-concurrency", "3")
    pids = app.map(chores.wait_s, [0.02] * 12).get(10)
    assert sorted(pids.count(pid) for pid in set(pids)) == [4, 4, 4]


def test_who_has_one_life_left_is_not_blamed_for_another_coroutine(app, start_worker, tmp_path):
    start_worker("-c", "1")
    held = app.task(chores.hold_async).apply_async((str(tmp_path), "a"), max_deliveries=2)
    wait_until(lambda: chores.lines(tmp_path / "started"), "it runs")
    pills = [app.task(chores.crash_soon).delay("kill") for _ in range(3)]
    wait_until(lambda: len(chores.lines(tmp_path / "started")) == 2, "it runs alone")
    (tmp_path / "go-a").touch()
    assert held.get(20)
    for pill in pills:
        with pytest.raises(WorkerLost):
            pill.get(20)
