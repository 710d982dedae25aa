"""Schedule entries in Redis: added, looked at when they are due, fired once for each due time."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from nbtasks.errors import ConfigError, StoreRefused, StoreUnavailable
from nbtasks.record import KILL, Record
from nbtasks.serializers import encode_json
from nbtasks.store.canvases import Blobs, CanvasRecords, read_drawing
from nbtasks.store.keys import Keys
from nbtasks.store.link import Link, script_call
from nbtasks.store.store import Store
from nbtasks.store.submission import (
    CHUNK_BYTES,
    CODE_MISSING,
    CODE_TTL_MS,
    QUEUE_FULL,
    SMALL,
    send_record,
    small_call,
)

SCHEDULED: Final = "r"
BY_HAND: Final = "n"
BACKFILLED: Final = "b"
SKIPPED: Final = "s"
MISSED: Final = "m"
WAITS: Final = "w"

OWN_MS: Final = 5000
"""Whoever gets an entry to fire has it to himself for so long."""


_LISTED: Final = 100
"""Entries that one script tells of: it is not to hold Redis for longer than a millisecond."""


@dataclass(frozen=True, slots=True)
class Due:
    """An entry that is due.

    `is_running` where a run of it has not ended, `is_buffered` where it has waited for that.
    """

    name: str
    version: str
    due_ms: int
    is_running: bool
    is_buffered: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What `look` finds.

    `wait_ms` is None where nothing will be due; Redis' clock was set back by `back_ms` since
    anybody looked.
    """

    now_ms: int
    wait_ms: int | None
    back_ms: int
    due: Sequence[Due]


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """What becomes of a due time of an entry, or a run beside its schedule.

    Attributes:
        name: The entry.
        version: Which of its versions; empty beside the schedule.
        due_ms: The time.
        kind: One of the letters above.
        run: What runs, if anything does.
        count: How many times are not fired.
        last_ms: The last of them.
        next_ms: The next time; None for none.
        next_at_ms: When to fire that.
        ends_others: Whether the runs before it are to end.
    """

    name: str
    version: str = ""
    due_ms: int
    kind: str
    run: CanvasRecords | None = None
    count: int = 0
    last_ms: int = 0
    next_ms: int | None = None
    next_at_ms: int | None = None
    ends_others: bool = False

    @property
    def records(self) -> Sequence[Record]:
        """The records of what runs."""
        return self.run.records if self.run is not None else ()


def look(link: Link, keys: Keys, who: str, *, lead_ms: int, most: int, others_ms: int) -> Look:
    """What is due now, and when to look again.

    Args:
        link: The connection.
        keys: The app's keys.
        who: Who looks.
        lead_ms: The first who looks is told first for so long.
        most: Entries at a time.
        others_ms: How much later the others are told.
    """
    now, wait, back, *found = link.call_script(
        "due", keys.prefix, who, lead_ms, OWN_MS, most, others_ms
    )
    due = [
        Due(name.decode(), version.decode(), int(time), bool(running), bool(buffered))
        for name, version, time, running, buffered in found
    ]
    return Look(int(now), None if wait < 0 else int(wait), int(back), due)


def read_entries(link: Link, keys: Keys, names: Sequence[str]) -> list[bytes | None]:
    """What is stored of entries, signed; None where there is no such entry."""
    link.send_all([("HGET", keys.entry(name), "b") for name in names])
    return [link.read() for _ in names]


def entry_names(link: Link, keys: Keys) -> list[str]:
    """The names of all entries, those that are due first in front."""
    return [name.decode() for name in link.call("ZRANGE", keys.due, 0, -1)]


def tell_entries(link: Link, keys: Keys, names: Sequence[str]) -> list[list[bytes]]:
    """What there is to say of these entries, as entries.lua has it; a few in each round trip."""
    found: list[list[bytes]] = []
    for at in range(0, len(names), _LISTED):
        _, *items = link.call_script("entries", keys.prefix, *names[at : at + _LISTED])
        found += items
    return found


