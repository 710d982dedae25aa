"""What a worker has done, and what it and its processes use of their machine."""

import os
import resource
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nbtasks.clock import Clock

MOST_NAMES: Final = 200
"""Of so many tasks it is counted how often each was done; all others are counted together."""

OTHERS: Final = "…"

LEAST_MS: Final = 1000.0
"""Speeds are measured over no less: a worker that is told something tells how it is at once."""

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_USER, _SYSTEM, _RSS = 11, 12, 21  # in /proc/PID/stat, behind the name


class Tally:
    """How many tasks of each name have ended here, and how many have failed."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.failed = 0

    def add(self, name: str, count: int, failed: int) -> None:
        """So many more, and how many of them have failed."""
        self.failed += failed
        if name not in self.counts and len(self.counts) >= MOST_NAMES:
            name = OTHERS
        self.counts[name] += count


@dataclass(frozen=True, slots=True)
class Use:
    """What processes have used: seconds of CPU, and bytes of memory now."""

    cpu_s: float
    rss: int


class Vitals:
    """Measures from one look to the next."""

    def __init__(self, tally: Tally, clock: Clock) -> None:
        self._tally = tally
        self._clock = clock
        self._begun = self._at = clock.tick_ms()
        self._done = 0
        self._cpu_s: dict[int, float] = {}
        self._speeds = {"rate": 0.0, "cpu": 0.0}

    def look(self, pids: Sequence[int]) -> dict[str, Any]:
        """What there is to tell of this process and those others.

        Returns:
            `total` tasks by name, `rate` of them a second, `uptime` in s, `cpu` in per cent of one
            core and `rss` in bytes (of all these processes), `rusage` of this one.
        """
        now = self._clock.tick_ms()
        uses = _uses((os.getpid(), *pids))
        if now - self._at >= LEAST_MS or not self._cpu_s:
            self._measure(now, uses)
        return {
            "total": dict(self._tally.counts),
            **self._speeds,
            "uptime": int((now - self._begun) / 1000),
            "rss": sum(use.rss for use in uses.values()),
            "rusage": _rusage(),
        }

    def _measure(self, now: float, uses: Mapping[int, Use]) -> None:
        """How fast it was since the last time."""
        seconds, done = max(0.001, (now - self._at) / 1000), self._tally.counts.total()
        # A process that is new has used all of it since the last look.
        cpu_s = sum(use.cpu_s - self._cpu_s.get(pid, 0.0) for pid, use in uses.items())
        self._speeds = {
            "rate": round((done - self._done) / seconds, 1),
            "cpu": round(100 * cpu_s / seconds, 1) if self._cpu_s else 0.0,
        }
        self._at, self._done = now, done
        self._cpu_s = {pid: use.cpu_s for pid, use in uses.items()}


def _uses(pids: Iterable[int]) -> dict[int, Use]:
    """What each of these uses; without /proc that of this process alone is known."""
    found: dict[int, Use] = {}
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
        except OSError:
            continue  # it has ended, or the system is another one
        fields = text.rpartition(")")[2].split()
        ticks = int(fields[_USER]) + int(fields[_SYSTEM])
        found[pid] = Use(ticks / _TICKS, int(fields[_RSS]) * _PAGE)
    if not found:
        used = resource.getrusage(resource.RUSAGE_SELF)
        # Only a Mac has neither /proc nor its peak in kB.
        found[os.getpid()] = Use(used.ru_utime + used.ru_stime, used.ru_maxrss)
    return found


def _rusage() -> dict[str, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "utime": round(used.ru_utime, 3),
        "stime": round(used.ru_stime, 3),
        "maxrss": used.ru_maxrss,
        "nvcsw": used.ru_nvcsw,
        "nivcsw": used.ru_nivcsw,
    }
