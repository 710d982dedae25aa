"""Prefork children: started, watched, killed and replaced."""

import ctypes
import gc
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from nbtasks.worker.child import Cells, ChildSettings, Work, run_child
from nbtasks.worker.frames import FrameReader, send_frame

_PR_SET_PDEATHSIG: Final = 1
_FIRST_OWN: Final = 3  # behind standard input, output and error
_LAST_FILE: Final = 4096
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class ChildProcess:
    """The parent's end of one child: its socket, its shared cells, and what it has been given."""

    def __init__(self, pid: int, sock: socket.socket, cells: Cells) -> None:
        self.pid = pid
        self.sock = sock
        self.cells = cells
        self.next_sequence = 1
        self.known_code: set[str] = set()
        self._reader = FrameReader(sock)

    def hand_over(self, work: Work) -> None:
        """Give it a slice."""
        send_frame(
            self.sock,
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
            ),
        )

    def messages(self) -> Iterator[tuple[Any, ...] | None]:
        """What it has sent; None at the end when it is gone."""
        is_there = self._reader.receive()
        while (message := self._reader.next()) is not None:
            yield message
        if not is_there:
            yield None

    def kill(self) -> None:
        """End it and what it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def reap(self) -> str:
        """How it ended, once it is gone."""
        self.sock.close()
        _, status = os.waitpid(self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if code < 0:
            return f"killed by signal {-code}{_SIGNALS.get(-code, '')}"
        return f"exit code {code}"


_SIGNALS = {
    signal.SIGKILL: ", SIGKILL: often too little memory",
    signal.SIGSEGV: ", SIGSEGV: a crash in native code",
    signal.SIGABRT: ", SIGABRT",
    signal.SIGTERM: ", SIGTERM",
}


class PreforkPool:
    """`size` children; the parent has no threads, so forking it is safe."""

    def __init__(self, settings: ChildSettings) -> None:
        self._settings = settings
        self.children: list[ChildProcess] = []

    def start(self) -> ChildProcess:
        """Fork one more child."""
        ours, theirs = socket.socketpair()
        cells = Cells()
        parent = os.getpid()
        gc.freeze()  # what exists now stays shared: a collection in the child would copy it
        pid = os.fork()
        if pid == 0:
            _become_child(parent, theirs.fileno())
            run_child(theirs, cells, self._settings)
        theirs.close()
        with suppress(OSError):
            os.setpgid(pid, pid)  # the child does so too: whoever comes first
        child = ChildProcess(pid, ours, cells)
        self.children.append(child)
        return child

    def remove(self, child: ChildProcess) -> str:
        """Forget a child that is gone; how it ended."""
        self.children.remove(child)
        return child.reap()

    def close(self) -> None:
        """Let the children end, and wait for them."""
        for child in list(self.children):
            child.sock.close()
            self.children.remove(child)
            with suppress(ChildProcessError):
                os.waitpid(child.pid, 0)


def _become_child(parent: int, keep: int) -> None:
    """Leave the parent's group, die with it, and close all it had open but the one socket."""
    with suppress(OSError):
        os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    os.closerange(_FIRST_OWN, keep)
    os.closerange(keep + 1, _LAST_FILE)
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(0)  # it died before the kernel was told
