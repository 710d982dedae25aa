"""What `nbtasks.testing` asks of Redis: to move the time of an app, to forget an app, to end.

What is due, expired or lost is said by the scripts, by the time of Redis. A process that has a fake
clock runs them with a few lines more (`_moved.lua`), which read from a key of the app how far the
clock was moved. The scripts of all other processes do not know that key.
"""

from contextlib import suppress
from typing import Final

from nbtasks.errors import StoreError
from nbtasks.store.link import Link
from nbtasks.store.scripts import SCRIPTS, make_scripts, read_files
from nbtasks.store.store import Store

_TIME: Final = "local TIME = redis.call('TIME')\n"
_KEPT_MS: Final = 86_400_000


def let_time_move() -> None:
    """From now on this process runs the scripts that heed a fake clock."""
    texts = read_files()
    texts["_base"] = texts["_base"].replace(_TIME, f"{_TIME}{texts['_moved']}")
    SCRIPTS.update(make_scripts(texts))


def move(store: Store, ms: int) -> None:
    """Set the time of an app so many ms after that of Redis, for a day."""
    store.call("SET", f"{store.keys.prefix}moved", ms, "PX", _KEPT_MS)
    store.ahead_ms = ms


def next_entry_ms(store: Store) -> int | None:
    """When the next schedule entry is due, in ms from now by the clock that was moved."""
    first = store.call("ZRANGE", store.keys.due, 0, 0, "WITHSCORES")
    if not first:
        return None
    return max(0, int(float(first[1])) - store.now_ms())


def is_heard(store: Store) -> bool:
    """Whether this client has read all that it was told: what was read goes."""
    return not store.call("XLEN", store.keys.events(store.client))


def erase(store: Store) -> None:
    """Remove all that an app has in Redis; its name has nothing that a pattern gives a meaning."""
    cursor: object = b"0"
    while cursor is not None:
        cursor, keys = store.call("SCAN", cursor, "MATCH", f"{store.keys.prefix}*", "COUNT", 1000)
        if keys:
            store.call("UNLINK", *keys)
        cursor = None if cursor == b"0" else cursor


def shut_down(url: str) -> None:
    """End a server, and what it has."""
    link = Link(url)
    with suppress(StoreError):  # it closes the connection
        link.call("SHUTDOWN", "NOSAVE")
    link.close()
