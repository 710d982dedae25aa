"""Tasks that yield: each part goes out as it comes, and what `get` gives follows at the end.

A generator may be faster than Redis. What is on the way is bounded: it waits at its `yield` until
there is room again.
"""

import asyncio
import inspect
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, Final

from nbtasks.looping import drain, drain_async
from nbtasks.worker.library import SliceRun
from nbtasks.worker.outbox import Outbox
from nbtasks.worker.work import STORED

MOST_ON_THE_WAY: Final = 4_000_000
"""Bytes of parts that a child has sent, and Redis has not yet."""

LOOK_S: Final = 0.005
"""How often a generator that is too fast looks for room."""


class Window:
    """How many bytes of parts of a child are on the way; the parent counts what is stored."""

    def __init__(self, numbers: "memoryview[int]") -> None:
        self._numbers = numbers
        self._sent = numbers[STORED]
        self._lock = threading.Lock()  # the event loop is in another thread than plain tasks

    @property
    def has_room(self) -> bool:
        """Whether more may be sent."""
        return self._sent - self._numbers[STORED] < MOST_ON_THE_WAY

    def add(self, size: int) -> None:
        """So much is sent."""
        with self._lock:
            self._sent += size


class Parts:
    """The parts of one member, on their way."""

    def __init__(self, run: SliceRun, index: int, outbox: Outbox, window: Window) -> None:
        self._run = run
        self._index = index
        self._outbox = outbox
        self._window = window
        self._is_begun = False

    def drain(self, parts: Generator[Any, Any, Any]) -> Any:
        """Send all that a generator yields; the value of its task."""
        pause = threading.Event()

        def put(part: object) -> None:
            self._put(part)
            while not self._window.has_room:
                pause.wait(LOOK_S)

        return self._value(drain(parts, put))

    async def drain_async(self, parts: AsyncGenerator[Any, Any]) -> Any:
        """The same for an asynchronous generator."""

        async def put(part: object) -> None:
            self._put(part)
            while not self._window.has_room:  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(LOOK_S)

        await drain_async(parts, put)
        return self._value(None)

    def _put(self, part: object) -> None:
        self._send(self._run.kept(self._index).part(part))
        self._is_begun = True

    def _value(self, returned: Any) -> Any:
        """What a generator returns; where that is nothing, all that it has yielded."""
        kept = self._run.kept(self._index)
        if not self._is_begun:
            self._send(kept.end())  # what an earlier try has yielded does not count
        return returned if returned is not None or self._run.ignores else kept.parts()

    def _send(self, data: bytes) -> None:
        self._window.add(len(data))
        self._outbox.part(self._run.work.delivery, self._index, data)


def drain_to_end(make: Callable[[], Parts], value: Any) -> Any:
    """The value of a plain task that has returned this: a generator is run to its end."""
    if inspect.isgenerator(value):
        return make().drain(value)
    if inspect.isasyncgen(value):
        return asyncio.run(make().drain_async(value))
    return value
