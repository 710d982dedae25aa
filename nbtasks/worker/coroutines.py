"""The tasks of a child that are coroutines: many at a time, on an event loop in a thread.

While a task holds the main thread, the loop reads the socket, so that what is to run on it begins
at once. Every member has a context of its own, which says whose output and progress it is.
"""

import asyncio
import inspect
import math
import os
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from contextvars import ContextVar
from types import coroutine
from typing import Any, NoReturn

from nbtasks.context import TaskContext, current_task
from nbtasks.errors import SoftTimeLimitExceeded
from nbtasks.functions import Loaded
from nbtasks.live import Progress
from nbtasks.request import Request
from nbtasks.serializers import encode_json
from nbtasks.worker import capture, dump, piping
from nbtasks.worker.continuing import add_to_chord, replace
from nbtasks.worker.frames import GONE, FrameReader
from nbtasks.worker.library import Function, Library, SliceRun
from nbtasks.worker.memory import MemoryWatch
from nbtasks.worker.outbox import Outbox
from nbtasks.worker.owners import call_as
from nbtasks.worker.work import CANCEL, WHERE, WORK, Work
from nbtasks.worker.yielding import Parts, Window


class Member:
    """One running member: where its output and progress go, and what it has started."""

    def __init__(self, run: SliceRun, index: int, outbox: Outbox) -> None:
        self.index = index
        self.number = run.work.delivery
        self.started: set[asyncio.Task[Any]] = set()
        self.limit_ms = 0
        self.steps: object = None
        self._waits = 0
        self._run = run
        self._outbox = outbox

    def request(self) -> Request:
        """What the task may know of itself."""
        return self._run.request(self.index)

    def progress(self, progress: Progress) -> None:
        """Tell how far it is."""
        self._outbox.progress(self.number, self.index, progress_data(progress))

    def send_event(self, data: bytes) -> None:
        """Tell monitors something of it."""
        self._outbox.tell("report", self.number, [("e", self.index, data)])

    def checkpoint(self, value: Any) -> None:
        """Keep this for its next try."""
        data = self._run.kept(self.index).save(value)
        self._outbox.tell("report", self.number, [("c", self.index, data)])

    def last_checkpoint(self) -> Any:
        """What it has kept last."""
        return self._run.kept(self.index).load()

    def lend(self) -> None:
        """It waits for other tasks."""
        self._waits += 1
        if self._waits == 1:
            self._outbox.lend(self.number, self.index)

    def resume(self) -> None:
        """One of its waits is over."""
        self._waits -= 1
        if self._waits == 0:
            self._outbox.resume(self.number, self.index)

    def replace(self, signature: Any) -> NoReturn:
        """Let a canvas go on in its place."""
        replace(self._run, self.index, signature)

    def add_to_chord(self, signature: Any) -> None:
        """Add a canvas to its chord."""
        add_to_chord(self._run, self.index, signature)

    def write(self, letter: str, text: str) -> None:
        """Pass on what it has written."""
        self._outbox.write(self.number, self.index, letter, text)

    @coroutine
    def drive(self, steps: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """Await a coroutine; a soft time limit comes to it as an error of its own kind.

        asyncio can only cancel a task. This stands between, and changes what is raised.
        """
        error: BaseException | None = None
        self.steps = steps
        while True:
            try:
                waited = steps.send(None) if error is None else steps.throw(error)
            except StopIteration as stop:
                return stop.value
            error = None
            try:
                yield waited
            except GeneratorExit:
                steps.close()
                raise
            except BaseException as raised:  # noqa: BLE001 - whatever it is, it is the task's
                error = self._translate(raised)

    def _translate(self, error: BaseException) -> BaseException:
        if not (self.limit_ms and isinstance(error, asyncio.CancelledError)):
            return error
        limit_ms, self.limit_ms = self.limit_ms, 0
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
        return SoftTimeLimitExceeded(self.request().id, limit_ms / 1000)


_member: ContextVar[Member | None] = ContextVar("member", default=None)


class Coroutines:
    """The loop, and what runs on it."""

    def __init__(
        self,
        reader: FrameReader,
        give: Callable[[SliceRun | None], None],
        library: Library,
        outbox: Outbox,
        memory: MemoryWatch,
        *,
        numbers: "memoryview[int]",
        window: Window,
    ) -> None:
        self._reader = reader
        self._give = give
        self._library = library
        self._outbox = outbox
        self._memory = memory
        self._numbers = numbers
        self._window = window
        self._loop = asyncio.new_event_loop()
        self._loop.set_task_factory(_make_task)
        self._thread = threading.Thread(target=self._run, name="nbtasks-loop", daemon=True)
        self._has_ended = False
        self._running: dict[tuple[int, int], tuple[asyncio.Task[None], Member]] = {}

    def start(self, first: SliceRun) -> None:
        """Begin with a slice, and take the reading over from the main thread.

        What is for that thread is given to it; None when the parent is gone.
        """
        self._loop.call_soon(self._begin, first)
        self._loop.call_soon(self._read_on)
        self._loop.add_reader(self._reader.fileno(), self._read)
        self._thread.start()

    def end(self) -> None:
        """End the loop, and wait for its thread; the main thread has been given None."""
        self._has_ended = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        dump.name_thread(self._numbers, dump.LOOP)
        while not self._has_ended:
            try:
                self._loop.run_forever()
            except OSError:
                os._exit(1)  # a task has closed our files
            except BaseException as error:  # noqa: BLE001 - what a task's own tasks raise
                self._loop.call_exception_handler(
                    {"message": "a task on the loop wants it to end", "exception": error}
                )

    def _read(self) -> None:
        try:
            is_gone = self._reader.receive() == GONE
        except OSError:
            is_gone = True
        self._read_on()
        if is_gone:
            self._loop.remove_reader(self._reader.fileno())
            self._give(None)

    def _read_on(self) -> None:
        while (message := self._reader.next()) is not None:
            kind, *fields = message
            if kind == WORK:
                run = self._library.slice(Work(*fields))
                (self._begin if run.work.is_async else self._give)(run)
            elif kind == WHERE:
                self._say_where(*fields)
            else:
                self._stop(kind, *fields)

    def _begin(self, run: SliceRun) -> None:
        for index, body in enumerate(run.work.bodies, run.work.start):
            member = Member(run, index, self._outbox)
            task = self._loop.create_task(self._run_member(run, member, body))
            self._running[member.number, index] = task, member

    def _say_where(self, number: int, index: int, question: str) -> None:
        found = self._running.get((number, index))
        if found is not None:
            places = dump.awaited(found[1].steps)
            self._outbox.tell("where", question, [tuple(place) for place in places])

    def _stop(self, kind: str, number: int, index: int, limit_ms: int = 0) -> None:
        found = self._running.get((number, index))
        if found is not None:
            task, member = found
            member.limit_ms = 0 if kind == CANCEL else limit_ms
            self._loop.call_soon(task.cancel)  # behind its first step: it may just have been begun

    async def _run_member(self, run: SliceRun, member: Member, body: bytes) -> None:
        began = self._loop.time()
        context = TaskContext(member)
        current_task.set(context)
        capture.sink.set(member.write)
        _member.set(member)

        async def call(
            function: Function, loaded: Loaded, args: tuple[Any, ...], kwargs: dict[str, Any]
        ) -> Any:
            value = call_as(loaded, context, function, args, kwargs)
            if inspect.isasyncgen(value):
                parts = Parts(run, member.index, self._outbox, self._window)
                value = parts.drain_async(value)
            return await member.drive(value) if asyncio.iscoroutine(value) else value

        state, sealed = await run.run_async(member.index, body, call)
        piping.settle(member.write)
        for task in list(member.started):
            task.cancel()  # as asyncio.run does with what a coroutine leaves behind
        del self._running[member.number, member.index]
        spent_us = int((self._loop.time() - began) * 1e6)
        with suppress(ConnectionError):  # the parent is gone: nobody is left to hear it
            self._outbox.ended(member.number, member.index, state, spent_us, sealed)
            if excess := self._memory.excess():
                self._outbox.retire(excess)


def progress_data(progress: Progress) -> bytes:
    """Progress as a report has it."""
    fields: list[Any] = [_number(progress.current), _number(progress.total), str(progress.message)]
    if progress.state:
        fields += [progress.state, progress.meta]
    return encode_json(fields)


def _make_task(loop: asyncio.AbstractEventLoop, steps: Any, **options: Any) -> asyncio.Task[Any]:
    task = asyncio.Task(steps, loop=loop, **options)
    member = _member.get()
    if member is not None:
        member.started.add(task)
        task.add_done_callback(member.started.discard)
    return task


def _number(value: Any) -> float | None:
    """A number as JSON has it: counts are often numpy's."""
    number = value if value is None or isinstance(value, (int, float)) else float(value)
    return number if number is None or math.isfinite(number) else None
