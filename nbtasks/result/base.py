"""What all results have in common: a place in a canvas, an end to wait for, and what came of it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from nbtasks.live import LiveRecord
from nbtasks.plan import Held, Value
from nbtasks.waiting import ResultSource, Waits


class ResultBase(ABC):
    """One task, or many: a group holds any of these."""

    source: ResultSource | None = None
    """What it asks for states and values; None where there is nothing to ask for."""

    @property
    @abstractmethod
    def parent(self) -> "ResultBase | None":
        """What came before it in its chain or chord; None for the first."""

    @property
    @abstractmethod
    def id(self) -> str:
        """The id of the task or of the group."""

    @property
    @abstractmethod
    def records(self) -> list[LiveRecord]:
        """The records behind it, for a board."""

    @property
    def root(self) -> "ResultBase":
        """The first of its parents, which may be itself."""
        first: ResultBase = self
        for first in self.parents():  # noqa: B007 - the last of them is asked for
            pass
        return first

    def parents(self) -> "Iterator[ResultBase]":
        """All that came before it in a line, the nearest first."""
        at = self.parent
        while at is not None:
            yield at
            at = at.parent

    @abstractmethod
    def ready(self) -> bool:
        """Whether it has finished, in whatever way."""

    @abstractmethod
    def successful(self) -> bool:
        """Whether it has returned a value; of many: whether all have."""

    @abstractmethod
    def failed(self) -> bool:
        """Whether it ended in an error; of many: whether one did."""

    @abstractmethod
    def get(
        self,
        timeout: float | None = None,
        *,
        propagate: bool = True,
        callback: Callable[[str, Any], object] | None = None,
    ) -> Any:
        """Wait for it and return its value."""

    @abstractmethod
    def waits(self) -> Waits:
        """What `get` waits for."""

    @abstractmethod
    def outcome(self) -> Any:
        """Its value once it is ready, or its exception; of many: a list of those."""

    @abstractmethod
    def failure(self) -> BaseException | None:
        """What `get` raises as far as is known now; None for nothing."""

    def as_value(self) -> Value | Held:
        """What it stands for among the arguments of a call."""
        return Held(self.get())

    @abstractmethod
    def revoke(self, *, terminate: bool = False, signal: str = "SIGKILL") -> int:
        """End what has not finished; returns how many tasks that were."""

    @abstractmethod
    def forget(self) -> bool:
        """Remove what has finished from the store; False where something is unfinished."""

    def as_tuple(self) -> tuple[Any, Any]:
        """As ids, which any client of the app makes a result of again: `App.result_from_tuple`."""
        ids: Any = None
        for result in reversed([self, *self.parents()]):
            members = result.members()
            inside = None if members is None else [each.as_tuple() for each in members]
            ids = (result.id, ids), inside
        return cast("tuple[Any, Any]", ids)

    def members(self) -> "Sequence[ResultBase] | None":
        """What a group holds; None for a task."""
        return None
