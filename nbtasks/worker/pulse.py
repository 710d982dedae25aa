"""Keeps a worker awake while it waits for a Redis that does not answer.

One read may take ten seconds when Redis stands still, and so may a large write or a connect. An
alarm interrupts them, and each time the worker looks after its signals, children and limits; then
the system call goes on where it was. Where Redis answers at once, no alarm ever rings.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

PULSE_S: Final = 0.05


class Pulse:
    """A context: inside, `call` is called twenty times a second.

    It must leave alone what the main program is doing there. Only a main thread has a pulse.
    """

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._has_alarm = False
        self._is_waiting = False

    def listen(self) -> None:
        """Take the alarm over; without this, or outside the main thread, there is no pulse."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGALRM, self._on_alarm)
            self._has_alarm = True

    def __enter__(self) -> None:
        if self._has_alarm:
            self._is_waiting = True
            signal.setitimer(signal.ITIMER_REAL, PULSE_S, PULSE_S)

    def __exit__(self, *_: object) -> None:
        if self._has_alarm:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self._is_waiting = False

    def _on_alarm(self, _: int, __: FrameType | None) -> None:
        # One that rang too late, or while the last one is still being seen to, is let go.
        if self._is_waiting:
            self._is_waiting = False
            try:
                self._call()
            finally:
                self._is_waiting = True
