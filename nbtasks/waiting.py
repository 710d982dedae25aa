"""Waiting for tasks: on events, never by polling, and never longer than Redis is out of reach."""

import asyncio
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TypeVar

from nbtasks.clock import Clock
from nbtasks.context import lent
from nbtasks.errors import WaitTimeout
from nbtasks.interrupts import give_up, interrupts, is_in_cell, raising
from nbtasks.live import EVERY, ErrorText, LiveRecord
from nbtasks.record import KILL

if TYPE_CHECKING:
    from nbtasks.outlook import Outlook
    from nbtasks.result.canvas import Canvas
    from nbtasks.result.group import GroupResult

T = TypeVar("T")

CHECK_S: Final = 1.0
"""How often a wait looks whether Redis is still there."""

TICK_S: Final = 0.1
"""How often an `await` wakes: an idle event loop sees an interrupt only then."""


_meanwhile: Callable[[], float] | None = None


def while_waiting(call: Callable[[], float] | None) -> None:
    """Have waits in the main thread do this meanwhile; it says in how many seconds again."""
    global _meanwhile  # noqa: PLW0603 - one per process: there is one main thread
    _meanwhile = call


def _go_on() -> float:
    """Do what is to be done meanwhile; how many seconds a wait may take until the next time."""
    if _meanwhile is None or threading.current_thread() is not threading.main_thread():
        return CHECK_S
    return min(CHECK_S, _meanwhile())


class ResultSource(Protocol):
    """What results need of an app."""

    clock: Clock
    revoke_on_interrupt: bool

    @property
    def is_eager(self) -> bool:
        """Whether what it knows of ran in this process."""
        ...

    def check(self) -> None:
        """Raise StoreUnavailable where Redis is out of reach for too long."""
        ...

    def attach(self, rids: Sequence[str]) -> "list[LiveRecord | None]":
        """Follow records by their ids; None for one that is not stored."""
        ...

    def canvas_of(self, records: Sequence[LiveRecord]) -> "Canvas":
        """The canvas that records are in; they alone, where they are in none."""
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

    def save_group(self, group: "GroupResult[Any]") -> None:
        """Keep what a group is made of."""
        ...

    def delete_group(self, group_id: str) -> bool:
        """Remove that; False where nothing was kept."""
        ...

    def log(self, record: LiveRecord, index: int) -> str:
        """What a member wrote."""
        ...

    def parts(self, record: LiveRecord, index: int, start: int) -> list[Any]:
        """What a member has yielded so far, from place `start` on; not always all of it."""
        ...

    def outlook(self, record: LiveRecord, index: int) -> "Outlook | None":
        """How long a member has still to wait; None where nothing waits."""
        ...

    def stack(self, record: LiveRecord, index: int, timeout: float) -> str:
        """Where a running member is."""
        ...

    def error_text(self, record: LiveRecord, index: int) -> ErrorText:
        """A failed member in words."""
        ...

    def arguments(
        self, record: LiveRecord, index: int
    ) -> tuple[Sequence[Any], dict[str, Any]] | None:
        """What a member is called with; None where that is not kept."""
        ...

    def ended_ms(self, record: LiveRecord, index: int) -> int | None:
        """When a member has ended, in ms since 1970; None where it has not, or is not known."""
        ...

    def waited(self, records: Sequence[LiveRecord]) -> None:
        """A blocking wait for these records has ended."""
        ...


Waits = Sequence[tuple[LiveRecord, int | None]]
"""Records, and which member of each is waited for; None: all of them."""


def wait_for(
    source: ResultSource, waits: Waits, timeout: float | None, *, to_the_end: bool = False
) -> None:
    """Wait until all of these are done, or one has failed; `to_the_end`: until all are done.

    Raises:
        WaitTimeout: It took longer than `timeout` seconds.
        StoreUnavailable: Redis is out of reach for too long.
    """
    if is_over(waits, to_the_end=to_the_end):
        return
    ended: SimpleQueue[None] = SimpleQueue()
    end_ms = end_ms_of(source, timeout)
    late = partial(_late, waits, timeout or 0.0)
    with _calls(waits, partial(ended.put, None), to_the_end=to_the_end) as calls, lent():
        while not calls.is_over():
            receive(source, ended, end_ms, late)


