"""`every`: due at equal distances from a fixed moment."""

from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Final

from nbtasks.durations import DAY_MS, WEEK_MS, in_words, short
from nbtasks.errors import ConfigError
from nbtasks.schedule.base import (
    MAX_MS,
    Duration,
    Schedule,
    fill,
    is_number,
    limits,
    read_duration_ms,
)
from nbtasks.schedule.zones import Moment, from_ms, read_moment

ANCHOR_MS: Final = 4 * DAY_MS  # a Monday, at midnight UTC: a week's rule is due on Mondays
SHORTEST_MS: Final = 100


@dataclass(frozen=True, slots=True, init=False, repr=False)
class every(Schedule):  # noqa: N801 - reads as a sentence: every(10), every(hours=2)
    """Due again and again after the same time, counted from a fixed moment.

    It is a length of time and not of the calendar: two hours are two hours where the clock leaps.
    Late or early firing does not move the times after it.

    Args:
        period: Seconds, a timedelta, or text like `10m`; None where the next ones say it.
        weeks: Added to the period, as are the following.
        days: Of 24 hours.
        hours: Of 60 minutes.
        minutes: Of 60 seconds.
        seconds: Whole or not.
        anchor: A moment at which it is due, where the others follow from; default: a Monday at
            midnight UTC, so `every("10m")` is due at :00, :10, :20.
        jitter: Fired up to so much later; seconds, a timedelta or text like `30s`.
        until: The last moment it may be due: a datetime, a date (to its end) or ISO text.

    Raises:
        ConfigError: There is no period, or it is shorter than 0.1 s, or an option is wrong.
    """

    period_ms: int
    anchor_ms: int

    def __init__(
        self,
        period: Duration | None = None,
        *,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        anchor: Moment | None = None,
        jitter: Duration | None = None,
        until: Moment | None = None,
    ) -> None:
        parts = _sum(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
        period_ms = parts + (0 if period is None else read_duration_ms(period, "every"))
        if period_ms < SHORTEST_MS:
            given = period if period is not None else f"{parts / 1000:g} s"
            raise ConfigError(f"every is {given!r}: give at least 0.1 seconds, as in every('10m')")
        start = ANCHOR_MS if anchor is None else read_moment(anchor, "anchor", UTC)
        fill(self, {"period_ms": period_ms, "anchor_ms": start, **limits(until, jitter, UTC)})

    def _next_ms(self, t_ms: int) -> int:
        return t_ms + self.period_ms - (t_ms - self.anchor_ms) % self.period_ms

    def to_text(self) -> str:
        """Its period: `1h30m`."""
        return short(self.period_ms)

    def _words(self) -> str:
        period = in_words(self.period_ms)
        words = f"every {period.removeprefix('1 ') if period.count(' ') == 1 else period}"
        if self.anchor_ms == ANCHOR_MS:
            monday = " on Monday" if self.period_ms % WEEK_MS == 0 else ""
            return words if self.period_ms % DAY_MS else f"{words}{monday} at 00:00 UTC"
        return f"{words}, counted from {from_ms(self.anchor_ms):%Y-%m-%d %H:%M} UTC"

    def _fields(self) -> dict[str, object]:
        data: dict[str, object] = {"kind": "every", "period": short(self.period_ms)}
        if self.anchor_ms != ANCHOR_MS:
            data["anchor"] = from_ms(self.anchor_ms).isoformat()
        return data


def _sum(**parts: float) -> int:
    for name, value in parts.items():
        if not is_number(value) or not 0 <= value < MAX_MS:
            raise ConfigError(f"{name} is {value!r}: give a number from 0")
    return round(timedelta(**parts) / timedelta(milliseconds=1))
