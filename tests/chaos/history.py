"""Two lines for each execution, in a file outside Redis: what no crash of it can take back."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nbtasks.clock import SystemClock

PATH = "CHAOS_HISTORY"
"""Environment variable: where workers write."""

NEVER = 1 << 62

_clock = SystemClock()


@dataclass(frozen=True, slots=True)
class Execution:
    """A task was begun: its number, where, when (ms since 1970), and its end."""

    number: int
    pid: int
    began_ms: int
    ended_ms: int | None

    @property
    def is_cut_off(self) -> bool:
        """Whether its process died before the task had returned or raised."""
        return self.ended_ms is None


@dataclass(frozen=True, slots=True)
class Traces:
    """What processes have left behind: executions, and when which was lost (ms since 1970).

    A process is lost when it dies, and when its worker is stopped for longer than its leases last.
    """

    executions: Sequence[Execution]
    lost: Mapping[int, int]


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


def hits(traces: Traces) -> Counter[int]:
    """For each task, how many executions lost their process before the next one began."""
    found: Counter[int] = Counter()
    next_began: dict[int, int] = {}
    for execution in sorted(traces.executions, key=lambda execution: -execution.began_ms):
        until = next_began.get(execution.number, NEVER - 1)
        lost = traces.lost.get(execution.pid, NEVER)
        if lost <= until:
            found[execution.number] += 1
        next_began[execution.number] = execution.began_ms
    return found


def _append(sign: str, number: int) -> None:
    """A line, whole, whoever else does so now."""
    line = f"{sign} {number} {os.getpid()} {_clock.wall_ms()}\n"
    file = os.open(os.environ[PATH], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, line.encode())
    os.close(file)
