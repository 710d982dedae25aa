"""Timetable: what is scheduled, live, with what is done to it."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from nbtasks.app import App
from nbtasks.clock import Clock
from nbtasks.errors import NbTasksError
from nbtasks.notebook.feed import (
    CODE_FAILURE,
    CODE_PENDING,
    CODE_REVOKED,
    CODE_STARTED,
    CODE_SUCCESS,
    Feed,
)
from nbtasks.notebook.listing import View
from nbtasks.notebook.live_view import Answer, Message
from nbtasks.notebook.standing import Standing
from nbtasks.notebook.words import clean
from nbtasks.schedule.zones import to_ms
from nbtasks.scheduled import ScheduledRun, ScheduleEntry

RUNS: Final = 20
COMING: Final = 5
MOST: Final = 100
"""Entries; of more, the first by name."""

LOOK_S: Final = 2.0

_CODES: Final = {"SUCCESS": CODE_SUCCESS, "FAILURE": CODE_FAILURE, "REVOKED": CODE_REVOKED}


class Timetable(Standing):
    """Shows the schedule of an app.

    Args:
        app: Which.
        feed: The one feed of this kernel.
        view: Makes the table that is kept.
        clock: Where the time comes from.
    """

    kind = "schedule"
    title = "Schedule"
    caps = ("pause", "resume", "run", "remove")

    def __init__(
        self, app: App, feed: Feed, view: Callable[[], View], clock: Clock | None = None
    ) -> None:
        super().__init__(feed, clock)
        self._schedules = app.schedules
        self._view_of = view
        self._is_wanted = threading.Event()
        self._is_ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._facts = self._read()

    def _read(self) -> Message:
        entries = sorted(self._schedules.entries(), key=lambda entry: entry.name)
        return {
            "error": "",
            "more": max(0, len(entries) - MOST),
            "entries": [self._entry(entry) for entry in entries[:MOST]],
        }

    def _entry(self, entry: ScheduleEntry) -> Message:
        runs = self._schedules.history(entry.name, RUNS)
        return {
            "name": entry.name,
            "when": clean(entry.describe()),
            "what": clean(entry.what),
            "queue": clean(entry.queue),
            "state": entry.state,
            "why": clean(entry.paused or entry.error),
            "running": entry.running,
            "next": _ms(entry.next_due) if not entry.paused else 0,
            "coming": [_words(at) for at in entry.next(COMING)],
            "runs": [_run(run) for run in reversed(runs)],
        }

    # The thread that looks.

    def _set_looked_at(self, *, is_looked_at: bool) -> None:
        if not is_looked_at:
            self._is_wanted.clear()
            return
        self._is_wanted.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="nbtasks-timetable", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._is_ended.wait(LOOK_S):
            self._is_wanted.wait()
            if not self._is_ended.is_set():
                self._read_again()

    def _read_again(self) -> None:
        try:
            facts = self._read()
        except NbTasksError as error:
            facts = {"error": clean(str(error))}
        self._tell(facts)

    def stop(self) -> None:
        """Leave it as it is now, as static HTML."""
        self._is_ended.set()
        self._is_wanted.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(5)
        super().stop()

    # What is done with it.

    def _do(self, content: Mapping[str, Any]) -> Answer | None:
        schedules = self._schedules
        deeds: dict[str, Callable[[str], object]] = {
            "pause": schedules.pause,
            "resume": schedules.resume,
            "run": schedules.run,
            "remove": schedules.remove,
        }
        match content:
            case {"t": str(what), "name": str(name)} if what in deeds:
                deeds[what](name)
            case _:
                return None
        self._read_again()
        return "", {"said": f"{clean(name, 40)} runs" if what == "run" else ""}

    def _static(self) -> dict[str, Any]:
        view = self._view_of()
        return {"text/html": view.html(), "text/plain": repr(view)}


def _run(run: ScheduledRun) -> Sequence[object]:
    """When it was due, its state, what it was, and how long it took (0: it has not ended)."""
    code = _CODES.get(run.state, CODE_STARTED if run.id else CODE_PENDING)
    kind = f"{run.count} × {run.kind}" if run.count > 1 else run.kind
    return [_words(run.due), code, kind, _ms(run.ended) - _ms(run.fired) if run.ended else 0]


def _ms(moment: datetime | None) -> int:
    return to_ms(moment) if moment is not None else 0


def _words(moment: datetime) -> str:
    return f"{moment:%a %d %b %H:%M:%S}".removesuffix(":00")
