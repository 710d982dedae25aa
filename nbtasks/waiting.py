"""Waiting for tasks: on events, never by polling, and never longer than Redis is out of reach."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Final, Protocol, TypeVar

from nbtasks.clock import Clock
from nbtasks.context import lent
from nbtasks.errors import WaitTimeout
from nbtasks.interrupts import interrupts, is_in_cell
from nbtasks.live import EVERY, ErrorText, LiveRecord
from nbtasks.record import KILL

T = TypeVar("T")

CHECK_S: Final = 1.0
"""How often a wait looks whether Redis is still there."""

TICK_S: Final = 0.1
"""How often an `await` wakes: an idle event loop sees an interrupt only then."""


class ResultSource(Protocol):
    """What results need of an app."""

    clock: Clock
    revoke_on_interrupt: bool

    def check(self) -> None:
        """Raise StoreUnavailable where Redis is out of reach for too long."""
        ...

    def values(self, record: LiveRecord, indices: Sequence[int]) -> list[Any]:
        """The values of finished members; an exception object where one failed."""
        ...

    def revoke(
        self, record: LiveRecord, start: int, stop: int, *, terminate: bool, signal: str = KILL
    ) -> int:
        """End members that have not finished."""
        ...

    def run_again(self, record: LiveRecord, index: int) -> bool:
        """Queue a failed member again."""
        ...

    def forget(self, record: LiveRecord) -> bool:
        """Remove a finished record."""
        ...

    def log(self, record: LiveRecord, index: int) -> str:
        """What a member wrote."""
        ...

    def error_text(self, record: LiveRecord, index: int) -> ErrorText:
        """A failed member in words."""
        ...

    def waited(self, records: Sequence[LiveRecord]) -> None:
        """A blocking wait for these records has ended."""
        ...


Waits = Sequence[tuple[LiveRecord, int | None]]
"""Records, and which member of each is waited for; None: all, or a failure in any; EVERY: all."""


def wait_for(source: ResultSource, waits: Waits, timeout: float | None) -> None:
    """Wait until all of these are done, or one of those with None for an index has failed.

    Raises:
        WaitTimeout: It took longer than `timeout` seconds.
        StoreUnavailable: Redis is out of reach for too long.
    """
    if is_over(waits):
        return
    woken: SimpleQueue[None] = SimpleQueue()
    wake = partial(woken.put, None)
    end_ms = end_ms_of(source, timeout)
    late = partial(_late, waits, timeout or 0.0)
    for record, index in waits:
        record.call_when_done(index, wake)
    try:
        with lent():
            while not is_over(waits):
                receive(source, woken, end_ms, late)
    finally:
        for record, _ in waits:
            record.drop_callback(wake)


async def wait_async(source: ResultSource, waits: Waits, revoke: Callable[[], object]) -> None:
    """The same for an event loop; an interrupt in a notebook revokes, other cancelling does not."""
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
            loop.call_soon_threadsafe(woken.set)

    for record, index in waits:
        record.call_when_done(index, wake)
    before = interrupts.count
    try:
        with interrupts, nullcontext() if is_over(waits) else lent():
            while not is_over(waits):
                source.check()
                with suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), TICK_S)
                woken.clear()
    except asyncio.CancelledError:
        if source.revoke_on_interrupt and interrupts.count > before:
            revoke()
            if is_in_cell():
                raise KeyboardInterrupt from None
        raise
    finally:
        for record, _ in waits:
            record.drop_callback(wake)


def is_over(waits: Waits) -> bool:
    """Whether there is nothing more to wait for."""
    if any(index is None and record.first_failure is not None for record, index in waits):
        return True
    return all(record.is_done(index) for record, index in waits)


def end_ms_of(source: ResultSource, timeout: float | None) -> float | None:
    """When a timeout in seconds is over, by the clock's ticks."""
    return None if timeout is None else source.clock.tick_ms() + timeout * 1000


def receive(
    source: ResultSource,
    queue: SimpleQueue[T],
    end_ms: float | None,
    late: Callable[[], WaitTimeout],
) -> T:
    """What comes next out of a queue that the event thread fills."""
    while True:
        left = CHECK_S
        if end_ms is not None:
            left = min(CHECK_S, max(0.0, (end_ms - source.clock.tick_ms()) / 1000))
        try:
            return queue.get(timeout=left)
        except Empty:
            source.check()
        if end_ms is not None and source.clock.tick_ms() >= end_ms:
            raise late()


def receive_next(
    source: ResultSource,
    queue: SimpleQueue[T],
    end_ms: float | None,
    late: Callable[[], WaitTimeout],
) -> T:
    """The same between other work: the task's place is lent only where there is nothing yet."""
    with suppress(Empty):
        return queue.get_nowait()
    with lent():
        return receive(source, queue, end_ms, late)


def _late(waits: Waits, timeout: float) -> WaitTimeout:
    record, index = waits[0]
    if index is None or index == EVERY:
        return WaitTimeout(record.rid, timeout, progress_of([record for record, _ in waits]))
    return WaitTimeout(record.task_id(index), timeout, progress_of([record], index))


class revoking:  # noqa: N801 - reads as a statement
    """Revokes what is waited for when the wait is interrupted in a notebook."""

    def __init__(self, source: ResultSource, revoke: Callable[[], object]) -> None:
        self._source = source
        self._revoke = revoke

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if (
            kind is not None
            and issubclass(kind, KeyboardInterrupt)
            and self._source.revoke_on_interrupt
        ):
            self._revoke()


def progress_of(records: Sequence[LiveRecord], index: int | None = None) -> str:
    """How far some records are, or one member, in words."""
    if index is not None:
        return records[0].state(index)
    done = sum(record.n - record.left for record in records)
    return f"{done} of {sum(record.n for record in records)} done"
