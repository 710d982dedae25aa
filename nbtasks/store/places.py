"""Where a task waits: how many come before it. Reads only."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from nbtasks.envelope import DEFAULT_QUEUE
from nbtasks.record import Header
from nbtasks.states import PENDING, RETRY
from nbtasks.store.backlog import count_members
from nbtasks.store.stamped import escaped
from nbtasks.store.store import Store

PAGE: Final = 2000
MOST: Final = 200_000
"""Slices of a queue that those of a group are looked for among: a fraction of a second."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member waits.

    Attributes:
        queue: The queue.
        ahead: How many members are taken before it; None where it is not in its queue.
        due_ms: When it goes there, in ms since 1970; None where it is there, or nobody knows.
    """

    queue: str
    ahead: int | None = None
    due_ms: int | None = None


def find_place(store: Store, rid: str, index: int) -> Place | None:
    """Where a member waits; None where it does not wait for its turn, or for its time.

    Exact where there are up to 1,000 slices before it, as in `count_members`.

    Raises:
        StoreUnavailable: Redis does not answer.
        ConfigError: A newer nbtasks wrote its record.
        BadSignature: No nbtasks wrote it.
    """
    state = store.call("GETRANGE", store.keys.states(rid), index, index)
    if not state or ord(state) not in {PENDING, RETRY}:
        return None
    header, name, n = store.call("HMGET", store.keys.record(rid), "h", "q", "n")
    if header is None:
        return None
    queue, is_alone = name.decode() if name else DEFAULT_QUEUE, n == b"1"
    ahead = 0
    for key in _sources(store, queue, Header.decode(header).python):
        found = _find(store, key, rid, index, is_alone=is_alone)
        if found is not None:
            rank, start = found
            return Place(queue, ahead + count_members(store, key, rank) + index - start)
        ahead += count_members(store, key)
    found = _find(store, store.keys.sched, rid, index, is_alone=is_alone)
    if found is None:
        return Place(queue)
    due = store.call("ZRANGE", store.keys.sched, found[0], found[0], "WITHSCORES")[1:]
    return Place(queue, due_ms=int(float(due[0])) if due else None)


def _sources(store: Store, queue: str, python: str) -> Iterator[str]:
    """The lists of a queue, in the order that a worker takes from them (_sources.lua)."""
    for suffix in ("!", ""):
        if python:
            yield store.keys.ready(f"{queue}@{python}{suffix}")
        yield store.keys.ready(f"{queue}{suffix}")


def _find(
    store: Store, key: str, rid: str, index: int, *, is_alone: bool
) -> tuple[int, int] | None:
    """The rank of the slice that holds a member, and the slice's first member."""
    name = f"{rid}:{index}:{index + 1}"
    rank = store.call("ZRANK", key, name)
    if rank is not None:
        return int(rank), index
    for name in () if is_alone else _slices(store, key, rid):
        _, start, stop = name.rsplit(":", 2)
        if int(start) <= index < int(stop):
            rank = store.call("ZRANK", key, name)
            return None if rank is None else (int(rank), int(start))
    return None


def _slices(store: Store, key: str, rid: str) -> Iterator[str]:
    """The slices of a record in a list."""
    cursor = 0
    for _ in range(MOST // PAGE):
        cursor, found = store.call(
            "ZSCAN", key, cursor, "MATCH", f"{escaped(rid)}:*", "COUNT", PAGE
        )
        yield from (name.decode() for name in found[::2])
        if int(cursor) == 0:
            return