def fire(link: Link, keys: Keys, firings: Sequence[Firing]) -> list[int | StoreRefused]:
    """Fire entries, each of them once whoever else does the same; or note that they are not.

    Returns:
        For each 1 where it was done, 0 where it was done before or the entry has changed, and an
        error where Redis has no room for it.

    Raises:
        StoreUnavailable: The connection was lost.
    """
    found: list[int | StoreRefused] = []
    for page in _pages(firings):
        errors = _store_all(link, keys, [record for each in page for record in each.records])
        link.send_all([_call(keys, each) for each in page])
        replies = [_read(link) for _ in page]
        for firing, reply in zip(page, replies, strict=True):
            broken = [errors[record.rid] for record in firing.records if record.rid in errors]
            found.append(_said(link, firing, broken[0] if broken else reply))
    return found


def cancel_runs(link: Link, keys: Keys, name: str, before_ms: int) -> None:
    """End the runs of an entry that have not ended, of times before this."""
    items = iter(link.call("HGETALL", keys.runs(name)))
    for root, text in zip(items, items, strict=True):
        due, _, kind, _, ended, _ = text.decode().split()
        if ended != "0" or kind in {SKIPPED, MISSED} or int(due) >= before_ms:
            continue
        plan = link.call("HGET", keys.canvas(root.decode()), "plan")
        for node in reversed(read_drawing(plan)["nodes"] if plan else ()):
            with suppress(StoreRefused):
                link.call_script("revoke", keys.prefix, node["rid"], 0, node["n"], KILL, 0)


def send_codes(store: Store, blobs: Blobs) -> None:
    """Store the code that an entry needs, where it is not stored."""
    for name, blob in blobs.items():
        key = store.keys.code(name)
        if not store.call("EXISTS", key):
            store.call("SET", key, blob(), "PX", CODE_TTL_MS)


def _pages(firings: Sequence[Firing]) -> Iterator[list[Firing]]:
    page: list[Firing] = []
    size = count = 0
    for firing in firings:
        page.append(firing)
        count += 1 + len(firing.records)
        size += sum(len(body) for record in firing.records for body in record.bodies)
        if count >= SMALL or size >= CHUNK_BYTES:
            yield page
            page, size, count = [], 0, 0
    if page:
        yield page


def _store_all(link: Link, keys: Keys, records: Sequence[Record]) -> dict[str, StoreRefused]:
    """Store records, which are on hold; what was refused, by its id."""
    errors: dict[str, StoreRefused] = {}
    small = [record for record in records if len(record.bodies) == 1]
    link.send_all([small_call(keys, "", record) for record in small])
    for record, reply in zip(small, [_read(link) for _ in small], strict=True):
        if isinstance(reply, StoreRefused):
            errors[record.rid] = reply
        elif reply == CODE_MISSING:
            errors[record.rid] = _no_code(link, record)
        elif reply < 0:
            errors[record.rid] = StoreRefused(link.url, f"another task has the id {record.rid!r}")
    for record in records:
        if len(record.bodies) > 1:
            try:
                send_record(link, keys, "", record, lambda: b"")
            except (StoreRefused, ConfigError) as error:
                link.open()
                errors[record.rid] = StoreRefused(link.url, str(error))
    return errors


def _read(link: Link) -> int | StoreRefused:
    try:
        return int(link.read())
    except StoreRefused as error:
        return error


def _call(keys: Keys, firing: Firing) -> tuple[object, ...]:
    args: list[object] = [firing.name, firing.version, firing.due_ms, firing.kind, firing.count]
    args += [firing.last_ms]
    args += ["" if time is None else time for time in (firing.next_ms, firing.next_at_ms)]
    run = firing.run
    if run is not None:
        starts = [record for record in run.records if record.edges and record.edges.is_start]
        rooms = [item for each in starts for item in (each.queue, len(each.bodies))]
        keep = max(record.keep_ms for record in run.records)
        limit = max(record.max_queued for record in run.records)
        args += [run.root, keep, encode_json(run.drawing), len(run.records), limit, len(starts)]
        args += [len(run.records), *rooms]
        args += [record.rid for record in (*run.records, *starts)]
    return script_call("fire", keys.prefix, *args)


def _said(link: Link, firing: Firing, reply: int | StoreRefused) -> int | StoreRefused:
    if isinstance(reply, StoreRefused) or reply >= 0:
        return reply
    if reply <= QUEUE_FULL:
        return StoreRefused(link.url, f"a queue has no room for schedule entry {firing.name!r}")
    raise StoreUnavailable(link.url, f"it lost a run of schedule entry {firing.name!r}")


def _no_code(link: Link, record: Record) -> StoreRefused:
    return StoreRefused(
        link.url, f"the code of {record.name!r} is no longer stored: add the schedule entry again"
    )
