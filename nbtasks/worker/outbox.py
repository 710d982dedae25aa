"""What a child has to tell its parent: results and reports, merged, but never held for long."""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from nbtasks.clock import Clock
from nbtasks.record import DROPPED, TEXT, WHOLE, Dropped
from nbtasks.worker.frames import send_frame

HOLD_RESULTS_MS: Final = 10.0
HOLD_REPORTS_MS: Final = 100.0
HOLD_PARTS: Final = 256_000
"""Bytes of parts above this go at once."""

HOLD_BYTES: Final = 1_000_000
"""Results above this go at once, so that no message to Redis becomes too large."""

MOST_TEXT: Final = 1_000_000
"""Characters between two reports; of more, the newest are kept, as the store does."""

MOST_SHOWN: Final = 1_500_000
"""Characters of what is displayed between two reports; of more, the newest are kept, too."""

MOST_PARTS: Final = 1000


@dataclass(slots=True)
class Written:
    """Text of one member to one stream, in pieces."""

    delivery: int
    index: int
    letter: str
    pieces: list[str] = field(default_factory=list[str])
    size: int = 0

    def add(self, text: str) -> int:
        """Append text; how many older lines are dropped for it."""
        self.pieces.append(text)
        self.size += len(text)
        return self.trim() if self.size > 2 * MOST_TEXT else 0

    def trim(self) -> int:
        """Keep the newest text only; how many lines are dropped."""
        if self.size <= MOST_TEXT:
            return 0
        text = "".join(self.pieces)
        dropped = text.count("\n", 0, -MOST_TEXT)
        kept = text[-MOST_TEXT:]
        self.pieces, self.size = [kept], len(kept)
        return max(1, dropped)

    def lines(self) -> int:
        """How many lines it has."""
        return max(1, sum(piece.count("\n") for piece in self.pieces))

    def data(self) -> bytes:
        """As a report holds it. File names may hold what is not text: that is spelt out."""
        return (self.letter + "".join(self.pieces)).encode("utf-8", "backslashreplace")


