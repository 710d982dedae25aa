"""What signals do in a child: they end nothing by accident, and interrupt just the right member.

The parent writes the sequence number of a member that is over its soft limit into a shared cell,
and sends a signal. That may come late, when the next member runs or none: the number decides. It is
sent again until the child has cleared the cell, because a signal is let go while the child is
sending: an exception there would leave half a message in the socket.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from nbtasks.errors import SoftTimeLimitExceeded
from nbtasks.worker import outbox, piping

SOFT_SIGNAL: Final = signal.SIGUSR1
"""Celery's, too."""

NOW: Final = 0
SOFT: Final = 3
SOFT_MS: Final = 4
END: Final = 5
"""Where in the cells: the member that runs, the one to interrupt, its limit, and the one to end."""

EXIT_BASE: Final = 128
"""A shell's way to say which signal has ended a program."""

_DEFAULTS: Final[dict[signal.Signals, Any]] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGQUIT: signal.SIG_DFL,
    SOFT_SIGNAL: signal.SIG_DFL,
}
_OF_THE_PARENT: Final = (signal.SIGALRM, signal.SIGCHLD)


_SENDING: Final = (outbox.__file__, piping.__file__)


class Interrupt:
    """A context: inside, the member that runs may be interrupted, once."""

    __slots__ = ("_held", "_numbers", "_running", "_task_id")

    def __init__(self, numbers: "memoryview[int]", task_id: Callable[[], str]) -> None:
        self._numbers = numbers
        self._task_id = task_id
        self._running = 0
        self._held = threading.local()

    def listen(self) -> None:
        """Take the signals over; only in the main thread."""
        for number in _OF_THE_PARENT:
            signal.signal(number, signal.SIG_DFL)
        for number in _DEFAULTS:
            # Never SIG_IGN: that would be passed on to programs that a task starts.
            signal.signal(number, self._on_signal)

    def listen_for_limits(self) -> None:
        """Take over only the signal that interrupts: the others are the worker's, here."""
        signal.signal(SOFT_SIGNAL, self._on_signal)

    def before_fork(self) -> None:
        """The task is about to fork a process: no signal may come there before `leave`.

        Python forgets what comes in between, and who ended that process would wait for ever.
        """
        self._held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _DEFAULTS)

    def after_fork(self) -> None:
        """It has forked; we are not the new process."""
        signal.pthread_sigmask(signal.SIG_SETMASK, self._held.mask)

    def leave(self) -> None:
        """We are the new process: signals are to do here what they always do."""
        for number, handler in _DEFAULTS.items():
            signal.signal(number, handler)
        self.after_fork()

    def __enter__(self) -> None:
        self._running = self._numbers[NOW]

    def __exit__(self, *_: object) -> None:
        self._running = 0

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # A service manager signals all processes of a worker at once; only the parent says what
        # ends, so the others are let go.
        numbers, running = self._numbers, self._running
        if not running or running not in {numbers[SOFT], numbers[END]} or _is_sending(frame):
            return
        self._running = 0
        if numbers[END] == running:
            numbers[END] = 0
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(EXIT_BASE + number)
        if number == SOFT_SIGNAL:
            numbers[SOFT] = 0
            raise SoftTimeLimitExceeded(self._task_id(), numbers[SOFT_MS] / 1000)
        self._running = running


def _is_sending(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename in _SENDING:
            return True
        frame = frame.f_back
    return False
