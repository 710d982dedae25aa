"""What happens to all tasks and workers of an app, as the monitoring stream tells it.

The scripts write it where they change something (store/lua/_monitor.lua), and only while somebody
listens; so nothing is missing between two entries, and an app without listeners pays for none. Each
entry has a number, and a listener is known by its name: where it was trimmed, or nobody was
registered for a while, a reader is told that it has missed something.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Final, TypeVar

from nbtasks.errors import StoreError, StoreUnavailable
from nbtasks.record import check_name
from nbtasks.store.items import (
    Began,
    Ended,
    Item,
    Progressed,
    Requeued,
    Retried,
    Returned,
    Said,
    Sent,
    Taken,
    WorkerSaid,
    read_items,
    read_number,
)
from nbtasks.store.link import Link
from nbtasks.store.recall import event_id
from nbtasks.store.store import Store, pauses

TTL_MS: Final = 60_000
"""How long a listener counts as one that does not read."""

AGAIN_MS: Final = 20_000
"""After so long a reader says again that it listens: a Redis that was emptied does not know it."""

KEEP: Final = 10_000
"""Entries kept for one that is behind, where it asks for no more."""

_FIRST: Final = "0-0"
_ANY: Final = -1
"""Whatever number comes next, it is known already that something is missing before it."""

_T = TypeVar("_T")

__all__ = [
    "Batch",
    "Began",
    "Ended",
    "Item",
    "Progressed",
    "Requeued",
    "Retried",
    "Returned",
    "Said",
    "Sent",
    "Taken",
    "Tidings",
    "WorkerSaid",
]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one read has brought.

    Attributes:
        items: In order.
        position: From where to go on, in another process too.
        missed: Whether something before these items is lost.
    """

    items: list[Item]
    position: str
    missed: bool


class Tidings:
    """Reads the monitoring stream, from now or from a position on. For one thread.

    It is registered when it is made, and again by each `read`.

    Args:
        store: Of which app.
        name: Who listens. One that names itself stays registered for `ttl_ms` after its last read,
            so that it misses nothing when it is started again.
        position: Where an earlier one was; empty for now.
        with_bodies: Whether arguments, values and errors are to be told, too.
        ttl_ms: How long it counts as listening that does not read.
        keep: Entries to keep for it while it is behind; the oldest go first.

    Raises:
        ConfigError: The name cannot be one.
        StoreUnavailable: Redis does not answer.
    """

    def __init__(
        self,
        store: Store,
        name: str = "",
        *,
        position: str = "",
        with_bodies: bool = True,
        ttl_ms: int = TTL_MS,
        keep: int = KEEP,
    ) -> None:
        self._store = store
        self._clock = store.clock
        self._name = check_name(name or f"listener-{os.urandom(6).hex()}", "listener")
        self._options = (ttl_ms, "b" if with_bodies else "-", keep)
        self._link = Link(store.url)
        self._last, _, number = position.partition("/")
        self._number = int(number or 0)
        self._missed = False
        self._registered = -inf
        self._is_aborted = False
        self._try(self._register)

    @property
    def position(self) -> str:
        """Behind the last item that was read."""
        return f"{self._last}/{self._number}"

    def read(self, wait_ms: int = 1000, count: int = 200) -> Batch:
        """What there is, once there is something or the wait is over.

        Args:
            wait_ms: How long to wait for the first entry.
            count: Entries to read, at most; each may hold many items.

        Raises:
            StoreUnavailable: Redis does not answer; the next read goes on where this one was.
        """
        entries = self._try(lambda: self._read(wait_ms, count))
        items: list[Item] = []
        for entry, fields in entries:
            self._last = entry.decode()
            number = read_number(fields)
            if number != self._number + 1 and self._number != _ANY:
                self._missed = True
            self._number = number
            items += read_items(int(self._last.partition("-")[0]), fields)
        missed, self._missed = self._missed, False
        return Batch(items, self.position, missed)

    def close(self, *, stay: bool = False) -> None:
        """Close the connection; with `stay` it counts as listening for as long as it has said."""
        for _ in range(0 if stay else 2):
            try:
                self._call("0", *self._options[1:])
                break
            except StoreError:
                self._link.close()  # an abort has hit it; the next command opens it again
        self._link.close()

    def abort(self) -> None:
        """From another thread: the read that is under way ends, and raises StoreUnavailable."""
        self._is_aborted = True
        self._link.abort()

    def _read(self, wait_ms: int, count: int) -> list[tuple[bytes, list[bytes]]]:
        often_ms = min(AGAIN_MS, self._options[0] // 3)
        if self._clock.tick_ms() - self._registered > often_ms:
            self._register()
        wait_ms = max(1, min(wait_ms, often_ms))
        key = f"{self._store.keys.prefix}ev"
        reply = self._link.call(
            "XREAD", "COUNT", count, "BLOCK", wait_ms, "STREAMS", key, self._last
        )
        return reply[0][1] if reply else []

    def _register(self) -> None:
        was_there, last, number = self._call(*self._options)
        self._registered = self._clock.tick_ms()
        if not self._last:
            self._last, self._number = last.decode(), int(number)
        elif not was_there or _is_before(last.decode(), self._last):
            # It was forgotten meanwhile, or this is another server: what is there is all there is.
            self._missed, self._number = True, _ANY
            if _is_before(last.decode(), self._last):
                self._last = _FIRST

    def _call(self, *options: object) -> list[bytes]:
        found: list[bytes] = self._link.call_script(
            "listen", self._store.keys.prefix, self._name, *options
        )
        return found

    def _try(self, run: Callable[[], _T]) -> _T:
        start = self._clock.tick_ms()
        for pause in pauses():
            try:
                if not self._link.is_open:
                    self._registered = -inf
                    self._link.open()
                return run()
            except StoreUnavailable as error:
                self._link.close()
                waited = self._clock.tick_ms() - start
                if self._is_aborted or waited > self._store.patience_ms:
                    url, reason, _ = error.args
                    raise StoreUnavailable(url, reason, waited / 1000) from error
            self._clock.pause(pause)
        raise AssertionError


def _is_before(one: str, other: str) -> bool:
    """Whether an entry of this id comes before another."""
    return event_id(one.encode()) < event_id(other.encode())
