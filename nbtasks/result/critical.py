"""What a canvas that has ended has waited for: from its end back to its beginning (pure)."""

from collections.abc import Iterator, Sequence

from nbtasks.plan import Role
from nbtasks.result.steps import Step

Member = tuple[int, int]
"""The place of a step, and the index of a task in it."""


def critical_path(steps: Sequence[Step]) -> list[Member]:
    """The tasks, one after the other, that determined when the last one ended.

    Args:
        steps: The tasks of a canvas, each after those it waits for.

    Returns:
        From the first to the last; empty where nothing has ended.
    """
    last = [_last_of(step) for step in steps]
    ends = [
        (_end(steps, (at, last[at])), at)
        for at, step in enumerate(steps)
        if step.role is Role.TASK and last[at] >= 0
    ]
    if not ends or not max(ends)[0]:
        return []
    at = max(ends)[1]
    path = [(at, last[at])]
    while before := list(_before(steps, path[-1], last)):
        path.append(max(before, key=lambda member: _end(steps, member)))
    return path[::-1]


def _before(steps: Sequence[Step], member: Member, last: Sequence[int]) -> Iterator[Member]:
    """Which tasks a task had to wait for: of a whole step the one that ended last."""
    at, index = member
    for link in steps[at].links:
        if link.span == "w":
            yield link.before, max(0, last[link.before])
        else:
            yield link.before, index if link.span == "e" else link.index


def _last_of(step: Step) -> int:
    """Which task of a step ended last; -1 where none is known to have."""
    record = step.record
    if record.missing or not record.finished_ms:
        return -1
    return max(record.ended.copy().items(), key=lambda item: (item[1], -item[0]), default=(0, 0))[0]


def _end(steps: Sequence[Step], member: Member) -> int:
    """When a task ended, ms since 1970; one that nobody heard beginning: when its record did."""
    record = steps[member[0]].record
    return record.ended.get(member[1]) or record.finished_ms
