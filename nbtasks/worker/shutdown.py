"""How a worker ends: step by step, as signals and time say."""

import signal
from types import FrameType
from typing import Final

from nbtasks.clock import Clock

RUN: Final = 0
WARM: Final = 1
"""Finish what runs, take nothing new."""

COLD: Final = 2
"""Kill what runs; its tasks go back uncounted."""

NOW: Final = 3
"""Go, whatever is left: other workers get it when its leases end."""

WORDS: Final = {
    WARM: "finishing what runs; a second signal ends it at once",
    COLD: "ending what runs, and giving it back; a third signal leaves it to the leases",
    NOW: "leaving at once",
}


class Shutdown:
    """Counts signals and watches the time; `step` is where the worker stands.

    Args:
        clock: The time.
        timeout_ms: What runs may run on for so long after the first signal; None for any time.
    """

    def __init__(self, clock: Clock, timeout_ms: float | None) -> None:
        self._clock = clock
        self._timeout_ms = timeout_ms
        self._cold_at: float | None = None
        self.step = RUN

    def listen(self) -> None:
        """Obey the signals; only in the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGQUIT, self._on_quit)

    def begin(self) -> None:
        """Take the next step."""
        self.step = min(self.step + 1, NOW)
        if self.step == WARM and self._timeout_ms is not None:
            self._cold_at = self._clock.tick_ms() + self._timeout_ms

    def give_up(self) -> None:
        """Take the last step: there is nobody to hand anything to."""
        self.step = NOW

    def look(self, now: float) -> None:
        """Go on where the time is over."""
        if self.step == WARM and self._cold_at is not None and now >= self._cold_at:
            self.step = COLD

    @property
    def next_ms(self) -> float | None:
        """When to look again; None for never."""
        return self._cold_at if self.step == WARM else None

    def _on_stop(self, _: int, __: FrameType | None) -> None:
        self.begin()

    def _on_quit(self, _: int, __: FrameType | None) -> None:
        self.step = max(COLD, min(self.step + 1, NOW))
