"""Two lines for each execution, in a file outside Redis: what no crash of it can take back."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nbtasks.clock import SystemClock

PATH = "CHAOS_HISTORY"
"""Environment variable: where workers write."""

_clock = SystemClock()


@dataclass(frozen=True, slots=True)
class Execution:
    """A task was begun: its number, where, when (ms of the machine's steady clock), and its end."""

    number: int
    pid: int
    began_ms: int
    ended_ms: int | None

    @property
    def is_cut_off(self) -> bool:
        """Whether its process died before the task had returned or raised."""
        return self.ended_ms is None


@contextmanager
def executing(number: int) -> Iterator[None]:
    """Note that this task is being executed, and that it has come to an end."""
    _append("+", number)
    try:
        yield
    finally:
        _append("-", number)


def read(path: Path) -> list[Execution]:
    """All that was noted, in the order it began."""
    found: dict[tuple[int, int, int], Execution] = {}
    latest: dict[tuple[int, int], tuple[int, int, int]] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        sign, *words = line.split()
        number, pid, at_ms = map(int, words)
        if sign == "+":
            latest[number, pid] = key = number, pid, len(found)
            found[key] = Execution(number, pid, at_ms, None)
        else:
            key = latest[number, pid]
            found[key] = Execution(number, pid, found[key].began_ms, at_ms)
    return list(found.values())


def _append(sign: str, number: int) -> None:
    """A line, whole, whoever else does so now."""
    line = f"{sign} {number} {os.getpid()} {_clock.tick_ms():.0f}\n"
    file = os.open(os.environ[PATH], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, line.encode())
    os.close(file)
