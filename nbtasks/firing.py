"""Firing schedule entries: what every worker does, and `nbtasks beat`."""

import logging
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Final

from nbtasks.clock import Clock
from nbtasks.config import Config
from nbtasks.entry import Entry, run_id, run_records
from nbtasks.errors import NbTasksError, StoreRefused
from nbtasks.overlap import Leave, Moment, Overlap, Run, Wait, fire_at, steps
from nbtasks.schedule import schedule_from_json
from nbtasks.serializers import decode_json
from nbtasks.signing import Signer
from nbtasks.store.canvases import CanvasRecords
from nbtasks.store.entries import (
    MISSED,
    SCHEDULED,
    SKIPPED,
    WAITS,
    Due,
    Firing,
    Look,
    cancel_runs,
    entry_names,
    fire,
    look,
    read_entries,
    tell_entries,
)
from nbtasks.store.keys import Keys
from nbtasks.store.link import Link

logger = logging.getLogger(__name__)

MOST: Final = 100
"""Entries fired in one go: what else its process does waits for that."""

MOST_RUNS: Final = 200
"""Likewise runs of all of them: after an outage one entry may have many."""

LEAD_MS: Final = 10_000
OTHERS_MS: Final = 1000
"""The first process that looks leads; the others come so much later, in case it is gone."""

LONGEST_MS: Final = 5000
"""Whoever does not lead, or has nothing to wait for, looks again after this."""

SET_BACK_MS: Final = 1000
"""By less than this a clock is set back by whoever keeps it right."""

_KEPT_BYTES: Final = 64_000_000


