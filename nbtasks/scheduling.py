"""`app.schedules`: entries are added, looked up, changed, run by hand."""

import logging
import os
from collections.abc import Sequence
from datetime import datetime, tzinfo
from functools import partial
from typing import Any, Final

from nbtasks.declaring import Declared, Owner, collect, this_program
from nbtasks.displayed import Displayed
from nbtasks.entry import Entry, check_entry_name, make_entry, run_id, run_records
from nbtasks.errors import ConfigError
from nbtasks.listed import Entries, Run
from nbtasks.overlap import Overlap, Policy, fire_at
from nbtasks.plan import Plan
from nbtasks.recurring import (
    MOST_TIMES,
    Duration,
    make_policy,
    name_nodes,
    plain_value,
    short,
    times,
)
from nbtasks.schedule import Schedule, amended, schedule
from nbtasks.schedule.zones import Moment, to_ms
from nbtasks.scheduled import ScheduleEntry
from nbtasks.sending import Prepared, Submission
from nbtasks.serializers import decode_json, encode_json
from nbtasks.signature import Signature
from nbtasks.store.canvases import CanvasRecords
from nbtasks.store.entries import BACKFILLED, BY_HAND, Firing, fire, send_codes
from nbtasks.submitting import Submitter

logger = logging.getLogger(__name__)

BY_USER: Final = "by hand"
_PAGE: Final = 100
_CODE_GONE: Final = -1


