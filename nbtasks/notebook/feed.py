"""Events -> widgets, coalesced: one flusher serves every board of a kernel.

A Jupyter server drops messages near 1,000 a second, so the boards share one budget; a board sends
what changed, never one message per event.
"""

import heapq
import logging
import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Protocol

from nbtasks.clock import Clock, SystemClock
from nbtasks.live import ErrorText, LiveRecord, Progress
from nbtasks.states import (
    FAILURE,
    IGNORED,
    PENDING,
    RETRY,
    REVOKED,
    STARTED,
    SUCCESS,
    WAITING,
    is_finished,
)

logger = logging.getLogger(__name__)

BUDGET_HZ: Final = 60.0
"""Messages a second for all boards together."""
SLOWEST_HZ: Final = 1.0
FASTEST_HZ: Final = 15.0

UNKNOWN_SHARE: Final = 255
"""The progress byte of a member that does not say how far it is; known ones are 0..254."""
N_CODES: Final = 8
(
    CODE_PENDING,
    CODE_STARTED,
    CODE_PROGRESS,
    CODE_SUCCESS,
    CODE_FAILURE,
    CODE_RETRY,
    CODE_REVOKED,
    CODE_IGNORED,
) = range(N_CODES)
_CODE_OF: Final = {
    PENDING: CODE_PENDING,
    WAITING: CODE_PENDING,
    STARTED: CODE_STARTED,
    SUCCESS: CODE_SUCCESS,
    FAILURE: CODE_FAILURE,
    RETRY: CODE_RETRY,
    REVOKED: CODE_REVOKED,
    IGNORED: CODE_IGNORED,
}
_TO_CODES: Final = bytes.maketrans(bytes(_CODE_OF), bytes(_CODE_OF.values()))
_RATE_WINDOW_MS: Final = 5000.0
_RATE_AFTER_MS: Final = 250.0


class Stream(Protocol):
    """What the feed needs of the event stream."""

    def add_flusher(self, flusher: Callable[[float], float | None]) -> None:
        """Call `flusher(now_ms)` after each batch of events, and after the ms it returned."""
        ...

    def remove_flusher(self, flusher: Callable[[float], float | None]) -> None:
        """Stop calling it."""
        ...


class Follower(Protocol):
    """What the feed serves: a board."""

    least_gap_ms: float

    def has_news(self) -> bool:
        """Whether there is something to send."""
        ...

    def send(self, now_ms: float) -> None:
        """Send all that changed, as one message."""
        ...

    def settle(self, now_ms: float) -> float | None:
        """Do what is due by time; the ms until the next such thing, None if there is none."""
        ...


class Feed:
    """Decides when each board may send; the event thread calls it, anybody adds and removes."""

    def __init__(self, stream: Stream, clock: Clock | None = None) -> None:
        self._stream = stream
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._sent: dict[Follower, float | None] = {}
        self._tokens = BUDGET_HZ
        self._refilled_ms: float | None = None
        # Kept: the stream tells flushers apart by identity, and each `self._flush` is a new object.
        self._flusher = self._flush
        stream.add_flusher(self._flusher)

    def add(self, follower: Follower) -> None:
        """Serve this board from the next batch of events on."""
        with self._lock:
            self._sent.setdefault(follower, None)

    def remove(self, follower: Follower) -> None:
        """Forget a board that is frozen."""
        with self._lock:
            self._sent.pop(follower, None)

    def push(self, follower: Follower) -> None:
        """Serve one whose news are no events of ours, from its own thread; it keeps its pace."""
        now_ms = self._clock.tick_ms()
        with self._lock:
            self._refill(now_ms)
            is_served = follower in self._sent and self._tokens >= 1.0
        if is_served and follower.has_news():
            self._serve(follower, now_ms)

    def close(self) -> None:
        """Leave the event stream."""
        self._stream.remove_flusher(self._flusher)

    def _flush(self, now_ms: float) -> float | None:
        with self._lock:
            sent = dict(self._sent)
        with self._lock:
            self._refill(now_ms)
        dirty = [(last, one) for one, last in sent.items() if one.has_news()]
        gap_ms = 1000.0 / frequency(len(dirty))
        waits: list[float] = []
        for last, one in sorted(dirty, key=lambda pair: pair[0] or 0.0):
            wait = 0.0 if last is None else last + max(gap_ms, one.least_gap_ms) - now_ms
            if wait <= 0.0 and self._tokens < 1.0:
                wait = (1.0 - self._tokens) * 1000.0 / BUDGET_HZ
            if wait > 0.0:
                waits.append(wait)
            else:
                self._serve(one, now_ms)
        waits.extend(self._settle(sent, now_ms))
        return max(1.0, min(waits)) if waits else None

    def _serve(self, one: Follower, now_ms: float) -> None:
        with self._lock:
            self._tokens -= 1.0
            if one in self._sent:
                self._sent[one] = now_ms
        try:
            one.send(now_ms)
        except Exception:  # whatever a front end's transport raises must not stop the other boards
            logger.exception("a board could not be updated; it is left as it is")
            self.remove(one)

    def _settle(self, followers: Iterable[Follower], now_ms: float) -> list[float]:
        waits: list[float] = []
        for one in followers:
            try:
                wait = one.settle(now_ms)
            except Exception:  # as in _serve
                logger.exception("a board could not be frozen; it is left as it is")
                self.remove(one)
                continue
            if wait is not None:
                waits.append(wait)
        return waits

    def _refill(self, now_ms: float) -> None:
        if self._refilled_ms is not None:
            gained = (now_ms - self._refilled_ms) * BUDGET_HZ / 1000.0
            self._tokens = min(BUDGET_HZ, self._tokens + max(0.0, gained))
        self._refilled_ms = now_ms


