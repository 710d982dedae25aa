"""What is kept of a call once it was sent: its arguments, and when it has ended."""

from collections.abc import Sequence
from typing import Any, Final, cast

from nbtasks.connection import Connection
from nbtasks.live import LiveRecord
from nbtasks.record import Header
from nbtasks.serializers import Codec
from nbtasks.states import SUCCESS
from nbtasks.store.store import Store

KEPT_MS: Final = 86_400_000
"""How long a record is kept that does not say (_base.lua)."""

Arguments = tuple[Sequence[Any], dict[str, Any]]


def stored_arguments(
    connection: Connection, codec: Codec, record: LiveRecord, index: int
) -> Arguments | None:
    """What a member is called with; None where a value has taken its place, or nothing is stored.

    Raises:
        BadSignature: It is not signed by our key.
        ContentRefused: It is in a form that this app does not accept.
    """
    store, what = connection.store, f"the arguments of task {record.task_id(index)!r}"
    header, body = store.call("HMGET", store.keys.record(record.rid), "h", f"m{index}")
    # Read after it: a value that took the place meanwhile was not read as arguments.
    state = store.call("GETRANGE", store.keys.states(record.rid), index, index)
    if header is None or body is None or state in {b"", bytes([SUCCESS])}:
        return None
    seal = connection.signer.arguments(record.rid, header, Header.decode(header).key_id)
    return cast("Arguments", codec.decode(seal.open(index, body, what), what))


def stored_header(store: Store, record: LiveRecord) -> Header | None:
    """What a record says of itself; None where it is not stored.

    Raises:
        ConfigError: A newer nbtasks wrote it.
        BadSignature: No nbtasks wrote it.
    """
    data = store.call("HGET", store.keys.record(record.rid), "h")
    return None if data is None else Header.decode(data)


def stored_size(store: Store, record: LiveRecord, index: int) -> int:
    """The bytes of a member's arguments, or of the value that has taken their place."""
    return int(store.call("HSTRLEN", store.keys.record(record.rid), f"m{index}"))


def stored_end_ms(store: Store, record: LiveRecord) -> int | None:
    """When a record of one task has ended, in ms since 1970, by how long it is still kept.

    None where that is not known: it is of a canvas, which keeps what others need for longer.
    """
    key = store.keys.record(record.rid)
    keep, canvas = store.call("HMGET", key, "keep", "cv")
    left: int = store.call("PTTL", key)
    if record.n > 1 or canvas is not None or left < 0:
        return None
    return store.now_ms() - max(0, int(keep or KEPT_MS) - left)
