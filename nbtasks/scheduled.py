"""What is known of schedule entries and of their runs, as a user reads it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from nbtasks.displayed import Displayed
from nbtasks.overlap import Policy
from nbtasks.schedule import Schedule, schedule_from_json
from nbtasks.schedule.zones import from_ms
from nbtasks.serializers import decode_json
from nbtasks.states import FAILURE, REVOKED, SUCCESS
from nbtasks.store.entries import BACKFILLED, BY_HAND, MISSED, SCHEDULED, SKIPPED

if TYPE_CHECKING:
    from nbtasks.submitting import Submitter

KINDS: Final = {
    SCHEDULED: "scheduled",
    BY_HAND: "by hand",
    BACKFILLED: "backfilled",
    SKIPPED: "skipped",
    MISSED: "missed",
}
_STATES: Final = {chr(SUCCESS): "SUCCESS", chr(FAILURE): "FAILURE", chr(REVOKED): "REVOKED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleEntry(Displayed):
    """A line of the schedule, as it was when it was asked for.

    Attributes:
        name: Its name.
        schedule: When it is due.
        what: What is sent, in words.
        queue: Where it goes.
        policy: What becomes of times that were missed, or at which the last run has not ended.
        next_due: The time that is fired next; None where it has ended.
        paused: Why it is paused; empty where it is not.
        error: Why it cannot be fired; empty where it can.
        failures: How many of its last runs in a row have failed.
        running: How many of its runs have not ended.
        program: The program that declares it; empty where it was added by hand.
        added: When it was added.
        app: Whose entry it is.
    """

    name: str
    schedule: Schedule
    what: str
    queue: str
    policy: Policy
    next_due: datetime | None
    paused: str
    error: str
    failures: int
    running: int
    program: str
    added: datetime
    version: str = field(repr=False)
    app: "Submitter" = field(repr=False, compare=False)

    @property
    def is_paused(self) -> bool:
        """Whether it is paused."""
        return bool(self.paused)

    @property
    def state(self) -> str:
        """In a word: `active`, `paused`, `refused` (it cannot be fired) or `ended`."""
        if self.paused:
            return "paused"
        if self.error:
            return "refused"
        return "active" if self.next_due is not None else "ended"

    def next(self, n: int = 1) -> list[datetime]:
        """Its next `n` due times; fewer where it ends."""
        if self.next_due is None or n < 1:
            return []
        return [self.next_due, *self.schedule.upcoming(n - 1, self.next_due)]

    def describe(self) -> str:
        """When it is due, in words."""
        return self.schedule.describe()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledRun:
    """What has become of a due time of an entry, or of several in a row.

    Attributes:
        kind: `scheduled`, `by hand`, `backfilled`, `skipped` since another ran, or `missed`.
        due: The time; the first of several.
        last_due: The last of several.
        count: How many times these are: more than one only where they were not fired.
        fired: When it was fired, or was not.
        ended: When it ended; None where it has not, or was not fired.
        state: `SUCCESS`, `FAILURE`, `REVOKED`, or empty where it has not ended.
        id: The id of the run, and of its first task; empty where it was not fired.
    """

    kind: str
    due: datetime
    last_due: datetime
    count: int
    fired: datetime
    ended: datetime | None
    state: str
    id: str
    find: Callable[[str], Any] = field(repr=False, compare=False)

    @property
    def result(self) -> Any:
        """The result of the run, as `AsyncResult` or `GroupResult`; None where it was not fired.

        Raises:
            UnknownTask: It is no longer stored.
        """
        return self.find(self.id) if self.id else None


def read_entry(item: list[Any], app: "Submitter") -> ScheduleEntry:
    """An item of the reply of `entries`, which is of this app."""
    name, due, _, off, error, bad, running, program, added, words, version = (
        part.decode() for part in item
    )
    told = decode_json(words.encode())
    rule = schedule_from_json(told["when"])
    return ScheduleEntry(
        name=name,
        schedule=rule,
        what=told["what"],
        queue=told["queue"],
        policy=Policy.from_json(told["policy"]),
        next_due=moment(due, rule) if due else None,
        paused=off,
        error=error,
        failures=int(bad or 0),
        running=int(running or 0),
        program=program,
        added=moment(added, rule),
        version=version,
        app=app,
    )


def read_runs(
    fields: Mapping[bytes, bytes], rule: Schedule, find: Callable[[str], Any]
) -> list[ScheduledRun]:
    """What is stored of the runs of an entry, the newest first."""
    runs: list[tuple[int, ScheduledRun]] = []
    for key, text in fields.items():
        due, fired, kind, count, ended, state = text.decode().split()
        is_run = kind not in {SKIPPED, MISSED}
        run = ScheduledRun(
            kind=KINDS.get(kind, kind),
            due=moment(due, rule),
            last_due=moment(due if is_run else ended, rule),
            count=int(count),
            fired=moment(fired, rule),
            ended=moment(ended, rule) if is_run and ended != "0" else None,
            state=_STATES.get(state, ""),
            id=key.decode() if is_run else "",
            find=find,
        )
        runs.append((int(fired), run))
    runs.sort(key=lambda pair: (pair[0], pair[1].due), reverse=True)
    return [run for _, run in runs]


def moment(ms: str | int, rule: Schedule) -> datetime:
    """A time in ms as a datetime in the zone of a schedule."""
    return from_ms(int(ms), rule.zone or UTC)
