"""Limits of tasks: how often they begin, how many run at a time, and that some do not at all."""

from itertools import pairwise

import chores
import pytest
from patience import wait_until

from nbtasks import chord, group


@pytest.fixture(scope="module")
def app(shared_app):
    """They share a worker, and have names of their own."""
    return shared_app


@pytest.fixture(autouse=True)
def _worker(shared_worker):
    """It is up before the first test."""


def gaps(times):
    return [later - earlier for earlier, later in pairwise(sorted(times))]


def most_at_a_time(path, last):
    """How many of those that note their begin and end have run at a time, once all have ended."""
    wait_until(lambda: len(chores.lines(path)) == 2 * last, "all have run")
    counts, running = [], 0
    for kind, *_ in chores.lines(path):
        running += 1 if kind == "begin" else -1
        counts.append(running)
    return max(counts)


def test_tasks_begin_one_after_the_other_and_others_are_not_held_up(app, tmp_path):
    held = app.task(chores.noop, name="held", rate_limit="1/h").map_async(range(3))
    slow = app.task(chores.note_time, name="slow", rate_limit="20/s")
    limited = [slow.delay(str(tmp_path / "slow"), i) for i in range(8)]

    assert app.task(chores.noop, name="free").map_async(range(100)).join(20) == list(range(100))
    assert [each.get(20) > 0 for each in limited] == [True] * 8

    found = gaps(float(moment) for _, moment in chores.lines(tmp_path / "slow"))
    assert sum(found) > 0.25
    assert held.completed_count() == 1
    assert held.revoke() == 2


def test_a_call_may_say_another_rate(app):
    slow = app.task(chores.noop, name="hourly", rate_limit="1/h")
    assert slow.delay(1).get(10) == 1

    assert slow.apply_async((2,), rate_limit=0).get(10) == 2


def test_no_more_run_at_a_time_than_may(app, tmp_path):
    task = app.task(chores.note_both_ends, name="alone", concurrency=1)
    path = str(tmp_path / "notes")

    for i in range(6):
        task.delay(path, i)
    group(task.s(path, i) for i in range(6, 12)).apply_async()

    assert most_at_a_time(path, 12) == 1


def test_each_key_has_its_own_limit(app, tmp_path):
    task = app.task(chores.note_both_ends, name="by_number", concurrency=1, rate_key="number")
    paths = [str(tmp_path / name) for name in "ab"]

    results = [task.delay(path, i) for _ in range(4) for i, path in enumerate(paths)]

    assert [most_at_a_time(path, 4) for path in paths] == [1, 1]
    assert [result.get(10) for result in results] == [None] * 8


def test_a_task_that_is_tried_again_lets_another_run_meanwhile(app):
    def flaky(self, n):
        if not self.request.retries and n == 0:
            raise self.retry(countdown=0.2)
        return self.request.retries

    task = app.task(flaky, name="flaky", bind=True, concurrency=1)

    assert task.map_async([0, 1, 2]).join(10) == [1, 0, 0]


def test_a_chord_whose_header_is_limited_ends(app):
    header = app.task(chores.noop, name="part", rate_limit="50/s", concurrency=2)
    body = app.task(len, name="whole")

    assert chord([header.s(n) for n in range(10)])(body.s()).get(20) == 10


def test_a_step_of_a_chain_may_have_a_key_of_its_own_arguments(app):
    add = app.task(lambda x, y: x + y, name="add_by_y", concurrency=1, rate_key="y")

    assert (add.s(1, 2) | add.s(3) | add.s(4)).delay().get(10) == 10


def test_a_task_that_is_paused_waits_and_others_do_not(app):
    task = app.task(chores.noop, name="paused")

    assert app.control.pause(task="paused")
    waiting = task.map_async(range(3))
    assert app.task(chores.noop, name="other").delay(1).get(10) == 1
    assert list(app.control.paused_tasks()) == ["paused"]
    assert {each.state for each in waiting} == {"PENDING"}
    assert app.control.resume(task="paused")

    assert waiting.join(10) == [0, 1, 2]


def test_what_waits_for_a_limit_is_revoked_like_all_else(app):
    task = app.task(chores.noop, name="revoked", rate_limit="1/h")
    task.delay(0).get(10)
    waiting = task.map_async(range(5))

    assert waiting.revoke() == 5

    wait_until(waiting.ready, "they are revoked")


def test_the_rate_is_changed_while_tasks_wait(app):
    task = app.task(chores.noop, name="changed", rate_limit="1/h")
    results = task.map_async(range(4))
    wait_until(lambda: results.completed_count() == 1, "the first one has run")

    app.control.rate_limit("changed", "100/s")

    assert results.join(10) == [0, 1, 2, 3]
    assert dict(app.control.rate_limits()) == {"changed": "100/s"}
    app.control.rate_limit("changed", None)
    assert dict(app.control.rate_limits()) == {}
