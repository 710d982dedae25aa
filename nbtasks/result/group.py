"""The handles on many tasks: values in the order they were defined."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from nbtasks.live import LiveRecord
from nbtasks.plan import Held, Many, Value
from nbtasks.record import KILL, check_signal, new_id
from nbtasks.result.base import Restorer, ResultBase, current_restorer
from nbtasks.result.completed import Completed
from nbtasks.result.parts import Lone, Members, Part
from nbtasks.result.single import AsyncResult
from nbtasks.waiting import ResultSource, Waits, revoking, wait_async, wait_for

if TYPE_CHECKING:
    from nbtasks.result.canvas import Canvas

R = TypeVar("R")


class ResultSet(ResultBase, Generic[R]):
    """Results to wait for together: of tasks, and of groups in their turn.

    Args:
        results: What it begins with.
    """

    def __init__(self, results: Iterable[ResultBase] = ()) -> None:
        self._id = ""
        self._parts: list[Part] = [Lone(result) for result in dict.fromkeys(results)]
        self._find_source()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.completed_count()} of {len(self)} done>"

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def __iter__(self) -> Iterator[AsyncResult[R]]:
        for part in self._parts:
            for index in range(len(part)):
                yield cast("AsyncResult[R]", part[index])

    @overload
    def __getitem__(self, at: int) -> AsyncResult[R]: ...
    @overload
    def __getitem__(self, at: slice) -> list[AsyncResult[R]]: ...
    def __getitem__(self, at: int | slice) -> AsyncResult[R] | list[AsyncResult[R]]:
        if isinstance(at, slice):
            return list(self)[at]
        index = at + len(self) if at < 0 else at
        for part in self._parts:
            if 0 <= index < len(part):
                return cast("AsyncResult[R]", part[index])
            index -= len(part)
        raise IndexError(f"no task {at}: the group has {len(self)}")

    @property
    def id(self) -> str:
        """The group's id."""
        self._id = self._id or new_id()
        return self._id

    @property
    def parent(self) -> ResultBase | None:
        """What came before it: nothing."""
        return None

    @property
    def records(self) -> list[LiveRecord]:
        """The records behind it, for a board."""
        found = {record.rid: record for part in self._parts for record in part.records}
        return list(found.values())

    @property
    def parts(self) -> "Sequence[Part]":
        """What it is made of: whole records, and results."""
        return self._parts

    @property
    def results(self) -> list[AsyncResult[R]]:
        """A handle for each task, and for each group in it."""
        return list(self)

    @property
    def children(self) -> list[AsyncResult[R]]:
        """What it holds."""
        return self.results

    @property
    def canvas(self) -> "Canvas":
        """All tasks that were sent with it, and how far they are."""
        if self._canvas is None:
            if self.source is None:
                raise LookupError("an empty set has no canvas")
            self._canvas = self.source.canvas_of(self.records)
        return self._canvas

    def as_value(self) -> Value | Held:
        """What it stands for among the arguments of a call: a list, once all have ended."""
        values: list[Value | Held] = [each.as_value() for each in self]
        known = [value.value for value in values if isinstance(value, Held)]
        if len(known) == len(values):
            return Held(known)
        return Many(tuple(value for value in values if not isinstance(value, Held)))

    def add(self, result: ResultBase) -> None:
        """Wait for this one, too, after the others; one that is there already is not added."""
        if not any(result in part for part in self._parts):
            self._parts.append(Lone(result))
            self._find_source()

    def remove(self, result: ResultBase) -> None:
        """Do not wait for this one any more.

        Raises:
            KeyError: It is not among them.
        """
        left = [each for each in self.results if each != result]
        if len(left) == len(self):
            raise KeyError(result.id)
        self._parts = [Lone(each) for each in left]

    def discard(self, result: ResultBase) -> None:
        """The same, also where it is not among them."""
        self._parts = [Lone(each) for each in self if each != result]

    def update(self, results: Iterable[ResultBase]) -> None:
        """Add all of these."""
        for result in results:
            self.add(result)

    def clear(self) -> None:
        """Remove all."""
        self._parts = []

    def completed_count(self) -> int:
        """How many have finished, in whatever way; a group in it counts as one."""
        return sum(part.done for part in self._parts)

    def ready(self) -> bool:
        """Whether all have finished."""
        return all(part.is_ready for part in self._parts)

    def waiting(self) -> bool:
        """Whether one has not finished."""
        return not self.ready()

    def successful(self) -> bool:
        """Whether all have returned a value."""
        return all(part.is_successful for part in self._parts)

    def failed(self) -> bool:
        """Whether one has failed or was revoked."""
        return any(part.has_failed for part in self._parts)

    def get(
        self,
        timeout: float | None = None,
        *,
        propagate: bool = True,
        callback: Callable[[str, Any], object] | None = None,
    ) -> list[R]:
        """Wait for all and return their values in definition order; of groups in it, lists.

        Args:
            timeout: Seconds to wait at most, for all together.
            propagate: Raise the first failure as soon as it is known; with False, wait for all and
                leave the exceptions in their places.
            callback: Is called with the id and the value of each, in order.

        Raises:
            WaitTimeout: It took longer. The tasks go on.
            StoreUnavailable: Redis went away while waiting, and stayed away.
            Exception: What the first failed task raised.
        """
        __tracebackhide__ = True
        self._wait(timeout, propagate=propagate)
        while propagate and not self.ready():
            self.maybe_throw()
            self._wait(timeout, propagate=propagate)  # what had failed was queued again
        if propagate:
            self.maybe_throw()
        values = self.outcome()
        if callback is not None:
            for result, value in zip(self, values, strict=True):
                callback(result.id, value)
        return values

    join = get
    join_native = get

    def __await__(self) -> Generator[Any, None, list[R]]:
        return self._get_async().__await__()

    def iterate(self, timeout: float | None = None, *, propagate: bool = True) -> Iterator[R]:
        """Go through the values in the order the tasks finish.

        Args:
            timeout: Seconds to wait for the next one.
            propagate: Raise the exception of one that failed; with False, give it.

        Raises:
            WaitTimeout: None finished in that time.
        """
        for result in self.as_completed(timeout):
            yield result.get(propagate=propagate)

    def as_completed(self, timeout: float | None = None) -> Completed[AsyncResult[R]]:
        """Go through the tasks in the order they finish, with `for` or `async for`.

        Args:
            timeout: Seconds to wait for the next one.

        Raises:
            WaitTimeout: None finished in that time.
        """
        return Completed(self.source, self._parts, timeout, self.give_up)

    def maybe_throw(self, callback: Callable[[str, Any], object] | None = None) -> None:
        """Raise the first failure, in definition order, if one is known by now.

        Args:
            callback: Is called with the id and the value of each that has succeeded.

        Raises:
            Exception: What the first failed task raised.
        """
        __tracebackhide__ = True
        error = self.failure()
        if error is not None:
            raise error
        if callback is not None:
            for result in self:
                if result.ready():
                    callback(result.id, result.outcome())

    maybe_reraise = maybe_throw

    def revoke(self, *, terminate: bool = False, signal: str = KILL) -> int:
        """End all that have not finished, as `AsyncResult.revoke` does; returns how many."""
        name = check_signal(signal)
        return sum(part.revoke(terminate=terminate, signal=name) for part in self._parts)

    def forget(self) -> bool:
        """Remove the finished records from the store; False where one is unfinished."""
        gone = [part.forget() for part in self._parts]
        return all(gone)

    def members(self) -> list[AsyncResult[R]]:
        """What it holds."""
        return self.results

    def waits(self) -> Waits:
        """What `get` waits for."""
        return [wait for part in self._parts for wait in part.waits]

    def outcome(self) -> list[Any]:
        """The values of all once they are ready; exceptions in the places of failed ones."""
        return [value for part in self._parts for value in part.outcomes()]

    def failure(self) -> BaseException | None:
        """What `get` raises as far as is known now; None for nothing."""
        for part in self._parts:
            if part.has_failed and (error := part.failure()) is not None:
                return error
        return None

    def _wait(self, timeout: float | None, *, propagate: bool) -> None:
        source = self.source
        if source is not None:
            with revoking(source, self.give_up):
                wait_for(source, self.waits(), timeout, to_the_end=not propagate)
            source.waited(self.records)

    async def _get_async(self) -> list[R]:
        if self.source is not None:
            await wait_async(self.source, self.waits(), self.give_up)
        return self.get()

    def _find_source(self) -> None:
        sources = (part.source for part in self._parts)
        self.source = next((source for source in sources if source is not None), None)