async def wait_async(source: ResultSource, waits: Waits, revoke: Callable[[], object]) -> None:
    """The same for an event loop; an interrupt in a notebook revokes, other cancelling does not."""
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
            loop.call_soon_threadsafe(woken.set)

    with (
        revoking_async(source, revoke),
        _calls(waits, wake, to_the_end=False) as calls,
        nullcontext() if calls.is_over() else lent(),
    ):
        while not calls.is_over():
            await pause_async(source, woken)


async def pause_async(source: ResultSource, woken: asyncio.Event) -> None:
    """Wait for an event, or for a moment: an idle loop would not see an interrupt."""
    source.check()
    with suppress(TimeoutError):
        await asyncio.wait_for(woken.wait(), min(TICK_S, _go_on()))
    woken.clear()


def is_over(waits: Waits, *, to_the_end: bool = False) -> bool:
    """Whether there is nothing more to wait for."""
    if not to_the_end and any(record.has_failed(index) for record, index in waits):
        return True
    return all(record.is_done(index) for record, index in waits)


class _calls:  # noqa: N801 - reads as a statement
    """Calls `wake` when one of these is done; a look costs nothing where nothing has changed."""

    def __init__(self, waits: Waits, wake: Callable[[], None], *, to_the_end: bool) -> None:
        self._waits = waits
        self._wake = wake
        self._to_the_end = to_the_end
        self._pending: dict[int, Callable[[], None]] = {}
        self._is_failed = False

    def __enter__(self) -> Self:
        self._register()
        return self

    def __exit__(self, *_: object) -> None:
        for at, call in tuple(self._pending.items()):
            self._waits[at][0].drop_callback(call)

    def is_over(self) -> bool:
        """Whether there is nothing more to wait for."""
        if self._is_failed:
            return True
        if self._pending:
            return False
        if is_over(self._waits, to_the_end=self._to_the_end):
            return True
        self._register()  # one that was done has been queued again
        return False

    def _register(self) -> None:
        for at, (record, index) in enumerate(self._waits):
            call = partial(self._done, at)
            self._pending[at] = call
            record.call_when_done(EVERY if index is None and self._to_the_end else index, call)

    def _done(self, at: int) -> None:
        record, index = self._waits[at]
        if not self._to_the_end and record.has_failed(index):
            self._is_failed = True
        self._pending.pop(at, None)
        if self._is_failed or not self._pending:
            self._wake()


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
        left = _go_on()
        if end_ms is not None:
            left = min(left, max(0.0, (end_ms - source.clock.tick_ms()) / 1000))
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
    if index is None or len(waits) > 1:
        return WaitTimeout(record.rid, timeout, progress_of(waits))
    return WaitTimeout(record.task_id(index), timeout, record.state(index))


class revoking:  # noqa: N801 - reads as a statement
    """Revokes what is waited for when the wait is interrupted in a notebook."""

    def __init__(self, source: ResultSource, revoke: Callable[[], object]) -> None:
        self._source = source
        self._revoke = revoke

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> None:
        if isinstance(error, KeyboardInterrupt) and self._source.revoke_on_interrupt:
            give_up(error, self._revoke)


@contextmanager
def revoking_async(source: ResultSource, revoke: Callable[[], object]) -> Generator[None]:
    """The same around an `await`, where an interrupt comes as any other cancelling does."""
    before = interrupts.count
    try:
        with interrupts:
            yield
    except asyncio.CancelledError:
        if source.revoke_on_interrupt and interrupts.count > before:
            stop = KeyboardInterrupt()
            with raising():
                give_up(stop, revoke)
            if is_in_cell():
                raise stop from None
        raise


def progress_of(waits: Waits) -> str:
    """How far these are, in words."""
    done = sum(
        record.n - record.left if index is None else record.is_done(index)
        for record, index in waits
    )
    return f"{done} of {sum(record.n if index is None else 1 for record, index in waits)} done"