class Outbox:
    """Sends at once what is rare, and merges what is frequent.

    Results of a slice of short members go together, but after `HOLD_RESULTS_MS` a thread sends what
    is there, so that a long member does not hold back its neighbours' results. The first report
    after a pause goes at once, later ones ten times a second.
    """

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self._sock: socket.socket | None = sock
        self._clock = clock
        # Reentrant: a signal handler or a destructor may print while this very thread sends.
        self.lock = threading.RLock()
        self.hear: Callable[[], None] = _hear_nothing
        self._is_sending = False
        # Released to wake the thread. An Event would do, but is not reentrant.
        self._bell = threading.Lock()
        self._bell.acquire()
        self._idle = threading.Event()
        self._thread: threading.Thread | None = None
        self._has_ended = False
        self._delivery = 0
        self._start = 0
        self._left = 0
        self._states = bytearray()
        self._bodies: list[bytes] = []
        self._held = 0
        self._began = 0.0
        self._progress: dict[tuple[int, int], bytes] = {}
        self._parts: list[tuple[int, int, bytes]] = []
        self._parts_size = 0
        self._written: list[Written] = []
        # The newest of each member: many may write in turns, and only the order within one counts.
        self._newest: dict[tuple[int, int], Written] = {}
        self._omitted = 0
        self._shown = 0
        self._unshown = 0
        self._last_report = -HOLD_REPORTS_MS

    def begin(self, delivery: int, start: int, members: int) -> None:
        """The next results are of this delivery, from member `start` on."""
        with self.lock:
            self._delivery = delivery
            self._start = start
            self._left = members
            self._began = self._clock.tick_ms()

    def result(self, state: int, body: bytes) -> None:
        """The next member has ended."""
        if self._sock is None:
            os._exit(
                0
            )  # a process that the task forked came back from the task: not a second result
        with self.lock:
            self._states.append(state)
            self._bodies.append(body)
            self._left -= 1
            self._held += len(body)
            if self._held > HOLD_BYTES:
                self._send_results()
            elif self._left and len(self._states) == 1:
                self._arm()

    def ended(self, delivery: int, index: int, state: int, spent_us: int, body: bytes) -> None:
        """A member that runs beside others has ended."""
        if self._sock is None:
            os._exit(0)
        with self.lock:
            self._send_reports()
            self._send(("done", delivery, index, bytes([state]), spent_us, [body]))

    def progress(self, delivery: int, index: int, data: bytes) -> None:
        """A member tells how far it is; the newest counts."""
        with self.lock:
            self._progress[delivery, index] = data
            self._report()

    def write(self, delivery: int, index: int, letter: str, text: str) -> None:
        """A member wrote text to a stream."""
        if self._sock is None:  # we were forked: what we write is heard by the task's own process
            if letter in TEXT:
                os.write(TEXT[letter], text.encode("utf-8", "backslashreplace"))
            return
        with self.lock:
            self.hear()
            part = self._newest.get((delivery, index))
            if part is None or part.letter != letter or letter in WHOLE:
                part = self._newest[delivery, index] = Written(delivery, index, letter)
                self._written.append(part)
            self._omitted += part.add(text)
            if letter in WHOLE:
                self._shown += len(text)
                self._drop_displays()
            if len(self._written) > MOST_PARTS:
                self._drop_oldest()
            self._report()

    def part(self, delivery: int, index: int, data: bytes) -> None:
        """A member has yielded something; nothing of that is ever left out."""
        with self.lock:
            self._parts.append((delivery, index, data))
            self._parts_size += len(data)
            if self._parts_size > HOLD_PARTS and not self._is_sending:
                self._send_reports()
            else:
                self._report()

    def tell(self, *message: object) -> None:
        """Send something at once; a checkpoint comes behind the parts before it."""
        with self.lock:
            if self._parts:
                self._send_reports()
            self._send(message)

    def dropped(self, index: int) -> None:
        """Members `index`.. are not begun."""
        with self.lock:
            self._send_results()
            self._send(("dropped", self._delivery, index))

    def lend(self, delivery: int, index: int) -> None:
        """A member waits for other tasks; what its neighbours have done is not held back for it."""
        with self.lock:
            self._send_results()
            self._send(("lent", delivery, index))

    def resume(self, delivery: int, index: int) -> None:
        """It goes on."""
        with self.lock:
            self._send(("resumed", delivery, index))

    def retire(self, held: int) -> None:
        """This process holds so many bytes, and wants nothing more."""
        with self.lock:
            self._send(("retire", held))

    def flush(self) -> None:
        """Send everything now."""
        with self.lock:
            self._send_reports()
            self._send_results()

    def leave(self) -> None:
        """This is a process that the task has forked: the socket is its parent's alone."""
        sock, self._sock = self._sock, None
        self.lock = threading.RLock()  # another thread may have held the old one
        if sock is not None:
            sock.close()

    def end(self) -> None:
        """Nothing more comes: let the thread go, where its process stays."""
        self._has_ended = True
        self._idle.set()
        with suppress(RuntimeError):
            self._bell.release()

    @property
    def _has_reports(self) -> bool:
        return bool(self._written or self._progress or self._parts)

    def _report(self) -> None:
        if self._clock.tick_ms() - self._last_report < HOLD_REPORTS_MS:
            self._arm()
        elif not self._is_sending:
            self._send_reports()

    def _drop_oldest(self) -> None:
        self._drop(self._written[0])

    def _drop_displays(self) -> None:
        while self._shown > MOST_SHOWN:
            self._drop(next(part for part in self._written if part.letter in WHOLE))

    def _drop(self, part: Written) -> None:
        self._written.remove(part)
        if part.letter in WHOLE:
            self._shown -= part.size
            self._unshown += 1
        else:
            self._omitted += part.lines()
        if self._newest.get((part.delivery, part.index)) is part:
            del self._newest[part.delivery, part.index]

    def _send_reports(self) -> None:
        if not self._has_reports:
            return
        self._last_report = self._clock.tick_ms()
        written, progress = self._written, self._progress
        omitted = self._omitted + sum(part.trim() for part in written if part.letter not in WHOLE)
        dropped = Dropped(omitted, self._unshown)
        self._written, self._newest, self._progress = [], {}, {}
        self._omitted = self._shown = self._unshown = 0
        parts, self._parts, self._parts_size = self._parts, [], 0
        reports: dict[int, list[tuple[str, int, bytes]]] = {}
        for number, index, data in parts:
            reports.setdefault(number, []).append(("y", index, data))
        if any(dropped):
            data = (DROPPED + dropped.text()).encode()
            first = reports.setdefault(written[0].delivery, [])
            first.append(("o", written[0].index, data))
        for part in written:
            reports.setdefault(part.delivery, []).append(("o", part.index, part.data()))
        for (delivery, index), data in progress.items():
            reports.setdefault(delivery, []).append(("p", index, data))
        for delivery, items in reports.items():
            self._send(("report", delivery, items))

    def _send_results(self) -> None:
        count = len(self._states)
        if not count:
            return
        # The parent takes nothing more from a member that has ended.
        told = [*self._progress, *((part.delivery, part.index) for part in self._written)]
        told += [part[:2] for part in self._parts]
        ended = range(self._start, self._start + count)
        if any(number == self._delivery and index in ended for number, index in told):
            self._send_reports()
        now = self._clock.tick_ms()
        spent_us = int((now - self._began) * 1000)
        message = ("done", self._delivery, self._start, bytes(self._states), spent_us, self._bodies)
        self._start += count
        self._began = now
        self._held = 0
        self._states = bytearray()
        self._bodies = []
        self._send(message)

    def _send(self, message: tuple[object, ...]) -> None:
        if self._sock is not None:
            self._is_sending = True
            try:
                send_frame(self._sock, message)
            finally:
                self._is_sending = False

    def _arm(self) -> None:
        if self._sock is None:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="nbtasks-outbox", daemon=True)
            self._thread.start()
        with suppress(RuntimeError):  # it rings already
            self._bell.release()

    def _watch(self) -> None:
        while not self._has_ended:
            self._bell.acquire()
            with suppress(ConnectionError):  # the parent is gone: whoever reads here ends us
                while (wait := self._send_overdue()) is not None:
                    self._idle.wait(wait / 1000)

    def _send_overdue(self) -> float | None:
        """Send what has waited long enough; ms until more is due, None when nothing waits."""
        with self.lock:
            now = self._clock.tick_ms()
            waits: list[float] = []
            if self._has_reports:
                wait = self._last_report + HOLD_REPORTS_MS - now
                if wait > 0:
                    waits.append(wait)
                else:
                    self._send_reports()
            if self._states:
                wait = self._began + HOLD_RESULTS_MS - now
                if wait > 0:
                    waits.append(wait)
                else:
                    self._send_results()
            return min(waits, default=None)


def _hear_nothing() -> None:
    """Nothing else writes."""
