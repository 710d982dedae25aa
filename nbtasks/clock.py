"""Where time comes from. Everything that waits or stamps takes a `Clock`, so tests can move it."""

import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks: one for dates, one for how long something took."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970, by this machine's clock."""
        ...

    def tick_ms(self) -> float:
        """Milliseconds since some fixed moment; never goes backwards."""
        ...

    def pause(self, ms: float) -> None:
        """Do nothing for so many milliseconds: between tries to reach a server, or two reads."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970, by this machine's clock."""
        return time.time_ns() // 1_000_000

    def tick_ms(self) -> float:
        """Milliseconds since some fixed moment; never goes backwards."""
        return time.monotonic() * 1000.0

    def pause(self, ms: float) -> None:
        """Do nothing for so many milliseconds: between tries to reach a server, or two reads."""
        time.sleep(ms / 1000.0)
