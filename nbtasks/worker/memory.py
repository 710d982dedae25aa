"""How much memory a process holds, and sizes as people write them."""

import os
import re
import resource
import sys
from pathlib import Path
from typing import Final

from nbtasks.clock import Clock
from nbtasks.errors import ConfigError

LOOK_MS: Final = 100.0

_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_UNITS_2: Final = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?", re.IGNORECASE)
_STATM = Path("/proc/self/statm")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class MemoryWatch:
    """Looks ten times a second at most whether this process holds more than it may."""

    def __init__(self, most: int, clock: Clock) -> None:
        self._most = most
        self._clock = clock
        self._next_look = 0.0
        self.was_exceeded = False

    def excess(self) -> int:
        """The bytes it holds when that is too much for the first time, else 0.

        Costs next to nothing where there is no limit.
        """
        if not self._most or self.was_exceeded:
            return 0
        now = self._clock.tick_ms()
        if now < self._next_look:
            return 0
        self._next_look = now + LOOK_MS
        held = held_bytes()
        self.was_exceeded = held > self._most
        return held if self.was_exceeded else 0


def held_bytes() -> int:
    """The memory this process holds; where there is no /proc, the most that it ever held."""
    try:
        return int(_STATM.read_text("ascii").split()[1]) * _PAGE
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def parse_size(text: str) -> int:
    """Bytes of a size such as `500MB`, `2GiB` or `1.5g`.

    Raises:
        ConfigError: It is not a size above 0.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is not None:
        number, unit, binary = found[1], found[2].upper(), found[3]
        scale = _UNITS_2.get(unit, 0) if binary else _UNITS[unit]
        size = int(float(number) * scale)
        if size > 0:
            return size
    raise ConfigError(f"{text!r} is not a size: write it as 500MB, 2GiB or a number of bytes")
