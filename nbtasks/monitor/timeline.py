"""What ran when, and where: the last minute of all workers, as bars in rows. Pure."""

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from math import inf
from typing import Final

from nbtasks.monitor.records import About
from nbtasks.states import FAILURE, IGNORED, RETRY, REVOKED, STARTED, SUCCESS
from nbtasks.store.tidings import Began, Ended, Item, Retried, Returned, WorkerSaid

SPAN_MS: Final = 60_000
MOST_BARS: Final = 4000
MOST_ROWS: Final = 64
"""Of one worker: coroutines of one process may be thousands."""

_ENDS: Final = frozenset((SUCCESS, FAILURE, REVOKED, IGNORED))
_SLACK_MS: Final = 2
"""What a task takes to be handed over does not open another row."""


@dataclass(slots=True)
class Bar:
    """One task that ran, or several short ones, one after the other, in the same slot.

    Attributes:
        id: Its number.
        worker: Where.
        row: Which of the worker's rows.
        start_ms: When it began, by Redis' time.
        end_ms: When it ended; 0 while it runs.
        state: How, as in `nbtasks.states`; the worst of several.
        n: How many.
        name: Of their task.
        task_id: Its id where it is one that was seen to run, else empty.
    """

    id: int
    worker: str
    row: int
    start_ms: int
    end_ms: int
    state: int
    n: int
    name: str
    task_id: str = ""


class Timeline:
    """Makes bars of events."""

    def __init__(self) -> None:
        self._ids = count(1)
        self._bars: deque[Bar] = deque(maxlen=MOST_BARS)
        self._open: dict[tuple[str, int], Bar] = {}
        self._ends: defaultdict[str, list[float]] = defaultdict(list)
        self._fresh: dict[int, Bar] = {}

    def hear(self, item: Item, about: About) -> None:
        """Something has happened to a task of this record."""
        name = about.name
        match item:
            case Began():
                self.begin(item, about)
            case Ended():
                self._end(item, name)
            case Retried():
                if not self._close(item.rid, item.index, item.at_ms, RETRY):
                    self._add(item.worker, item.at_ms, item.at_ms, RETRY, 1, name)
            case Returned():
                for index in self._opened(item.rid, range(item.start, item.stop)):
                    self._close(item.rid, index, item.at_ms, RETRY)
            case WorkerSaid(kind="offline"):
                self._leave(item)
            case _:
                pass

    def running(self) -> list[tuple[str, int]]:
        """What has no end yet: record and number of each."""
        return list(self._open)

    def begin(self, item: Began, about: About) -> None:
        """It runs; what is known of it changes nothing."""
        bar = self._open.get((item.rid, item.index))
        if bar is not None and bar.start_ms == item.began_ms:
            return
        self._close(item.rid, item.index, item.began_ms, RETRY)
        bar = self._add(item.worker, item.began_ms, 0, STARTED, 1, about.name)
        bar.task_id = about.task_id(item.rid, item.index)
        self._open[item.rid, item.index] = bar
        if len(self._open) > MOST_BARS:
            del self._open[next(iter(self._open))]

    def end(self, rid: str, index: int, at_ms: int, state: int) -> None:
        """It has ended while nobody listened, at this time at the latest."""
        self._close(rid, index, at_ms, state if state in _ENDS else RETRY)

    def fresh(self) -> list[Bar]:
        """The bars that are new, or have ended, since the last time."""
        found, self._fresh = list(self._fresh.values()), {}
        return found

    def shown(self, now_ms: float) -> list[Bar]:
        """The bars of the last minute."""
        running = {bar.id for bar in self._open.values()}
        return [bar for bar in self._bars if bar.id in running or bar.end_ms > now_ms - SPAN_MS]

    def _end(self, item: Ended, name: str) -> None:
        members = range(item.start, item.start + len(item.states))
        states = bytearray()
        opened = set(self._opened(item.rid, members))
        for index, state in zip(members, item.states, strict=True):
            if index in opened:
                self._close(item.rid, index, item.at_ms, state)
            else:
                states.append(state)
        if item.worker and states:
            took_ms = max(1, item.each_us * len(states) // 1000)
            start = next(filter(None, item.began_ms), item.at_ms - took_ms)
            self._add(
                item.worker, start, max(start + took_ms, start), _worst(states), len(states), name
            )

    def _opened(self, rid: str, members: range) -> list[int]:
        if len(members) <= len(self._open):
            return [index for index in members if (rid, index) in self._open]
        return [index for one, index in self._open if one == rid and index in members]

    def _add(  # noqa: PLR0917 - the fields of a bar
        self, worker: str, start: int, end: int, state: int, n: int, name: str
    ) -> Bar:
        row = self._row(worker, start)
        self._ends[worker][row] = end or inf
        bar = Bar(next(self._ids), worker, row, start, end, state, n, name)
        self._bars.append(bar)
        self._tell(bar)
        return bar

    def _row(self, worker: str, start: int) -> int:
        ends = self._ends[worker]
        for row, end in enumerate(ends):
            if end <= start + _SLACK_MS:
                return row
        if len(ends) < MOST_ROWS:
            ends.append(0)
            return len(ends) - 1
        return ends.index(min(ends))

    def _close(self, rid: str, index: int, at_ms: int, state: int) -> bool:
        bar = self._open.pop((rid, index), None)
        if bar is None:
            return False
        bar.end_ms, bar.state = max(at_ms, bar.start_ms), state
        self._ends[bar.worker][bar.row] = bar.end_ms
        self._tell(bar)
        return True

    def _leave(self, item: WorkerSaid) -> None:
        held = [key for key, bar in self._open.items() if bar.worker == item.worker]
        for rid, index in held:
            self._close(rid, index, item.at_ms, RETRY)

    def _tell(self, bar: Bar) -> None:
        self._fresh[bar.id] = bar
        if len(self._fresh) > MOST_BARS:  # nobody drains it
            del self._fresh[next(iter(self._fresh))]


def _worst(states: Iterable[int]) -> int:
    found = set(states)
    return next((state for state in (FAILURE, REVOKED, SUCCESS) if state in found), SUCCESS)
