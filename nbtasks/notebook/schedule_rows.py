"""What is scheduled as facts for a browser, and the same as a table for all others."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from nbtasks.notebook.frontend import is_stable
from nbtasks.notebook.listing import Marked, View
from nbtasks.notebook.render import GLYPHS, STATES, sign
from nbtasks.notebook.tally import (
    CODE_FAILURE,
    CODE_PENDING,
    CODE_REVOKED,
    CODE_STARTED,
    CODE_SUCCESS,
)
from nbtasks.notebook.words import clean
from nbtasks.schedule import Schedule
from nbtasks.schedule.zones import from_ms, to_ms, zone_name
from nbtasks.scheduled import ScheduledRun, ScheduleEntry
from nbtasks.scheduling import Schedules

RUNS: Final = 20
COMING: Final = 5
MOST: Final = 100
"""Entries; of more, the first by name."""

SHORT: Final = 60
"""Characters of a value or a call in a table."""

SIGNS: Final = 10
"""Of the last runs in a table."""

NOTHING: Final = 'Nothing is scheduled: %%schedule NAME --cron "0 7 * * mon-fri"'

_CODES: Final = {"SUCCESS": CODE_SUCCESS, "FAILURE": CODE_FAILURE, "REVOKED": CODE_REVOKED}
_SKIPPED: Final = "-"

Facts = dict[str, Any]


def read_facts(schedules: Schedules, only: str = "") -> Facts:
    """All there is to see of a schedule now, or of one entry of it.

    Raises:
        StoreError: Redis is gone, or refuses.
    """
    found = schedules.entries()
    if only:
        found = [entry for entry in found if entry.name == only]
    shown = sorted(found, key=lambda entry: entry.name)[:MOST]
    runs = schedules.histories(shown, RUNS)
    return {
        "error": "",
        "more": len(found) - len(shown),
        "entries": [_entry(*each) for each in zip(shown, runs, strict=True)],
    }


def schedule_table(facts: Facts) -> View:
    """The same as a table."""
    entries: list[Facts] = facts["entries"]
    if not entries:
        return View(NOTHING, (), ())
    head = f"{len(entries) + facts['more']} scheduled"
    if is_stable():
        rows = [(each["name"], each["when"], each["state"]) for each in entries]
        return View(head, ("name", "when", "state"), rows)
    full = [
        (
            clean(each["name"], SHORT),
            each["when"],
            clean(each["what"], SHORT),
            each["coming"][0] if each["next"] else "",
            _strip(each["runs"][-SIGNS:]),
            _last(each["runs"]),
            _state(each),
        )
        for each in entries
    ]
    return View(head, ("name", "when", "what", "next", "last runs", "last", "state"), full)


def coming_of(rule: Schedule, now_ms: int) -> Facts:
    """A rule in words, and when it would be due next."""
    times = rule.upcoming(COMING, from_ms(now_ms, rule.zone or UTC))
    return {"when": clean(rule.describe()), "coming": [moment_words(at) for at in times]}


def rule_table(rule: Schedule, now_ms: int) -> View:
    """A rule in words, and when it would be due next, as a table."""
    found = coming_of(rule, now_ms)
    return View(found["when"], ("next",), [(at,) for at in found["coming"]])


def moment_words(at: datetime | None) -> str:
    """A moment of its own zone: `Mon 23 Nov 07:00`; empty for None."""
    return f"{at:%a %d %b %H:%M:%S}".removesuffix(":00") if at is not None else ""


def run_kind(run: ScheduledRun) -> str:
    """What it was, and of times in a row that were not fired how many: `3 × skipped`."""
    return f"{run.count} × {run.kind}" if run.count > 1 else run.kind


def _entry(entry: ScheduleEntry, runs: Sequence[ScheduledRun]) -> Facts:
    return {
        "name": entry.name,
        "when": clean(entry.describe()),
        "rule": entry.schedule.to_text(),
        "zone": zone_name(entry.schedule.zone),
        "what": clean(entry.what),
        "queue": clean(entry.queue),
        "program": clean(entry.program),
        "state": entry.state,
        "why": clean(entry.paused or entry.error),
        "running": entry.running,
        "next": _ms(entry.next_due) if not entry.paused else 0,
        "coming": [moment_words(at) for at in entry.next(COMING)],
        "runs": [_run(run) for run in reversed(runs)],
    }


def _run(run: ScheduledRun) -> tuple[str, int, str, int, int]:
    """When it was due, its state, what it was, how long it took (0: not ended), when it began."""
    code = _CODES.get(run.state, CODE_STARTED if run.id else CODE_PENDING)
    took = _ms(run.ended) - _ms(run.fired) if run.ended else 0
    return moment_words(run.due), code, run_kind(run), took, _ms(run.fired)


def _strip(runs: Sequence[Sequence[Any]]) -> Marked:
    """A sign for each run; what was not fired is a line."""
    codes: list[int] = [run[1] for run in runs]
    text = "".join(GLYPHS[code] if code != CODE_PENDING else _SKIPPED for code in codes)
    return Marked(text, "".join(sign(code) if code != CODE_PENDING else _SKIPPED for code in codes))


def _last(runs: Sequence[Sequence[Any]]) -> str:
    if not runs:
        return ""
    due, code, kind, *_ = runs[-1]
    return f"{due} {STATES[code] if code != CODE_PENDING else kind}"


def _state(facts: Facts) -> str:
    running = f", {facts['running']} running" if facts["running"] else ""
    why = clean(facts["why"], SHORT)
    return f"{facts['state']}: {why}" if why else f"{facts['state']}{running}"


def _ms(moment: datetime | None) -> int:
    return to_ms(moment) if moment is not None else 0
