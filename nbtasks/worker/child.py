"""A child: runs the members of slices, one after the other, and tells its parent how each ended.

It never talks to Redis, so it may be killed at any moment. Members that are coroutines it leaves to
an event loop of its own, which then reads the socket, too.
"""

import asyncio
import inspect
import os
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from queue import SimpleQueue
from typing import Any, Final, NoReturn

from nbtasks.clock import SystemClock
from nbtasks.context import TaskContext, current_task
from nbtasks.functions import Loaded
from nbtasks.live import Progress
from nbtasks.record import RICH, SEPARATOR, VALUE
from nbtasks.request import Request
from nbtasks.serializers import CellValue
from nbtasks.worker import capture, dump, piping, showing
from nbtasks.worker.confine import be_expendable, limit_memory
from nbtasks.worker.continuing import add_to_chord, replace
from nbtasks.worker.coroutines import Coroutines, progress_data
from nbtasks.worker.frames import FrameReader
from nbtasks.worker.interrupt import Interrupt
from nbtasks.worker.library import Function, Library, SliceRun
from nbtasks.worker.memory import MemoryWatch
from nbtasks.worker.outbox import Outbox
from nbtasks.worker.owners import call_as
from nbtasks.worker.processes import begin_process, end_process
from nbtasks.worker.work import WORK, Cells, ChildSettings, Work
from nbtasks.worker.yielding import Parts, Window, drain_to_end

MAX_PREVIEW: Final = 10_000


