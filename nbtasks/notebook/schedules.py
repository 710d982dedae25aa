"""`%schedule` and `%%schedule`: what is run again and again, and what is done to it."""

import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, time
from typing import Any, Final

from IPython.core.error import UsageError

from nbtasks.app import App
from nbtasks.errors import NbTasksError
from nbtasks.notebook import options as lines
from nbtasks.notebook.frontend import is_stable, resolve_view
from nbtasks.notebook.listing import View, count_of
from nbtasks.notebook.outgoing import error_classes, make_cell
from nbtasks.notebook.schedule_rows import (
    COMING,
    SHORT,
    moment_words,
    read_facts,
    run_kind,
    schedule_table,
)
from nbtasks.notebook.session import Session
from nbtasks.notebook.settings import NbTasks
from nbtasks.notebook.source import read_cell
from nbtasks.notebook.timetable import Timetable
from nbtasks.notebook.vocabulary import SCHEDULE_COMMANDS, SCHEDULE_OPTIONS
from nbtasks.notebook.words import clean, duration, tell
from nbtasks.options import TaskOptions
from nbtasks.overlap import Overlap, Policy
from nbtasks.plan import All, Many, One, Plan
from nbtasks.recurring import make_policy
from nbtasks.schedule import Schedule, schedule
from nbtasks.schedule.zones import from_ms, read_moment
from nbtasks.scheduled import ScheduledRun, ScheduleEntry
from nbtasks.scheduling import Schedules
from nbtasks.sending import Submission
from nbtasks.signature import Signature
from nbtasks.spelling import nearest
from nbtasks.task import Task

RUNS: Final = 10
_OPTIONS_FROM: Final = re.compile(r"(?:^|\s)-{1,2}[A-Za-z]")
_EDITED: Final = {"every", "cron", "tz", "until", "jitter"}
_SENT: Final = {
    "queue": "queue",
    "priority": "priority",
    "expires": "expires",
    "time-limit": "time_limit",
    "soft-time-limit": "soft_time_limit",
    "retries": "retries",
    "retry-delay": "retry_delay",
    "backoff": "backoff",
    "retry-on": "retry_on",
}


