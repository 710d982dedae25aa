"""The driver itself: its plans repeat, its history is whole, its checker finds what is wrong."""

from dataclasses import replace

import pytest
from servers import Server, slow_disk

from chaos import load, plan
from chaos.checker import Evidence, Expected, Outcome, check
from chaos.history import Execution, Traces, executing, hits, read
from chaos.plan import Storm
from nbtasks.clock import SystemClock

ALWAYS = ("--appendonly", "yes", "--appendfsync", "always")

GOOD = Evidence(
    expected={
        0: Expected(kind="instant", value=0),
        1: Expected(kind="pill", error="WorkerLost", runs=0),
    },
    outcomes={0: Outcome(0), 1: Outcome(None, "WorkerLost", "given up")},
    runs={0: 1, 1: 3},
    hits={1: 3},
    deaths={1: 3},
    endings={0: 1, 1: 1},
    cap=3,
    left={"a": (0, 0)},
)


def test_a_seed_gives_the_same_storm_again():
    storm = Storm(seed=3)
    assert plan.faults(storm) == plan.faults(storm)
    assert list(load.batches(storm)) == list(load.batches(storm))
    assert plan.faults(storm) != plan.faults(replace(storm, seed=4))


def test_a_storm_has_all_that_was_asked_for():
    storm = Storm(tasks=1000, worker_kills=7, redis_kills=3, pills=2)
    kinds = [type(fault) for fault in plan.faults(storm)]
    assert kinds.count(plan.KillWorker) == 7
    assert kinds.count(plan.KillRedis) == 3
    batches = list(load.batches(storm))
    numbers = [call[0] for batch in batches for call in batch.calls]
    assert numbers == list(range(1000))
    assert [batch.kind for batch in batches].count("pill") == 2


def test_the_history_tells_which_execution_was_cut_off(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAOS_HISTORY", str(tmp_path / "h"))
    with executing(5):
        pass
    cut = executing(5)
    cut.__enter__()
    first, second = read(tmp_path / "h")
    assert isinstance(first, Execution)
    assert [first.number, first.is_cut_off, second.is_cut_off] == [5, False, True]


def test_a_hit_is_the_loss_of_a_process_before_the_task_runs_again():
    runs = [Execution(1, 70 + at, 100 * at, 100 * at + 10) for at in range(3)]
    assert hits(Traces(runs, {70: 50})) == {1: 1}
    assert hits(Traces(runs, {70: 50, 71: 160})) == {1: 2}
    assert hits(Traces(runs, {70: 150, 72: 400})) == {1: 1}


def test_good_evidence_has_no_problems():
    findings = check(GOOD)
    assert not findings.problems
    assert (findings.duplicates, findings.unlucky, findings.pills) == (0, 0, 1)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"outcomes": {1: GOOD.outcomes[1]}}, "lost"),
        ({"runs": {**GOOD.runs, 8: 1}}, "unexpected"),
        ({"outcomes": {**GOOD.outcomes, 0: Outcome(7)}}, "wrong"),
        ({"outcomes": {**GOOD.outcomes, 0: Outcome(None, "KeyError")}}, "wrong"),
        ({"outcomes": {**GOOD.outcomes, 0: Outcome(None, "TaskRevoked")}}, "wrong"),
        ({"endings": {0: 2, 1: 1}}, "completed twice"),
        ({"gone": ["a"]}, "gone"),
        ({"left": {"a": (-1, 0)}}, "miscounted"),
        ({"runs": {0: 2, 1: 3}}, "run too often"),
        ({"runs": {0: 0, 1: 3}}, "run too seldom"),
        ({"deaths": {1: 2}, "runs": {0: 1, 1: 2}}, "pills not given up"),
        ({"runs": {0: 1, 1: 4}, "is_calm": True}, "run too often"),
        ({"runs": {0: 1, 1: 7}}, "run too often"),
        ({"deaths": {1: 4}}, "pills not given up"),
        (
            {"outcomes": {1: GOOD.outcomes[1], 0: GOOD.outcomes[1]}, "is_calm": True},
            "bystanders dead",
        ),
        ({"outcomes": {**GOOD.outcomes, 0: Outcome(None, "UnknownTask")}}, "values gone"),
    ],
)
def test_the_checker_finds(changes, name):
    findings = check(replace(GOOD, **changes))
    assert findings.counts[name] == 1
    assert any(name in problem for problem in findings.problems)


def test_a_count_that_a_torn_file_explains_is_no_problem():
    miscounted = replace(GOOD, left={"a": (-1, 0)})
    assert not check(replace(miscounted, is_torn=True)).problems
    assert check(replace(miscounted, is_torn=True)).counts["miscounted"] == 1


def test_what_a_death_explains_is_no_problem():
    findings = check(replace(GOOD, runs={0: 2, 1: 3}, deaths={0: 1, 1: 3}))
    assert not findings.problems
    assert findings.duplicates == 1


def test_what_follows_the_death_of_a_process_is_no_problem():
    findings = check(replace(GOOD, runs={0: 2, 1: 3}, hits={0: 1, 1: 3}))
    assert not findings.problems


def test_a_task_that_was_hit_too_often_is_no_bystander():
    threes = {0: 3, 1: 3}
    dead = {**GOOD.outcomes, 0: GOOD.outcomes[1]}
    evidence = replace(GOOD, outcomes=dead, runs=threes, deaths=threes, hits=threes)
    findings = check(evidence)
    assert not findings.problems
    assert findings.unlucky == 1
    assert check(replace(evidence, is_calm=True)).counts["bystanders dead"] == 1


def test_a_slow_disk_is_slow(tmp_path):
    server = Server(tmp_path, *ALWAYS, environment=slow_disk(tmp_path, 300))
    clock = SystemClock()
    server.start()
    with server.client() as client:
        start = clock.tick_ms()
        client.set("key", 1)
        assert clock.tick_ms() - start > 300
    server.kill()
