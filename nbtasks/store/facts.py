"""What a history asks of records that have no client here: headers, and bodies by their fields."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from nbtasks.store.stamped import escaped
from nbtasks.store.store import LOOK_BATCH, Store

ROOM: Final = 4_000_000
"""Bytes of bodies in one reply."""

FIELDS: Final = 500
"""Bodies asked for at a time: a script is not to hold Redis for longer than a millisecond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFacts:
    """A record as it is stored.

    Attributes:
        header: Its header (JSON).
        members: How many.
        queue: Where it was sent to.
        sent_ms: When, in ms since 1970, by the clock of Redis.
        priority: 0 to 9.
        expires_ms: When what has not begun expires; 0 for never.
        states: A byte a member.
    """

    header: bytes
    members: int
    queue: str
    sent_ms: int
    priority: int
    expires_ms: int
    states: bytes


def describe(store: Store, rids: Sequence[str]) -> Iterator[tuple[str, RecordFacts | None]]:
    """What these records are; None for one that is not stored."""
    for at in range(0, len(rids), LOOK_BATCH):
        part = rids[at : at + LOOK_BATCH]
        for rid, found in zip(part, store.run_script("describe", *part), strict=True):
            yield rid, None if found is None else _facts(*found)


def _facts(  # noqa: PLR0917 - a reply
    header: bytes,
    members: bytes | None,
    queue: bytes | None,
    sent: bytes | None,
    priority: bytes | None,
    expires: bytes | None,
    states: bytes,
) -> RecordFacts:
    return RecordFacts(
        header=header,
        members=_number(members),
        queue=(queue or b"").decode("utf-8", "replace"),
        sent_ms=_number(sent),
        priority=_number(priority),
        expires_ms=_number(expires),
        states=states,
    )


def _number(text: bytes | None) -> int:
    """Whoever writes to Redis may write anything."""
    return int(text) if text and text.isdigit() else 0


def fetch(store: Store, rid: str, fields: Sequence[str]) -> Iterator[bytes]:
    """The values of fields of a record, in this order; empty where there is none."""
    at = 0
    while at < len(fields):
        found: list[bytes] = store.run_script("fetch", rid, ROOM, *fields[at : at + FIELDS])
        yield from found
        at += max(1, len(found))


def all_records(store: Store) -> Iterator[list[str]]:
    """The ids of all records, some in each round trip; one may come twice."""
    prefix, cursor = store.keys.record(""), 0
    while True:
        cursor, keys = store.call(
            "SCAN", cursor, "MATCH", f"{escaped(prefix)}*", "COUNT", LOOK_BATCH
        )
        if keys:
            yield [key.decode("utf-8", "replace").removeprefix(prefix) for key in keys]
        if int(cursor) == 0:
            return
