"""What a task writes past Python: a C library of its, and the processes that it starts.

Where a process runs one task at a time, its standard output is a pipe. As soon as a task starts a
process, both streams are pipes of that task alone; a coroutine has its own. What is in them when
the task ends is still its own. A process that it leaves behind has the worker's terminal then, as
our own standard error always has: that is where a process that crashes says its last words.
"""

import asyncio
import codecs
import ctypes
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from selectors import EVENT_READ, DefaultSelector
from typing import Any, Final

from nbtasks.record import SEPARATOR, STDERR, STDOUT, TEXT
from nbtasks.worker import capture
from nbtasks.worker.capture import Write
from nbtasks.worker.outbox import Outbox

MOST_STRAYS: Final = 32
"""Pipes held by processes that their tasks have left behind; of more, the oldest are closed."""

_CHUNK: Final = 65_536
"""As much as a pipe holds."""

_STARTS: Final = frozenset(
    ("subprocess.Popen", "os.system", "os.fork", "os.forkpty", "os.posix_spawn", "pty.spawn")
)
_BY_LINE: Final = 1  # _IOLBF
_C_STDOUT: Final = "__stdoutp" if sys.platform == "darwin" else "stdout"


@dataclass(slots=True, eq=False)
class _Pipe:
    """The end of a pipe that we read, and whose it is."""

    letter: str
    reader: int
    owner: Write
    is_lent: bool = False
    decoder: codecs.IncrementalDecoder = field(
        default_factory=partial(codecs.getincrementaldecoder("utf-8"), "replace")
    )


class Pipes:
    """All pipes of this process. They are read under the lock of the outbox."""

    def __init__(self, own: Write, outbox: Outbox) -> None:
        self._own = own
        self._outbox = outbox
        self._at: dict[str, _Pipe] = {}
        self._pipes: list[_Pipe] = []
        self._is_used = False
        self._is_reading = False
        self._is_gone = False
        self._selector = DefaultSelector()
        self._flush = _line_buffered()
        self._terminal = capture.keep_terminal()
        self._put(STDOUT, own)
        outbox.hear = self.hear
        threading.Thread(target=self._watch, name="nbtasks-pipes", daemon=True).start()

    def on_event(self, event: str, _: object) -> None:
        """Lend the streams to the task that is about to start a process: an audit hook."""
        if event not in _STARTS or self._is_gone:
            return
        owner = capture.sink.get() or self._own
        with suppress(OSError), self._outbox.lock:
            self._lend(owner)
            if owner != self._own:
                with suppress(RuntimeError):  # no loop runs here: so in a thread of a coroutine's
                    asyncio.get_running_loop().call_soon(self._take_back)

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
        with self._outbox.lock:
            owned = [pipe for pipe in self._pipes if pipe.owner == owner]
            if any(pipe.is_lent for pipe in owned):
                self._take_back()
            for pipe in owned:
                if self._read(pipe) and pipe.is_lent:
                    pipe.owner = capture.write_to_terminal
                    self._drop_strays()

    def leave(self) -> None:
        """This is a process that the task has forked: what is read is its parent's."""
        if not self._is_gone:
            self._is_gone = True
            self._selector.close()
            for pipe in self._pipes:
                os.close(pipe.reader)
            self._pipes = []

    def _lend(self, owner: Write) -> None:
        self._is_used = True
        for letter in TEXT:
            if letter not in self._at or self._at[letter].owner != owner:
                self._put(letter, owner)
            self._at[letter].is_lent = True

    def _take_back(self) -> None:
        """Close our ends of what was lent."""
        with suppress(OSError), self._outbox.lock:
            if any(pipe.is_lent for pipe in self._at.values()):
                os.dup2(self._terminal, TEXT[STDERR])
                self._at.clear()
                self._put(STDOUT, self._own)

    def _put(self, letter: str, owner: Write) -> None:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.dup2(writer, TEXT[letter])
        os.close(writer)
        pipe = self._at[letter] = _Pipe(letter, reader, owner)
        self._pipes.append(pipe)
        self._selector.register(reader, EVENT_READ, pipe)

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


class _Process:
    """What this process has; None where tasks run beside others, or in the worker itself."""

    pipes: Pipes | None = None


def listen(own: Write, outbox: Outbox) -> None:
    """From now on, what this process writes past Python is the running task's.

    Args:
        own: What the task in the main thread writes to, or the terminal between tasks.
        outbox: Where that goes.
    """
    with suppress(OSError):  # no files are left: it goes to the worker's terminal
        _Process.pipes = Pipes(own, outbox)
        sys.addaudithook(_Process.pipes.on_event)


def settle(owner: Write) -> None:
    """A task ends, which writes to this."""
    if _Process.pipes is not None:
        _Process.pipes.settle(owner)


def leave() -> None:
    """In a process that a task forks."""
    if _Process.pipes is not None:
        _Process.pipes.leave()


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
