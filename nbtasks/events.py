"""Events of this client: one thread, one blocking read, many listeners.

An entry of the stream is a flat list of items: kind, number of fields, fields (see
store/lua/_events.lua). The thread feeds them into the `LiveRecord`s that somebody still holds, and
lets widgets flush what changed. After a lost connection it asks the store for the state of every
unfinished record, so a gap in the stream is never a gap in what is known, and sends again what was
lost (`nbtasks.redrive`).
"""

import contextvars
import logging
import threading
from collections.abc import Callable, Iterable
from typing import Final
from weakref import WeakValueDictionary

from nbtasks.errors import BadSignature, ChordError, ContentRefused, StoreError, StoreUnavailable
from nbtasks.failure import Dependency, read_dependency, read_failure, system_failure
from nbtasks.flow import Flow
from nbtasks.live import ErrorText, EventId, LiveRecord, Progress
from nbtasks.record import STREAMS
from nbtasks.redrive import Redrive
from nbtasks.serializers import decode_json
from nbtasks.signing import SYSTEM, Signer
from nbtasks.states import FAILURE, RETRY, REVOKED, STATES, is_finished
from nbtasks.store.link import Link
from nbtasks.store.recall import event_id
from nbtasks.store.store import Snapshot, Store, pauses

logger = logging.getLogger(__name__)

BLOCK_MS: Final = 1000
COUNT: Final = 200
RESYNC_MS: Final = 15_000
"""How often unfinished records are looked up, in case the stream was cut, expired or flushed."""
STREAM_TTL_MS: Final = 82_800_000
STREAM_ENTRIES: Final = 10_000
"""A stream that nobody reads is kept for an hour more, and with as many entries (_events.lua)."""

LOOKED_AT: Final = 100
"""With more records than this nobody looks whether somebody waits: somebody may."""

Flusher = Callable[[float], float | None]


