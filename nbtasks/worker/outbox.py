"""What a child has to tell its parent: results and reports, merged, but never held back for long."""

import socket
import threading
from collections.abc import Callable
from typing import Any, Final

from nbtasks.clock import Clock
from nbtasks.worker.frames import send_frame

HOLD_RESULTS_MS: Final = 10.0
HOLD_REPORTS_MS: Final = 100.0


class Outbox:
    """Sends at once what is rare, and merges what is frequent.

    Results of a slice of short members go together, but after `HOLD_RESULTS_MS` a thread sends what
    is there, so that a long member does not hold back its neighbours' results. The first report
    after a pause goes at once, later ones ten times a second.
    """

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self._sock = sock
        self._clock = clock
        self._lock = threading.Lock()
        self._armed = threading.Event()
        self._idle = threading.Event()
        self._thread: threading.Thread | None = None
        self._delivery = 0
        self._start = 0
        self._states = bytearray()
        self._bodies: list[bytes] = []
        self._began = 0.0
        self._reports: list[tuple[str, int, str]] = []
        self._last_report = -HOLD_REPORTS_MS

    def begin(self, delivery: int, start: int, members: int) -> None:
        """The next results are of this delivery, from member `start` on."""
        with self._lock:
            self._delivery = delivery
            self._start = start
            self._began = self._clock.tick_ms()
        if members > 1:
            self._arm()

    def result(self, state: int, body: bytes) -> None:
        """The next member has ended."""
        with self._lock:
            self._states.append(state)
            self._bodies.append(body)

    def report(self, kind: str, index: int, data: str) -> None:
        """A member tells something: `p` its progress (the newest counts), `o` what it wrote."""
        with self._lock:
            reports = self._reports
            if reports and reports[-1][:2] == (kind, index):
                before = reports.pop()[2]
                same = kind == "o" and before[:1] == data[:1]
                if same:
                    data = before + data[1:]
                elif kind == "o":
                    reports.append((kind, index, before))
            reports.append((kind, index, data))
            if self._clock.tick_ms() - self._last_report >= HOLD_REPORTS_MS:
                self._send_reports()
                return
        self._arm()

    def dropped(self, index: int) -> None:
        """Members `index`.. are not begun."""
        with self._lock:
            self._send_results()
            send_frame(self._sock, ("dropped", self._delivery, index))

    def flush(self) -> None:
        """Send everything now."""
        with self._lock:
            self._send_reports()
            self._send_results()

    def _send_reports(self) -> None:
        if self._reports:
            self._last_report = self._clock.tick_ms()
            send_frame(self._sock, ("report", self._delivery, self._reports))
            self._reports = []

    def _send_results(self) -> None:
        count = len(self._states)
        if count:
            now = self._clock.tick_ms()
            spent_us = int((now - self._began) * 1000)
            message = (
                "done",
                self._delivery,
                self._start,
                bytes(self._states),
                spent_us,
                self._bodies,
            )
            send_frame(self._sock, message)
            self._start += count
            self._began = now
            self._states = bytearray()
            self._bodies = []

    def _arm(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="nbtasks-outbox", daemon=True)
            self._thread.start()
        self._armed.set()

    def _watch(self) -> None:
        while True:
            self._armed.wait()
            self._armed.clear()
            while (wait := self._send_overdue()) is not None:
                self._idle.wait(wait / 1000)

    def _send_overdue(self) -> float | None:
        """Send what has waited long enough; ms until more is due, None when nothing waits."""
        with self._lock:
            now = self._clock.tick_ms()
            waits: list[float] = []
            results = self._began + HOLD_RESULTS_MS - now if self._states else None
            reports = self._last_report + HOLD_REPORTS_MS - now if self._reports else None
            for wait, send in ((reports, self._send_reports), (results, self._send_results)):
                _send_or_keep(wait, send, waits)
            return min(waits, default=None)


def _send_or_keep(wait: float | None, send: Callable[[], Any], waits: list[float]) -> None:
    if wait is None:
        return
    if wait > 0:
        waits.append(wait)
    else:
        send()