class Schedules(Entries, Displayed):
    """The schedule of an app: its entries by their names, as they are in Redis now.

    Workers fire them, and `nbtasks beat`; no program needs to stay for it.
    """

    def __init__(self, app: Submitter) -> None:
        super().__init__(app)
        self._periodic: dict[str, Declared] = {}
        self._started: dict[str, int] = {}

    # Changing

    def add(
        self,
        name: str,
        signature: Signature,
        when: Schedule | Duration,
        *,
        catch_up: Duration | None = None,
        overlap: str = Overlap.SKIP,
        pause_on_failure: int = 0,
        jitter: Duration | None = None,
        until: Any = None,
        **options: Any,
    ) -> ScheduleEntry:
        """Add an entry, or change the one of this name.

        Args:
            name: Its name.
            signature: What is sent: a signature of a task, or a canvas.
            when: A schedule, as `crontab(hour=7)` or `every("10m")`; seconds, a timedelta, `10m`,
                or five cron fields.
            catch_up: Times that nothing was there to fire are made up for, if they were missed by
                no more: seconds, a timedelta or text like `1h`; by default an hour.
            overlap: What a due time does while the last run has not ended: `skip` it, `buffer` one
                until it has, `allow` both, or `cancel_other` to revoke it.
            pause_on_failure: Pause after so many failed runs in a row; 0 for never.
            jitter: Fire up to so much later, each time by chance, but all workers agree.
            until: The last moment that it is due.
            **options: As in `apply_async`.

        Raises:
            ConfigError: An option is wrong, the schedule is none, or a program has this name.
            Unsendable: An argument cannot be pickled; the message names it.
            TooBig: An argument or the code is above `max_input`.
        """
        policy = make_policy(catch_up, overlap, pause_on_failure)
        rule = schedule(when, tz=self._app.config.zone, until=until, jitter=jitter)
        sent = signature.clone(**options) if options else signature
        return self._add(name, Declared(sent, rule, policy), Owner())

    def add_plan(
        self,
        name: str,
        plan: Plan,
        rule: Schedule,
        policy: Policy,
        submission: Submission | None = None,
        *,
        words: str,
        owner: Owner | None = None,
    ) -> ScheduleEntry:
        """As `add`, with what the signature comes to; `submission` for a notebook's cell."""
        owner = owner or Owner()
        check_entry_name(name)
        prepared, entry = self._make(name, plan, rule, policy, submission)
        store, signer = self._app.store, self._app.connection.signer
        seal = signer.code().seal
        blobs = {each.record.code: partial(seal, 0, each.code.blob) for each in prepared}
        send_codes(store, blobs)
        told = {
            "when": rule.to_json(),
            "policy": policy.to_json(),
            # Arguments that travel encrypted are not to be read here either.
            "what": plan.nodes[0].task.name if signer.encrypts else short(words),
            "queue": prepared[0].record.queue,
        }
        head = (name, entry.encode(signer), entry.mark, encode_json(told))
        when = encode_json(rule.to_json())
        times = self._next_of(name, rule)
        rest = (policy.pause_on_failure, owner.program, when, owner.standing, *entry.codes)
        said = store.run_script("enter", *head, *times, *rest)
        if isinstance(said, bytes):
            raise ConfigError(_taken(name, said.decode()))
        if said == _CODE_GONE:
            raise ConfigError(f"Redis does not keep the code of schedule entry {name!r}")
        return self[name]

    def update(
        self,
        name: str,
        schedule: Schedule | Duration | None = None,
        *,
        tz: str | tzinfo | None = None,
        until: Moment | None = None,
        jitter: Duration | None = None,
    ) -> ScheduleEntry:
        """Change when an entry is due, and nothing else: what it sends, its runs, its pause stay.

        Args:
            name: Its name.
            schedule: The new rule; a schedule as it is, while of text, seconds and a timedelta all
                that they do not say stays as it was: zone, anchor, `until` and `jitter`. None for
                the old rule.
            tz: The time zone of a cron rule.
            until: The last moment that it is due.
            jitter: Fire up to so much later.

        Raises:
            UnknownEntry: There is none.
            ConfigError: The schedule is none, or a program declares this entry.
            BadSignature: What is stored is not signed by our key.
        """
        keys, signer = self._app.store.keys, self._app.connection.signer
        while True:
            found = self._app.store.call("HMGET", keys.entry(name), "b", "v", "pg", "tx")
            if found[0] is None:
                raise self._unknown(name)
            body, version, program, told = found
            if program:
                raise ConfigError(_taken(name, program.decode()))
            entry, usual = Entry.decode(name, body, signer), self._app.config.zone
            rule = amended(entry.schedule, schedule, tz=tz, until=until, jitter=jitter, usual=usual)
            changed = entry.retimed(rule, signer)
            if rule == entry.schedule or self._retime(changed, version.decode(), told):
                return self[name]

    def declare(self, program: str = "") -> Sequence[ScheduleEntry]:
        """Make the entries of a program what it says: `beat_schedule` and `add_periodic_task`.

        Those it no longer has are removed; a pause stays. Of two versions of a program that run
        side by side, that with the higher `beat_schedule_version` counts, and of the same number
        the one that was started last.

        Args:
            program: Its name; by default that of the program that runs here.

        Returns:
            Its entries; nothing where another version counts.

        Raises:
            ConfigError: One of them is wrong, or has the name of one that is not the program's.
        """
        program = program or this_program()
        self._app.finalize()
        config = self._app.config
        found = collect(self._app, config, self._periodic)
        version = config.beat_schedule_version
        own = (program, version, self._started.get(program, ""))
        since, *stale = self._app.store.run_script("declare", *own, *found)
        if since < 0:
            logger.warning("another version of program %r counts: nothing is declared", program)
            return []
        self._started[program] = since
        owner = Owner(program, f"{version} {since}")
        entries = [self._add(name, each, owner) for name, each in found.items()]
        for name in stale:
            self._app.store.run_script("alter", name, "x")
        return entries

    @property
    def is_programmed(self) -> bool:
        """Whether the program has a schedule to `declare`."""
        self._app.finalize()
        return bool(self._periodic or self._app.config.beat_schedule)

    def add_periodic(self, name: str, what: Declared) -> None:
        """Have `declare` declare this, too.

        Raises:
            ConfigError: There is one of this name.
        """
        if name in self._periodic:
            raise ConfigError(f"there are two schedule entries {name!r}: give them names")
        self._periodic[check_entry_name(name)] = what

    def remove(self, name: str) -> None:
        """Remove an entry; what runs of it goes on. Declared again by its program, it comes back.

        Raises:
            UnknownEntry: There is none.
        """
        self._alter(name, "x")

    def pause(self, name: str, reason: str = BY_USER) -> None:
        """Fire an entry no more until it is resumed; also not after its program has restarted.

        Raises:
            UnknownEntry: There is none.
        """
        self._alter(name, "p", reason or BY_USER)

    def resume(self, name: str) -> None:
        """Fire an entry again; what was due meanwhile is left out (`backfill` makes up for it).

        Raises:
            UnknownEntry: There is none.
        """
        self._alter(name, "r", *self._next_of(name, self[name].schedule))

    def run(self, name: str) -> Run:
        """Run an entry now, beside its schedule, also where it is paused.

        Raises:
            UnknownEntry: There is none.
        """
        entry, now = self._entry(name), self._app.store.now_ms()
        rid = run_id(self._app.config.name, name, os.urandom(8).hex())
        self._fire([self._firing(entry, rid, now, now, BY_HAND)])
        return self._find(rid)

    def backfill(self, name: str, start: datetime, stop: datetime) -> Sequence[Run]:
        """Run an entry for all its times from `start` to `stop`, but those that it has run for.

        Raises:
            UnknownEntry: There is no such entry.
            ConfigError: A moment has no time zone, or these are too many times.
        """
        for each in (start, stop):
            if each.tzinfo is None:
                raise ConfigError(f"the moment {each!r} has no time zone: give one that has")
        entry, now = self._entry(name), self._app.store.now_ms()
        due = times(entry.schedule, to_ms(start), min(to_ms(stop), now))
        if len(due) > MOST_TIMES:
            raise ConfigError(
                f"schedule entry {name!r} was due more than {MOST_TIMES:,} times then: run it"
                " for a shorter time"
            )
        found: list[str] = []
        for at in range(0, len(due), _PAGE):
            part = due[at : at + _PAGE]
            ids = [run_id(self._app.config.name, name, time) for time in part]
            pairs = zip(ids, part, strict=True)
            made = [self._firing(entry, rid, time, now, BACKFILLED) for rid, time in pairs]
            found += [rid for rid, is_new in zip(ids, self._fire(made), strict=True) if is_new]
        return [self._find(rid) for rid in found]

    # Inside

    def _add(self, name: str, what: Declared, owner: Owner) -> ScheduleEntry:
        plan, words = self._app.compile(what.signature), what.signature.reprcall()
        return self.add_plan(name, plan, what.rule, what.policy, words=words, owner=owner)

    def _next_of(self, name: str, rule: Schedule) -> tuple[int, int] | tuple[str, str]:
        """The next due time of an entry and when to fire it, ms; empty where it has ended."""
        due = rule.next_after_ms(self._app.store.now_ms())
        return ("", "") if due is None else (due, fire_at(rule, name, due))

    def _retime(self, entry: Entry, version: str, told: bytes) -> bool:
        """Store an entry that is due at other times; False where another has changed it."""
        when = entry.schedule.to_json()
        words = encode_json({**decode_json(told), "when": when})
        body = entry.encode(self._app.connection.signer)
        times = self._next_of(entry.name, entry.schedule)
        args = (version, body, entry.mark, words, *times, encode_json(when))
        return bool(self._app.store.run_script("alter", entry.name, "w", *args))

    def _alter(self, name: str, *what: object) -> None:
        if not self._app.store.run_script("alter", name, *what):
            raise self._unknown(name)

    def _make(
        self,
        name: str,
        plan: Plan,
        rule: Schedule,
        policy: Policy,
        submission: Submission | None,
    ) -> tuple[list[Prepared], Entry]:
        if plan.value is None:
            raise ConfigError(f"schedule entry {name!r} has nothing to run")
        name_nodes(name, plan.nodes)
        prepared, placed = self._app.prepare_held(plan, submission)
        drawing = {**placed.drawing, "value": plain_value(plan.value)}
        records = [each.record for each in prepared]
        signer = self._app.connection.signer
        entry = make_entry(name, records, rule=rule, policy=policy, drawing=drawing, signer=signer)
        return prepared, entry

    def _firing(self, entry: Entry, rid: str, due: int, now: int, kind: str) -> Firing:
        records, drawing = run_records(entry, rid, due, now, self._app.connection.signer)
        run = CanvasRecords(rid, records, drawing)
        return Firing(name=entry.name, due_ms=due, kind=kind, run=run)

    def _fire(self, firings: list[Firing]) -> list[bool]:
        keys = self._app.store.keys
        said = self._app.store.attempt(lambda link: fire(link, keys, firings))
        for each in said:
            if not isinstance(each, int):
                raise each
        return [bool(each) for each in said]


def _taken(name: str, program: str) -> str:
    if program:
        return (
            f"schedule entry {name!r} is declared by program {program!r}: change it there, or give"
            " this one another name"
        )
    return (
        f"schedule entry {name!r} was added by hand: remove it, or give the one that is declared"
        " another name"
    )
