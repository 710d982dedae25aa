"""How processes for children come about, and what they leave behind of their parent."""

import ctypes
import gc
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import Final, Protocol

from nbtasks.worker.child import run_children
from nbtasks.worker.descriptors import close_others, read_nothing
from nbtasks.worker.process import ChildEnd, Process
from nbtasks.worker.work import Cells, ChildSettings

_PR_SET_PDEATHSIG: Final = 1


def _load_libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


_libc = _load_libc()


class Starter(Protocol):
    """Starts processes in one of the ways there are."""

    def start(self, count: int) -> Process:
        """A process with so many children.

        Raises:
            OSError: There is no memory, process or file for it now.
        """
        ...

    def close(self) -> None:
        """Start no more."""
        ...


class Fork:
    """A process is a copy of the parent, which has one thread and has run no code of a user's."""

    def __init__(self, settings: ChildSettings) -> None:
        self._settings = settings

    def start(self, count: int) -> Process:
        """A process with so many children.

        Raises:
            OSError: There is no memory, process or file for it now.
        """
        pairs = socket_pairs(count)
        try:
            cells = [Cells() for _ in pairs]
            parent = os.getpid()
            gc.freeze()  # what exists now stays shared: a collection in the child would copy it
            pid = os.fork()
        except OSError:
            close_pairs(pairs)
            raise
        theirs = [pair[1] for pair in pairs]
        if pid == 0:
            become_child(parent, [sock.fileno() for sock in theirs])
            run_children(list(zip(theirs, cells, strict=True)), self._settings)
        return take_process(Process(pid), pairs, cells)

    def close(self) -> None:
        """Nothing: there is nothing to end."""


SocketPair = tuple[socket.socket, socket.socket]
"""The parent's end, and the child's."""


def socket_pairs(count: int) -> list[SocketPair]:
    """A pair for each child.

    Raises:
        OSError: There are not enough files.
    """
    pairs: list[SocketPair] = []
    try:
        for _ in range(count):
            pairs.append(socket.socketpair())  # noqa: PERF401 - those made must be closed
    except OSError:
        close_pairs(pairs)
        raise
    return pairs


def close_pairs(pairs: list[SocketPair]) -> None:
    """Close them all."""
    for pair in pairs:
        for sock in pair:
            sock.close()


def take_process(process: Process, pairs: list[SocketPair], cells: list[Cells]) -> Process:
    """Keep our ends of what a new process has got."""
    with suppress(OSError):
        os.setpgid(process.pid, process.pid)  # the child does so too: whoever comes first
    process.is_shared = len(pairs) > 1
    for (ours, theirs), each in zip(pairs, cells, strict=True):
        theirs.close()
        ChildEnd(process, ours, each)
    return process


def become_child(parent: int, keep: list[int]) -> None:
    """Leave the parent's group, die with it, and close all it had open but what it is to keep."""
    with suppress(OSError):
        os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    close_others(*keep)
    read_nothing()
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(0)  # it died before the kernel was told
