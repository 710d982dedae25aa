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
from enum import Enum
from itertools import count
from typing import Any, Final, TypeVar

from nbtasks.clock import Clock
from nbtasks.errors import (
    NotReplicated,
    QueueFull,
    StoreError,
    StoreFull,
    StoreUnavailable,
    UnknownTask,
)
from nbtasks.record import KILL, SEPARATOR, STREAMS, Record
from nbtasks.store.canvases import Blobs, CanvasRecords, send_canvas
from nbtasks.store.keys import Keys
from nbtasks.store.link import Link
from nbtasks.store.submission import CHUNK, send_record, wait_for_replica, withdraw

REVOKE_BATCH: Final = CHUNK
_LEFT_ALONE: Final = "-"
"""As many as a submit queues as one slice, so that the slices are found again."""

PARTS_BATCH: Final = 100
"""Parts in one reply."""

LOOK_BATCH: Final = 200
"""Records looked at by one script: it is not to hold Redis for longer than a millisecond."""

_FIRST_PAUSE_MS = 20.0
_LONGEST_PAUSE_MS = 1000.0

_T = TypeVar("_T")


class Found(Enum):
    """What is stored of a record; the values are the letters of look.lua."""

    NOT_STORED = "n"
    IN_PART = "i"
    WITHOUT_CODE = "c"
    ENDED = "e"
    WHOLE = "w"


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
        self.ahead_ms = 0  # a test may have moved the time: see testbed.py
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

    def submit(
        self,
        record: Record,
        blob: Callable[[], bytes],
        *,
        room_ms: float = 0,
        replica_ms: int = 0,
        patience_ms: float | None = None,
    ) -> str:
        """Store and queue a record; `blob` gives the signed code, in case Redis does not have it.

        Where there is no room for it, wait for some, `room_ms` at most. What fails leaves nothing
        behind, but a record of several chunks may have begun before one of them is refused.

        With `replica_ms`, wait so long for a replica to have it, too. `patience_ms` is for this
        submit, in place of the store's.

        Returns:
            The id of another record, which has the key of this one where it is unique: that is what
            runs, and this one was not stored. Else nothing.

        Raises:
            QueueFull: The queue is bounded, and has no room for so many.
            StoreFull: Redis is at its maxmemory.
            NotReplicated: It is stored, but no replica has confirmed it in time.
            StoreUnavailable: Redis did not answer in time; it may have stored the record.
            StoreRefused: Redis gives us no right to store it.
        """

        def run(link: Link) -> str:
            holder = send_record(link, self.keys, self.client, record, blob)
            self._replicate(link, holder or record.rid, replica_ms)
            return holder

        return self._send(run, room_ms, patience_ms)

    def submit_canvas(
        self,
        canvas: CanvasRecords,
        blobs: Blobs,
        *,
        room_ms: float = 0,
        replica_ms: int = 0,
        patience_ms: float | None = None,
    ) -> None:
        """The same for all records of a canvas: all of them, or none."""

        def run(link: Link) -> None:
            send_canvas(link, self.keys, self.client, canvas, blobs)
            self._replicate(link, canvas.root, replica_ms)

        self._send(run, room_ms, patience_ms)

    def _send(self, run: Callable[[Link], _T], room_ms: float, patience_ms: float | None) -> _T:
        start = self.clock.tick_ms()
        for pause in pauses():
            try:
                return self._try(run, patience_ms)
            except (QueueFull, StoreFull):
                if self.clock.tick_ms() + pause - start > room_ms:
                    raise
            self.clock.pause(pause)  # not in `_try`: others may use the connection meanwhile
        raise AssertionError

    @staticmethod
    def _replicate(link: Link, what: str, replica_ms: int) -> None:
        if replica_ms and not wait_for_replica(link, replica_ms):
            raise NotReplicated(what, replica_ms / 1000)

    def revoke(
        self, rid: str, start: int, stop: int, *, terminate: bool, signal: str = KILL
    ) -> int:
        """End members [start, stop) that have not finished; returns how many.

        With `terminate`, what runs gets a signal.

        Raises:
            UnknownTask: No such record is stored.
        """
        return self._revoke_all(rid, start, stop, signal if terminate else "")

    def revoke_waiting(self, rid: str, start: int, stop: int) -> int:
        """End members [start, stop) that no worker has begun; returns how many. What runs goes on.

        Raises:
            UnknownTask: No such record is stored.
        """
        return self._revoke_all(rid, start, stop, _LEFT_ALONE)

    def _revoke_all(self, rid: str, start: int, stop: int, signal: str) -> int:
        return sum(
            self._revoke(rid, at, min(stop, at + REVOKE_BATCH), signal)
            for at in range(start, stop, REVOKE_BATCH)
        )

    def _revoke(self, rid: str, start: int, stop: int, signal: str) -> int:
        args, tries = (rid, start, stop, signal), count()

        def run(link: Link) -> int:
            was_asked = next(tries) > 0
            return int(link.call_script("revoke", self.keys.prefix, *args, int(was_asked)))

        revoked = self._try(run)
        if revoked < 0:
            raise UnknownTask(rid)
        return revoked

    def watch(self, rid: str) -> Snapshot | None:
        """Follow a record from now on, and its states so far; None where it is not stored."""
        return next(self.watch_all([rid]))[1]

    def watch_all(self, rids: Sequence[str]) -> Iterator[tuple[str, Snapshot | None]]:
        """The same for many, a few in each round trip."""
        for at in range(0, len(rids), LOOK_BATCH):
            part = rids[at : at + LOOK_BATCH]
            for rid, found in zip(part, self.run_script("watch", self.client, *part), strict=True):
                if found is None:
                    yield rid, None
                else:
                    header, queue, submitted, states = found
                    yield rid, Snapshot(header, queue.decode(), int(submitted), states or b"")

    def look(self, rids: Sequence[str]) -> Iterator[tuple[str, Found]]:
        """What is stored of each of these records."""
        for at in range(0, len(rids), LOOK_BATCH):
            part = rids[at : at + LOOK_BATCH]
            letters = self.run_script("look", *part).decode()
            yield from zip(part, map(Found, letters), strict=True)

    def withdraw(self, record: Record) -> None:
        """Remove a record that is stored only in part; a whole one stays."""
        self._try(lambda link: withdraw(link, self.keys, record))

    def discard(self, root: str, rids: Sequence[str]) -> None:
        """Remove records of a canvas of which nothing has begun."""
        for at in range(0, len(rids), LOOK_BATCH):
            self.run_script("discard", root, *rids[at : at + LOOK_BATCH])

    def bodies(self, rid: str, indices: Sequence[int], states: bytes) -> list[bytes | None]:
        """The signed values (or errors, by each state byte) of members; None where none is."""
        success = ord("S")
        found: list[bytes | None] = []
        for at in range(0, len(indices), CHUNK):
            part = zip(indices[at : at + CHUNK], states[at : at + CHUNK], strict=True)
            fields = [f"{'m' if state == success else 'e'}{i}" for i, state in part]
            found += self._call("HMGET", self.keys.record(rid), *fields)
        return found

    def value_sizes(self, rid: str, indices: Sequence[int]) -> list[int]:
        """Bytes of the signed values of members that have succeeded; 0 where there is none."""
        sizes: list[int] = []
        for at in range(0, len(indices), CHUNK):
            sizes += self.run_script("weigh", rid, *indices[at : at + CHUNK])
        return sizes

    def forget(self, rid: str) -> bool:
        """Remove a finished record; False where one of its members has not finished."""
        return bool(self.run_script("forget", rid) >= 0)

    def join(
        self, rid: str, index: int, number: int = 0, sources: Sequence[str] = (), note: bytes = b""
    ) -> int:
        """Let the bodies of a running member's chords wait for more, and take it.

        Args:
            rid: Its record.
            index: Which member of it it is.
            number: How often it has done so before.
            sources: What they are to wait for, as in `inputs`; nothing to count them only.
            note: How their value is made of that, signed.

        Returns:
            How many bodies wait for the member; below 0 where its record is not stored.
        """
        return int(self.run_script("join", rid, index, number, " ".join(sources), note))

    def parts(self, rid: str, index: int, start: int) -> list[bytes]:
        """Signed parts that a member has yielded, from place `start` on, `PARTS_BATCH` at most."""
        key = self.keys.record(rid)
        count = int(self._call("HGET", key, f"pc{index}") or 0)
        stop = min(count, start + PARTS_BATCH)
        if start >= stop:
            return []
        found: list[bytes | None] = self._call(
            "HMGET", key, *(f"pt{index}:{at}" for at in range(start, stop))
        )
        return [body or b"" for body in found]  # what Redis has lost is refused: it is not signed

    def ask(self, rid: str, index: int, question: str) -> str:
        """Have a running member's worker say where it is; its state byte, empty for no record."""
        found: bytes = self.run_script("ask", rid, index, self.client, question)
        return found.decode()

    def log(self, rid: str, index: int) -> list[LogPart]:
        """What a member wrote, oldest first."""
        data = self._call("GET", self.keys.log(rid, index)) or b""
        return log_parts(data.decode("utf-8", "replace"))

    def call(self, *command: object) -> Any:
        """Run a command that only reads."""
        return self._call(*command)

    def now_ms(self) -> int:
        """What time it is for the scripts, in ms since 1970."""
        seconds, micros = self._call("TIME")
        return int(seconds) * 1000 + int(micros) // 1000 + self.ahead_ms

    def run_script(self, name: str, *args: object) -> Any:
        """Run one of our scripts, again where its reply was lost."""
        return self._try(lambda link: link.call_script(name, self.keys.prefix, *args))

    def attempt(self, run: Callable[[Link], _T]) -> _T:
        """Do several calls that may be repeated, again where one of their replies was lost."""
        return self._try(run)

    def _call(self, *command: object) -> Any:
        return self._try(lambda link: link.call(*command))

    def _try(self, run: Callable[[Link], _T], patience_ms: float | None = None) -> _T:
        patience_ms = self.patience_ms if patience_ms is None else patience_ms
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
                    if waited >= patience_ms:
                        url, reason, _ = error.args
                        raise StoreUnavailable(url, reason, waited / 1000) from error
                except (QueueFull, NotReplicated):
                    raise  # every reply was read: the connection is as good as before
                except BaseException:
                    # Interrupted between a command and its reply: the next would read this reply.
                    self._link.close()
                    raise
                self.clock.pause(pause)
        raise AssertionError


def log_parts(text: str) -> list[LogPart]:
    """The parts of a stored log."""
    parts = text.split(SEPARATOR)
    return [LogPart(STREAMS.get(part[0], "stdout"), part[1:]) for part in parts if part]


def pauses() -> Iterator[float]:
    """Milliseconds between tries: random below a growing bound, so that no crowd forms."""
    longest = _FIRST_PAUSE_MS
    while True:
        yield random.uniform(0.0, longest)  # noqa: S311 - jitter, not a secret
        longest = min(longest * 2, _LONGEST_PAUSE_MS)
