"""Sending a record: in chunks, a few ahead of the replies; all of it or nothing."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from nbtasks.errors import ConfigError, QueueFull, StoreError, StoreRefused, StoreUnavailable
from nbtasks.record import Record
from nbtasks.serializers import encode_json
from nbtasks.store.keys import Keys
from nbtasks.store.link import REPLY_TIMEOUT, Link, script_call

CHUNK: Final = 2000
CHUNK_BYTES: Final = 8_000_000
IN_FLIGHT: Final = 4
SMALL: Final = 100
"""Records of one member that are sent in one go."""

CODE_TTL_MS: Final = 7 * 86_400_000
CODE_MISSING: Final = -1
ID_TAKEN: Final = -2
QUEUE_FULL: Final = -3
"""This and less: so many fewer as members wait."""


def send_record(
    link: Link, keys: Keys, client: str, record: Record, blob: Callable[[], bytes]
) -> str:
    """Store and queue a record, and its code where that is missing.

    Returns the id of another record that has its key, where it is unique; then nothing was stored.
    What was stored of a record that is refused half way, or interrupted, is withdrawn.

    Raises:
        QueueFull: The queue is bounded, and has no room for so many.
        StoreFull: Redis is at its maxmemory.
        StoreUnavailable: The connection was lost, or Redis lost what was sent before.
    """
    try:
        reply = _send(link, keys, client, record)
        if reply == CODE_MISSING:
            link.call("SET", keys.code(record.code), blob(), "PX", CODE_TTL_MS)
            reply = _send(link, keys, client, record)
    except (StoreRefused, KeyboardInterrupt):
        link.close()  # replies to what was sent ahead would be taken for those to other commands
        if len(record.bodies) > 1:
            with suppress(StoreError):  # where Redis is gone too, what is left expires in a day
                withdraw(link, keys, record)
        raise
    if reply == CODE_MISSING:
        raise StoreRefused(link.url, "it does not keep the code that was just stored")
    return reply if isinstance(reply, str) else ""


def send_small(link: Link, keys: Keys, client: str, records: Sequence[Record]) -> None:
    """Store many records of one member each, whose code is stored.

    Raises:
        ConfigError: A record of another size has the id of one.
        StoreFull: Redis is at its maxmemory.
        StoreUnavailable: The connection was lost.
    """
    sent: deque[Sequence[Record]] = deque()
    for at in range(0, len(records), SMALL):
        page = records[at : at + SMALL]
        link.send_all([small_call(keys, client, record) for record in page])
        sent.append(page)
        if len(sent) > 1:
            _read_small(link, sent.popleft())
    while sent:
        _read_small(link, sent.popleft())


def small_call(keys: Keys, client: str, record: Record) -> tuple[object, ...]:
    """The command that stores a record of one chunk."""
    args, fields = _arguments(client, record)
    head = (record.rid, 0, *args, record.states, _encoded(fields, record.keys, 0))
    return script_call("submit", keys.prefix, *head, *record.bodies)


def _read_small(link: Link, records: Sequence[Record]) -> None:
    for record in records:
        if _checked(int(link.read()), link, record) == CODE_MISSING:
            raise StoreUnavailable(link.url, "it lost code that was just stored")


def wait_for_replica(link: Link, ms: int) -> bool:
    """Whether a replica has, within this time, all that was sent on this connection."""
    link.send("WAIT", 1, ms)
    return int(link.read(ms / 1000 + REPLY_TIMEOUT)) > 0


def withdraw(link: Link, keys: Keys, record: Record) -> None:
    """Remove a record that is stored only in part."""
    if not link.is_open:
        link.open()
    bounds = [0, *(stop for _, stop in chunks(record.bodies))]
    link.call_script("withdraw", keys.prefix, record.rid, *bounds)


def chunks(bodies: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Ranges of members that go in one call: at most `CHUNK`, and about `CHUNK_BYTES`."""
    start = 0
    while start < len(bodies):
        stop, size = start, 0
        while stop < len(bodies) and stop - start < CHUNK and size < CHUNK_BYTES:
            size += len(bodies[stop])
            stop += 1
        yield start, stop
        start = stop


def _send(link: Link, keys: Keys, client: str, record: Record) -> int | str:
    """Send all chunks; the members stored, CODE_MISSING, or the record that has its key."""
    args, fields = _arguments(client, record)
    unread = reply = 0
    for start, stop in chunks(record.bodies):
        states = record.states if start == 0 else b""
        more = _encoded(fields, record.keys[start:stop], start)
        head = (record.rid, start, *args, states, more)
        link.send_script("submit", keys.prefix, *head, *record.bodies[start:stop])
        unread += 1
        if start == 0 or unread > IN_FLIGHT:
            found: int | list[bytes] = link.read()
            if isinstance(found, list):
                return found[0].decode()
            reply = int(found)
            unread -= 1
        if reply < 0:
            break
    for _ in range(unread):
        reply = int(link.read())
    return _checked(reply, link, record)


def _encoded(fields: Mapping[str, Any], keys: Sequence[str], start: int) -> bytes:
    """More fields of a record, with the keys of the limits of its members from `start` on."""
    if not fields and not keys:
        return b""
    return encode_json({**fields, **{f"l{start + at}": key for at, key in enumerate(keys)}})


def _arguments(client: str, record: Record) -> tuple[tuple[object, ...], Mapping[str, Any]]:
    """Arguments 3 to 14 of submit.lua, and what argument 16 says of all members."""
    edges, delay_ms, expires_ms = record.edges, record.delay_ms, record.expires_ms
    fields: dict[str, Any] = {"lim": record.limit} if record.limit else {}
    if edges is not None:
        fields |= edges.fields(delay_ms, expires_ms)
        delay_ms = expires_ms = 0
    return (
        len(record.bodies),
        record.header,
        record.queue,
        client,
        record.priority,
        record.unique,
        record.code,
        record.max_deliveries,
        record.keep_ms,
        delay_ms,
        expires_ms,
        record.max_queued,
    ), fields


def _checked(reply: int, link: Link, record: Record) -> int:
    count = len(record.bodies)
    if reply == ID_TAKEN:
        raise ConfigError(
            f"task_id {record.rid!r} is taken by another record, of another number of tasks or in"
            " another canvas: give this one an id of its own"
        )
    if reply <= QUEUE_FULL:
        raise QueueFull(record.queue, count, QUEUE_FULL - reply, record.max_queued)
    if reply != CODE_MISSING and reply < count:
        raise StoreUnavailable(link.url, f"it lost record {record.rid} while it was sent")
    return reply
