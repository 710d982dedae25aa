"""How many members wait in each queue. Reads only, and little, however many there are."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from nbtasks.store.keys import LIMITED
from nbtasks.store.stamped import escaped
from nbtasks.store.store import Store

SAMPLE: Final = 500
"""Slices looked at on each end of a queue, as _room.lua does."""

PAGE: Final = 2000
MOST: Final = 200_000
"""Keys looked at for queues that nobody names: a fraction of a second."""

_SOURCE = re.compile(r"(.*?)(?:@\d+\.\d+)?!?%?")
"""A queue; behind it what only one Python loads, what may die only once more, what is parked."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits: members by queue, those due later, and whether all queues were found."""

    waiting: dict[str, int]
    scheduled: int
    is_whole: bool


def read_backlog(store: Store, known: Iterable[str] = ()) -> Backlog:
    """Members that wait, in these queues and in those that are found.

    Exact up to 1,000 slices of a queue; of more, those in the middle are taken to be as long as the
    others.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    prefix = store.keys.ready("")
    found, is_whole = _find(store, prefix)
    waiting = dict.fromkeys(known, 0)
    for source in sorted(found | {*waiting}):
        queue = queue_of(source)
        waiting[queue] = waiting.get(queue, 0) + count_members(store, prefix + source)
    scheduled = count_members(store, f"{store.keys.prefix}sched")
    return Backlog(waiting, scheduled, is_whole)


def queue_of(source: str) -> str:
    """The queue that a set of slices belongs to."""
    found = _SOURCE.fullmatch(source)
    return found[1] if found else source


def count_members(store: Store, key: str) -> int:
    """How many members the slices of a set have, about."""
    count = int(store.call("ZCARD", key))
    if not count:
        return 0
    names: list[bytes] = store.call("ZRANGE", key, 0, SAMPLE - 1)
    if count > SAMPLE:
        names += store.call("ZRANGE", key, max(SAMPLE, count - SAMPLE), -1)
    return round(sum(map(_length, names)) * count / len(names)) if names else 0


def _length(name: bytes) -> int:
    """The members of a slice `rid:from:to`."""
    ends = [int(part) for part in name.split(b":")[-2:] if part.isdigit()]
    if name == LIMITED.encode():
        return 0  # no slice
    return sum(stop - start for start, stop in pairwise(ends)) or 1


def _find(store: Store, prefix: str) -> tuple[set[str], bool]:
    """The sets of slices that are there, and whether these are all."""
    found: set[str] = set()
    cursor = 0
    for _ in range(MOST // PAGE):
        cursor, keys = store.call("SCAN", cursor, "MATCH", f"{escaped(prefix)}*", "COUNT", PAGE)
        found |= {key.decode("utf-8", "replace").removeprefix(prefix) for key in keys}
        if int(cursor) == 0:
            return found, True
    return found, False