class GroupResult(ResultSet[R]):
    """Tasks submitted together, and groups in them, as one group.

    Not made by hand: `group(...).apply_async`, `Task.map`, `GroupResult.restore`.
    """

    def __init__(
        self,
        source: ResultSource,
        parts: Sequence[LiveRecord | Part],
        *,
        group_id: str = "",
        parent: ResultBase | None = None,
        canvas: "Canvas | None" = None,
    ) -> None:
        super().__init__()
        self.source = source
        self._parts = [
            Members(source, part, canvas) if isinstance(part, LiveRecord) else part
            for part in parts
        ]
        self._id = group_id
        self._parent = parent
        self._canvas = canvas

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GroupResult) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def id(self) -> str:
        """The group's id."""
        if not self._id and len(self._parts) == 1 and isinstance(self._parts[0], Members):
            self._id = self._parts[0].record.rid
        return super().id

    @property
    def parent(self) -> ResultBase | None:
        """What came before it in its chain or chord; None for the first."""
        if self._parent is None and self._canvas is not None and self._parts:
            return self._canvas.parent_of_group(self.records[0])
        return self._parent

    def save(self) -> None:
        """Keep what it is made of in the store, for as long as results are kept.

        `restore` makes it again by its id, also in another program; the tasks themselves, and
        their values, are stored anyway.
        """
        if self.source is not None:
            self.source.save_group(self)

    @staticmethod
    def restore(group_id: str, app: Restorer | None = None) -> "GroupResult[Any] | None":
        """The group that was saved under an id; None where none was.

        Args:
            group_id: Its id.
            app: Whose it is; by default the current app.
        """
        return (app or current_restorer()).restore_group(group_id)

    def delete(self) -> bool:
        """Remove what `save` kept; False where nothing was kept."""
        return self.source is not None and self.source.delete_group(self.id)
