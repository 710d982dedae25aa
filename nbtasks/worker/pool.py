"""Prefork children: started, watched, killed and replaced."""

import ctypes
import gc
import os
import select
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from nbtasks.worker.child import Cells, ChildSettings, Work, run_child
from nbtasks.worker.frames import GONE, FrameReader, FrameWriter
from nbtasks.worker.shelf import Shelf

_PR_SET_PDEATHSIG: Final = 1
_FIRST_OWN: Final = 3  # behind standard input, output and error
_LAST_FILE: Final = 4096
_CLOSING_LOOKS: Final = 200
_CLOSING_LOOK_S: Final = 0.01


def _load_libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


_libc = _load_libc()


class ChildProcess:
    """The parent's end of one child: its socket, its shared cells, and what it has been given."""

    def __init__(self, pid: int, sock: socket.socket, cells: Cells) -> None:
        self.pid = pid
        self.sock = sock
        self.cells = cells
        self.next_sequence = 1
        self.known_code = Shelf()
        self.is_open = True
        self._reader = FrameReader(sock)
        self._writer = FrameWriter(sock)

    @property
    def is_behind(self) -> bool:
        """Whether it has not taken all it was given: `flush` is to be called when it has room."""
        return self._writer.is_behind

    def hand_over(self, work: Work) -> None:
        """Give it a slice; never blocks."""
        self._writer.send(
            (
                work.sequence,
                work.delivery,
                work.rid,
                work.members,
                work.start,
                work.header,
                work.code,
                work.retries,
                work.bodies,
                work.blob,
            )
        )

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

    def kill(self) -> None:
        """End it and what it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)  # a task may have moved it to another group

    def ended(self) -> str | None:
        """How it ended, or None while it lives. What it started ends with it."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return None
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(status)
        if code < 0:
            return f"killed by signal {-code}{_SIGNALS.get(-code, '')}"
        return f"exit code {code}"


_SIGNALS: Final[dict[int, str]] = {
    signal.SIGKILL: ", SIGKILL: often too little memory",
    signal.SIGSEGV: ", SIGSEGV: a crash in native code",
    signal.SIGABRT: ", SIGABRT",
    signal.SIGTERM: ", SIGTERM",
}


class PreforkPool:
    """The children; the parent has no threads, so forking it is safe."""

    def __init__(self, settings: ChildSettings) -> None:
        self._settings = settings
        self.children: list[ChildProcess] = []

    def start(self) -> ChildProcess:
        """Fork one more child.

        Raises:
            OSError: There is no memory, process or file for one now.
        """
        ours, theirs = socket.socketpair()
        try:
            cells = Cells()
            parent = os.getpid()
            gc.freeze()  # what exists now stays shared: a collection in the child would copy it
            pid = os.fork()
        except OSError:
            ours.close()
            theirs.close()
            raise
        if pid == 0:
            _become_child(parent, theirs.fileno())
            run_child(theirs, cells, self._settings)
        theirs.close()
        ours.setblocking(False)  # noqa: FBT003 - the socket's own method
        with suppress(OSError):
            os.setpgid(pid, pid)  # the child does so too: whoever comes first
        child = ChildProcess(pid, ours, cells)
        self.children.append(child)
        return child

    def remove(self, child: ChildProcess) -> None:
        """Forget a child that has ended."""
        self.children.remove(child)
        child.sock.close()

    def close(self) -> None:
        """Let the children end, and wait for them; one that does not is killed."""
        for child in self.children:
            child.sock.close()
        for _ in range(_CLOSING_LOOKS):
            self.children = [child for child in self.children if child.ended() is None]
            if not self.children:
                return
            select.select([], [], [], _CLOSING_LOOK_S)
        for child in self.children:
            child.kill()
            os.waitpid(child.pid, 0)


def _become_child(parent: int, keep: int) -> None:
    """Leave the parent's group, die with it, and close all it had open but the one socket."""
    with suppress(OSError):
        os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    os.closerange(_FIRST_OWN, keep)
    os.closerange(keep + 1, _LAST_FILE)
    with suppress(OSError):
        # In a group of its own it would be stopped if it read from the worker's terminal.
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(0)  # it died before the kernel was told