class Firer:
    """Looks at what is due, and fires it.

    Args:
        link: The connection.
        config: The settings of the app.
        who: The name of this process.
        clock: Where time comes from; what is due is said by Redis' clock alone.

    Attributes:
        next_ms: When to `step`, by the clock's ticks.
        waits: Whether an entry will be due some day.
    """

    def __init__(self, link: Link, config: Config, who: str, clock: Clock) -> None:
        self._link = link
        self._app = config.name
        self._keys = Keys(config.name)
        self._signer = Signer(config.key, config.name, encrypt=config.encrypt)
        self._who = who
        self._clock = clock
        self._longest_ms = config.beat_max_loop_interval * 1000 or LONGEST_MS
        self._known: OrderedDict[tuple[str, str], Entry] = OrderedDict()
        self._kept = 0
        self._said: set[tuple[str, str]] = set()
        self.next_ms = 0.0
        self.waits = False

    def wake(self) -> None:
        """Look again at the next `step`: something has become due earlier."""
        self.next_ms = 0.0

    def leave(self) -> None:
        """Lead no more: this process ends.

        Raises:
            StoreError: Redis is gone, or refuses.
        """
        look(self._link, self._keys, self._who, lead_ms=1, most=0, others_ms=OTHERS_MS)

    def step(self) -> int:
        """Fire what is due, if it is time to look; returns how many entries were due.

        Raises:
            StoreUnavailable: Redis is gone.
        """
        if self._clock.tick_ms() < self.next_ms:
            return 0
        found = self._look()
        wait = self._longest_ms if found.wait_ms is None else found.wait_ms
        self.next_ms = self._clock.tick_ms() + min(wait, self._longest_ms)
        if found.back_ms > SET_BACK_MS:
            self._rewind(found.now_ms, found.back_ms)
        self.waits = bool(found.due) or found.wait_ms is not None
        if not found.due:
            return 0
        try:
            self._fire(found)
        except StoreRefused as error:
            self._say("", "", f"schedule entries are not fired: {error}")
            self.next_ms = self._clock.tick_ms() + self._longest_ms
        return len(found.due)

    def _look(self) -> Look:
        try:
            return look(
                self._link,
                self._keys,
                self._who,
                lead_ms=LEAD_MS,
                most=MOST,
                others_ms=OTHERS_MS,
            )
        except StoreRefused as error:
            self._say("", "", f"schedule entries cannot be looked at: {error}")
            return Look(0, None, 0, ())

    def _rewind(self, now_ms: int, back_ms: int) -> None:
        """Redis' clock was set back: look again at the times that come again.

        What was fired for one of them is stored under its id, so it is not fired again; but a time
        that was skipped or missed while the clock was ahead is, and no entry waits for the moment
        up to which the clock had been.
        """
        logger.warning(
            "%s: the clock of Redis was set back by %.1f s: times that come again are fired only"
            " where they were not fired before",
            self._who,
            back_ms / 1000,
        )
        names = entry_names(self._link, self._keys)
        for item in tell_entries(self._link, self._keys, names):
            name, due, version = item[0].decode(), item[1].decode(), item[10].decode()
            try:
                rule = schedule_from_json(decode_json(item[9])["when"])
            except (NbTasksError, KeyError, TypeError, ValueError):
                continue  # whoever fires it says what is wrong with it
            after = rule.next_after_ms(now_ms)
            if due and after is not None and after < int(due):
                args = (after, fire_at(rule, name, after), version, due)
                self._link.call_script("alter", self._keys.prefix, name, "b", *args)
        self.next_ms = 0.0

    def _fire(self, found: Look) -> None:
        self._read(found)
        firings: list[Firing] = []
        for due in found.due:
            entry = self._known.get((due.name, due.version))
            if entry is not None:
                self._known.move_to_end((due.name, due.version))
                try:
                    room = MOST_RUNS - len(firings)
                    firings += islice(self._firings(entry, due, found.now_ms), room)
                except NbTasksError as error:
                    self._refuse(due, error)
        self._forget()
        # Those of one entry are in order, and each counts only behind the one before it.
        for firing, done in zip(firings, fire(self._link, self._keys, firings), strict=True):
            if isinstance(done, StoreRefused):
                logger.warning("%s: %s; it is tried again", self._said_of(firing.name), done)
            elif done and firing.run is not None:
                logger.debug("%s: fired as %s", self._said_of(firing.name), firing.run.root)
                if firing.ends_others:
                    # Not before it is fired: who was asleep must not end the run of who took over.
                    cancel_runs(self._link, self._keys, firing.name, firing.due_ms)

    def _read(self, found: Look) -> None:
        """Read the entries that are not known yet, and check who has signed them."""
        unknown = [due for due in found.due if (due.name, due.version) not in self._known]
        bodies = read_entries(self._link, self._keys, [due.name for due in unknown])
        for due, body in zip(unknown, bodies, strict=True):
            if body is None:
                continue
            try:
                entry = Entry.decode(due.name, body, self._signer)
            except (NbTasksError, KeyError, TypeError, ValueError) as error:
                self._refuse(due, error)
            else:
                self._known[due.name, due.version] = entry
                self._kept += entry.size

    def _forget(self) -> None:
        """Let go of entries that were not fired for long, where they are too many."""
        while self._kept > _KEPT_BYTES and len(self._known) > 1:
            self._kept -= self._known.popitem(last=False)[1].size

    def _firings(self, entry: Entry, due: Due, now_ms: int) -> Iterator[Firing]:
        moment = Moment(
            name=due.name,
            due_ms=due.due_ms,
            now_ms=now_ms,
            is_running=due.is_running,
            is_buffered=due.is_buffered,
        )
        for step in steps(entry.schedule, entry.policy, moment):
            match step:
                case Run(time, after):
                    run = self._run(entry, time, now_ms)
                    firing = self._firing(entry, due, time, SCHEDULED, after, run=run)
                    is_last = due.is_running and entry.policy.overlap is Overlap.CANCEL_OTHER
                    yield replace(firing, ends_others=is_last)
                case Leave(time, last, count, is_skipped, after):
                    kind = SKIPPED if is_skipped else MISSED
                    yield self._firing(entry, due, time, kind, after, count=count, last=last)
                case Wait(time):
                    yield self._firing(entry, due, time, WAITS, time)

    def _run(self, entry: Entry, due_ms: int, now_ms: int) -> CanvasRecords:
        rid = run_id(self._app, entry.name, due_ms)
        records, drawing = run_records(entry, rid, due_ms, now_ms, self._signer)
        return CanvasRecords(rid, records, drawing)

    @staticmethod
    def _firing(
        entry: Entry,
        due: Due,
        time: int,
        kind: str,
        after: int | None,
        *,
        run: CanvasRecords | None = None,
        count: int = 0,
        last: int = 0,
    ) -> Firing:
        at = None if after is None else fire_at(entry.schedule, due.name, after)
        return Firing(
            name=due.name,
            version=due.version,
            due_ms=time,
            kind=kind,
            run=run,
            count=count,
            last_ms=last,
            next_ms=after,
            next_at_ms=at,
        )

    def _refuse(self, due: Due, error: Exception) -> None:
        """An entry cannot be fired: it says so itself, and others may try."""
        text = str(error) if isinstance(error, NbTasksError) else "it cannot be read"
        self._say(due.name, due.version, f"schedule entry {due.name!r} cannot be fired: {text}")
        args = (due.name, "e", text, due.version)
        self._link.call_script("alter", self._keys.prefix, *args)

    def _say(self, name: str, version: str, text: str) -> None:
        """Warn, but not each time."""
        if (name, version) not in self._said:
            self._said.add((name, version))
            logger.warning("%s: %s", self._who, text)

    def _said_of(self, name: str) -> str:
        return f"{self._who}: schedule entry {name!r}"
