"""The newest of all records that are stored, whoever has sent them."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from nbtasks.envelope import DEFAULT_QUEUE
from nbtasks.store.stamped import escaped
from nbtasks.store.store import Snapshot, Store

PAGE: Final = 500
"""Keys looked at in one round trip."""

MOST: Final = 400_000
"""Keys looked at in all: a few seconds, even where Redis holds millions of tasks."""


@dataclass(frozen=True, slots=True)
class Roll:
    """The newest records, the newest first; `count` of all that were looked at, `is_whole`: all."""

    records: list[tuple[str, Snapshot]]
    count: int
    is_whole: bool


def newest(store: Store, limit: int) -> Roll:
    """Look through what is stored; follows none of it.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    walk = _Walk()
    best = heapq.nlargest(2 * limit, walk.ages(store))
    rids = list(dict.fromkeys(rid for _, rid in best))[:limit]  # a scan may name one twice
    records = [(rid, found) for rid in rids if (found := _snapshot(store, rid)) is not None]
    return Roll(records, walk.count, is_whole=walk.is_whole)


@dataclass(slots=True)
class _Walk:
    """A look at all keys, and what came of it."""

    count: int = 0
    is_whole: bool = False

    def ages(self, store: Store) -> Iterator[tuple[int, str]]:
        """When each record was submitted (ms since 1970), and its id."""
        prefix, cursor = store.keys.record(""), 0
        for _ in range(MOST // PAGE):
            cursor, keys = store.call("SCAN", cursor, "MATCH", f"{escaped(prefix)}*", "COUNT", PAGE)
            rids = [key.decode().removeprefix(prefix) for key in keys]
            for rid, submitted in zip(rids, store.run_script("roll", *rids), strict=True):
                if submitted:
                    self.count += 1
                    yield int(submitted), rid
            if int(cursor) == 0:
                self.is_whole = True
                return


def _snapshot(store: Store, rid: str) -> Snapshot | None:
    header, queue, submitted = store.call("HMGET", store.keys.record(rid), "h", "q", "t0")
    if header is None:
        return None
    states = store.call("GET", store.keys.states(rid)) or b""
    return Snapshot(header, queue.decode() if queue else DEFAULT_QUEUE, int(submitted), states)
