"""Whether an interrupt (SIGINT, a notebook's stop button) came while something was awaited.

In a coroutine an interrupt looks like any other cancelling, for example that of
`asyncio.wait_for`. So the signal is counted on its way to whoever else handles it.
"""

import asyncio
import signal
from types import FrameType
from typing import Any, Final, Self

_CELL_RUNNERS: Final = ("IPython", "ipykernel")


class Interrupts:
    """Counts SIGINTs while at least one `with` is open, and passes them on."""

    def __init__(self) -> None:
        self.count = 0
        self._open = 0
        self._is_passing_on = False
        self._next: Any = None
        # Kept: each `self._heard` is a new object, and the signal's handler is told by identity.
        self._handler = self._heard

    def __enter__(self) -> Self:
        self._open += 1
        current = signal.getsignal(signal.SIGINT)
        # A kernel sets a handler for each cell: ours comes before the one of now.
        if current is not self._handler and callable(current):
            try:
                signal.signal(signal.SIGINT, self._handler)
            except ValueError:
                return self  # not in the main thread: no interrupt comes here
            self._next = current
        return self

    def __exit__(self, *_: object) -> None:
        self._open -= 1
        if not self._open and signal.getsignal(signal.SIGINT) is self._handler:
            signal.signal(signal.SIGINT, self._next)

    def _heard(self, number: int, frame: FrameType | None) -> Any:
        if self._is_passing_on:
            return None  # a handler that came after ours calls it in turn
        self.count += 1
        self._is_passing_on = True
        try:
            return self._next(number, frame)
        finally:
            self._is_passing_on = False


interrupts = Interrupts()


def is_in_cell() -> bool:
    """Whether the current asyncio task is the one that runs a cell, where IPython catches all.

    In a task of its own (`wait_for`, `gather`) a KeyboardInterrupt would end the event loop, and
    with it the kernel.
    """
    task = asyncio.current_task()
    frame = getattr(task.get_coro(), "cr_frame", None) if task is not None else None
    name = frame.f_globals.get("__name__", "") if frame is not None else ""
    return str(name).partition(".")[0] in _CELL_RUNNERS
