"""The processes that a worker has started, and its ends of the sockets to the children in them."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import Any, Final

from nbtasks.worker.frames import GONE, FrameReader, FrameWriter
from nbtasks.worker.shelf import Shelf
from nbtasks.worker.work import WORK, Cells, Work

_keys = count(1)

KILLED: Final = "killed by signal 9, SIGKILL"

_SIGNALS: Final[dict[int, str]] = {
    signal.SIGKILL: ", SIGKILL: often too little memory",
    signal.SIGSEGV: ", SIGSEGV: a crash in native code",
    signal.SIGABRT: ", SIGABRT",
    signal.SIGTERM: ", SIGTERM",
}


class ChildEnd:
    """The parent's end of one child: its socket, its shared cells, and what it has been given.

    `key` names it among all children that this worker ever had; its process may have several.
    """

    def __init__(self, process: "Process", sock: socket.socket, cells: Cells) -> None:
        sock.setblocking(False)  # noqa: FBT003 - the socket's own method
        self.key = next(_keys)
        self.process = process
        self.sock = sock
        self.cells = cells
        self.next_sequence = 1
        self.known_code = Shelf()
        self.is_open = True
        self._reader = FrameReader(sock)
        self._writer = FrameWriter(sock)
        process.children.append(self)

    @property
    def is_behind(self) -> bool:
        """Whether it has not taken all it was given: `flush` is to be called when it has room."""
        return self._writer.is_behind

    def hand_over(self, work: Work) -> None:
        """Give it a slice; never blocks."""
        self._writer.send(
            (
                WORK,
                work.sequence,
                work.delivery,
                work.rid,
                work.members,
                work.start,
                work.header,
                work.code,
                work.retries,
                work.is_async,
                work.bodies,
                work.blob,
                work.inputs,
                work.kept,
                work.is_again,
            )
        )

    def tell(self, *message: object) -> None:
        """Tell it something about a member; never blocks."""
        self._writer.send(message)

    def flush(self) -> None:
        """Hand over what there was no room for."""
        self._writer.flush()

    def messages(self) -> Iterator[tuple[Any, ...]]:
        """What one read brings; `is_open` is False when its end of the socket is closed."""
        if self._reader.receive() == GONE:
            self.is_open = False
        while (message := self._reader.next()) is not None:
            yield message

    def last_messages(self) -> Iterator[tuple[Any, ...]]:
        """All that a dead child has left in the socket."""
        while self._reader.receive() > 0:
            while (message := self._reader.next()) is not None:
                yield message


class Process:
    """A process with one child, or with one in each of its threads.

    Attributes:
        pid: Its number; it leads a process group of its own.
        children: Those that have not retired.
        is_shared: Whether its children are threads, and none is the main thread.
        tasks: How many members it has been given and not given back.
        most_tasks: How many it may be given; 0 for any number.
        killed: Why the parent has ended it; empty where it has not.
        retires: Why it gets nothing more; empty where it does.
        is_kept: Whether it is kept for a suspect, which must run alone.
    """

    can_be_killed = True

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.children: list[ChildEnd] = []
        self.is_shared = False
        self.tasks = 0
        self.most_tasks = 0
        self.killed = ""
        self.retires = ""
        self.is_kept = False

    @property
    def is_full(self) -> bool:
        """Whether it gets nothing more."""
        return bool(self.retires) or self.room == 0

    @property
    def room(self) -> int | None:
        """How many members it may still be given; None for any number."""
        return max(0, self.most_tasks - self.tasks) if self.most_tasks else None

    def signal(self, number: int) -> None:
        """Send a signal to this process alone."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self, reason: str = "") -> None:
        """End it and what it started; without a reason it counts as dead by itself."""
        self.killed = self.killed or reason
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)  # a task may have moved it to another group

    def abandon(self, reason: str) -> None:
        """End it, because the worker leaves."""
        self.kill(reason)

    def ended(self) -> str | None:
        """How it ended, or None while it lives. What it started ends with it."""
        code = self._exit_code()
        if code is None:
            return None
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        return how_it_ended(code)

    def wait(self) -> None:
        """Block until it has ended."""
        os.waitpid(self.pid, 0)

    def _exit_code(self) -> int | None:
        """Below 0 it is a signal; None while it lives."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None


def how_it_ended(code: int) -> str:
    """An exit code in words; below 0 it is a signal."""
    if code < 0:
        return f"killed by signal {-code}{_SIGNALS.get(-code, '')}"
    return f"exit code {code}"
