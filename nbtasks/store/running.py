"""What runs now, and where: by the leases, which are right while a worker is too busy to tell."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from nbtasks.errors import NbTasksError
from nbtasks.record import Header
from nbtasks.store.store import Store

OWNER: Final = 12
"""The first characters of a lease's token: which process of a worker took it (_base.lua)."""

LEASES: Final = 1000
"""As many are looked at: more is not for the eye."""

RECORDS: Final = 100
"""Of so many records the name is asked for, one after the other."""


def running_tasks(store: Store) -> Mapping[str, Sequence[str]]:
    """The names of the tasks that run, a name for each lease, by the `owner` of their worker."""
    leases = [lease.decode() for lease in store.call("ZRANGE", store.keys.lease, 0, LEASES - 1)]
    names: dict[str, str] = {}
    found: dict[str, list[str]] = defaultdict(list)
    for lease in leases:
        rid, *_, token = lease.rsplit(":", 3)
        if rid not in names:
            is_known = len(names) < RECORDS
            names[rid] = _name(
                store.call("HGET", store.keys.record(rid), "h") if is_known else None
            )
        found[token[:OWNER]].append(names[rid])
    return found


def _name(header: bytes | None) -> str:
    if header is not None:
        with suppress(NbTasksError):  # whoever writes to Redis may write anything
            return Header.decode(header).title
    return "?"
