"""Which neighbours in a group become one record: equal calls, and chains of equal calls (pure)."""

from collections.abc import Iterable, Iterator

from nbtasks.canvas import Canvas, chain
from nbtasks.dependencies import has_results
from nbtasks.signature import Signature


def runs(members: Iterable[Signature], *, apart: bool) -> Iterator[list[Signature]]:
    """Members in runs of those that differ in their arguments only; `apart`: each for itself."""
    run: list[Signature] = []
    for member in members:
        if run and not apart and _are_alike(run[0], member):
            run.append(member)
            continue
        if run:
            yield run
        run = [member]
    if run:
        yield run


def _are_alike(first: Signature, other: Signature) -> bool:
    if isinstance(first, chain) and isinstance(other, chain):
        return (
            len(first.tasks) == len(other.tasks) > 0
            and first.options == other.options
            and "task_id" not in first.options
            and not (first.args or first.kwargs or other.args or other.kwargs)
            and all(map(_are_equal_calls, first.tasks, other.tasks))
        )
    return _are_equal_calls(first, other)


def _are_equal_calls(first: Signature, other: Signature) -> bool:
    """Whether these are calls of one task that differ in known arguments only."""
    return (
        first.task == other.task
        and not isinstance(first, Canvas)
        and first.immutable == other.immutable
        and first.options == other.options
        and "task_id" not in first.options
        and not has_results(first.args, first.kwargs)
        and not has_results(other.args, other.kwargs)
    )
