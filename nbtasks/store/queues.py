"""Queues as a whole: pausing them, and purging what waits in them."""

from collections.abc import Mapping
from typing import Final

from nbtasks.record import check_queue
from nbtasks.store.store import Store

READY: Final = "r"
SCHEDULED: Final = "s"


def pause_queue(store: Store, queue: str) -> bool:
    """Have no worker take anything from a queue until `resume_queue`; False where it was paused.

    What runs goes on. It is a fact in Redis: it outlives workers and clients.

    Raises:
        ConfigError: No queue can have this name.
    """
    return bool(store.run_script("pause", check_queue(queue), "1"))


def resume_queue(store: Store, queue: str) -> bool:
    """Have workers take from a queue again; False where it was not paused.

    Raises:
        ConfigError: No queue can have this name.
    """
    return bool(store.run_script("pause", check_queue(queue), ""))


def paused_queues(store: Store) -> Mapping[str, int]:
    """The queues that are paused, and since when: ms since 1970, by Redis' clock."""
    flat: list[bytes] = store.call("HGETALL", store.keys.paused)
    texts = [item.decode("utf-8", "replace") for item in flat]
    since = (int(text) if text.isdecimal() else 0 for text in texts[1::2])
    return dict(zip(texts[::2], since, strict=True))


def purge_queue(store: Store, queue: str, *, scheduled: bool = False) -> int:
    """End what waits in a queue now, as if it were revoked; returns how many tasks that were.

    What runs goes on, what is sent meanwhile stays, and so do tasks of a canvas that wait for
    others: those fail, or run, as the canvas has it. Thousands of tasks take several steps, between
    which Redis serves others.

    Args:
        store: The store.
        queue: The queue.
        scheduled: End also what is not due yet: countdowns, etas and retries.

    Raises:
        ConfigError: No queue can have this name.
    """
    name = check_queue(queue)
    kinds = (SCHEDULED, READY) if scheduled else (READY,)
    return sum(_purge(store, name, kind) for kind in kinds)


def _purge(store: Store, queue: str, kind: str) -> int:
    count, more, place = 0, 1, b""
    while more:
        ended, more, place = store.run_script("purge", queue, kind, place)
        count += ended
    return count
