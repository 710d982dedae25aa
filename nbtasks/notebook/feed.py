"""Events -> widgets, coalesced: one flusher serves every board of a kernel.

A Jupyter server drops messages near 1,000 a second, so the boards share one budget; a board sends
what changed, never one message per event.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from nbtasks.clock import Clock, SystemClock

logger = logging.getLogger(__name__)

BUDGET_HZ: Final = 60.0
"""Messages a second for all boards together."""
SLOWEST_HZ: Final = 1.0
HERE_MS: Final = 100.0
"""Between two looks of a thread that waits: events wake another one."""
FASTEST_HZ: Final = 15.0


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
    """Decides when each board may send; the event thread calls it, anybody adds and removes.

    Args:
        stream: Whose thread calls it.
        clock: Where the time comes from.
        is_lent: It sends nothing on threads of its own, but where it is told to (`flush_here`).
    """

    def __init__(
        self, stream: Stream, clock: Clock | None = None, *, is_lent: bool = False
    ) -> None:
        self._stream = stream
        self._is_lent = is_lent
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._sent: dict[Follower, float | None] = {}
        self._tokens = BUDGET_HZ
        self._refilled_ms: float | None = None
        # Kept: the stream tells flushers apart by identity, and each bound method is a new one.
        self._flusher = self._on_events
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
        if self._is_lent:
            return
        with self._lock:
            self._refill(now_ms)
            is_served = follower in self._sent and self._tokens >= 1.0
        if is_served and follower.has_news():
            self._serve(follower, now_ms)

    def flush_here(self) -> float:
        """Send what is due, on this thread; in how many ms again."""
        wait = self._flush(self._clock.tick_ms())
        return min(wait or HERE_MS, HERE_MS)

    def close(self) -> None:
        """Leave the event stream."""
        self._stream.remove_flusher(self._flusher)

    def _on_events(self, now_ms: float) -> float | None:
        return None if self._is_lent else self._flush(now_ms)

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
