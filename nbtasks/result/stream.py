"""What a task yields, as it comes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Generic, Protocol, TypeVar, cast

from nbtasks.context import lent
from nbtasks.errors import WaitTimeout
from nbtasks.live import LiveRecord
from nbtasks.waiting import CHECK_S, ResultSource, end_ms_of, pause_async, revoking, revoking_async

T = TypeVar("T")


class Streaming(Protocol):
    """What a stream needs of a result."""

    @property
    def id(self) -> str:
        """The task's id."""
        ...

    @property
    def record(self) -> LiveRecord:
        """Its record."""
        ...

    @property
    def index(self) -> int:
        """Which member of it it is."""
        ...

    @property
    def state(self) -> str:
        """Its state; raises UnknownTask where it is no longer stored."""
        ...

    def ready(self) -> bool:
        """Whether it has ended."""
        ...

    def failure(self) -> BaseException | None:
        """What it has failed of."""
        ...

    def give_up(self) -> object:
        """Revoke it."""
        ...


class Stream(Generic[T]):
    """Goes through the parts of one task, with `for` or `async for`; each reader has its own.

    Args:
        source: What it asks.
        result: The task.
        timeout: Seconds to wait for the next part.
    """

    def __init__(self, source: ResultSource, result: Streaming, timeout: float | None) -> None:
        self._source = source
        self._result = result
        self._timeout = timeout
        self._heard: SimpleQueue[None] = SimpleQueue()
        self._place = 0
        self._running = self._go()

    def __iter__(self) -> Iterator[T]:
        return self._running

    def __next__(self) -> T:
        return next(self._running)

    def __aiter__(self) -> AsyncIterator[T]:
        return self._go_async()

    def _go(self) -> Generator[T]:
        with self._observed(lambda: None):
            end_ms = self._end_ms()
            while (parts := self._read()) is not None:
                yield from parts
                if parts:
                    end_ms = self._end_ms()
                else:
                    self._wait(end_ms)

    async def _go_async(self) -> AsyncIterator[T]:
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
                loop.call_soon_threadsafe(woken.set)

        with self._observed(wake):
            end_ms = self._end_ms()
            while (parts := self._read()) is not None:
                for part in parts:
                    yield part
                if parts:
                    end_ms = self._end_ms()
                else:
                    await self._wait_async(woken, end_ms)

    def _read(self) -> list[T] | None:
        """The parts that are there; None at the end, where the exception of the task is raised."""
        result = self._result
        is_over = result.ready()  # looked at first: all its parts are stored by then
        parts = self._source.parts(result.record, result.index, self._place)
        self._place += len(parts)
        if parts or not is_over:
            return cast("list[T]", parts)
        if result.state and (error := result.failure()) is not None:
            raise error
        return None

    def _wait(self, end_ms: float | None) -> None:
        """Wait until there is something to look at, or for a while: an event may be lost."""
        left = CHECK_S
        if end_ms is not None:
            left = min(left, max(0.0, (end_ms - self._source.clock.tick_ms()) / 1000))
        with revoking(self._source, self._result.give_up), lent():
            try:
                self._heard.get(timeout=left)
            except Empty:
                self._source.check()
                self._check_time(end_ms)
        self._hear_all()

    async def _wait_async(self, woken: asyncio.Event, end_ms: float | None) -> None:
        look_ms = self._source.clock.tick_ms() + CHECK_S * 1000
        with revoking_async(self._source, self._result.give_up), lent():
            while self._heard.empty() and self._source.clock.tick_ms() < look_ms:
                await pause_async(self._source, woken)
                self._check_time(end_ms)
        self._hear_all()

    def _hear_all(self) -> None:
        with suppress(Empty):
            while True:
                self._heard.get_nowait()

    def _end_ms(self) -> float | None:
        return end_ms_of(self._source, self._timeout)

    def _check_time(self, end_ms: float | None) -> None:
        if end_ms is not None and self._source.clock.tick_ms() >= end_ms:
            raise WaitTimeout(self._result.id, self._timeout or 0.0, self._result.state)

    @contextmanager
    def _observed(self, wake: Callable[[], None]) -> Generator[None]:
        record, index = self._result.record, self._result.index

        def heard(members: range) -> None:
            if index in members:
                self._heard.put(None)
                wake()

        record.observe(heard)
        try:
            yield
        finally:
            record.drop_observer(heard)
