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


@dataclass(frozen=True, slots=True)
class Sources:
    """The sets of slices that wait, by what stands behind `ready:`, and whether these are all."""

    names: frozenset[str]
    is_whole: bool


def find_sources(store: Store) -> Sources:
    """Look through the keys for queues that nobody names.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    found, is_whole = _find(store, store.keys.ready(""))
    return Sources(frozenset(found), is_whole)


def read_backlog(
    store: Store, known: Iterable[str] = (), sources: Sources | None = None
) -> Backlog:
    """Members that wait, in these queues and in those that are found.

    Exact up to 1,000 slices of a queue; of more, those in the middle are taken to be as long as the
    others.

    Args:
        store: The store.
        known: Queues that are named also where nothing waits.
        sources: What was found before; None: look now.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    prefix = store.keys.ready("")
    sources = sources or find_sources(store)
    waiting = dict.fromkeys(known, 0)
    for source in sorted(sources.names | {*waiting}):
        queue = queue_of(source)
        waiting[queue] = waiting.get(queue, 0) + count_members(store, prefix + source)
    scheduled = count_members(store, f"{store.keys.prefix}sched")
    return Backlog(waiting, scheduled, sources.is_whole)


def queue_of(source: str) -> str:
    """The queue that a set of slices belongs to."""
    found = _SOURCE.fullmatch(source)
    return found[1] if found else source


def head_ms(store: Store, queue: str) -> int:
    """When what is taken next from a queue was sent, in ms since 1970; 0 where nothing waits."""
    names: list[bytes] = store.call("ZRANGE", store.keys.ready(queue), 0, 0)
    if not names:
        return 0
    rid = names[0].decode("utf-8", "replace").rsplit(":", 2)[0]
    sent = store.call("HGET", store.keys.record(rid), "t0") or b""
    return int(sent) if sent.isdigit() else 0


def count_members(store: Store, key: str, stop: int | None = None) -> int:
    """How many members the slices of a set have, about; with `stop` only so many slices."""
    count = int(store.call("ZCARD", key)) if stop is None else stop
    if not count:
        return 0
    names: list[bytes] = store.call("ZRANGE", key, 0, min(SAMPLE, count) - 1)
    if count > SAMPLE:
        names += store.call("ZRANGE", key, max(SAMPLE, count - SAMPLE), count - 1)
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
