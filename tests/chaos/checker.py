"""Evidence -> findings (pure), in the manner of Jepsen's total-queue.

Every task whose submit returned must have ended, once, with the value it was to have. It may have
run more often than that needs, but only where its process or its worker was lost.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

VALUE_GONE = "UnknownTask"
"""What a client gets for a task that it saw end, and whose value it can no longer fetch."""

SHOWN = 10
"""How many examples of a finding are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a submitted task is to end as, and how many executions that takes."""

    kind: str
    value: object = None
    error: str = ""
    runs: int = 1
    may_be_revoked: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a task ended: its value, or the name of its error and its text."""

    value: object = None
    error: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that was seen, by the number of each task. What is not in `outcomes` has not ended.

    Attributes:
        expected: What was submitted: the call returned.
        outcomes: What their client got.
        runs: Executions, from the history.
        hits: Executions whose process was lost before the next one began: what it has not handed
            in is run again, whether or not the store counts that as a death of the task.
        deaths: How often the store counted a task as lost with its process or its worker.
        endings: How often a spy saw each task end.
        cap: Deaths after which a poison pill is given up.
        left: For each record, what it counts as unfinished, and how many are.
        gone: Records that are not stored any more.
        is_calm: Nothing but poison pills has killed or stopped a process.
        is_torn: Redis has cut the end off its file when it started. Redis 7.0.15 (not
            Valkey 9.1) may cut inside a transaction, and carry out that half of it at the
            next start, after the whole of it was sent again: counters are then counted twice.
        trouble: Sentences about anything else: leases left, keys left, workers that crashed.
    """

    expected: Mapping[int, Expected]
    outcomes: Mapping[int, Outcome]
    runs: Mapping[int, int]
    hits: Mapping[int, int]
    deaths: Mapping[int, int]
    endings: Mapping[int, int]
    cap: int
    left: Mapping[str, tuple[int, int]]
    gone: Collection[str] = ()
    is_calm: bool = False
    is_torn: bool = False
    trouble: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What the evidence says. `problems` is empty where all is as promised.

    Attributes:
        submitted: Tasks whose submit returned.
        executions: Of all of them.
        duplicates: Executions more than needed, poison pills left out.
        deaths: As the store has counted them.
        pills: Poison pills among the tasks.
        unlucky: Given up like a pill: faults hit them that often.
        counts: How many of each kind of problem.
        problems: In words, with the first examples of each.
    """

    submitted: int
    executions: int
    duplicates: int
    deaths: int
    pills: int
    unlucky: int
    counts: Mapping[str, int] = field(default_factory=dict)
    problems: Sequence[str] = ()


FORGIVEN = ("completed twice", "gone", "run too often", "values gone")
"""What may happen where Redis forgets what it has said: tasks run and end again, but none is lost.

A value that was too large to come with its event can be lost with the record: at hand is its end.
"""


def check(evidence: Evidence, *, rolled_back: bool = False) -> Findings:
    """Judge. Who was given up for the deaths of others is a problem only where it is calm."""
    found = {
        "lost": _lost(evidence),
        "unexpected": _unexpected(evidence),
        "wrong": _wrong(evidence),
        "values gone": _values_gone(evidence),
        "completed twice": _completed_twice(evidence),
        "miscounted": _miscounted(evidence),
        "gone": [f"record {rid} is not stored" for rid in evidence.gone],
        "run too often": _run_too_often(evidence),
        "run too seldom": _run_too_seldom(evidence),
        "pills not given up": _pills_not_given_up(evidence),
        "bystanders dead": _bystanders(evidence),
    }
    forgiven = [*(FORGIVEN if rolled_back else ())]
    if not evidence.is_calm:
        forgiven.append("bystanders dead")
    if evidence.is_torn:
        forgiven.append("miscounted")
    problems = [
        f"{len(sentences)} {name}: {'; '.join(sentences[:SHOWN])}"
        for name, sentences in found.items()
        if sentences and name not in forgiven
    ]
    pills = [number for number, task in evidence.expected.items() if task.kind == "pill"]
    return Findings(
        submitted=len(evidence.expected),
        executions=sum(evidence.runs.values()),
        duplicates=sum(
            max(0, evidence.runs.get(number, 0) - task.runs)
            for number, task in evidence.expected.items()
            if task.kind != "pill"
        ),
        deaths=sum(evidence.deaths.values()),
        pills=len(pills),
        unlucky=len(_dead(evidence, lambda number: _is_hit(evidence, number))),
        counts={name: len(sentences) for name, sentences in found.items()},
        problems=[*problems, *evidence.trouble],
    )


