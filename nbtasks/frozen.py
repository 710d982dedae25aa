"""Ids that signatures are given before they are sent, and what will be the results."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbtasks.plan import Plan
    from nbtasks.signature import Signature


class Frozen:
    """The result of a signature that has been given its id, but is not sent yet.

    Among the arguments of another signature of the same canvas, it stands for the value. Once its
    signature was sent, it is its result. (A group is found where it is what a canvas returns, or
    one of the parents of that.)
    """

    def __init__(self, task_id: str, signature: "Signature") -> None:
        self.id = task_id
        self.signature = signature

    def __repr__(self) -> str:
        return f"<Frozen {self.signature!r} {self.id}>"

    def as_value(self) -> "Frozen":
        """What it stands for is known once its canvas is compiled."""
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # what pickle and copy ask for is not asked of a server
            raise AttributeError(name)
        sender: Any = self.signature.sender
        known = self.id.result if isinstance(self.id, FrozenId) else None
        return getattr(sender.AsyncResult(self.id) if known is None else known, name)


class FrozenId(str):
    """An id that a signature was given for its next run only; `result` is what came of that."""

    __slots__ = ("is_sent", "result")

    def __init__(self, _name: str) -> None:
        self.is_sent = False
        self.result: Any = None

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenId, (str(self),)  # the result is for who has sent it


def mark_sent(plan: "Plan", result: Any) -> None:
    """Remember which ids were given away with a plan that was sent."""
    given = (name for node in plan.nodes for name in (node.rid, node.group_id))
    names = {name: name for name in given if isinstance(name, FrozenId)}
    for name in names:
        name.is_sent = True
    while names and result is not None:
        if result.id in names:
            names[result.id].result = result
        result = result.parent
