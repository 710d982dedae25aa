"""`app.schedules`: entries are added, looked up, changed, run by hand."""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, Final, cast

from nbtasks.durations import read_seconds
from nbtasks.entry import Entry, check_entry_name, make_entry, run_id, run_records
from nbtasks.errors import ConfigError, UnknownEntry
from nbtasks.options import duration_ms
from nbtasks.overlap import CATCH_UP_MS, Overlap, Policy, fire_at
from nbtasks.plan import All, Many, Node, One, Plan, Value
from nbtasks.record import member_id, new_id
from nbtasks.result import AsyncResult, GroupResult
from nbtasks.result.parts import Lone
from nbtasks.schedule import Schedule, schedule
from nbtasks.schedule.zones import to_ms
from nbtasks.scheduled import ScheduledRun, ScheduleEntry, read_entry, read_runs
from nbtasks.sending import Prepared, Submission
from nbtasks.serializers import decode_json, encode_json
from nbtasks.signature import Signature
from nbtasks.spelling import nearest
from nbtasks.store.canvases import CanvasRecords
from nbtasks.store.entries import BACKFILLED, BY_HAND, Firing, fire, send_codes
from nbtasks.submitting import Submitter

Run = AsyncResult[Any] | GroupResult[Any]
Duration = float | timedelta | str

MOST_BACKFILLED: Final = 10_000
BY_USER: Final = "by hand"
_PAGE: Final = 100
_NOT_AGAIN: Final = ("task_id", "eta", "retry")
_CODE_GONE: Final = -1


class Schedules(Mapping[str, ScheduleEntry]):
    """The schedule of an app: its entries by their names, as they are in Redis now.

    Workers fire them, and `nbtasks beat`; no program needs to stay for it.
    """

    def __init__(self, app: Submitter) -> None:
        self._app = app

    # Looking

    def __getitem__(self, name: str) -> ScheduleEntry:
        """The entry of a name.

        Raises:
            UnknownEntry: There is none; the message names the nearest.
        """
        found = self._read(name)
        if not found:
            raise self._unknown(name)
        return found[0]

    def __iter__(self) -> Iterator[str]:
        return iter([entry.name for entry in self._read()])

    def __len__(self) -> int:
        return len(self._read())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self._read(name))

    def __repr__(self) -> str:
        return f"<Schedules {', '.join(self)}>"

    def entries(self) -> Sequence[ScheduleEntry]:
        """All entries, those that are due first in front."""
        return self._read()

    def next(self, n: int = 5) -> Sequence[tuple[datetime, ScheduleEntry]]:
        """The next `n` due times of all entries that are not paused."""
        times = [(time, entry) for entry in self._read() for time in _coming(entry, n)]
        return sorted(times, key=lambda pair: pair[0])[:n]

    def history(self, name: str, n: int = 20) -> Sequence[ScheduledRun]:
        """The last `n` runs of an entry, the newest first; 100 are kept.

        Raises:
            UnknownEntry: There is none.
        """
        entry = self[name]
        store = self._app.store
        items = iter(store.call("HGETALL", store.keys.runs(name)))
        return read_runs(dict(zip(items, items, strict=True)), entry.schedule, self._find)[:n]

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
        program: str = "",
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
            program: The program that declares it.
            **options: As in `apply_async`.

        Raises:
            ConfigError: An option is wrong, the schedule is none, or a program has this name.
            Unsendable: An argument cannot be pickled; the message names it.
            TooBig: An argument or the code is above `max_input`.
        """
        policy = make_policy(catch_up, overlap, pause_on_failure)
        sent = signature.clone(**options) if options else signature
        plan = self._app.compile(sent)
        rule = schedule(when, tz=self._app.config.zone, until=until, jitter=jitter)
        words = signature.reprcall()
        return self.add_plan(name, plan, rule, policy, words=words, program=program)

    def add_plan(
        self,
        name: str,
        plan: Plan,
        rule: Schedule,
        policy: Policy,
        submission: Submission | None = None,
        *,
        words: str,
        program: str = "",
    ) -> ScheduleEntry:
        """As `add`, with what the signature comes to; `submission` for a notebook's cell."""
        check_entry_name(name)
        prepared, entry = self._make(name, plan, rule, policy, submission)
        store, signer = self._app.store, self._app.connection.signer
        seal = signer.code().seal
        blobs = {each.record.code: partial(seal, 0, each.code.blob) for each in prepared}
        send_codes(store, blobs)
        due = rule.next_after_ms(self._now())
        at = "" if due is None else fire_at(rule, name, due)
        told = {
            "when": rule.to_json(),
            "policy": policy.to_json(),
            "what": _short(words),
            "queue": prepared[0].record.queue,
        }
        head = (name, entry.encode(signer), entry.mark, encode_json(told))
        when = encode_json(rule.to_json())
        times = ("" if due is None else due, at)
        rest = (policy.pause_on_failure, program, when, *entry.codes)
        said = store.run_script("enter", *head, *times, *rest)
        if isinstance(said, bytes):
            raise ConfigError(_taken(name, said.decode()))
        if said == _CODE_GONE:
            raise ConfigError(f"Redis does not keep the code of schedule entry {name!r}")
        return self[name]

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
        rule = self[name].schedule
        due = rule.next_after_ms(self._now())
        times = ("", "") if due is None else (due, fire_at(rule, name, due))
        self._alter(name, "r", *times)

    def run(self, name: str) -> Run:
        """Run an entry now, beside its schedule, also where it is paused.

        Raises:
            UnknownEntry: There is none.
        """
        entry, now = self._entry(name), self._now()
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
        entry, now = self._entry(name), self._now()
        times = _times(entry.schedule, to_ms(start), min(to_ms(stop), now))
        if len(times) > MOST_BACKFILLED:
            raise ConfigError(
                f"schedule entry {name!r} was due more than {MOST_BACKFILLED:,} times then: run it"
                " for a shorter time"
            )
        found: list[str] = []
        for at in range(0, len(times), _PAGE):
            part = times[at : at + _PAGE]
            ids = [run_id(self._app.config.name, name, time) for time in part]
            pairs = zip(ids, part, strict=True)
            made = [self._firing(entry, rid, time, now, BACKFILLED) for rid, time in pairs]
            found += [rid for rid, is_new in zip(ids, self._fire(made), strict=True) if is_new]
        return [self._find(rid) for rid in found]

    # Inside

    def _read(self, *names: str) -> list[ScheduleEntry]:
        _, *items = self._app.store.run_script("entries", *names)
        return [read_entry(item) for item in items]

    def _unknown(self, name: str) -> UnknownEntry:
        known = list(self)
        return UnknownEntry(name, nearest(name, known) if known else "")

    def _entry(self, name: str) -> Entry:
        """What is stored of an entry, checked.

        Raises:
            UnknownEntry: There is none.
            BadSignature: It is not signed by our key.
        """
        store = self._app.store
        body = store.call("HGET", store.keys.entry(name), "b")
        if body is None:
            raise self._unknown(name)
        return Entry.decode(name, body, self._app.connection.signer)

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
        _name_nodes(name, plan.nodes)
        prepared, placed = self._app.prepare_held(plan, submission)
        drawing = {**placed.drawing, "value": _plain_value(plan.value)}
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

    def _find(self, root: str) -> Run:
        """The result of a run.

        Raises:
            UnknownTask: It is no longer stored.
        """
        store = self._app.store
        plan = store.call("HGET", store.keys.canvas(root), "plan")
        value: str | Sequence[str] = decode_json(plan).get("value", root) if plan else root
        if isinstance(value, str):
            return self._app.AsyncResult(value)
        return GroupResult(self._app, [Lone(self._app.AsyncResult(each)) for each in value])

    def _now(self) -> int:
        seconds, micros = self._app.store.call("TIME")
        return int(seconds) * 1000 + int(micros) // 1000


