"""The store: one method is one script is one atomic change.

Every method may be repeated: ids are made by the client, takes carry a random token, so the loop
here (`_try`) sends a command again after a lost reply, with growing, random pauses, until Redis
answers or `patience_ms` is over.
"""

import os
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from nbtasks.clock import Clock
from nbtasks.errors import ConfigError, StoreError, StoreRefused, StoreUnavailable, UnknownTask
from nbtasks.record import SEPARATOR, STREAMS, Record
from nbtasks.store.keys import Keys
from nbtasks.store.link import Link

CHUNK: Final = 2000
CHUNK_BYTES: Final = 8_000_000
IN_FLIGHT: Final = 4
CODE_TTL_MS: Final = 7 * 86_400_000
REVOKE_BATCH: Final = CHUNK
"""As many as a submit queues as one slice, so that the slices are found again."""
CODE_MISSING: Final = -1
ID_TAKEN: Final = -2

_FIRST_PAUSE_MS = 20.0
_LONGEST_PAUSE_MS = 1000.0

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A record as the store has it: its header (JSON), queue, submit time (ms) and state bytes."""

    header: bytes
    queue: str
    submitted_ms: int
    states: bytes


@dataclass(frozen=True, slots=True)
class LogPart:
    """A piece of what a member wrote, and to which stream: `stdout`, `stderr` or `value`."""

    stream: str
    text: str


class Store:
    """What clients ask of Redis. Safe to use from many threads; reconnects by itself."""

    def __init__(self, url: str, app: str, clock: Clock, patience_ms: float) -> None:
        self.url = url
        self.keys = Keys(app)
        self.client = os.urandom(6).hex()
        self.clock = clock
        self.patience_ms = patience_ms
        self._link = Link(url)
        self._lock = threading.RLock()

    def connect(self) -> None:
        """Reach Redis now, or say at once why not.

        Raises:
            StoreUnavailable: Nobody answers at the URL.
            StoreRefused: Redis does not let us in.
        """
        with self._lock:
            self._link.open()

    def close(self) -> None:
        """Close the connection and drop this client's events."""
        with self._lock:
            if self._link.is_open:
                # Where Redis is gone, the stream's TTL removes it.
                with suppress(StoreError):
                    self._link.call("UNLINK", self.keys.events(self.client))
                self._link.close()

    def submit(self, record: Record, blob: Callable[[], bytes]) -> None:
        """Store and queue a record; `blob` gives the signed code, in case Redis does not have it.

        Raises:
            StoreUnavailable: Redis did not answer in time; it may have stored the record.
            StoreRefused: Redis has no room, or no right for us.
        """

        def run(link: Link) -> None:
            if _submit(link, self.keys, self.client, record) == CODE_MISSING:
                link.call("SET", self.keys.code(record.code), blob(), "PX", CODE_TTL_MS)
                if _submit(link, self.keys, self.client, record) == CODE_MISSING:
                    raise StoreRefused(
                        self._link.url, "it does not keep the code that was just stored"
                    )

        self._try(run)

    def revoke(self, rid: str, start: int, stop: int, *, terminate: bool) -> int:
        """End members [start, stop) that have not finished; returns how many.

        Raises:
            UnknownTask: No such record is stored.
        """
        revoked = 0
        for at in range(start, stop, REVOKE_BATCH):
            end = min(stop, at + REVOKE_BATCH)
            count = self._script("revoke", rid, at, end, int(terminate))
            if count < 0:
                raise UnknownTask(rid)
            revoked += count
        return revoked

    def watch(self, rid: str) -> Snapshot | None:
        """Follow a record from now on, and its states so far; None where it is not stored."""
        found = self._script("watch", rid, self.client)
        if found is None:
            return None
        header, queue, _, submitted, states = found
        return Snapshot(header, queue.decode(), int(submitted), states or b"")

    def bodies(self, rid: str, indices: Sequence[int], states: bytes) -> list[bytes | None]:
        """The signed values (or errors, by each state byte) of members; None where none is."""
        success = ord("S")
        found: list[bytes | None] = []
        for at in range(0, len(indices), CHUNK):
            part = zip(indices[at : at + CHUNK], states[at : at + CHUNK], strict=True)
            fields = [f"{'m' if state == success else 'e'}{i}" for i, state in part]
            found += self._call("HMGET", self.keys.record(rid), *fields)
        return found

    def forget(self, rid: str) -> bool:
        """Remove a finished record; False where one of its members has not finished."""
        return bool(self._script("forget", rid) >= 0)

    def log(self, rid: str, index: int) -> list[LogPart]:
        """What a member wrote, oldest first."""
        data = self._call("GET", self.keys.log(rid, index)) or b""
        parts = data.decode("utf-8", "replace").split(SEPARATOR)
        return [LogPart(STREAMS.get(part[0], "stdout"), part[1:]) for part in parts if part]

    def call(self, *command: object) -> Any:
        """Run a command that only reads."""
        return self._call(*command)

    def _script(self, name: str, *args: object) -> Any:
        return self._try(lambda link: link.call_script(name, self.keys.prefix, *args))

    def _call(self, *command: object) -> Any:
        return self._try(lambda link: link.call(*command))

    def _try(self, run: Callable[[Link], _T]) -> _T:
        with self._lock:
            start = self.clock.tick_ms()
            for pause in pauses():
                try:
                    if not self._link.is_open:
                        self._link.open()
                    return run(self._link)
                except StoreUnavailable as error:
                    self._link.close()
                    waited = self.clock.tick_ms() - start
                    if waited > self.patience_ms:
                        url, reason, _ = error.args
                        raise StoreUnavailable(url, reason, waited / 1000) from error
                except BaseException:
                    # Interrupted between a command and its reply: the next would read this reply.
                    self._link.close()
                    raise
                self.clock.pause(pause)
        raise AssertionError


def pauses() -> Iterator[float]:
    """Milliseconds between tries: growing, and random so that many clients do not come at once."""
    longest = _FIRST_PAUSE_MS
    while True:
        yield random.uniform(longest / 2, longest)  # noqa: S311 - jitter, not a secret
        longest = min(longest * 2, _LONGEST_PAUSE_MS)


def _submit(link: Link, keys: Keys, client: str, record: Record) -> int:
    """Send a record in chunks, a few ahead of the replies; the last reply, or CODE_MISSING."""
    args = (
        len(record.bodies),
        record.header,
        record.queue,
        client,
        record.priority,
        record.python,
        record.code,
        CODE_TTL_MS + record.delay_ms,
        record.max_deliveries,
        record.keep_ms,
        record.delay_ms,
        record.expires_ms,
    )
    unread = reply = 0
    for start, stop in chunks(record.bodies):
        link.send_script(
            "submit", keys.prefix, record.rid, start, *args, *record.bodies[start:stop]
        )
        unread += 1
        if start == 0 or unread > IN_FLIGHT:
            reply = int(link.read())
            unread -= 1
        if reply < 0:
            break
    for _ in range(unread):
        reply = int(link.read())
    if reply == ID_TAKEN:
        raise ConfigError(
            f"task_id {record.rid!r} is taken by another record, of another number of tasks: give"
            " this one an id of its own"
        )
    if reply == CODE_MISSING:
        return reply
    if reply < len(record.bodies):
        raise StoreUnavailable(link.url, f"it lost record {record.rid} while it was sent")
    return reply


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
