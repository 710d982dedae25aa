"""Timetable: what is scheduled, live, with what is done to it."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from nbtasks.clock import Clock
from nbtasks.errors import NbTasksError
from nbtasks.notebook.feed import Feed
from nbtasks.notebook.heard import Answer, Message
from nbtasks.notebook.schedule_rows import coming_of, read_facts, schedule_table
from nbtasks.notebook.standing import Standing
from nbtasks.notebook.words import clean
from nbtasks.schedule import amended
from nbtasks.scheduling import Schedules

LOOK_S: Final = 2.0


class Timetable(Standing):
    """Shows a schedule.

    Args:
        schedules: That of which app.
        feed: The one feed of this kernel.
        only: The name of an entry, to show nothing but that.
        clock: Where the time comes from.
    """

    kind = "schedule"
    title = "Schedule"
    caps = ("pause", "resume", "run", "remove", "edit")

    def __init__(
        self, schedules: Schedules, feed: Feed, only: str = "", clock: Clock | None = None
    ) -> None:
        super().__init__(feed, clock)
        self._schedules = found = schedules
        self._deeds: Mapping[str, Callable[[str], object]] = {
            "pause": found.pause,
            "resume": found.resume,
            "run": found.run,
            "remove": found.remove,
        }
        self._only = only
        self._is_wanted = threading.Event()
        self._is_ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._facts = self._read()

    def _read(self) -> Message:
        return read_facts(self._schedules, self._only)

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
        if not self._facts["error"]:  # else what was seen last will do
            with suppress(NbTasksError):
                self._facts = self._read()
        super().stop()

    # What is done with it.

    def _do(self, content: Mapping[str, Any]) -> Answer | None:
        try:
            match content:
                case {"t": "preview", "name": str(name), "rule": str(rule), "zone": str(zone)}:
                    return "", self._preview(name, rule, zone)
                case {"t": "edit", "name": str(name), "rule": str(rule), "zone": str(zone)}:
                    entry = self._schedules.update(name, rule, tz=zone)
                    said = f"{name} runs {entry.describe()}"
                case {"t": str(what), "name": str(name)} if what in self._deeds:
                    self._deeds[what](name)
                    said = f"{name} runs now" if what == "run" else ""
                case _:
                    return None
        except NbTasksError as error:
            return clean(str(error)), None
        self._read_again()
        return "", {"said": clean(said)}

    def _preview(self, name: str, rule: str, zone: str) -> Message:
        """What a rule that is being typed would come to."""
        made = amended(self._schedules[name].schedule, rule, tz=zone)
        return coming_of(made, self._clock.wall_ms())

    def _again(self) -> str:
        return "%schedule"

    def _static(self) -> dict[str, Any]:
        view = schedule_table(self._facts)
        return {"text/html": view.html(), "text/plain": repr(view)}
