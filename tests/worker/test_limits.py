"""A task that runs longer than it may is told, then killed, and nobody else suffers."""

import chores
import pytest
from chores import sleep_ms
from patience import wait_until
from worker_side import children, deaths, is_alive, warm

from nbtasks import ConfigError, SoftTimeLimitExceeded, TimeLimitExceeded

LONG, SHORT = 60_000, 1


@pytest.mark.usefixtures("worker")
def test_a_task_longer_than_its_limit_fails_and_its_process_is_replaced(app):
    task = app.task(time_limit=0.2)(sleep_ms)

    with pytest.raises(TimeLimitExceeded, match=r"longer than its time limit of 0\.2 s"):
        task.delay(LONG).get(10)

    assert task.map_async([SHORT] * 4).get(10) == task.map_async([SHORT] * 4).get(10)


@pytest.mark.usefixtures("worker")
def test_the_call_may_set_the_limit(app):
    with pytest.raises(TimeLimitExceeded):
        app.task(sleep_ms).apply_async((LONG,), time_limit=0.1).get(10)


@pytest.mark.usefixtures("worker")
def test_neighbours_of_an_overdue_task_still_run(app):
    task = app.task(time_limit=0.2)(sleep_ms)

    values = task.map_async([SHORT, SHORT, LONG, SHORT, LONG, SHORT]).get(20, propagate=False)

    late = [isinstance(value, TimeLimitExceeded) for value in values]
    assert late == [False, False, True, False, True, False]


@pytest.mark.usefixtures("worker")
def test_the_soft_limit_is_raised_in_the_task_and_its_process_lives_on(app, worker):
    before = children(worker)

    with pytest.raises(SoftTimeLimitExceeded, match=r"its soft time limit of 0\.1 s"):
        app.task(soft_time_limit=0.1)(sleep_ms).delay(LONG).get(10)

    assert children(worker) == before


def test_a_task_may_catch_the_soft_limit_and_return(app, start_worker):
    start_worker("-c", "1")
    task = app.task(chores.give_up_in_time)

    assert task.apply_async((), soft_time_limit=0.1).get(10) == "gave up"
    assert task.apply_async((1,)).get(10) == "in time"


def test_a_task_that_swallows_the_soft_limit_is_killed_with_what_it_started(
    app, start_worker, tmp_path
):
    worker = start_worker("-c", "1")
    before = children(worker)
    result = app.task(chores.swallow_limits).apply_async(
        (str(tmp_path / "pids"),), soft_time_limit=2, time_limit=3
    )

    with pytest.raises(TimeLimitExceeded):
        result.get(10)

    pids = {int(pid) for words in chores.lines(tmp_path / "pids") for pid in words}
    wait_until(lambda: not any(map(is_alive, pids | before)), "all are gone", 2)


def test_the_soft_limit_is_an_error_that_may_be_tried_again(app, start_worker, tmp_path):
    start_worker("-c", "1")
    task = app.task(soft_time_limit=0.1, max_retries=1, default_retry_delay=0)(chores.slow_first)

    assert task.delay(str(tmp_path / "tries")).get(10) == "second try"


def test_a_soft_limit_never_reaches_a_neighbour(app, start_worker):
    worker = start_worker("-c", "1")
    warm(app, chores.noop)
    task = app.task(soft_time_limit=0.05)(sleep_ms)
    before = children(worker)

    values = task.map_async([SHORT, LONG] * 8 + [SHORT] * 40).get(30, propagate=False)

    late = [isinstance(value, SoftTimeLimitExceeded) for value in values]
    assert late == [False, True] * 8 + [False] * 40
    assert children(worker) == before


def test_a_soft_limit_amid_much_output_breaks_no_message(app, start_worker):
    worker = start_worker("-c", "1")
    before = children(worker)
    result = app.task(soft_time_limit=0.15)(chores.print_for_ever).delay()

    with pytest.raises(SoftTimeLimitExceeded):
        result.get(10)

    assert app.task(chores.noop).delay(1).get(5) == 1
    assert deaths(app, result) == {}
    assert children(worker) == before


def test_a_worker_may_limit_tasks_that_have_no_limit_of_their_own(app, start_worker):
    start_worker("-c", "2", "--time-limit", "0.5", "--soft-time-limit", "0.1")

    with pytest.raises(SoftTimeLimitExceeded):
        app.task(sleep_ms).delay(LONG).get(10)
    with pytest.raises(TimeLimitExceeded):
        app.task(soft_time_limit=2)(sleep_ms).delay(LONG).get(10)
    longer = app.task(soft_time_limit=1, time_limit=2)(sleep_ms)
    assert longer.delay(700).get(10) > 0


def test_a_soft_limit_that_is_not_below_the_hard_one_is_refused(app):
    with pytest.raises(ConfigError, match=r"soft_time_limit is 3 s and time_limit 2 s: the soft"):
        app.task(soft_time_limit=3, time_limit=2)(sleep_ms)
    with pytest.raises(ConfigError, match="must be below the hard one"):
        app.task(time_limit=2)(sleep_ms).apply_async((1,), soft_time_limit=2)
