"""Sending a canvas: all of its records are stored, then one call lets it begin."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from nbtasks.errors import ConfigError, QueueFull, StoreError, StoreRefused, StoreUnavailable
from nbtasks.record import Record
from nbtasks.serializers import decode_json, encode_json
from nbtasks.store.keys import Keys
from nbtasks.store.link import Link
from nbtasks.store.submission import CODE_TTL_MS, QUEUE_FULL, send_record, send_small

COMMIT: Final = 500
"""Records a call: it is not to hold Redis for long."""

Blobs = Mapping[str, Callable[[], bytes]]
"""By its name, what gives the signed code."""


@dataclass(frozen=True, slots=True)
class CanvasRecords:
    """The records of a canvas, each after those it waits for, and its drawing (JSON)."""

    root: str
    records: Sequence[Record]
    drawing: Mapping[str, Any]


def send_canvas(link: Link, keys: Keys, client: str, canvas: CanvasRecords, blobs: Blobs) -> None:
    """Store the records of a canvas, and queue those that wait for nothing.

    Nothing of it runs before all of it is stored; what is refused leaves nothing behind.

    Raises:
        QueueFull: A queue is bounded, and has no room for so many.
        StoreFull: Redis is at its maxmemory.
        ConfigError: A record of another size has an id of these.
        StoreUnavailable: The connection was lost, or Redis lost what was sent before.
    """
    try:
        _send_codes(link, keys, blobs)
        _send_records(link, keys, client, canvas, blobs)
        _commit(link, keys, canvas)
    except (StoreRefused, ConfigError, QueueFull, KeyboardInterrupt):
        link.close()  # replies to what was sent ahead would be taken for those to other commands
        with suppress(StoreError):  # where Redis is gone too, what is left expires in a day
            link.open()
            for page in _pages(canvas.records):
                rids = [record.rid for record in page]
                link.call_script("discard", keys.prefix, canvas.root, *rids)
        raise


def read_drawing(data: bytes) -> dict[str, Any]:
    """What `send_canvas` kept of how a canvas is drawn."""
    found: dict[str, Any] = decode_json(data)
    return found


def _send_codes(link: Link, keys: Keys, blobs: Blobs) -> None:
    names = list(blobs)
    for name in names:
        link.send("EXISTS", keys.code(name))
    missing = [name for name in names if not link.read()]
    for name in missing:
        link.call("SET", keys.code(name), blobs[name](), "PX", CODE_TTL_MS)


def _send_records(link: Link, keys: Keys, client: str, canvas: CanvasRecords, blobs: Blobs) -> None:
    small: list[Record] = []
    for record in canvas.records:
        if len(record.bodies) == 1:
            small.append(record)
        else:
            send_record(link, keys, client, record, blobs[record.code])
    send_small(link, keys, client, small)


def _commit(link: Link, keys: Keys, canvas: CanvasRecords) -> None:
    edges = [(record, record.edges) for record in canvas.records if record.edges]
    starts = [record for record, each in edges if each.is_start]
    # Those are linked to what was submitted before while nothing of the canvas runs.
    later = [record for record, each in edges if each.known and not each.is_start]
    queues: Counter[str] = Counter()
    for record in starts:
        queues[record.queue] += len(record.bodies)
    records = canvas.records
    keep = max(record.keep_ms for record in records)
    limit = max(record.max_queued for record in records)
    head = (canvas.root, keep, encode_json(canvas.drawing), len(records), limit)
    calls: list[tuple[Sequence[Record], Sequence[Record]]] = [(records, [*later, *starts])]
    if len(records) > COMMIT:
        calls = [(page, ()) for page in _pages(records)]
        calls += [((), page) for page in _pages([*later, *starts])]
    room = [item for pair in queues.items() for item in pair]
    for keeps, begins in calls:
        rids = [record.rid for record in (*keeps, *begins)]
        args = (len(room) // 2, len(keeps), *room, *rids)
        reply = int(link.call_script("commit", keys.prefix, *head, *args))
        if reply <= QUEUE_FULL:
            raise QueueFull(starts[0].queue, sum(queues.values()), QUEUE_FULL - reply, limit)
        if reply < 0:
            raise StoreUnavailable(link.url, f"it lost records of canvas {canvas.root}")
        room = []


def _pages(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    for at in range(0, len(records), COMMIT):
        yield records[at : at + COMMIT]
