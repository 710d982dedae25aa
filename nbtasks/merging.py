"""Which neighbours in a group become one record: equal calls, and chains of equal calls (pure)."""

from collections.abc import Callable, Iterable, Iterator

from nbtasks.canvas import Canvas, chain
from nbtasks.dependencies import has_results
from nbtasks.signature import Signature


def runs(
    members: Iterable[Signature],
    *,
    apart: bool,
    place_of: Callable[[Signature], object] | None = None,
) -> Iterator[list[Signature]]:
    """Members in runs of those that differ in their arguments only.

    Args:
        members: The members of a group.
        apart: Each is a run for itself.
        place_of: Where a member goes, where its arguments may decide that.
    """
    run: list[Signature] = []
    may_grow, place = False, None
    for member in members:
        is_joinable = not apart and _is_joinable(member)
        before, place = place, place_of(member) if place_of and is_joinable else None
        if may_grow and is_joinable and place == before and _are_alike(run[0], member):
            run.append(member)
            continue
        if run:
            yield run
        run, may_grow = [member], is_joinable
    if run:
        yield run


def _is_joinable(member: Signature) -> bool:
    """Whether it may share a record: nobody has named it, and all of its arguments are known."""
    if isinstance(member, chain):
        is_open = member.args or member.kwargs or "task_id" in member.options
        return not is_open and bool(member.tasks) and all(map(_is_joinable_call, member.tasks))
    return _is_joinable_call(member)


def _is_joinable_call(signature: Signature) -> bool:
    return (
        not isinstance(signature, Canvas)
        and "task_id" not in signature.options
        and not has_results(signature.args, signature.kwargs)
    )


def _are_alike(first: Signature, other: Signature) -> bool:
    if isinstance(first, chain):
        return (
            isinstance(other, chain)
            and len(first.tasks) == len(other.tasks)
            and first.options == other.options
            and all(map(_are_equal_calls, first.tasks, other.tasks))
        )
    return not isinstance(other, chain) and _are_equal_calls(first, other)


def _are_equal_calls(first: Signature, other: Signature) -> bool:
    return (
        first.task == other.task
        and first.immutable == other.immutable
        and first.options == other.options
    )