def make_policy(catch_up: Duration | None, overlap: str, pause_on_failure: int) -> Policy:
    """The policies of an entry, as a user gives them.

    Raises:
        ConfigError: One is wrong.
    """
    seconds = read_seconds(catch_up) if isinstance(catch_up, str) else catch_up
    if seconds is None and catch_up is not None:
        raise ConfigError(f"catch_up is {catch_up!r}: write a length of time such as 10m or 1h30m")
    window = CATCH_UP_MS if seconds is None else duration_ms(seconds, "catch_up")
    return Policy(
        catch_up_ms=window, overlap=cast("Overlap", overlap), pause_on_failure=pause_on_failure
    )


def _name_nodes(name: str, nodes: Sequence[Node]) -> None:
    """Give the nodes ids that begin with that of the first, and groups likewise."""
    base, groups = new_id(), dict[str, str]()
    for at, node in enumerate(nodes):
        for option in _NOT_AGAIN:
            if node.options.get(option) is not None:
                raise ConfigError(
                    f"schedule entry {name!r}: {option} is for one run, and this one runs again"
                )
        if isinstance(node.options.get("expires"), datetime):
            raise ConfigError(
                f"schedule entry {name!r}: expires is a date, and this runs again: give seconds"
            )
        node.rid = f"{base}.{at}" if at else base
        if node.group_id:
            node.group_id = groups.setdefault(node.group_id, f"{base}.g{len(groups)}")


def _plain_value(value: Value) -> Any:
    """The ids of the tasks that a plan returns the value of: one, or a list."""
    match value:
        case One(node, index):
            return member_id(node.rid, index, len(node.calls))
        case Many(items):
            found: list[str] = []
            for item in items:
                ids = _plain_value(item) if not isinstance(item, All) else _members(item.node)
                found += [ids] if isinstance(ids, str) else ids
            return found
        case _:
            return value.rid


def _members(node: Node) -> list[str]:
    return [member_id(node.rid, at, len(node.calls)) for at in range(len(node.calls))]


def _coming(entry: ScheduleEntry, n: int) -> list[datetime]:
    return [] if entry.paused else entry.next(n)


def _times(rule: Schedule, start: int, stop: int) -> list[int]:
    def walk() -> Iterator[int]:
        time = rule.next_after_ms(start - 1)
        while time is not None and time <= stop:
            yield time
            time = rule.next_after_ms(time)

    return list(islice(walk(), MOST_BACKFILLED + 1))


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


def _short(text: str, most: int = 200) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