class ScheduleCommands:
    """Does what a line says.

    Args:
        shell: IPython's.
        session: What this kernel holds.
        settings: The defaults of `%config NbTasks`.
    """

    def __init__(self, shell: Any, session: Session, settings: NbTasks) -> None:
        self._shell = shell
        self._session = session
        self._settings = settings

    @property
    def _schedules(self) -> Schedules:
        return self._session.app.schedules

    def run(self, line: str) -> View | None:
        """Do what `%schedule` says; what is to be shown, if anything is.

        Raises:
            UsageError: There is no such word or entry, or an option is wrong.
        """
        word = (line.split() or ["list"])[0]
        if word.startswith("-"):
            raise UsageError(f"%schedule {word}: the first word is a command or a new name")
        rest = line.strip()[len(word) :]
        if word not in SCHEDULE_COMMANDS:
            return self._add(word, rest)
        parsed = self._parse(rest)
        return self._do(word, list(parsed.words), parsed.options)

    def run_cell(self, line: str, body: str) -> View:
        """Schedule a cell: its source, and what it reads now.

        Raises:
            UsageError: It has no name or no time, or an option is wrong.
        """
        __tracebackhide__ = True
        parsed = self._parse(line)
        if len(parsed.words) != 1:
            raise UsageError('%%schedule needs one name: %%schedule nightly --cron "0 7 * * *"')
        name, options = self._new_name(parsed.words[0]), parsed.options
        app, rule, policy = self._session.app, self._rule(options), _policy(options)
        source = read_cell(self._shell, body)
        cell = make_cell(self._shell, app, self._settings, source, "", parsed)
        node = cell.node
        submission = Submission(
            code=cell.code, name=name, calls=node.calls, base=TaskOptions(), call=node.options,
            labels=node.labels, shows_log=cell.shows_log,
        )  # fmt: skip
        plan = Plan([node], Many((All(node),)) if cell.is_many else One(node))
        words = next((each.strip() for each in body.splitlines() if each.strip()), "")
        entry = self._schedules.add_plan(name, plan, rule, policy, submission, words=words)
        return self._added(app, entry)

    # What the words do

    def _do(self, word: str, names: list[str], options: Mapping[str, Any]) -> View | None:
        match word:
            case "list" if resolve_view("auto") == "board":
                session = self._session
                session.show_alone(Timetable(self._schedules, session.feed()))
            case "list":
                return self._list()
            case "next":
                return self._next(names)
            case "history":
                (name,) = self._named(word, names, most=1)
                return self._history(name, options.get("lines", RUNS))
            case "backfill":
                (name,) = self._named(word, names, most=1)
                self._backfill(name, options)
            case "edit":
                (name,) = self._named(word, names, most=1)
                self._edit(name, options)
            case "run":
                for name in self._named(word, names):
                    self._session.add(name, self._schedules.run(name), view="auto")
            case _:
                for name in self._named(word, names):
                    self._change(word, name)
        return None

    def _named(self, word: str, names: list[str], most: int = 0) -> list[str]:
        if not names or (most and len(names) > most):
            known = ", ".join(self._schedules) or "none yet"
            raise UsageError(f"%schedule {word} needs a name of an entry: there are {known}")
        return names

    def _change(self, word: str, name: str) -> None:
        schedules = self._schedules
        match word:
            case "pause":
                schedules.pause(name)
                tell(f"{name} is paused, until %schedule resume {name}")
            case "resume":
                schedules.resume(name)
                tell(f"{name} goes on{_next_of(schedules[name])}")
            case _:
                schedules.remove(name)
                tell(f"{name} is removed")

    def _edit(self, name: str, options: Mapping[str, Any]) -> None:
        if not options.keys() & _EDITED:
            raise UsageError(f"say when: %schedule edit {name} --every 10m, or --cron, --tz")
        entry = self._schedules.update(
            name,
            _when(options),
            tz=options.get("tz"),
            until=options.get("until"),
            jitter=options.get("jitter"),
        )
        tell(f"{name}: {entry.describe()}{_next_of(entry)}")

    def _backfill(self, name: str, options: Mapping[str, Any]) -> None:
        if "from" not in options:
            raise UsageError(f"say for which times: %schedule backfill {name} --from 2026-11-01")
        zone = self._schedules[name].schedule.zone or UTC
        start = read_moment(options["from"], "--from", zone)
        stop = self._session.app.clock.wall_ms()
        if "to" in options:
            stop = read_moment(options["to"], "--to", zone, of_day=time.max)
        runs = self._schedules.backfill(name, from_ms(start), from_ms(stop))
        tell(f"{name}: {count_of(len(runs), 'run')} begun")

    def _list(self) -> View:
        return schedule_table(read_facts(self._schedules))

    def _next(self, words: list[str]) -> View:
        count = words[0] if words else str(COMING)
        if len(words) > 1 or not count.isdecimal():
            raise UsageError("%schedule next takes a number: %schedule next 5")
        coming = self._schedules.next(int(count))
        rows = [(moment_words(at), entry.name, clean(entry.what, SHORT)) for at, entry in coming]
        return View(count_of(len(rows), "time") + " to come", ("when", "name", "what"), rows)

    def _history(self, name: str, count: int) -> View:
        runs = self._schedules.history(name, count)
        rows = [
            (
                _due(run),
                run_kind(run),
                run.state or ("running" if run.id else ""),
                _took(run),
                _value(run),
            )
            for run in runs
        ]
        head = f"{name}: {count_of(len(rows), 'run')}"
        return View(head, ("due", "kind", "state", "took", "value"), rows)

    # A new entry

    def _add(self, name: str, rest: str) -> View:
        """`%schedule NAME SIG --every 10m`."""
        found = _OPTIONS_FROM.search(rest)
        expression = (rest[: found.start()] if found else rest).strip()
        parsed = self._parse(rest[found.start() :] if found else "")
        if not expression or not parsed.options or parsed.words:
            near = nearest(name, list(SCHEDULE_COMMANDS))
            raise UsageError(
                f"%schedule {name}: there is no such command{near} A new entry is"
                f" %schedule {name} fit.s(0.1) --every 10m"
            )
        options = parsed.options
        rule, policy = self._rule(options), _policy(options)
        signature = self._signature(expression)
        sent = {_SENT[key]: value for key, value in options.items() if key in _SENT}
        if "retry_on" in sent:
            sent["retry_on"] = error_classes(sent["retry_on"], self._shell.user_ns)
        app = self._session.app
        plan = app.compile(signature.clone(**sent))
        try:
            entry = app.schedules.add_plan(name, plan, rule, policy, words=signature.reprcall())
        except TypeError as error:
            raise UsageError(str(error)) from None  # these arguments do not fit
        return self._added(app, entry)

    def _added(self, app: App, entry: ScheduleEntry) -> View:
        with suppress(NbTasksError):
            if not app.workers():
                sys.stderr.write("no worker is there to fire it: %workers start 1\n")
        when = "" if is_stable() else _next_of(entry)
        paused = f" It is paused ({entry.paused})." if entry.paused else ""
        return View(f"{entry.name} is scheduled: {entry.describe()}{when}.{paused}", (), ())

    def _new_name(self, name: str) -> str:
        if name in SCHEDULE_COMMANDS:
            raise UsageError(f"{name!r} is a command of %schedule: give the entry another name")
        return name

    def _signature(self, expression: str) -> Signature:
        __tracebackhide__ = True
        try:
            code = compile(expression, "<expression>", "eval")
        except SyntaxError:
            raise UsageError(
                f"{expression!r} is no expression: write a call as fit.s(0.1)"
            ) from None
        found: Any = eval(code, self._shell.user_global_ns, self._shell.user_ns)  # noqa: S307 - the user's own line
        if isinstance(found, Task):
            return found.s()
        if not isinstance(found, Signature):
            raise UsageError(
                f"{expression!r} is of type {type(found).__name__}, and no signature: write"
                " fit.s(0.1), or a cell with %%schedule"
            )
        return found

    def _parse(self, line: str) -> lines.Line:
        return lines.parse(line, SCHEDULE_OPTIONS, self._shell.user_ns)

    def _rule(self, options: Mapping[str, Any]) -> Schedule:
        given = _when(options)
        if given is None:
            raise UsageError('say when: --every 10m, or --cron "0 7 * * mon-fri"')
        return schedule(
            given,
            tz=options.get("tz") or self._session.app.config.zone,
            until=options.get("until"),
            jitter=options.get("jitter"),
        )


