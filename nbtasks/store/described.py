"""What workers have in hand, what waits for its time, what was revoked: as it stands in Redis.

Nobody is asked for it, so it is there at once, and right while a worker is too busy to answer.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from nbtasks.store.running import OWNER
from nbtasks.store.store import LOOK_BATCH, Store

MOST: Final = 1000
"""As many slices are looked at: more is not for the eye."""

LEASES: Final = 10_000
"""Of so many leases those of some workers are looked for."""

ARGUMENT_BYTES: Final = 4096
"""Arguments of tasks that have more are not fetched."""

_HEAD: Final = 8
_FIELDS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An unfinished member of a slice.

    Attributes:
        index: Its number in its record.
        began_ms: Since when it runs, in ms since 1970; 0: unknown, or it does not run.
        pid: The process that it runs in; 0 likewise.
        body: Its arguments, signed; empty where they are long.
    """

    index: int
    began_ms: int
    pid: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A slice of a record, and its unfinished members, as many as were asked for.

    Attributes:
        rid: The record.
        start: The first member.
        header: What the record says of itself, not verified.
        queue: Where it was sent.
        priority: From 0 to 9.
        n: Members of the record.
        sent_ms: When it was submitted, in ms since 1970.
        retries: Of the first member.
        deaths: Of the first member: of how many processes.
        states: One byte a member.
        members: The unfinished ones.
    """

    rid: str
    start: int
    header: bytes
    queue: str
    priority: int
    n: int
    sent_ms: int
    retries: int
    deaths: int
    states: bytes
    members: Sequence[Member]


def held(store: Store, owners: Container[str], each: int) -> Iterator[tuple[str, Described]]:
    """What is under a lease, with the `owner` of its worker (see `WorkerFacts`).

    Args:
        store: The store.
        owners: Whose leases are looked at.
        each: Members listed of each slice at most; of coroutines more, since all of them run.
    """
    leases = [lease.decode() for lease in store.call("ZRANGE", store.keys.lease, 0, LEASES - 1)]
    parts = [lease.rpartition(":") for lease in leases]
    ranges = _ranges(name for name, _, _ in parts)
    wanted = [(token[:OWNER], name) for name, _, token in parts if token[:OWNER] in owners][:MOST]
    found = _describe(store, [name for _, name in wanted], each, "s")
    for (owner, name), described in zip(wanted, found, strict=True):
        if described is not None:
            yield owner, _without(described, name, ranges)


def _ranges(names: Iterable[str]) -> dict[str, list[tuple[int, int]]]:
    """The ranges that are leased of each record."""
    found: dict[str, list[tuple[int, int]]] = {}
    for name in names:
        rid, start, stop = name.rsplit(":", 2)
        found.setdefault(rid, []).append((int(start), int(stop)))
    return found


def _without(
    slice_: Described, name: str, ranges: Mapping[str, list[tuple[int, int]]]
) -> Described:
    """A slice without members that went back, and were taken again under a lease of their own.

    A lease keeps its name when its tail goes back, or when a member is to be tried again: what was
    taken from it begins behind its first member, or is shorter.
    """
    _, start, stop = name.rsplit(":", 2)
    place = (int(start), -int(stop))
    later = [other for other in ranges[slice_.rid] if (other[0], -other[1]) > place]
    members = [
        member
        for member in slice_.members
        if not any(first <= member.index < last for first, last in later)
    ]
    return replace(slice_, members=members)


def scheduled(store: Store, each: int) -> Iterator[tuple[int, Described]]:
    """What waits for its time, the next first, and when that is in ms since 1970."""
    found = store.call("ZRANGE", store.keys.sched, 0, MOST - 1, "WITHSCORES")
    pairs = [(name.decode(), due) for name, due in zip(found[::2], found[1::2], strict=True)]
    slices = [(name, due) for name, due in pairs if ":" in name]
    described_all = _describe(store, [name for name, _ in slices], each, "pr")
    for (_, due), described in zip(slices, described_all, strict=True):
        if described is not None:
            yield int(float(due)), described


def revoked(store: Store) -> Iterator[Described]:
    """What was revoked in the last hours, the newest first."""
    found = store.call("ZRANGE", store.keys.revoked, -MOST, -1)
    names = [name.decode() for name in reversed(found)]
    yield from (described for described in _describe(store, names, 0, "s") if described is not None)


def _describe(
    store: Store, names: Sequence[str], each: int, states: str
) -> Iterator[Described | None]:
    for at in range(0, len(names), LOOK_BATCH):
        part = names[at : at + LOOK_BATCH]
        reply = store.run_script("inspect", each, ARGUMENT_BYTES, states, *part)
        for name, found in zip(part, reply, strict=True):
            yield _read(name, found) if found is not None else None


def _read(name: str, found: list[Any]) -> Described:
    rid, start, _ = name.rsplit(":", 2)
    header, queue, priority, n, sent, retries, deaths, states = found[:_HEAD]
    rest = found[_HEAD:]
    items = zip(*(rest[at::_FIELDS] for at in range(_FIELDS)), strict=True)
    return Described(
        rid=rid,
        start=int(start),
        header=header,
        queue=(queue or b"").decode("utf-8", "replace"),
        priority=_number(priority),
        n=_number(n),
        sent_ms=_number(sent),
        retries=_number(retries),
        deaths=_number(deaths),
        states=states,
        members=[_member(int(index), place, body) for index, place, body in items],
    )


def _member(index: int, place: bytes, body: bytes) -> Member:
    _, began, pid = (*place.split(b" "), b"", b"")[:3]
    return Member(index=index, began_ms=_number(began), pid=_number(pid), body=body)


def _number(text: bytes | None) -> int:
    """A number; 0 where it is none: who writes to Redis may write anything."""
    return int(text) if text and text.isdigit() and len(text) <= 16 else 0  # noqa: PLR2004 - ms
