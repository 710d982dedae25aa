"""What a group holds: all members of a record, whose handles are made when asked for, or a result.

A record of 50,000 members is one part: what is asked of it is answered by its state bytes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbtasks.errors import UnknownTask
from nbtasks.live import LiveRecord
from nbtasks.result.base import ResultBase
from nbtasks.result.eager import task_result
from nbtasks.result.single import AsyncResult, culprit
from nbtasks.serializers import CellValue
from nbtasks.states import SUCCESS
from nbtasks.waiting import ResultSource, Waits

if TYPE_CHECKING:
    from nbtasks.result.canvas import Canvas


@dataclass(frozen=True, slots=True)
class Members:
    """All members of a record."""

    source: ResultSource
    record: LiveRecord
    canvas: "Canvas | None" = None

    def __len__(self) -> int:
        return self.record.n

    def __getitem__(self, index: int) -> ResultBase:
        return task_result(self.source, self.record, index, canvas=self.canvas)

    def __contains__(self, result: object) -> bool:
        return isinstance(result, AsyncResult) and result.record is self.record

    @property
    def records(self) -> Sequence[LiveRecord]:
        """The records behind it."""
        return (self.record,)

    @property
    def waits(self) -> Waits:
        """What is waited for."""
        return ((self.record, None),)

    @property
    def done(self) -> int:
        """How many of its results are ready."""
        return self.record.n - self.record.left

    @property
    def is_ready(self) -> bool:
        """Whether all are."""
        return self.record.is_done(None)

    @property
    def is_successful(self) -> bool:
        """Whether all have returned a value."""
        return self.record.states.count(SUCCESS) == self.record.n

    @property
    def has_failed(self) -> bool:
        """Whether one has failed."""
        return self.record.has_failed(None)

    def ready_among(self, members: Iterable[int]) -> Iterator[int]:
        """Which of these members, of which something was heard, are ready."""
        return (index for index in members if self.record.is_done(index))

    def outcomes(self) -> list[Any]:
        """The values, exceptions in the places of failed ones."""
        if self.record.missing:
            raise UnknownTask(self.record.rid)
        found = self.source.values(self.record, range(self.record.n))
        return [value.value if isinstance(value, CellValue) else value for value in found]

    def failure(self) -> BaseException | None:
        """What the first that failed raises."""
        at = self.record.first_failure
        return None if at is None else culprit(self.source.values(self.record, [at])[0])

    def revoke(self, *, terminate: bool, signal: str) -> int:
        """End all that have not finished; returns how many."""
        if not self.record.left:
            return 0
        return self.source.revoke(self.record, 0, self.record.n, terminate=terminate, signal=signal)

    def forget(self) -> bool:
        """Remove it from the store, if all have finished."""
        return self.source.forget(self.record)


@dataclass(frozen=True, slots=True)
class Lone:
    """One result: of a task, or a group in a group."""

    result: ResultBase

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> ResultBase:
        return self.result

    def __contains__(self, result: object) -> bool:
        return self.result == result

    @property
    def source(self) -> ResultSource | None:
        """What it asks."""
        return self.result.source

    @property
    def records(self) -> Sequence[LiveRecord]:
        """The records behind it."""
        return self.result.records

    @property
    def waits(self) -> Waits:
        """What is waited for."""
        return self.result.waits()

    @property
    def done(self) -> int:
        """1 where it is ready."""
        return int(self.result.ready())

    @property
    def is_ready(self) -> bool:
        """Whether it is."""
        return self.result.ready()

    @property
    def is_successful(self) -> bool:
        """Whether it has returned a value."""
        return self.result.successful()

    @property
    def has_failed(self) -> bool:
        """Whether it has failed."""
        return self.result.failed()

    def ready_among(self, members: Iterable[int]) -> Iterator[int]:  # noqa: ARG002 - it is one
        """0 where it is ready, whatever was heard."""
        if self.result.ready():
            yield 0

    def outcomes(self) -> list[Any]:
        """Its value or its exception; of a group, a list of those."""
        return [self.result.outcome()]

    def failure(self) -> BaseException | None:
        """What it raises."""
        return self.result.failure()

    def revoke(self, *, terminate: bool, signal: str) -> int:
        """End it; returns how many tasks that were."""
        return int(self.result.revoke(terminate=terminate, signal=signal))

    def forget(self) -> bool:
        """Remove it from the store, if it has finished."""
        return self.result.forget()


Part = Members | Lone
