"""What becomes of due times: which are fired, skipped, missed, or wait for the last run (pure)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from nbtasks.errors import ConfigError
from nbtasks.schedule import Schedule, jittered_ms
from nbtasks.spelling import nearest

CATCH_UP_MS: Final = 3_600_000
"""Times that were missed by no more than this are made up for."""

LATE_MS: Final = 15_000
"""No time is missed before it is so late: who had it may have died, and another must notice."""

MOST_TIMES: Final = 1000
"""Looked at in one go; what is above is seen to in the next."""


class Overlap(StrEnum):
    """What a due time does while the last run has not ended."""

    SKIP = "skip"
    BUFFER = "buffer"
    ALLOW = "allow"
    CANCEL_OTHER = "cancel_other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What becomes of times that were missed, or at which the last run has not ended.

    Attributes:
        catch_up_ms: Times that were missed by no more than this, or by `LATE_MS`, are made up for.
        overlap: What a due time does while the last run has not ended.
        pause_on_failure: So many failed runs in a row pause the entry; 0 for any number.
    """

    catch_up_ms: int = CATCH_UP_MS
    overlap: Overlap = Overlap.SKIP
    pause_on_failure: int = 0

    def __post_init__(self) -> None:
        known = [each.value for each in Overlap]
        if self.overlap not in known:
            raise ConfigError(
                f"there is no overlap {self.overlap!r}{nearest(str(self.overlap), known)}"
            )
        object.__setattr__(self, "overlap", Overlap(self.overlap))
        count: Any = self.pause_on_failure  # it comes from the user
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ConfigError(f"pause_on_failure is {count!r}: it must be a whole number from 0")

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "catch_up": self.catch_up_ms,
            "overlap": self.overlap.value,
            "pause": self.pause_on_failure,
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Policy":
        """What `to_json` made."""
        return cls(
            catch_up_ms=fields["catch_up"],
            overlap=fields["overlap"],
            pause_on_failure=fields["pause"],
        )


@dataclass(frozen=True, slots=True)
class Run:
    """It is fired for this time."""

    due_ms: int
    next_ms: int | None


@dataclass(frozen=True, slots=True)
class Leave:
    """So many times, from `due_ms` to `last_ms`, are not fired: skipped, or else missed."""

    due_ms: int
    last_ms: int
    count: int
    is_skipped: bool
    next_ms: int | None


@dataclass(frozen=True, slots=True)
class Wait:
    """This time waits for the end of the last run."""

    due_ms: int


Step = Run | Leave | Wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """How an entry stands when it is looked at: times in ms.

    `due_ms` is the first time that was not seen to; `is_buffered` where that has waited for the
    last run.
    """

    name: str
    due_ms: int
    now_ms: int
    is_running: bool = False
    is_buffered: bool = False


def steps(schedule: Schedule, policy: Policy, at: Moment) -> Iterator[Step]:
    """What to do now about an entry, in this order.

    Yields:
        Each due time that is over is in just one step, but that of a `Wait`, which is the last.
    """
    due: int | None = at.due_ms
    is_running = at.is_running
    before = at.now_ms - max(policy.catch_up_ms, LATE_MS)
    while due is not None and not at.is_buffered and fire_at(schedule, at.name, due) < before:
        step = _missed(schedule, at.name, due, before)
        yield step
        due = step.next_ms
    over = _over(schedule, at.name, due, at.now_ms)
    if policy.overlap is Overlap.CANCEL_OTHER and len(over) > 1:
        yield _left(schedule, over[:-1])
        over = over[-1:]
    for place, time in enumerate(over):
        may_run = not is_running or policy.overlap in {Overlap.ALLOW, Overlap.CANCEL_OTHER}
        if may_run:
            yield Run(time, schedule.next_after_ms(time))
            is_running = True
        elif policy.overlap is Overlap.BUFFER and not (at.is_buffered and place):
            yield Wait(time)
            return
        else:
            yield _left(schedule, over[place:])
            return


def fire_at(schedule: Schedule, name: str, due_ms: int) -> int:
    """When to fire an entry for a due time: that and its jitter, which all that ask agree on."""
    return jittered_ms(name, due_ms, schedule.jitter_ms) if schedule.jitter_ms else due_ms


def _over(schedule: Schedule, name: str, due: int | None, now: int) -> list[int]:
    """The times from `due` on that are over."""
    found: list[int] = []
    while due is not None and fire_at(schedule, name, due) <= now and len(found) < MOST_TIMES:
        found.append(due)
        due = schedule.next_after_ms(due)
    return found


def _left(schedule: Schedule, times: list[int]) -> Leave:
    last = times[-1]
    return Leave(times[0], last, len(times), True, schedule.next_after_ms(last))  # noqa: FBT003


def _missed(schedule: Schedule, name: str, due: int, before: int) -> Leave:
    """All times to be fired before this; of very many the number is not known: it is the most."""
    last, count = due, 1
    after = schedule.next_after_ms(due)
    while after is not None and fire_at(schedule, name, after) < before and count < MOST_TIMES:
        last, count = after, count + 1
        after = schedule.next_after_ms(after)
    sure = before - schedule.jitter_ms
    if after is not None and after < sure:
        after = schedule.next_after_ms(sure - 1)
    return Leave(due, last, count, False, after)  # noqa: FBT003
