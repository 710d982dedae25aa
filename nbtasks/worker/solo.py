"""The pool without processes: tasks run in the main thread of the worker itself.

That is for debuggers and profilers, and for systems that cannot fork. The worker's own loop runs in
a thread beside it. What it cannot do is end a task: it may only wait until the task ends by itself.
"""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

from nbtasks.worker import capture, dump, showing
from nbtasks.worker.child import Child, leave_when_forked
from nbtasks.worker.interrupt import SOFT_SIGNAL
from nbtasks.worker.process import ChildEnd, Process
from nbtasks.worker.processes import begin_process, end_process
from nbtasks.worker.starting import close_pairs, socket_pairs
from nbtasks.worker.work import Cells, ChildSettings

logger = logging.getLogger(__name__)

WARNING: Final = (
    "worker %s: tasks run in the worker itself, which cannot end them: a task over its time limit,"
    " or revoked, runs on until it returns, and one that crashes takes the worker with it"
)
_LEAVE_S: Final = 1.0
"""A task that still runs when the worker has given it back is left behind."""


class SoloProcess(Process):
    """The worker's own process: it is never killed, and ends when it is told to leave its task."""

    can_be_killed = False

    def __init__(self) -> None:
        super().__init__(os.getpid())
        self.has_ended = threading.Event()

    def kill(self, reason: str = "") -> None:
        """Say that this cannot be done."""
        if reason:
            logger.warning("a task runs on in the worker itself, though %s", reason)

    def abandon(self, reason: str) -> None:
        """Give back what runs; the worker is about to leave."""
        self.killed = reason
        self.end()

    def end(self) -> None:
        """The child has ended: let the worker's loop know."""
        self.has_ended.set()
        os.kill(self.pid, signal.SIGCHLD)

    def signal(self, number: int) -> None:
        """Interrupt the task; other signals would mean the worker."""
        if number == SOFT_SIGNAL:
            super().signal(number)

    def ended(self) -> str | None:
        """How it ended, or None while it has not."""
        return "its task was left behind" if self.has_ended.is_set() else None

    def wait(self) -> None:
        """Nothing: it is this very process."""


class Solo:
    """Has one child, in the main thread."""

    def __init__(self, settings: ChildSettings) -> None:
        self._settings = settings
        self._seats: SimpleQueue[tuple[SoloProcess, socket.socket, Cells] | None] = SimpleQueue()
        self._children: list[Child] = []
        self._has_begun = False
        self._is_idle = threading.Event()
        self._code = 1

    def start(self, count: int) -> Process:
        """This process, for one child; `count` must be 1.

        Raises:
            OSError: There are no files, or another child is wanted.
        """
        if count != 1:
            raise OSError("a solo pool has room for one task")
        pairs = socket_pairs(1)
        try:
            cells = Cells()
        except OSError:
            close_pairs(pairs)
            raise
        process = self._make_process()
        ours, theirs = pairs[0]
        self._make_end(process, ours, cells)
        self._seats.put((process, theirs, cells))
        return process

    def _make_process(self) -> SoloProcess:
        return SoloProcess()

    def _make_end(self, process: SoloProcess, sock: socket.socket, cells: Cells) -> ChildEnd:
        return ChildEnd(process, sock, cells)

    def run(self, work: Callable[[], int]) -> int:
        """Run the worker's loop in a thread, and tasks here, until the loop ends; its result."""
        loop = threading.Thread(target=self._run_loop, args=(work,), name="nbtasks-worker")
        loop.daemon = True
        loop.start()
        while (seat := self._seats.get()) is not None:
            self._sit(*seat)
        if self._has_begun:
            end_process()
        self._is_idle.set()
        loop.join()
        return self._code

    def close(self) -> None:
        """Nothing: there is nothing to end."""

    def _run_loop(self, work: Callable[[], int]) -> None:
        try:
            self._code = work()
        finally:
            self._seats.put(None)
            if not self._is_idle.wait(_LEAVE_S):
                os._exit(self._code)

    def _sit(self, process: SoloProcess, sock: socket.socket, cells: Cells) -> None:
        child = Child(sock, cells, self._settings)
        self._children.append(child)
        if len(self._children) == 1:
            leave_when_forked(self._children, _forget_worker)
            capture.echo()
            showing.listen()
            self._has_begun = True
            begin_process(self._settings.imports)
        child.interrupt.listen_for_limits()
        dump.listen(cells.numbers)
        try:
            child.run(is_main=True)
        except OSError as error:
            logger.warning("a task has closed the worker's own files: %s", error)
        sock.close()
        process.end()


def _forget_worker() -> None:
    """In a process that a task has forked: signals there are none of the worker's."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
