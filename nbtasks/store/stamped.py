"""Tasks by the headers that stamping has put on them."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from nbtasks.errors import NbTasksError, UnknownTask
from nbtasks.record import Header
from nbtasks.store.store import Store

PAGE: Final = 500
"""Keys looked at in one round trip."""

_SEVERAL: Final = frozenset({list, tuple, set})


def revoke_stamped(store: Store, stamps: Mapping[str, Any], *, terminate: bool, signal: str) -> int:
    """End what has not finished of all tasks with one of these stamps; returns how many.

    Those that wait come before those they wait for: otherwise they would end as failed.
    """
    found = {rid: (n, header) for rid, n, header in _stamped(store) if _has_one(header, stamps)}
    before = {rid: _sources(header) & found.keys() for rid, (_, header) in found.items()}
    count = 0
    for rid in reversed(_in_order(before)):
        with suppress(UnknownTask):  # it has expired, or is not stored whole
            count += store.revoke(rid, 0, found[rid][0], terminate=terminate, signal=signal)
    return count


def _in_order(before: Mapping[str, set[str]]) -> list[str]:
    """Records, each after those that are before it; in any order where they say nonsense."""
    try:
        return list(TopologicalSorter(before).static_order())
    except CycleError:
        return list(before)


def _stamped(store: Store) -> Iterator[tuple[str, int, Header]]:
    """All records with stamps that have not ended: id, members, header."""
    prefix, cursor = store.keys.record(""), 0
    while True:
        cursor, keys = store.call("SCAN", cursor, "MATCH", f"{escaped(prefix)}*", "COUNT", PAGE)
        rids = [key.decode().removeprefix(prefix) for key in keys]
        for rid, n, data in store.run_script("stamped", *rids):
            with suppress(NbTasksError):  # of another version
                yield rid.decode(), int(n), Header.decode(data)
        if int(cursor) == 0:
            return


def escaped(prefix: str) -> str:
    """As a pattern that matches just this."""
    return "".join(f"\\{each}" if each in "*?[]\\" else each for each in prefix)


def _has_one(header: Header, wanted: Mapping[str, Any]) -> bool:
    stamps = header.stamps
    return any(
        not _values(value).isdisjoint(_values(stamps[name]))
        for name, value in wanted.items()
        if name in stamps
    )


def _values(stamp: Any) -> set[str]:
    """What a stamp says, or each of what it says, in a form that can be compared."""
    several: Iterable[Any] = stamp if type(stamp) in _SEVERAL else (stamp,)
    return set(map(repr, several))


def _sources(header: Header) -> set[str]:
    """The records that one takes values from."""
    sources = header.inputs.sources if header.inputs is not None else ()
    return {source[1:].partition("/")[0] for source in sources}
