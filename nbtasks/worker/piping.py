"""What a task writes past Python: a C library of its, and the processes that it starts.

Where a process runs one task at a time, its standard output is a pipe. A task that starts a process
has pipes of its own for both streams, and so has a coroutine: they stand in the places of files 1
and 2 while that process comes about. What is in them when the task ends is still its own. A process
that it leaves behind has the worker's terminal then, as our own standard error always has: that is
where a process that crashes says its last words.
"""

import _posixsubprocess
import codecs
import ctypes
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial, wraps
from select import POLLIN, poll
from selectors import EVENT_READ, DefaultSelector
from typing import Any, Final

from nbtasks.record import SEPARATOR, STDOUT, TEXT
from nbtasks.worker import capture
from nbtasks.worker.capture import Write
from nbtasks.worker.outbox import Outbox

MOST_STRAYS: Final = 32
"""Pipes held by processes that their tasks have left behind; of more, the oldest are closed."""

_CHUNK: Final = 65_536
"""As much as a pipe holds."""

_CLOSED: Final = -1
_STARTERS: Final[tuple[tuple[Any, str], ...]] = (
    (subprocess, "_fork_exec"),
    (_posixsubprocess, "fork_exec"),
    (os, "posix_spawn"),
    (os, "posix_spawnp"),
)
"""What starts a program, and is back as soon as it runs. Forks have hooks of their own."""

_BY_LINE: Final = 1  # _IOLBF
_C_STDOUT: Final = "__stdoutp" if sys.platform == "darwin" else "stdout"


@dataclass(slots=True, eq=False)
class _Pipe:
    """A pipe, and whose it is. It is lent when a process may have its other end."""

    letter: str
    owner: Write
    reader: int
    writer: int
    is_lent: bool = False
    decoder: codecs.IncrementalDecoder = field(
        default_factory=partial(codecs.getincrementaldecoder("utf-8"), "replace")
    )

    def close_writer(self) -> None:
        """Keep only what we read."""
        os.close(self.writer)
        self.writer = _CLOSED


class Pipes:
    """All pipes of this process. They are read under the lock of the outbox."""

    def __init__(self, own: Write, outbox: Outbox) -> None:
        self._own = own
        self._outbox = outbox
        self._pipes: list[_Pipe] = []
        self._is_used = self._is_lending = False
        self._is_reading = False
        self._is_gone = False
        # Held while the files are another's than the main thread's; taken before the outbox's.
        self._starting = threading.RLock()
        self._selector = DefaultSelector()
        self._flush = _line_buffered()
        self._terminal = capture.keep_terminal()
        self._base = self._make_base()
        self._come_home()
        outbox.hear = self.hear
        threading.Thread(target=self._watch, name="nbtasks-pipes", daemon=True).start()

    @contextmanager
    def starting(self) -> Generator[None]:
        """Inside, the files are those of the task that is about to start a process."""
        self.before_fork()
        try:
            yield
        finally:
            self.after_fork()

    def before_fork(self) -> None:
        """Put the files of the task that starts a process in their places."""
        if self._is_gone:
            return
        self._starting.acquire()
        with suppress(OSError):  # no files are left: it gets what there is
            self._lend(capture.sink.get() or self._own)

    def after_fork(self) -> None:
        """It has its files."""
        if self._is_gone:
            return
        with suppress(OSError):
            self._come_home()
        self._starting.release()

    def lend_own(self) -> bool:
        """Lend the main thread's files, where it is the main thread's task that asks."""
        is_own = (capture.sink.get() or self._own) == self._own
        if is_own:
            with self.starting():
                pass  # they stay in their places until its task ends
        return is_own

    def hear(self) -> None:
        """Take in what was written by now."""
        if self._is_used and not self._is_reading:
            for pipe in self._pipes.copy():
                self._read(pipe)

    def settle(self, owner: Write) -> None:
        """A task ends: all that it has written so far is its own, and nothing later."""
        if self._is_gone:
            return
        if owner == self._own:
            self._flush()
            if not self._is_lending and not self._base.poll(0):
                return  # as for nearly every task: quick
        with self._starting, self._outbox.lock:
            owned = [pipe for pipe in self._pipes if pipe.owner == owner]
            lent = [pipe for pipe in owned if pipe.is_lent]
            if lent:
                self._take_back(lent)
            for pipe in owned:
                if self._read(pipe) and pipe.is_lent:
                    pipe.owner = capture.write_to_terminal
                    self._drop_strays()
            self._is_lending = any(pipe.is_lent and pipe.writer != _CLOSED for pipe in self._pipes)

    def leave(self) -> None:
        """This is a process that the task has forked: what is read is its parent's."""
        if not self._is_gone:
            self._is_gone = True
            self._selector.close()
            for pipe in self._pipes:
                os.close(pipe.reader)
                if pipe.writer != _CLOSED:
                    pipe.close_writer()
            self._pipes = []

    def _find(self, letter: str, owner: Write) -> _Pipe | None:
        return next(
            (
                pipe
                for pipe in self._pipes
                if pipe.writer != _CLOSED and pipe.letter == letter and pipe.owner == owner
            ),
            None,
        )

    def _lend(self, owner: Write) -> None:
        with self._outbox.lock:
            self._is_used = self._is_lending = True
            for letter, file in TEXT.items():
                pipe = self._find(letter, owner) or self._make(letter, owner)
                pipe.is_lent = True
                os.dup2(pipe.writer, file)

    def _come_home(self) -> None:
        """Let the files be the main thread's."""
        with self._outbox.lock:
            for letter, file in TEXT.items():
                pipe = self._find(letter, self._own)
                os.dup2(self._terminal if pipe is None else pipe.writer, file)

    def _take_back(self, lent: list[_Pipe]) -> None:
        for pipe in lent:
            pipe.close_writer()
        with suppress(OSError):  # no files are left: what C prints goes to the terminal
            if self._find(STDOUT, self._own) is None:
                self._base = self._make_base()
        self._come_home()

    def _make_base(self) -> "poll":
        """The pipe for what C prints; what tells whether something is in it."""
        found = poll()
        found.register(self._make(STDOUT, self._own).reader, POLLIN)
        return found

    def _make(self, letter: str, owner: Write) -> _Pipe:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        pipe = _Pipe(letter, owner, reader, writer)
        self._pipes.append(pipe)
        self._selector.register(reader, EVENT_READ, pipe)
        return pipe

    def _watch(self) -> None:
        while True:
            for key, _ in self._selector.select():
                with suppress(ConnectionError), self._outbox.lock:
                    if key.data in self._pipes:
                        self._is_used = True
                        self._read(key.data)

    def _read(self, pipe: _Pipe) -> bool:
        """Hand over what there is, or what was there when this began; False at its end."""
        for _ in range(2):
            try:
                data = os.read(pipe.reader, _CHUNK)
            except BlockingIOError:
                return True
            except OSError:  # the task has closed what is not its own
                data = b""
            text = pipe.decoder.decode(data, final=not data).replace(SEPARATOR, " ")
            if text:
                self._hand_over(pipe, text)
            if not data:
                self._close(pipe)
                return False
        return True

    def _hand_over(self, pipe: _Pipe, text: str) -> None:
        self._is_reading = True  # what is handed over first is not to be overtaken
        try:
            pipe.owner(pipe.letter, text)
        finally:
            self._is_reading = False

    def _drop_strays(self) -> None:
        strays = [pipe for pipe in self._pipes if pipe.owner == capture.write_to_terminal]
        for pipe in strays[:-MOST_STRAYS]:
            self._close(pipe)

    def _close(self, pipe: _Pipe) -> None:
        self._pipes.remove(pipe)
        with suppress(OSError, KeyError):  # the task has closed it
            self._selector.unregister(pipe.reader)
        with suppress(OSError):
            os.close(pipe.reader)
        if pipe.writer != _CLOSED:
            with suppress(OSError):
                pipe.close_writer()


