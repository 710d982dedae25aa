"""Prefork children: started, watched, killed and replaced."""

import ctypes
import gc
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from typing import Final

from nbtasks.worker.child import Cells, ChildSettings, run_child
from nbtasks.worker.descriptors import close_others, read_nothing
from nbtasks.worker.kinds import PoolOptions
from nbtasks.worker.process import ChildEnd, Process

_PR_SET_PDEATHSIG: Final = 1
_CLOSING_LOOKS: Final = 200
_CLOSING_LOOK_S: Final = 0.01


def _load_libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


_libc = _load_libc()


class PreforkPool:
    """The children; the parent has no threads, so forking it is safe."""

    def __init__(self, settings: ChildSettings, options: PoolOptions) -> None:
        self._settings = settings
        self._options = options
        self.processes: list[Process] = []

    @property
    def children(self) -> list[ChildEnd]:
        """All children but those that have retired."""
        return [child for process in self.processes for child in process.children]

    def start(self) -> list[ChildEnd]:
        """Start one more process; its children.

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
        with suppress(OSError):
            os.setpgid(pid, pid)  # the child does so too: whoever comes first
        process = Process(pid, self._options.max_tasks)
        ChildEnd(process, ours, cells)
        self.processes.append(process)
        return process.children

    def remove(self, process: Process) -> None:
        """Forget a process that has ended."""
        self.processes.remove(process)
        for child in process.children:
            child.sock.close()

    def retire(self, child: ChildEnd) -> None:
        """Let a child go that has nothing to do: its process ends with the last of them."""
        child.process.children.remove(child)
        child.sock.close()

    def close(self) -> None:
        """Let the children end, and wait for them; a process that does not end is killed."""
        for child in self.children:
            child.sock.close()
        for _ in range(_CLOSING_LOOKS):
            self.processes = [process for process in self.processes if process.ended() is None]
            if not self.processes:
                return
            select.select([], [], [], _CLOSING_LOOK_S)
        for process in self.processes:
            process.kill()
            process.wait()


def _become_child(parent: int, keep: int) -> None:
    """Leave the parent's group, die with it, and close all it had open but the one socket."""
    with suppress(OSError):
        os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    close_others(keep)
    read_nothing()
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(0)  # it died before the kernel was told
