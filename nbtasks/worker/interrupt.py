"""Raises SoftTimeLimitExceeded in the one member that has run for too long, and nowhere else.

The parent writes that member's sequence number into a shared cell and sends a signal. The signal
may come late, when the next member runs or none: the number decides. It is sent again until the
child has cleared the cell, because a signal is let go while the child is sending: an exception
there would leave half a message in the socket.
"""

import signal
from collections.abc import Callable
from types import FrameType
from typing import Final

from nbtasks.errors import SoftTimeLimitExceeded
from nbtasks.worker import outbox

SOFT_SIGNAL: Final = signal.SIGUSR1
"""Celery's, too."""

NOW: Final = 0
SOFT: Final = 3
SOFT_MS: Final = 4
"""Where in the cells: the member that runs, the one to interrupt, and its limit."""


class Interrupt:
    """A context: inside, the member that runs may be interrupted, once."""

    __slots__ = ("_numbers", "_running", "_task_id")

    def __init__(self, numbers: "memoryview[int]", task_id: Callable[[], str]) -> None:
        self._numbers = numbers
        self._task_id = task_id
        self._running = 0

    def listen(self) -> None:
        """Obey the signal; only in the main thread."""
        signal.signal(SOFT_SIGNAL, self._on_signal)

    def __enter__(self) -> None:
        self._running = self._numbers[NOW]

    def __exit__(self, *_: object) -> None:
        self._running = 0

    def _on_signal(self, _: int, frame: FrameType | None) -> None:
        numbers = self._numbers
        if not self._running or numbers[SOFT] != self._running or _is_sending(frame):
            return
        self._running = numbers[SOFT] = 0
        raise SoftTimeLimitExceeded(self._task_id(), numbers[SOFT_MS] / 1000)


def _is_sending(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == outbox.__file__:
            return True
        frame = frame.f_back
    return False