class Child:
    """What runs tasks: a process, or a thread of one."""

    def __init__(self, sock: socket.socket, cells: Cells, settings: ChildSettings) -> None:
        clock = SystemClock()
        self._reader = FrameReader(sock)
        self._numbers = cells.numbers
        self.outbox = Outbox(sock, clock)
        self._library = Library(settings, clock)
        self._memory = MemoryWatch(settings.max_memory, clock)
        self._context = TaskContext(self)
        self._window = Window(cells.numbers)
        self._queue: SimpleQueue[SliceRun | None] = SimpleQueue()
        self._coroutines: Coroutines | None = None
        self.interrupt = Interrupt(cells.numbers, lambda: self.request().id)
        self._guard: AbstractContextManager[None] = nullcontext()
        self._is_main = False
        self._may_show = not settings.signer.encrypts
        self._slice: SliceRun | None = None
        self._index = 0
        self._waits = 0

    def run(self, *, is_main: bool) -> None:
        """Work until the parent closes the socket; only in the main thread a signal interrupts."""
        if is_main:
            self._guard = self.interrupt
            self._is_main = True
        dump.name_thread(self._numbers, dump.THREAD)
        current_task.set(self._context)
        capture.sink.set(self.write)
        while (found := self._next()) is not None:
            self._run_slice(found)
            del found  # its arguments may be large, and the next wait long

    def request(self) -> Request:
        """The task that runs now."""
        return self._running().request(self._index)

    def progress(self, progress: Progress) -> None:
        """Tell how far the running task is."""
        if self._slice is not None:
            number = self._slice.work.delivery
            self.outbox.progress(number, self._index, progress_data(progress))

    def send_event(self, data: bytes) -> None:
        """Tell monitors something of the running task."""
        self.outbox.tell("report", self._running().work.delivery, [("e", self._index, data)])

    def checkpoint(self, value: Any) -> None:
        """Keep this for the next try of the running task."""
        run = self._running()
        data = run.kept(self._index).save(value)
        self.outbox.tell("report", run.work.delivery, [("c", self._index, data)])

    def last_checkpoint(self) -> Any:
        """What it has kept last."""
        return self._running().kept(self._index).load()

    def lend(self) -> None:
        """The running task waits for others."""
        self._waits += 1
        if self._waits == 1 and self._slice is not None:
            self.outbox.lend(self._slice.work.delivery, self._index)

    def resume(self) -> None:
        """One of its waits is over."""
        self._waits = max(0, self._waits - 1)
        if self._waits == 0 and self._slice is not None:
            self.outbox.resume(self._slice.work.delivery, self._index)

    def replace(self, signature: Any) -> NoReturn:
        """Let a canvas go on in the place of the running task."""
        replace(self._running(), self._index, signature)

    def add_to_chord(self, signature: Any) -> None:
        """Add a canvas to the chord of the running task."""
        add_to_chord(self._running(), self._index, signature)

    def write(self, letter: str, text: str) -> None:
        """Pass on what the running task has written."""
        if self._slice is None:
            capture.write_to_terminal(letter, text)
        else:
            self.outbox.write(self._slice.work.delivery, self._index, letter, text)

    def leave(self) -> None:
        """In a process that a task forks: it is no child of the worker, nor must act as one."""
        self.outbox.leave()

    def close(self) -> None:
        """Let its threads go, where its process stays."""
        self.outbox.end()
        if self._coroutines is not None:
            self._coroutines.end()

    def _parts(self) -> Parts:
        return Parts(self._running(), self._index, self.outbox, self._window)

    def _running(self) -> SliceRun:
        if self._slice is None:
            raise RuntimeError("no task runs here now")
        return self._slice

    def _next(self) -> SliceRun | None:
        """The next slice for this thread; None when the parent is gone."""
        while self._coroutines is None:
            message = self._reader.wait()
            if message is None:
                return None
            kind, *fields = message
            if kind == WORK:
                work = Work(*fields)
                found = self._library.slice(work)
                if not work.is_async:
                    return found
                self._coroutines = Coroutines(
                    self._reader,
                    self._queue.put,
                    self._library,
                    self.outbox,
                    self._memory,
                    numbers=self._numbers,
                    window=self._window,
                )
                self._coroutines.start(found)
        if not self._is_main:
            return self._queue.get()
        dump.interrupt_waits(is_on=True)
        try:
            return self._queue.get()
        finally:
            dump.interrupt_waits(is_on=False)

    def _run_slice(self, run: SliceRun) -> None:
        work = run.work
        numbers = self._numbers
        outbox = self.outbox
        outbox.begin(work.delivery, work.start, len(work.bodies))
        self._slice = run
        for offset, body in enumerate(work.bodies):
            sequence = work.sequence + offset
            numbers[0] = sequence
            if self._memory.was_exceeded or numbers[1] <= sequence < numbers[2]:
                numbers[0] = sequence - 1  # not begun: it is not to blame if this process dies now
                outbox.dropped(work.start + offset)
                break
            self._index = work.start + offset
            outbox.result(*run.run(self._index, body, self._call, self._guard))
            if excess := self._memory.excess():
                outbox.retire(excess)
        self._slice = None
        outbox.flush()

    def _call(
        self, function: Function, loaded: Loaded, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        try:
            value = call_as(loaded, self._context, function, args, kwargs)
            if inspect.iscoroutine(value):
                value = asyncio.run(value)
            value = drain_to_end(self._parts, value)
        finally:
            if self._is_main:  # threads share their figures: whose they are is not known
                showing.finish()
                piping.settle(self.write)
        may_show = self._may_show and not self._running().ignores
        if may_show and isinstance(value, CellValue) and value.value is not None:
            # What is printed is not encrypted, so no value is printed where values are.
            self.write(VALUE, _preview(value.value))
            if shown := showing.shown_value(value.value):
                self.write(RICH, shown)
        return value


def _preview(value: object) -> str:
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - a user's __repr__ may raise anything
        text = f"<its repr raised {type(error).__name__}>"
    text = text.replace(SEPARATOR, " ")
    return text if len(text) <= MAX_PREVIEW else text[:MAX_PREVIEW] + " …"


Seat = tuple[socket.socket, Cells]
"""Where a child sits: its socket, and what it shares with the parent."""


def run_children(seats: list[Seat], settings: ChildSettings) -> None:
    """What a process for children does instead of returning; ends the process.

    One child runs in the main thread, several run in a thread each.
    """
    code = 1
    try:
        limit_memory(settings.limit_memory)
        be_expendable()
        children = [Child(*seat, settings) for seat in seats]
        first = children[0]
        first.interrupt.listen()
        leave_when_forked(children)
        dump.listen(*(cells.numbers for _, cells in seats))
        if len(children) == 1:
            capture.redirect(first.write)
            piping.listen(first.write, first.outbox)
            showing.listen()
            begin_process(settings.imports)
            first.run(is_main=True)
        else:
            capture.redirect(capture.write_to_terminal)
            showing.listen()
            begin_process(settings.imports)
            _run_threads(children)
        end_process()
        code = 0
    except OSError:
        code = 0  # the parent is gone, and with it whoever could be told
    finally:
        os._exit(code)


def leave_when_forked(children: list[Child], *more: Callable[[], None]) -> None:
    """A process that a task forks is no child of the worker, nor must it act as one.

    Args:
        children: All children of this process.
        *more: What else is to be done in such a process.
    """
    interrupt = children[0].interrupt

    def leave() -> None:
        for child in children:
            child.leave()
        piping.leave()
        for each in more:
            each()
        interrupt.leave()

    os.register_at_fork(
        before=interrupt.before_fork, after_in_parent=interrupt.after_fork, after_in_child=leave
    )


def _run_threads(children: list[Child]) -> None:
    threads = [
        threading.Thread(target=_run_thread, args=(child,), name=f"nbtasks-child-{at}")
        for at, child in enumerate(children)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _run_thread(child: Child) -> None:
    try:
        child.run(is_main=False)
    except OSError:
        os._exit(0)
    except BaseException:  # noqa: BLE001 - a thread that ended alone would never be missed
        os._exit(1)
