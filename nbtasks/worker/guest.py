"""The solo pool of a worker that runs inside another program, such as a test.

It leaves alone what a process has once: signals, streams, what is done after a fork. So a task
there writes to where the program writes, and neither limits nor revoking interrupt it.
"""

import contextvars
import socket
from collections.abc import Callable

from nbtasks.worker.child import Child
from nbtasks.worker.process import ChildEnd
from nbtasks.worker.solo import Solo, SoloProcess
from nbtasks.worker.work import Cells, ChildSettings, Work


class GuestProcess(SoloProcess):
    """The program's own process, where no signal means the worker."""

    def end(self) -> None:
        """The child has ended."""
        self.has_ended.set()

    def signal(self, number: int) -> None:
        """Nothing: the program may have a use of its own for it."""


class GuestEnd(ChildEnd):
    """The worker's end of the child, which tells what the child is given."""

    on_work: Callable[[Work], object]

    def hand_over(self, work: Work) -> None:
        """Give it a slice; never blocks."""
        self.on_work(work)
        super().hand_over(work)


class Guest(Solo):
    """Has one child, in the thread that runs the worker.

    Args:
        settings: What the child must know.
        on_work: Takes what it is given.
    """

    def __init__(self, settings: ChildSettings, on_work: Callable[[Work], object]) -> None:
        super().__init__(settings)
        self._on_work = on_work
        self._error: BaseException | None = None

    def run(self, work: Callable[[], int]) -> int:
        """Run the worker's loop in a thread, and tasks here, until the loop ends; its result."""
        # What a task sets in its context is not to stay in that of the program.
        code = contextvars.copy_context().run(super().run, work)
        if self._error is not None:
            raise self._error
        return code

    def _make_process(self) -> SoloProcess:
        return GuestProcess()

    def _make_end(self, process: SoloProcess, sock: socket.socket, cells: Cells) -> ChildEnd:
        end = GuestEnd(process, sock, cells)
        end.on_work = self._on_work
        return end

    def _run_loop(self, work: Callable[[], int]) -> None:
        try:
            self._code = work()
        except BaseException as error:  # noqa: BLE001 - it is raised where the worker is run
            self._error = error
        finally:
            self._seats.put(None)

    def _sit(self, process: SoloProcess, sock: socket.socket, cells: Cells) -> None:
        child = Child(sock, cells, self._settings)
        try:
            child.run(is_main=False)
        finally:
            child.close()
            sock.close()
            process.end()