def frequency(dirty: int) -> float:
    """How often a second each of so many changing boards may send."""
    return min(FASTEST_HZ, max(SLOWEST_HZ, BUDGET_HZ / max(1, dirty)))


class Pace:
    """How many members end per second: over the newer half of the time so far, at least 5 s."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()
        self._began_ms: float | None = None

    def note(self, now_ms: float, done: int) -> None:
        """Say how many are done by now."""
        if self._began_ms is None:
            self._began_ms = now_ms
        window = max(_RATE_WINDOW_MS, (now_ms - self._began_ms) / 2.0)
        samples = self._samples
        if not samples or now_ms - samples[-1][0] >= window / 50.0:
            samples.append((now_ms, done))
        oldest = None
        while samples and samples[0][0] <= now_ms - window:
            oldest = samples.popleft()
        if oldest is not None:
            samples.appendleft(oldest)

    def per_second(self, now_ms: float, done: int) -> float:
        """The rate now; 0 where too little is known."""
        if not self._samples:
            return 0.0
        then, before = self._samples[0]
        passed = now_ms - then
        return (done - before) * 1000.0 / passed if passed >= _RATE_AFTER_MS else 0.0


@dataclass(slots=True)
class Failures:
    """The members that failed with one type of exception; the words of the first of them."""

    type_name: str
    first: int
    error: ErrorText
    count: int = 0


class Tally:
    """The members of one or more records, numbered through, and what is known of them.

    `drain` brings `running` and `failures` up to date with the records; whoever calls it holds the
    board's lock. All else reads the records as they are now.
    """

    def __init__(self, records: Sequence[LiveRecord]) -> None:
        self.records = tuple(records)
        self._starts = list(accumulate((record.n for record in self.records), initial=0))
        self.n = self._starts[-1]
        self.running: dict[int, int] = {}
        """When each running member began (ms, Redis' time; 0: unknown)."""
        self.failures: dict[str, Failures] = {}
        self._failed: dict[int, str] = {}
        self._silent: set[int] = set()
        self._known_errors = 0
        self._dirty = [record.dirty_set() for record in self.records]
        for record, dirty in zip(self.records, self._dirty, strict=True):
            states = bytes(record.states)
            dirty.update(index for index, code in enumerate(states) if code != PENDING)

    def close(self) -> None:
        """Stop collecting what changes."""
        for record, dirty in zip(self.records, self._dirty, strict=True):
            record.drop_dirty_set(dirty)

    def is_done(self) -> bool:
        """Whether nothing can change any more."""
        return all(record.is_done(None) for record in self.records)

    @property
    def missing(self) -> bool:
        """Whether the store has lost a record."""
        return any(record.missing for record in self.records)

    def locate(self, i: int) -> tuple[LiveRecord, int]:
        """The record of member `i`, and its index there."""
        which = bisect_right(self._starts, i) - 1
        return self.records[which], i - self._starts[which]

    def label(self, i: int) -> str:
        """What a member is called: its own label, else the record's name and its number."""
        record, index = self.locate(i)
        if record.labels is not None and index < len(record.labels):
            return record.labels[index]
        return record.name if record.n == 1 else f"{record.name}[{index}]"

    def code(self, i: int) -> int:
        """The state of a member as a widget's code."""
        record, index = self.locate(i)
        code = _CODE_OF[record.states[index]]
        return CODE_PROGRESS if code == CODE_STARTED and index in record.progress else code

    def progress(self, i: int) -> Progress | None:
        """What a running member said about how far it is."""
        record, index = self.locate(i)
        return None if is_finished(record.states[index]) else record.progress.get(index)

    def share(self, i: int) -> int:
        """How far a member is, as the widget's byte."""
        progress = self.progress(i)
        fraction = None if progress is None else progress.fraction
        return UNKNOWN_SHARE if fraction is None else int(fraction * (UNKNOWN_SHARE - 1))

    def has_news(self) -> bool:
        """Whether a member changed since the last `drain`."""
        return any(self._dirty)

    def drain(self) -> list[int]:
        """The members that changed since the last time."""
        changed: list[int] = []
        for start, record, dirty in zip(self._starts, self.records, self._dirty, strict=False):
            indices = list(dirty)
            # Not clear(): the event thread may add a member in between, when another one drains.
            dirty.difference_update(indices)
            states, began = record.states, record.started
            for index in indices:
                i = start + index
                code = states[index]
                if code == STARTED:
                    self.running[i] = began[index].at_ms if index in began else 0
                else:
                    self.running.pop(i, None)
                    if code == FAILURE:
                        self._fail(i, record.errors.get(index))
                    elif i in self._failed or i in self._silent:
                        self._run_again(i)
                changed.append(i)
        self._hear_late_errors()
        return changed

    def codes(self) -> bytearray:
        """The state of every member, one code each."""
        found = bytearray(b"".join(bytes(one.states) for one in self.records).translate(_TO_CODES))
        for i in tuple(self.running):
            if found[i] == CODE_STARTED:
                found[i] = self.code(i)
        return found

    def shares(self) -> bytearray:
        """How far every member is, one byte each."""
        found = bytearray([UNKNOWN_SHARE]) * self.n
        for i in tuple(self.running):
            found[i] = self.share(i)
        return found

    def counts(self) -> list[int]:
        """How many members are in each state, by code."""
        found = [0] * N_CODES
        for record in self.records:
            for state, code in _CODE_OF.items():
                found[code] += record.states.count(state)
        moving = sum(1 for i in tuple(self.running) if self.code(i) == CODE_PROGRESS)
        found[CODE_PROGRESS] = min(moving, found[CODE_STARTED])
        found[CODE_STARTED] -= found[CODE_PROGRESS]
        return found

    def longest_running(self, limit: int) -> list[int]:
        """The members that began first and still run, oldest first."""
        return heapq.nsmallest(limit, self.running, key=lambda i: (self.running[i], i))

    def by_frequency(self) -> list[Failures]:
        """The failures by type, the most frequent first."""
        return sorted(self.failures.values(), key=lambda group: (-group.count, group.first))

    def began_ms(self) -> int:
        """When the first record was sent (ms, Redis' time; 0: unknown)."""
        return min((one.submitted_ms for one in self.records if one.submitted_ms), default=0)

    def ended_ms(self) -> int:
        """When the last member ended (ms, Redis' time; 0: not yet, or unknown)."""
        return max((one.finished_ms for one in self.records), default=0) if self.is_done() else 0

    def _fail(self, i: int, error: ErrorText | None) -> None:
        if i in self._failed:
            return
        if error is None:
            self._silent.add(i)
            return
        self._silent.discard(i)
        self._failed[i] = error.type_name
        group = self.failures.get(error.type_name)
        if group is None:
            group = self.failures[error.type_name] = Failures(error.type_name, i, error)
        elif i < group.first:
            group.first, group.error = i, error
        group.count += 1

    def _run_again(self, i: int) -> None:
        """A failed member was queued again: it is no failure any more."""
        self._silent.discard(i)
        group = self.failures.get(self._failed.pop(i, ""))
        if group is None:
            return
        group.count -= 1
        if not group.count:
            del self.failures[group.type_name]
        elif group.first == i:
            group.first = min(at for at, name in self._failed.items() if name == group.type_name)
            record, index = self.locate(group.first)
            group.error = record.errors.get(index, group.error)

    def _hear_late_errors(self) -> None:
        known = sum(len(record.errors) for record in self.records)
        if known == self._known_errors or not self._silent:
            self._known_errors = known
            return
        self._known_errors = known
        for i in tuple(self._silent):
            record, index = self.locate(i)
            self._fail(i, record.errors.get(index))
