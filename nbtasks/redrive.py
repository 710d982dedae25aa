"""Re-drive: what Redis forgets of this client's unfinished tasks is sent again, under the same id.

A Redis that is killed loses what it had not yet written, and a replica that takes its place what it
had not yet got. So the signed records stay here until their tasks have ended, up to a number of
bytes, whether or not anybody holds their results. The records of a canvas stay together: what waits
may need a task again that has ended long ago.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from nbtasks.clock import Clock
from nbtasks.errors import StoreRefused
from nbtasks.live import LiveRecord
from nbtasks.record import Record
from nbtasks.states import PENDING, REVOKED, SUCCESS, WAITING, is_finished
from nbtasks.store.canvases import CanvasRecords
from nbtasks.store.store import Found, Store

logger = logging.getLogger(__name__)

OVERHEAD: Final = 1100
"""Bytes that a kept record takes besides its bodies and its header, about."""
MEMBER_OVERHEAD: Final = 42
"""The same for each member: a bytes object and a place in a list."""


@dataclass(slots=True)
class Kept:
    """A record that has not ended, as far as is known; `sent` once a submit of it has returned."""

    record: Record
    blob: Callable[[], bytes]
    size: int
    code_size: int
    states: bytearray  # PENDING where no final state is known
    left: int
    since_wall_ms: int
    since_tick_ms: float
    seen_wall_ms: int
    sent: bool = False


@dataclass(slots=True)
class Canvas:
    """The records of a canvas, each after those it waits for, and those that have not ended."""

    rids: dict[str, None] = field(default_factory=dict[str, None])
    unfinished: set[str] = field(default_factory=set[str])


class Redrive:
    """Keeps the records of unfinished tasks, and sends again what was lost of them.

    Any thread may add and drop; only the event thread reports ends and checks.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, Kept] = {}
        self._codes: Counter[str] = Counter()
        self._canvases: dict[str, Canvas] = {}
        self._lock = threading.Lock()
        self._has_warned = False
        self.size = 0
        """Bytes kept, about."""

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, rid: str) -> bool:
        return rid in self._kept

    def keep(self, record: Record, blob: Callable[[], bytes], code_size: int, limit: int) -> bool:
        """Keep a record that is about to be submitted; False where it is kept, or does not fit.

        Args:
            record: What is submitted.
            blob: Gives its signed code.
            code_size: The bytes of that code; they count once for all records of the same code.
            limit: The bytes that may be kept in all (`redrive_bytes`).
        """
        count = len(record.bodies)
        size = (
            OVERHEAD + len(record.header) + MEMBER_OVERHEAD * count + sum(map(len, record.bodies))
        )
        now = self._clock.wall_ms()
        with self._lock:
            if record.rid in self._kept:
                return False
            more = size if self._codes[record.code] else size + code_size
            if self.size + more > limit:
                self._warn(record, limit)
                return False
            self.size += more
            self._codes[record.code] += 1
            self._kept[record.rid] = Kept(
                record, blob, size, code_size, bytearray([PENDING]) * count, count,
                now, self._clock.tick_ms(), now,
            )  # fmt: skip
            if record.edges is not None:
                canvas = self._canvases.setdefault(record.edges.root, Canvas())
                canvas.rids[record.rid] = None
                canvas.unfinished.add(record.rid)
        return True

    def sent(self, rid: str) -> None:
        """The submit of a kept record has returned: from now on it must not be lost."""
        kept = self._kept.get(rid)
        if kept is not None:
            kept.sent = True

    def drop(self, rid: str) -> None:
        """Let a record go: it ended, it was forgotten, or it could not be submitted."""
        with self._lock:
            kept = self._kept.pop(rid, None)
            if kept is None:
                return
            self.size -= kept.size
            code = kept.record.code
            self._codes[code] -= 1
            if not self._codes[code]:
                del self._codes[code]
                self.size -= kept.code_size
            root = kept.record.edges.root if kept.record.edges else ""
            canvas = self._canvases.get(root)
            if canvas is not None:
                canvas.rids.pop(rid, None)
                canvas.unfinished.discard(rid)
                if not canvas.rids:
                    del self._canvases[root]

    def ended(self, rid: str, start: int, states: bytes) -> None:
        """Members `start`.. of a record have reached these final states."""
        kept = self._kept.get(rid)
        if kept is None:
            return
        stop = start + len(states)
        kept.left -= kept.states[start:stop].count(PENDING)
        kept.states[start:stop] = states
        if kept.left <= 0:
            self._let_go(kept)

    def again(self, rid: str, index: int) -> None:
        """A member that had failed was queued again."""
        kept = self._kept.get(rid)
        if kept is not None and kept.states[index] != PENDING:
            kept.states[index] = PENDING
            kept.left += 1
            if kept.record.edges is not None and kept.record.edges.root in self._canvases:
                self._canvases[kept.record.edges.root].unfinished.add(rid)

    def check(self, store: Store, live: Mapping[str, LiveRecord], *, is_gapless: bool) -> None:
        """Ask the store for every kept record, and send again what it has lost.

        Args:
            store: The store.
            live: What is known of the records that somebody holds.
            is_gapless: Whether every event so far has been read. If not, a record that is not
                stored may have ended and expired meanwhile, and is sent again only where it cannot
                have expired yet.

        Raises:
            StoreUnavailable: Redis went away again; what is left is found at the next check.
        """
        rids = [rid for rid, kept in tuple(self._kept.items()) if kept.sent]
        lost: dict[str, dict[str, Found]] = {}
        for rid, found in store.look(rids):
            kept = self._kept.get(rid)
            if kept is None:
                continue
            match found:
                case Found.WHOLE:
                    kept.seen_wall_ms = self._clock.wall_ms()
                case Found.ENDED:
                    self._let_go(kept)
                case Found.NOT_STORED if not is_gapless and self._may_have_expired(kept):
                    logger.warning("task %s is no longer stored; it may have ended", rid)
                    self._let_go(kept)
                case Found.NOT_STORED | Found.IN_PART if kept.record.edges is not None:
                    lost.setdefault(kept.record.edges.root, {})[rid] = found
                case _:
                    self._send_again(store, kept, live.get(rid), found)
        for root, records in lost.items():
            self._send_canvas_again(store, root, records, live)

    def _let_go(self, kept: Kept) -> None:
        """A record has ended: it is needed no longer, unless others of its canvas have not."""
        rid, edges = kept.record.rid, kept.record.edges
        canvas = self._canvases.get(edges.root) if edges is not None else None
        if canvas is None:
            self.drop(rid)
            return
        canvas.unfinished.discard(rid)
        if not canvas.unfinished:
            for each in tuple(canvas.rids):
                self.drop(each)

    def _send_canvas_again(
        self, store: Store, root: str, lost: Mapping[str, Found], live: Mapping[str, LiveRecord]
    ) -> None:
        """Send what was lost of a canvas; it looks up what it waits for in what was not."""
        canvas = self._canvases.get(root)
        if canvas is None or not canvas.unfinished:
            return
        stored = [rid for rid in canvas.rids if rid not in lost]
        kept = [self._kept[rid] for rid in canvas.rids if rid in lost]
        records = [
            replace(self._as_it_is_now(each, live.get(each.record.rid)), edges=edges.again(stored))
            for each in kept
            if (edges := each.record.edges) is not None
        ]
        blobs = {each.record.code: each.blob for each in kept}
        try:
            store.discard(root, [rid for rid, found in lost.items() if found is Found.IN_PART])
            store.submit_canvas(CanvasRecords(root, records, {"nodes": [], "edges": []}), blobs)
        except StoreRefused as error:
            logger.warning("lost canvas %s cannot be sent again yet: %s", root, error)
            return
        logger.warning("Redis had lost %d records of canvas %s: sent again", len(records), root)
        for each, record in zip(kept, records, strict=True):
            self._note(each, record)

    def _may_have_expired(self, kept: Kept) -> bool:
        return self._clock.wall_ms() - kept.seen_wall_ms >= kept.record.keep_ms

    def _send_again(self, store: Store, kept: Kept, live: LiveRecord | None, found: Found) -> None:
        record = kept.record
        if found is not Found.WITHOUT_CODE:
            record = self._as_it_is_now(kept, live)
        try:
            if found is Found.IN_PART:
                store.withdraw(kept.record)
            store.submit(record, kept.blob)
        except StoreRefused as error:
            logger.warning("lost task %s cannot be sent again yet: %s", record.rid, error)
            return
        if found is Found.WITHOUT_CODE:
            logger.warning("Redis had lost the code of task %s: it was sent again", record.rid)
            return
        logger.warning("Redis had lost task %s (%s): it was sent again", record.rid, record.name)
        self._note(kept, record)

    @staticmethod
    def _note(kept: Kept, record: Record) -> None:
        """These are the states that it was sent again with."""
        states = record.states.replace(bytes([WAITING]), bytes([PENDING]))
        kept.states[:] = states or bytes([PENDING]) * len(kept.states)
        kept.left = kept.states.count(PENDING)

    def _as_it_is_now(self, kept: Kept, live: LiveRecord | None) -> Record:
        """The record with what is left of its delays, and what is known of its members' ends.

        A member stays ended only where its value is at hand, or where it was revoked: the others
        run again.
        """
        record, passed = kept.record, self._passed_ms(kept)
        waits = PENDING if record.edges is None else WAITING
        bodies, states = list(record.bodies), bytearray([waits]) * len(record.bodies)
        for index, state in enumerate(kept.states):
            value = live.bodies.get(index) if live is not None and state == SUCCESS else None
            if value is not None:
                bodies[index] = value
                states[index] = SUCCESS
            elif state == REVOKED:
                states[index] = REVOKED
        return replace(
            record,
            bodies=bodies,
            states=bytes(states) if any(map(is_finished, states)) else b"",
            delay_ms=max(0, record.delay_ms - passed),
            expires_ms=max(1, record.expires_ms - passed) if record.expires_ms else 0,
            max_queued=0,
            unique=record.unique and f"+{record.unique}",
        )

    def _passed_ms(self, kept: Kept) -> int:
        """Ms since its submit, by two clocks: one stands still in a sleeping laptop, one is set."""
        by_wall = self._clock.wall_ms() - kept.since_wall_ms
        return max(by_wall, round(self._clock.tick_ms() - kept.since_tick_ms))

    def _warn(self, record: Record, limit: int) -> None:
        if not self._has_warned:
            self._has_warned = True
            logger.warning(
                "unfinished tasks are above redrive_bytes (%s): task %s and others after it are"
                " not kept here, and are not sent again should Redis lose them",
                f"{limit:,}",
                record.rid,
            )