def _lost(evidence: Evidence) -> list[str]:
    return [
        f"{number} ({task.kind}) {_story(evidence, number)}"
        for number, task in evidence.expected.items()
        if number not in evidence.outcomes
    ]


def _unexpected(evidence: Evidence) -> list[str]:
    known = evidence.expected
    return [
        f"{number} ran, and was not submitted" for number in evidence.runs if number not in known
    ]


def _wrong(evidence: Evidence) -> list[str]:
    return [
        f"{number} ({task.kind}) ended as {outcome}, not as {task.error or task.value!r}"
        for number, task, outcome in _ended(evidence)
        if (outcome.value, outcome.error) != (task.value, task.error)
        and outcome.error not in {"WorkerLost", VALUE_GONE}
        and not (task.may_be_revoked and outcome.error == "TaskRevoked")
    ]


def _values_gone(evidence: Evidence) -> list[str]:
    return [
        f"{number} ({task.kind}) {_story(evidence, number)}"
        for number, task, outcome in _ended(evidence)
        if outcome.error == VALUE_GONE
    ]


def _completed_twice(evidence: Evidence) -> list[str]:
    return [
        f"{number} ended {count} times {_story(evidence, number)}"
        for number, count in evidence.endings.items()
        if count > 1
    ]


def _miscounted(evidence: Evidence) -> list[str]:
    return [
        f"record {rid} counts {left} as unfinished, and there are {real}"
        for rid, (left, real) in evidence.left.items()
        if left != real
    ]


def _run_too_often(evidence: Evidence) -> list[str]:
    return [
        f"{number} ({task.kind}) {_story(evidence, number)}"
        for number, task in evidence.expected.items()
        if _excess(evidence, number, task) > 0
    ]


def _excess(evidence: Evidence, number: int, task: Expected) -> int:
    runs = evidence.runs.get(number, 0)
    if task.kind == "pill":
        # A worker that dies with the news of a pill's death may not have it counted.
        return runs - evidence.cap * (1 if evidence.is_calm else 2)
    return runs - task.runs - max(evidence.deaths.get(number, 0), evidence.hits.get(number, 0))


def _run_too_seldom(evidence: Evidence) -> list[str]:
    return [
        f"{number} ({task.kind}) {_story(evidence, number)}"
        for number, task, outcome in _ended(evidence)
        if outcome.error not in {"WorkerLost", "TaskRevoked"}
        and evidence.runs.get(number, 0) < task.runs
    ]


def _pills_not_given_up(evidence: Evidence) -> list[str]:
    return [
        f"{number} ended as {outcome} {_story(evidence, number)}"
        for number, task, outcome in _ended(evidence)
        if task.kind == "pill"
        and (
            outcome.error != "WorkerLost"
            or evidence.deaths.get(number, 0) != evidence.cap
            or evidence.runs.get(number, 0) == 0
        )
    ]


def _bystanders(evidence: Evidence) -> list[str]:
    """Given up, and more often counted as dead than hit; or pills were all there was to die of."""
    return _dead(evidence, lambda number: evidence.is_calm or not _is_hit(evidence, number))


def _is_hit(evidence: Evidence, number: int) -> bool:
    return evidence.hits.get(number, 0) >= max(1, evidence.deaths.get(number, 0))


def _dead(evidence: Evidence, is_one: Callable[[int], bool]) -> list[str]:
    return [
        f"{number} ({task.kind}) {_story(evidence, number)}: {outcome.text}"
        for number, task, outcome in _ended(evidence)
        if outcome.error == "WorkerLost" and task.kind != "pill" and is_one(number)
    ]


def _ended(evidence: Evidence) -> list[tuple[int, Expected, Outcome]]:
    return [
        (number, task, evidence.outcomes[number])
        for number, task in evidence.expected.items()
        if number in evidence.outcomes
    ]


def _story(evidence: Evidence, number: int) -> str:
    runs, deaths = evidence.runs.get(number, 0), evidence.deaths.get(number, 0)
    return f"after {runs} executions, {evidence.hits.get(number, 0)} hits and {deaths} deaths"
