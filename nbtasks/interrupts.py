"""Interrupts (SIGINT, a notebook's stop button) of whoever waits: the first one revokes.

In a coroutine an interrupt looks like any other cancelling, for example that of
`asyncio.wait_for`. So the signal is counted on its way to whoever else handles it.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, Self

from nbtasks.errors import NbTasksError

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

SECOND_S: Final = 0.3
"""How long a second interrupt has time to say that the task is to go on."""

_SUBJECT: Final = "what was waited for "


def give_up(stop: KeyboardInterrupt, revoke: Callable[[], object]) -> None:
    """Revoke what an interrupted wait was for, unless a second interrupt comes.

    Args:
        stop: The interrupt; afterwards it says what became of the task.
        revoke: Does so. Where Redis does not answer that is long, and a second interrupt ends it.
    """
    said = "goes on, because a second interrupt came"
    try:
        threading.Event().wait(SECOND_S)
        said = "may go on: a second interrupt came while it was being revoked"
        revoke()
        said = "was revoked (after two interrupts it would go on)"
    except KeyboardInterrupt:
        pass
    except NbTasksError as error:
        said = f"could not be revoked: {error}"
    stop.args = (_SUBJECT + said,)


def fate(stop: KeyboardInterrupt) -> str:
    """What `give_up` has said of the task, as it follows its name; empty before."""
    return str(stop).removeprefix(_SUBJECT)


@contextmanager
def raising() -> Generator[None]:
    """An interrupt raises at once, also where a kernel would cancel the cell that awaits."""
    try:
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
    except ValueError:
        yield  # not in the main thread: no interrupt comes here
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def is_in_cell() -> bool:
    """Whether the current asyncio task is the one that runs a cell, where IPython catches all.

    In a task of its own (`wait_for`, `gather`) a KeyboardInterrupt would end the event loop, and
    with it the kernel.
    """
    task = asyncio.current_task()
    frame = getattr(task.get_coro(), "cr_frame", None) if task is not None else None
    name = frame.f_globals.get("__name__", "") if frame is not None else ""
    return str(name).partition(".")[0] in _CELL_RUNNERS
