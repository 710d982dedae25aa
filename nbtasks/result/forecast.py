"""How far a canvas is, what holds it up, and how long it will take (pure)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nbtasks.live import LiveRecord
from nbtasks.plan import Role
from nbtasks.result.steps import Step
from nbtasks.states import FAILURE, REVOKED, STARTED, SUCCESS, is_finished


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """How far a canvas is.

    Attributes:
        total: Its tasks, without errbacks.
        done: Those that have finished, in whatever way.
        failed: Those of them that failed or were revoked.
        running: Those that run now, as far as was heard.
        critical: The names of the unfinished tasks, one after the other, that take longest.
        critical_s: How many seconds those take; None where nothing was measured yet.
        rest_s: How many seconds all will take, with as many at a time as now; None likewise.
    """

    total: int
    done: int
    failed: int
    running: int
    critical: tuple[str, ...]
    critical_s: float | None
    rest_s: float | None

    @property
    def fraction(self) -> float:
        """From 0 to 1."""
        return self.done / self.total if self.total else 1.0


def forecast(steps: Sequence[Step], now_ms: int) -> Forecast:
    """The forecast for a canvas.

    Args:
        steps: Its tasks, each after those it waits for; an errback is not counted on to run.
        now_ms: In ms since 1970.
    """
    counted = [step.record for step in steps if step.role is not Role.ERRBACK]
    means = _means(counted)
    weights = [_left_ms(step, means, now_ms) for step in steps]
    path, path_ms = _longest(steps, weights)
    running = sum(record.states.count(STARTED) for record in counted)
    work_ms = sum(_work_ms(record, means, now_ms) for record in counted)
    rest_ms = max(path_ms, work_ms / max(1, running))
    return Forecast(
        total=sum(record.n for record in counted),
        done=sum(record.n - record.left for record in counted),
        failed=sum(record.states.count(code) for record in counted for code in (FAILURE, REVOKED)),
        running=running,
        critical=tuple(steps[at].record.name for at in path),
        critical_s=path_ms / 1000 if means else None,
        rest_s=rest_ms / 1000 if means else None,
    )


def _means(records: Sequence[LiveRecord]) -> Mapping[str, float]:
    """Mean ms that the tasks of each name took; one that nobody heard beginning was short."""
    spent: defaultdict[str, float] = defaultdict(float)
    count: defaultdict[str, int] = defaultdict(int)
    for record in records:
        for index, end_ms in tuple(record.ended.items()):
            start = record.started.get(index)
            if start is not None:
                spent[record.name] += max(0, end_ms - start.at_ms)
        count[record.name] += record.states.count(SUCCESS)
    return {name: spent[name] / count[name] for name in count if count[name]}


def _left_ms(step: Step, means: Mapping[str, float], now_ms: int) -> float:
    """How long a step holds up what comes after it, once what comes before it has ended."""
    record = step.record
    if step.role is Role.ERRBACK or record.is_done(None):
        return 0.0
    mean = _mean(record, means)
    ran = [
        now_ms - start.at_ms
        for index, start in tuple(record.started.items())
        if not is_finished(record.states[index])
    ]
    if len(ran) < record.left:
        return mean
    return max(0.0, mean - min(ran))


def _work_ms(record: LiveRecord, means: Mapping[str, float], now_ms: int) -> float:
    """What is still to be done in a record, if it were done one after the other."""
    mean = _mean(record, means)
    ran = sum(
        min(mean, now_ms - start.at_ms)
        for index, start in tuple(record.started.items())
        if not is_finished(record.states[index])
    )
    return max(0.0, mean * record.left - ran)


def _mean(record: LiveRecord, means: Mapping[str, float]) -> float:
    """The mean of its name; of a task that was not seen yet, that of all."""
    found = means.get(record.name)
    return found if found is not None else sum(means.values()) / max(1, len(means))


def _longest(steps: Sequence[Step], weights: Sequence[float]) -> tuple[list[int], float]:
    """The places of the unfinished steps in a line that takes longest, and how many ms."""
    best: list[tuple[float, int]] = []  # ms and steps up to the end of each
    before: list[int | None] = []
    for at, step in enumerate(steps):
        nearest = max((link.before for link in step.links), key=best.__getitem__, default=None)
        ms, count = best[nearest] if nearest is not None else (0.0, 0)
        is_open = not step.record.is_done(None) and step.role is not Role.ERRBACK
        best.append((ms + weights[at], count + is_open))
        before.append(nearest)
    last = max(range(len(steps)), key=best.__getitem__, default=None)
    total = best[last][0] if last is not None else 0.0
    path: list[int] = []
    while last is not None:
        if not steps[last].record.is_done(None) and steps[last].role is not Role.ERRBACK:
            path.append(last)
        last = before[last]
    return path[::-1], total
