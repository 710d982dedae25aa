"""Countdowns and retries: they start when they are due, on workers that sleep until then."""

from itertools import pairwise

import chores
import pytest
from worker_side import warm


@pytest.mark.parametrize("countdown", [0.1, 0.35])
@pytest.mark.usefixtures("worker")
def test_a_countdown_starts_when_it_is_due(app, countdown):
    warm(app, chores.noop)
    task = app.task(chores.when)
    late = []
    for _ in range(5):
        sent = chores.when()
        late.append(task.apply_async(countdown=countdown).get(10) - sent - countdown)
    assert all(seconds > -0.002 for seconds in late)
    assert sorted(late)[2] < 0.05
    assert max(late) < 0.5


@pytest.mark.usefixtures("worker")
def test_a_worker_that_sleeps_for_one_countdown_wakes_for_an_earlier_one(app):
    later = app.task(chores.when).apply_async(countdown=1.5)
    sent = chores.when()
    started = app.task(chores.when).apply_async(countdown=0.1).get(10)
    assert started - sent < 0.5
    assert later.get(10) - sent >= 1.5


@pytest.mark.usefixtures("worker")
def test_an_error_is_retried_after_its_delay_until_it_is_raised(app, tmp_path):
    path = str(tmp_path / "tries")
    task = app.task(max_retries=2, default_retry_delay=0.1)(chores.fail_and_note)
    with pytest.raises(ValueError, match="no luck"):
        task.delay(path, "no luck").get(10)
    times = [float(words[0]) for words in chores.lines(path)]
    assert len(times) == 3
    assert all(0.098 < later - sooner < 0.5 for sooner, later in pairwise(times))


@pytest.mark.usefixtures("worker")
def test_failing_members_of_a_bundle_are_retried_each_on_its_own(app, tmp_path):
    path = str(tmp_path / "tries")
    warm(app, chores.noop)
    task = app.task(max_retries=1, default_retry_delay=0.02)(
        lambda number: chores.fail_and_note(path, number) if number % 10 == 0 else number
    )
    values = task.map_async(range(100)).get(10, propagate=False)
    assert [number for number in range(100) if values[number] == number] == [
        number for number in range(100) if number % 10
    ]
    assert len(chores.lines(path)) == 20


@pytest.mark.usefixtures("worker")
def test_without_retries_the_first_error_is_final(app, tmp_path):
    path = str(tmp_path / "tries")
    with pytest.raises(ValueError, match="once"):
        app.task(chores.fail_and_note).delay(path, "once").get(10)
    assert len(chores.lines(path)) == 1
