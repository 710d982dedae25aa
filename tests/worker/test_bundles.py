"""Short tasks travel in bundles; nothing waits behind a long one, and nothing is lost."""

import random
from collections import Counter

import chores
import pytest
from patience import wait_until
from worker_side import warm

from nbtasks.states import TaskState
from nbtasks.store.tidings import Taken, Tidings


def test_many_short_tasks_cost_far_fewer_exchanges(app, start_worker, server):
    start_worker("-c", "1")
    warm(app, chores.noop)
    with server.client() as client:
        client.config_resetstat()
        app.map(chores.noop, range(5000)).get(20)
        calls = client.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert calls < 5000 / 20


def test_results_of_short_members_are_not_held_back_by_a_long_neighbour(
    app, start_worker, tmp_path
):
    start_worker("-c", "1")
    warm(app, chores.noop)
    task = app.task(lambda name: chores.hold_or_return(str(tmp_path), name))
    group = task.map_async([*range(30), "long"])
    assert [group[at].get(3) for at in range(30)] == list(range(30))
    wait_until(lambda: chores.lines(tmp_path / "started"), "the long one runs")
    assert not group[30].ready()
    (tmp_path / "go-long").touch()
    group.get(5)


def test_results_of_members_that_take_a_while_are_not_held_back_either(app, start_worker, tmp_path):
    start_worker("-c", "1")
    warm(app, chores.noop)
    folder = str(tmp_path)
    task = app.task(lambda name: (chores.spin(2), chores.hold_or_return(folder, name))[1])
    group = task.map_async([0, 1, "long"])
    assert [group[at].get(3) for at in range(2)] == [0, 1]
    wait_until(lambda: chores.lines(tmp_path / "started"), "the long one runs")
    (tmp_path / "go-long").touch()
    group.get(5)


def test_what_waits_behind_a_long_member_is_run_by_another_process(app, start_worker, tmp_path):
    start_worker("-c", "2")
    warm(app, chores.noop)
    task = app.task(lambda name: chores.hold_or_return(str(tmp_path), name))
    group = task.map_async(["long", *range(100)])
    wait_until(lambda: group.completed_count() == 100, "all the short ones are done")
    assert not group[0].ready()
    (tmp_path / "go-long").touch()
    assert group.get(5)[1:] == list(range(100))
    assert len(chores.lines(tmp_path / "started")) == 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
@pytest.mark.usefixtures("worker")
def test_members_of_any_duration_run_exactly_once(app, tmp_path, seed):
    chance = random.Random(seed)  # noqa: S311 - a test's durations
    choices = [0, 0, 0, 0, 1, 5, 19, 21, 45]
    durations = [chance.choice(choices) for _ in range(300)]
    path = str(tmp_path / "runs")
    task = app.task(lambda pair: chores.spin_and_note(path, pair[1], pair[0]))
    warm(app, chores.noop)
    group = task.map_async(list(enumerate(durations)))
    assert group.get(40) == list(range(300))
    runs = Counter(int(words[0]) for words in chores.lines(path))
    assert runs == Counter(range(300))


def test_a_task_that_runs_long_is_reported_as_started(app, start_worker, tmp_path):
    worker = start_worker("-c", "1", "-n", "here")
    result = app.task(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: result.state == TaskState.STARTED, "STARTED is seen", 2)
    assert result.worker == "here"
    (tmp_path / "go-a").touch()
    result.get(5)
    assert worker.process.poll() is None


@pytest.mark.usefixtures("worker")
def test_a_task_that_does_nothing_is_not_reported_as_started(app):
    warm(app, chores.noop)
    result = app.task(chores.noop).delay(1)
    result.get(5)
    assert result.worker is None


@pytest.mark.slow
def test_large_arguments_and_values_do_not_lock_parent_and_child(app, start_worker):
    start_worker("-c", "1")
    warm(app, chores.noop)
    data = b"a" * 1_000_000
    results = [app.task(chores.swallow).delay(data, 1_000_000) for _ in range(40)]
    assert all(len(result.get(20)) == 1_000_000 for result in results)


@pytest.mark.slow
def test_a_task_whose_arguments_take_long_to_reach_the_child_begins(app, start_worker):
    start_worker("-c", "1")
    result = app.task(chores.swallow).delay(b"a" * 60_000_000, 1)
    assert len(result.get(8)) == 1


@pytest.mark.slow
def test_a_slow_group_is_spread_over_two_workers(app, start_worker):
    start_worker("-c", "1")
    warm(app, chores.noop)
    start_worker("-c", "1")
    parents = Counter(app.map(chores.sleep_ms, [30] * 60).get(20))
    assert len(parents) == 2
    assert min(parents.values()) >= 20


def test_urgent_tasks_overtake_a_backlog(app, start_worker, tmp_path):
    start_worker("-c", "1")
    hold = app.task(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "the only process is held")
    path = str(tmp_path / "order")
    task = app.task(chores.note_time)
    results = [task.apply_async((path, f"low{number}"), priority=1) for number in range(20)]
    results += [task.apply_async((path, f"high{number}"), priority=9) for number in range(3)]
    (tmp_path / "go-a").touch()
    for result in [hold, *results]:
        result.get(10)
    order = [words[0] for words in chores.lines(path)]
    assert order[:3] == ["high0", "high1", "high2"]
    assert order[3:] == [f"low{number}" for number in range(20)]


@pytest.mark.parametrize(("most", "expected"), [("1", 1), ("0", 10)])
def test_a_setting_says_how_many_a_process_is_given_in_one_go(
    app, start_worker, monkeypatch, most, expected
):
    monkeypatch.setenv("NBTASKS_WORKER_PREFETCH_MULTIPLIER", most)
    start_worker("-c", "1")
    warm(app, chores.noop)
    tidings = Tidings(app.store)
    app.map(chores.noop, range(500)).get(20)
    taken = [each for each in tidings.read(1, 5000).items if isinstance(each, Taken)]
    tidings.close()
    most_taken = max(each.stop - each.start for each in taken)
    assert most_taken >= expected if expected > 1 else most_taken == 1