def _when(options: Mapping[str, Any]) -> str | None:
    """What says when; None where nothing does."""
    given = [options[name] for name in ("every", "cron") if name in options]
    if len(given) > 1:
        raise UsageError("--every and --cron both say when: give one of them")
    return given[0] if given else None


def _policy(options: Mapping[str, Any]) -> Policy:
    overlap = options.get("overlap", Overlap.SKIP.value)
    return make_policy(options.get("catch-up"), overlap, options.get("pause-on-failure", 0))


def _next_of(entry: ScheduleEntry) -> str:
    return (
        f"; next {moment_words(entry.next_due)}" if entry.next_due is not None else "; it has ended"
    )


def _due(run: ScheduledRun) -> str:
    return moment_words(run.due) + (f" to {moment_words(run.last_due)}" if run.count > 1 else "")


def _took(run: ScheduledRun) -> str:
    if run.ended is None or not run.id:
        return ""
    return duration((run.ended - run.fired).total_seconds() * 1000)


def _value(run: ScheduledRun) -> str:
    """The value of a run in short, or its error."""
    if not run.id or run.ended is None:
        return ""
    try:
        value = run.result.get(5, propagate=False)
    except NbTasksError as error:
        return clean(str(error), SHORT)
    if isinstance(value, BaseException):
        return clean(f"{type(value).__name__}: {value}", SHORT)
    return clean(repr(value), SHORT) if value is not None else ""
