"""Storing what a client has run itself, as if workers had."""

from collections.abc import Sequence
from dataclasses import dataclass

from nbtasks.store.store import Store
from nbtasks.store.submission import chunks


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A record whose members have ended.

    `bodies` are signed values and errors, empty where there is none; `states` has a byte a member;
    `keep_ms` is how long it stays.
    """

    rid: str
    header: bytes
    queue: str
    keep_ms: int
    states: bytes
    bodies: Sequence[bytes]


def store_ended(store: Store, record: Ended) -> None:
    """Store a record; one that has its id is written over, if that has ended.

    Raises:
        StoreUnavailable: Redis did not answer in time.
        StoreFull: Redis is at its maxmemory.
    """
    for start, stop in chunks(record.bodies):
        store.run_script(
            "ended",
            record.rid,
            start,
            len(record.bodies),
            record.header,
            record.queue,
            record.keep_ms,
            record.states,
            *record.bodies[start:stop],
        )
