"""A task that runs longer than it may is killed, and nobody else suffers."""

import pytest
from chores import sleep_ms

from nbtasks import TimeLimitExceeded

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
