"""What all results have in common: a place in a canvas, an end to wait for, and what came of it."""

import itertools
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

from nbtasks.displayed import Displayed
from nbtasks.drawing import Drawing
from nbtasks.live import EVERY, LiveRecord
from nbtasks.plan import Held, Value
from nbtasks.waiting import ResultSource, Waits

if TYPE_CHECKING:
    from nbtasks.result.canvas import Canvas
    from nbtasks.result.group import GroupResult


logger = logging.getLogger(__name__)


class Restorer(Protocol):
    """What makes results of ids: an app."""

    def restore_group(self, group_id: str) -> "GroupResult[Any] | None":
        """The group that was saved under an id; None where none was."""
        ...

    def result_from_tuple(self, ids: Any) -> "ResultBase":
        """The result that `as_tuple` made a tuple of."""
        ...


_current: Callable[[], Restorer] | None = None


def set_restorer(find: Callable[[], Restorer]) -> None:
    """Say which app makes results of ids where none is named."""
    global _current  # noqa: PLW0603 - one per process, set when `app` is imported
    _current = find


def current_restorer() -> Restorer:
    """That app."""
    if _current is None:
        raise RuntimeError("a result can only be made of its id where nbtasks.app is imported")
    return _current()


def result_from_tuple(ids: Any, app: Restorer | None = None) -> "ResultBase":
    """The result that `as_tuple` made a tuple of.

    Args:
        ids: The tuple, or the lists that JSON makes of it.
        app: Whose task it is; by default the current app.
    """
    return (app or current_restorer()).result_from_tuple(ids)


class ResultBase(Displayed, ABC):
    """One task, or many: a group holds any of these."""

    source: ResultSource | None = None
    """What it asks for states and values; None where there is nothing to ask for."""

    _canvas: "Canvas | None" = None

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
    @abstractmethod
    def canvas(self) -> "Canvas":
        """All tasks that were sent with it, and how far they are."""

    def visualize(self) -> Drawing:
        """A drawing of its canvas as it is now, which a notebook shows; `save` makes a file."""
        return self.canvas.visualize()

    @property
    @abstractmethod
    def children(self) -> "Sequence[ResultBase]":
        """What comes after it; of a group, what it holds."""

    @property
    def graph(self) -> "dict[ResultBase, list[ResultBase]]":
        """Everything from here on, and what comes after each."""
        return self.build_graph()

    def build_graph(self) -> "dict[ResultBase, list[ResultBase]]":
        """The same."""
        found: dict[ResultBase, list[ResultBase]] = {}
        for before, result in self.iterdeps():
            found.setdefault(result, [])
            if before is not None:
                found[before].append(result)
        return found

    def iterdeps(self) -> "Iterator[tuple[ResultBase | None, ResultBase]]":
        """Each pair of a result and one that comes after it, beginning with (None, itself)."""
        seen: set[ResultBase] = {self}
        ahead: deque[ResultBase] = deque([self])
        yield None, self
        while ahead:
            before = ahead.popleft()
            for result in before.children:
                yield before, result
                if result not in seen:
                    seen.add(result)
                    ahead.append(result)

    def collect(
        self, timeout: float | None = None, *, propagate: bool = True
    ) -> "Iterator[tuple[ResultBase, Any]]":
        """Each result from here on, once, with its value; waits for it.

        Args:
            timeout: Seconds to wait for each.
            propagate: Raise the exception of one that failed; with False, give it.
        """
        for result in dict.fromkeys(result for _, result in self.iterdeps()):
            yield result, result.get(timeout, propagate=propagate)

    def get_leaf(self) -> Any:
        """Wait for the last of all that come after it, and return its value."""
        *_, (_, last) = self.iterdeps()
        return last.get()

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

    def then(
        self,
        callback: Callable[[Self], object],
        on_error: Callable[[Self], object] | None = None,
    ) -> Self:
        """Call back with this result when it is ready, at once where it is.

        It is called by the thread that hears of it: it must be short, and wait for no task.

        Args:
            callback: Gets the result.
            on_error: Gets it in its place where the task, or one of many, has failed.
        """
        waits = self.waits()
        ahead = itertools.count(len(waits) - 1, -1)

        def call() -> None:
            if next(ahead) > 0:
                return
            try:
                (on_error if on_error is not None and self.failed() else callback)(self)
            except Exception:  # it must not end the thread that feeds all results
                logger.exception("a callback of task %s failed", self.id)

        for record, index in waits:
            record.call_when_done(EVERY if index is None else index, call)
        if not waits:
            call()
        return self

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

    def give_up(self) -> None:
        """End it and all that was sent with it: who waited for it was interrupted."""
        (self if self._canvas is None else self._canvas).revoke(terminate=True)

    @property
    def known_canvas(self) -> "Canvas | None":
        """Its canvas where that is known without asking the store."""
        return self._canvas

    @property
    def sent(self) -> list[LiveRecord]:
        """The records of all that was sent with it, for a list of what was sent."""
        return self.records if self._canvas is None else self._canvas.records

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
