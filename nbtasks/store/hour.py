"""The history of the last hour: what workers have told of themselves, in points of 30 s.

It is one hash of 120 short fields, about 5 kB however many workers tell: a ring, in which the
oldest point gives its place to the newest.
"""

from dataclasses import dataclass
from typing import Final

from nbtasks.store.store import Store

SPAN_MS: Final = 30_000
"""Of a point."""

_FIELDS: Final = 6
_HUNDRED: Final = 100


@dataclass(frozen=True, slots=True)
class Point:
    """Half a minute.

    Attributes:
        at_ms: When it began, in ms since 1970, by Redis' time.
        done: Tasks that have ended in it.
        failed: Those of them that have failed.
        busy: Slots that were busy, on average.
        slots: Slots that were there.
        waiting: Tasks that waited, at most, in the queues of one worker.
    """

    at_ms: int
    done: int
    failed: int
    busy: float
    slots: float
    waiting: int


def read_hour(store: Store, now_ms: float) -> list[Point]:
    """The points of the last hour, the oldest first; none for times at which no worker was there.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    flat: list[bytes] = store.call("HGETALL", f"{store.keys.prefix}hour")
    found = [point for text in flat[1::2] if (point := _point(text)) is not None]
    return sorted(
        (point for point in found if now_ms - 3_600_000 < point.at_ms <= now_ms),
        key=lambda point: point.at_ms,
    )


def _point(text: bytes) -> Point | None:
    """None for what is none: whoever writes to Redis may write anything."""
    parts = text.split()
    if len(parts) != _FIELDS or not all(part.isdigit() for part in parts):
        return None
    number, done, failed, busy, slots, waiting = map(int, parts)
    return Point(number * SPAN_MS, done, failed, busy / _HUNDRED, slots / _HUNDRED, waiting)