class _Process:
    """What this process has; None where tasks run beside others, or in the worker itself."""

    pipes: Pipes | None = None


def listen(own: Write, outbox: Outbox) -> None:
    """From now on, what this process writes past Python is the running task's.

    Args:
        own: What the task in the main thread writes to, or the terminal between tasks.
        outbox: Where that goes.
    """
    try:
        pipes = _Process.pipes = Pipes(own, outbox)
    except OSError:  # no files are left: it goes to the worker's terminal
        return
    for module, name in _STARTERS:
        if hasattr(module, name):
            setattr(module, name, _lending(pipes, getattr(module, name)))
    system = "system"  # by its name: a type checker advises against it
    setattr(os, system, _lending_for_long(pipes, getattr(os, system)))
    os.register_at_fork(before=pipes.before_fork, after_in_parent=pipes.after_fork)


def settle(owner: Write) -> None:
    """A task ends, which writes to this."""
    if _Process.pipes is not None:
        _Process.pipes.settle(owner)


def leave() -> None:
    """In a process that a task forks."""
    if _Process.pipes is not None:
        _Process.pipes.leave()


def _lending(pipes: Pipes, start: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(start)
    def start_lent(*args: Any, **options: Any) -> Any:
        with pipes.starting():
            return start(*args, **options)

    return start_lent


def _lending_for_long(pipes: Pipes, start: Callable[..., int]) -> Callable[..., int]:
    """The same of what is back when the program has ended: only a coroutine holds others up."""

    @wraps(start)
    def start_lent(*args: Any, **options: Any) -> int:
        if pipes.lend_own():
            return start(*args, **options)
        with pipes.starting():
            return start(*args, **options)

    return start_lent


def _line_buffered() -> Callable[[], None]:
    """Let C write each line at once, as it does to a terminal; what flushes the rest."""
    try:
        libc = ctypes.CDLL(None)
        stream: Any = ctypes.c_void_p.in_dll(libc, _C_STDOUT)
    except (AttributeError, OSError, ValueError):  # another C library
        return lambda: None
    libc.setvbuf(stream, None, _BY_LINE, 0)

    def flush() -> None:
        libc.fflush(stream)
        if sys.__stdout__ is not None:
            with suppress(OSError, ValueError):  # a task may have closed it
                sys.__stdout__.flush()

    return flush
