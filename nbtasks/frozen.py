"""Ids that signatures are given before they are sent, and what will be the results."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbtasks.signature import Signature


class Frozen:
    """The result of a signature that has been given its id, but is not sent yet.

    Among the arguments of another signature of the same canvas, it stands for the value. Once its
    signature was sent, it is what `App.AsyncResult(id)` returns.
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
        return getattr(sender.AsyncResult(self.id), name)


class FrozenId(str):
    """An id that a signature was given for its next run only."""

    __slots__ = ("is_sent",)

    def __init__(self, _name: str) -> None:
        self.is_sent = False
