"""What a worker adds to the history of the last hour, twice a minute."""

from typing import Final

from nbtasks.clock import Clock
from nbtasks.worker.vitals import Tally

EVERY_MS: Final = 30_000.0


class Hour:
    """Says what has been done since it was last said.

    Args:
        tally: What has ended here.
        clock: Where the time comes from.
    """

    def __init__(self, tally: Tally, clock: Clock) -> None:
        self._tally = tally
        self._clock = clock
        self._told_ms = clock.tick_ms()
        self._done = self._failed = 0

    def take(self, busy: int, slots: int) -> list[int] | None:
        """What hour.lua takes first; None where it is too early. Taken is taken."""
        passed = self._clock.tick_ms() - self._told_ms
        if passed < EVERY_MS:
            return None
        done, failed = self._tally.counts.total(), self._tally.failed
        found = [done - self._done, failed - self._failed, busy, slots, round(passed / 1000)]
        self._told_ms += passed
        self._done, self._failed = done, failed
        return found
