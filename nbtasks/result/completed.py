"""The results of a group in the order they finish."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar, cast

from nbtasks.context import lent
from nbtasks.errors import WaitTimeout
from nbtasks.live import LiveRecord
from nbtasks.result.parts import Part
from nbtasks.waiting import (
    ResultSource,
    end_ms_of,
    pause_async,
    progress_of,
    receive_next,
    revoking,
    revoking_async,
)

T = TypeVar("T")

Ended = tuple[LiveRecord, range]


class Completed(Generic[T]):
    """Goes through results as they finish, with `for` or `async for`.

    Args:
        source: What they ask; None where all are there.
        parts: What the group holds.
        timeout: Seconds to wait for the next one.
        give_up: Called where a wait is interrupted in a notebook.
    """

    def __init__(
        self,
        source: ResultSource | None,
        parts: Sequence[Part],
        timeout: float | None,
        give_up: Callable[[], object],
    ) -> None:
        self._source = source
        self._give_up = give_up
        self._parts = parts
        self._timeout = timeout
        self._ended: SimpleQueue[Ended] = SimpleQueue()
        self._seen: set[tuple[int, int]] = set()
        self._left = sum(map(len, parts))
        self._of: defaultdict[str, list[int]] = defaultdict(list)
        for at, part in enumerate(parts):
            for record in part.records:
                self._of[record.rid].append(at)
        self._running = self._go()

    def __iter__(self) -> Iterator[T]:
        return self._running

    def __next__(self) -> T:
        return next(self._running)

    def __aiter__(self) -> AsyncIterator[T]:
        return self._go_async()

    def _go(self) -> Generator[T]:
        source = self._source
        with self._observed(lambda: None):
            yield from self._of_all()
            while self._left and source is not None:
                end_ms = end_ms_of(source, self._timeout)
                with revoking(source, self._give_up):
                    record, members = receive_next(source, self._ended, end_ms, self._late)
                yield from self._of_record(record, members)

    async def _go_async(self) -> AsyncIterator[T]:
        source = self._source
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
                loop.call_soon_threadsafe(woken.set)

        with self._observed(wake):
            for result in self._of_all():
                yield result
            while self._left and source is not None:
                record, members = await self._receive(source, woken)
                for result in self._of_record(record, members):
                    yield result

    async def _receive(self, source: ResultSource, woken: asyncio.Event) -> Ended:
        end_ms = end_ms_of(source, self._timeout)
        with suppress(Empty):
            return self._ended.get_nowait()
        with revoking_async(source, self._give_up), lent():
            while True:
                await pause_async(source, woken)
                with suppress(Empty):
                    return self._ended.get_nowait()
                if end_ms is not None and source.clock.tick_ms() >= end_ms:
                    raise self._late()

    @contextmanager
    def _observed(self, wake: Callable[[], None]) -> Generator[None]:
        """Hear of what ends in any of the records."""
        records = {record.rid: record for part in self._parts for record in part.records}
        calls: list[tuple[LiveRecord, Callable[[range], None]]] = []
        for record in records.values():

            def heard(members: range, record: LiveRecord = record) -> None:
                self._ended.put((record, members))
                wake()

            record.observe(heard)
            calls.append((record, heard))
        try:
            yield
        finally:
            for record, call in calls:
                record.drop_observer(call)

    def _of_all(self) -> Iterator[T]:
        """What is ready to begin with."""
        for at, part in enumerate(self._parts):
            yield from self._of_part(at, range(len(part)))

    def _of_record(self, record: LiveRecord, members: range) -> Iterator[T]:
        """What is ready now that something of a record has ended."""
        for at in self._of[record.rid]:
            yield from self._of_part(at, members)

    def _of_part(self, at: int, members: range) -> Iterator[T]:
        part = self._parts[at]
        for index in part.ready_among(members):
            if (at, index) not in self._seen:
                self._seen.add((at, index))
                self._left -= 1
                yield cast("T", part[index])

    def _late(self) -> WaitTimeout:
        waits = [wait for part in self._parts for wait in part.waits]
        return WaitTimeout(waits[0][0].rid, self._timeout or 0.0, progress_of(waits))