class EventStream:
    """Follows records for one client; its thread starts with the first of them.

    Args:
        store: The store.
        signer: Opens errors, for their words.
        redrive: What is to be sent again where it is lost.
        records: What an earlier connection followed; it is brought up to date first.
    """

    def __init__(
        self,
        store: Store,
        signer: Signer,
        redrive: Redrive,
        records: "WeakValueDictionary[str, LiveRecord]",
    ) -> None:
        self._store = store
        self._signer = signer
        self._redrive = redrive
        self._records = records
        self._clock = store.clock
        self._key = store.keys.events(store.client)
        self._flow = Flow()
        self._unsent: set[str] = set()
        self._asked: dict[str, Callable[[bytes], None]] = {}
        self._flushers: list[Flusher] = []
        self._flush_at: float | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closing = False
        self._last = b"0"
        self._down: tuple[float, StoreUnavailable] | None = None
        self._link = Link(store.url)
        self._synced = self._clock.tick_ms()
        self._is_behind = bool(records or len(redrive))
        self._read_wall_ms = 0 if self._is_behind else self._clock.wall_ms()
        if self._is_behind:
            self._start()

    def follow(self, record: LiveRecord, *, is_sent: bool = True) -> None:
        """Feed a record from now on; where it is not `is_sent` yet, `sent` is to be called."""
        if not is_sent:
            self._unsent.add(record.rid)
        self._records[record.rid] = record
        if self._thread is None:
            self._start()

    def sent(self, rid: str) -> None:
        """A record has been submitted, or has failed to: the store may be asked for it."""
        self._unsent.discard(rid)

    def find(self, rid: str) -> LiveRecord | None:
        """A record that is followed already."""
        return self._records.get(rid)

    def note_again(self, members: Iterable[tuple[str, int, int]]) -> None:
        """Members that had failed wait again: record, index, and how often by now.

        Events tell it too, but a wait that begins now must not take an old end for a new one.
        """
        for rid, index, number in members:
            if (record := self.find(rid)) is not None:
                record.again(index, number)

    def expect(self, question: str, call: Callable[[bytes], None]) -> None:
        """Call back from the event thread with the answer to a question, until `give_up`."""
        self._asked[question] = call
        if self._thread is None:
            self._start()

    def give_up(self, question: str) -> None:
        """Nobody waits for that answer any more."""
        self._asked.pop(question, None)

    def add_flusher(self, flusher: Flusher) -> None:
        """Call `flusher(now_ms)` after each batch of events, and again after the ms it returns."""
        self._flushers.append(flusher)

    def remove_flusher(self, flusher: Flusher) -> None:
        """Stop calling it."""
        self._flushers = [kept for kept in self._flushers if kept is not flusher]

    def check(self) -> None:
        """Raise StoreUnavailable where Redis has been out of reach for longer than the patience."""
        down = self._down
        if down is not None:
            since, error = down
            waited = self._clock.tick_ms() - since
            if waited > self._store.patience_ms:
                url, reason, _ = error.args
                raise StoreUnavailable(url, reason, waited / 1000) from error

    def close(self) -> None:
        """End the thread."""
        self._closing = True
        self._link.abort()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(BLOCK_MS / 1000 + 1)

    def _is_closing(self) -> bool:
        return self._closing  # asked anew: another thread sets it

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                # A context of its own: a thread with a cell's context writes into that cell.
                run = contextvars.Context().run
                self._thread = threading.Thread(
                    target=run, args=(self._run,), name="nbtasks-events", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        link = self._link
        waits = pauses()
        while not self._closing:
            try:
                if not link.is_open:
                    link.open()
                if self._is_behind:
                    self._resync(link)
                    self._is_behind, self._down = False, None
                    waits = pauses()
                count = self._read(link, self._wait_ms())
                now = self._clock.tick_ms()
                if rest := self._flow.rest_ms(now, count, self._is_awaited):
                    self._clock.pause(rest)
                if self._clock.tick_ms() - self._synced >= RESYNC_MS:
                    self._resync(link)
            except StoreUnavailable as error:
                link.close()
                self._is_behind = True
                if self._is_closing():
                    break
                if self._down is None:
                    self._down = self._clock.tick_ms(), error
                    logger.warning("%s; trying again", error)
                self._clock.pause(next(waits))
            except StoreError:
                logger.exception("events cannot be read")
                self._clock.pause(next(waits))
            self._flush()
        link.close()

    def _wait_ms(self) -> int:
        if self._flush_at is None:
            return BLOCK_MS
        return int(min(BLOCK_MS, max(1.0, self._flush_at - self._clock.tick_ms())))

    def _is_awaited(self) -> bool:
        if self._asked or len(self._records) > LOOKED_AT:
            return True
        held = (reference() for reference in self._records.valuerefs())
        return any(record is not None and record.is_awaited() for record in held)

    def _read(self, link: Link, wait_ms: int) -> int:
        """One read, which waits for so long (0: not at all), and all it brought; how many entries.

        Entries that were read go, so that the stream does not grow.
        """
        block = ("BLOCK", wait_ms) if wait_ms else ()
        reply = link.call("XREAD", "COUNT", COUNT, *block, "STREAMS", self._key, self._last)
        self._read_wall_ms = self._clock.wall_ms()
        if not reply:
            return 0
        entries = reply[0][1]
        for entry, fields in entries:
            self._last = entry
            try:
                self._apply_entry(fields, event_id(entry))
            except Exception:  # who writes nonsense here must not end all that comes after it
                logger.exception("entry %r of the event stream cannot be read", entry)
        link.send("XTRIM", self._key, "MINID", _after(self._last))
        link.read()
        return len(entries)

    def _catch_up(self, link: Link) -> bool:
        """Read all that is there now; whether no event can have been missed before."""
        away_ms = self._clock.wall_ms() - self._read_wall_ms
        seconds, _ = link.call("TIME")
        if int(self._last.split(b"-")[0]) > int(seconds) * 1000 + 999:
            self._last = b"0"  # another server, whose clock is behind, took the place of the first
        total = 0
        while count := self._read(link, 0):
            total += count
        return away_ms < STREAM_TTL_MS and total < STREAM_ENTRIES

    def _apply_entry(self, fields: list[bytes], event: EventId) -> None:
        at = 0
        while at < len(fields) and fields[at]:
            count = int(fields[at + 1])
            item = fields[at + 2 : at + 2 + count]
            rid = item[0].decode()
            record = self._records.get(rid)
            if fields[at] == b"k" and (call := self._asked.get(item[2].decode())) is not None:
                call(item[3])
            if fields[at] == b"f" and rid in self._redrive:
                self._redrive.ended(rid, int(item[1]), item[2])
            if fields[at] == b"q" and rid in self._redrive:
                self._redrive.again(rid, int(item[1]))
            if record is not None and fields[at] != b"k":
                try:
                    self._apply(record, fields[at], item, event)
                except Exception:  # one broken event must not end all others
                    logger.exception("event of task %s cannot be read", record.rid)
            at += 2 + count

    def _apply(self, record: LiveRecord, kind: bytes, item: list[bytes], event: EventId) -> None:
        index = int(item[1])
        if not 0 <= index <= record.n - (len(item[2]) if kind == b"f" else 1):
            raise ValueError(f"there is no member {index}")
        match kind:
            case b"f":
                if not all(code in STATES and is_finished(code) for code in set(item[2])):
                    raise ValueError(f"{item[2]!r} are not final states")
                states, worker, bodies = item[2], item[3].decode(), item[5:]
                self._read_errors(record, index, states, bodies)
                record.finish(index, states, bodies, worker, event[0])
            case b"s":
                record.begin(index, item[2].decode(), int(item[3]))
            case b"p":
                record.report(index, read_progress(item[2]))
            case b"o":
                text = item[2].decode("utf-8", "replace")
                record.write(index, STREAMS.get(text[:1], "stdout"), text[1:], event)
            case b"q":
                record.hear_again(index, int(item[2]))
            case b"y":
                record.touch(index)
            case _:
                self._apply_back(record, kind, index, item, event[0])

    def _apply_back(
        self, record: LiveRecord, kind: bytes, index: int, item: list[bytes], at_ms: int
    ) -> None:
        """A member waits again: after an error (`r`), or because its worker was lost (`b`)."""
        if kind not in {b"r", b"b"}:
            logger.warning("unknown event %r of task %s", kind, record.rid)
        elif kind == b"r":
            self._read_errors(record, index, bytes([FAILURE]), item[3:4])
            record.back(index, RETRY, at_ms)
        elif item[2] in {b"p", b"w"}:
            record.back(index, item[2][0], at_ms)
        else:
            raise ValueError(f"{item[2]!r} is no state to come back to")

    def _read_errors(
        self, record: LiveRecord, start: int, states: bytes, bodies: list[bytes]
    ) -> None:
        """The words of failed members, for boards; unpickles nothing."""
        if FAILURE not in states and REVOKED not in states:
            return
        for index, (state, body) in enumerate(zip(states, bodies, strict=False), start):
            if body and state in {FAILURE, REVOKED}:
                task_id = record.task_id(index)
                record.errors[index] = self.error_text(record.rid, index, task_id, body)

    def error_text(self, rid: str, index: int, task_id: str, body: bytes) -> ErrorText:
        """A failed member in words; unpickles nothing."""
        if body[:1] == SYSTEM:
            if (blamed := read_dependency(body)) is not None:
                record = self._records.get(blamed.rid)
                return blame(blamed, record.errors.get(blamed.index) if record else None)
            error: Exception = system_failure(body, task_id)
            return ErrorText(type(error).__name__, str(error))
        try:
            payload = self._signer.results(rid).open(index, body, f"the result of task {task_id!r}")
        except (BadSignature, ContentRefused) as refused:
            return ErrorText(type(refused).__name__, str(refused))
        if bytes(payload[:1]) != b"E":
            return ErrorText("Error", "")
        failure = read_failure(payload)
        return ErrorText(failure.type_name, failure.text, failure.traceback)

    def _flush(self) -> None:
        now = self._clock.tick_ms()
        waits: list[float] = []
        for flusher in self._flushers:
            try:
                wait = flusher(now)
            except Exception:  # a broken widget must not end the others
                logger.exception("a widget could not be updated")
                continue
            if wait is not None:
                waits.append(wait)
        self._flush_at = now + min(waits) if waits else None

    def _resync(self, link: Link) -> None:
        """Find out what the stream did not tell: it may have been cut, or Redis lost its data."""
        is_gapless = self._catch_up(link)
        self._synced = self._clock.tick_ms()
        self._redrive.check(self._store, self._records, is_gapless=is_gapless)
        # `valuerefs` is one step; a walk over `values` fails when a record is followed meanwhile.
        held = [record for reference in self._records.valuerefs() if (record := reference())]
        unfinished = {
            record.rid: record
            for record in held
            if not record.is_done(None) and record.rid not in self._unsent
        }
        for rid, snapshot in self._store.watch_all(list(unfinished)):
            if snapshot is not None:
                apply_snapshot(unfinished[rid], snapshot, self._clock.wall_ms())
            elif rid not in self._redrive:
                unfinished[rid].lose()


def blame(blamed: Dependency, known: ErrorText | None) -> ErrorText:
    """A task that was not run, in words; `known` is what is known of the error before it."""
    if known is not None and not blamed.is_chord:
        return known
    reason = ": ".join(filter(None, (known.type_name, known.text))) if known is not None else ""
    text = str(ChordError(blamed.task_id, reason))
    return ErrorText(ChordError.__name__, text, known.traceback if known is not None else "")


def read_progress(data: bytes) -> Progress:
    """What a member has told of how far it is."""
    current, total, message, *own = decode_json(data)
    state, meta = own or ("", None)
    return Progress(current, total, message, state, meta)


def apply_snapshot(record: LiveRecord, snapshot: Snapshot, at_ms: int) -> None:
    """Bring a record up to what the store says; values are fetched when asked for.

    Args:
        record: The record.
        snapshot: What the store says.
        at_ms: When that was; 0 where what has ended may have ended long before.
    """
    record.hear_all()
    for index, state in enumerate(snapshot.states[: record.n]):
        if state == record.states[index] or state not in STATES:
            continue
        if is_finished(state):
            record.finish(index, bytes([state]), [b""], "", at_ms)
        else:
            record.move(index, state)


def _after(entry: bytes) -> str:
    milliseconds, _, sequence = entry.partition(b"-")
    return f"{milliseconds.decode()}-{int(sequence) + 1}"
