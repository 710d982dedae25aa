"""`crontab`: due whenever the clock of a zone shows a time that fits five fields."""

from bisect import bisect_right
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Final, Self

from nbtasks.errors import ConfigError
from nbtasks.schedule.base import Duration, Schedule, fill, limits
from nbtasks.schedule.fields import (
    DAY_OF_MONTH,
    DAY_OF_WEEK,
    HOUR,
    MINUTE,
    MONTH_OF_YEAR,
    Spec,
    Values,
    read,
    text_of,
)
from nbtasks.schedule.instants import as_shown, each_once
from nbtasks.schedule.words import clock_words, day_words
from nbtasks.schedule.zones import Moment, zone, zone_name
from nbtasks.spelling import nearest

SHORTHANDS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FIELDS: Final = (MINUTE, HOUR, DAY_OF_WEEK, DAY_OF_MONTH, MONTH_OF_YEAR)
_LONGEST: Final = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # days of each month
_LAST_YEAR: Final = 9998
_LAST_MS: Final = 253_339_228_800_000  # when it begins: what is due later, never is
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, init=False, repr=False)
class crontab(Schedule):  # noqa: N801 - Celery's name for it
    """Due at the minutes that fit all five fields, by the clock of a time zone.

    A field is a number, several of them, or text: `*`, `*/15`, `1-5`, `8-18/2`, `mon-fri`,
    `1,15`, `jan,jul`. A range may wrap: `sat-mon`, `22-2`. Sunday is 0 or 7. A day has to fit
    `day_of_week` *and* `day_of_month` *and* `month_of_year`.

    When the clock leaps or goes back: a rule that names hours has each of its times once, at the
    end of the gap or in the first of the two hours. One that holds in every hour goes by what
    the clock shows.

    Args:
        minute: 0 to 59.
        hour: 0 to 23.
        day_of_week: 0 (Sunday) to 7 (Sunday again), or names.
        day_of_month: 1 to 31.
        month_of_year: 1 to 12, or names.
        tz: A time zone, or the name of one; None for that of the app, or UTC.
        jitter: Fired up to so much later; seconds, a timedelta or text like `30s`.
        until: The last moment it may be due: a datetime, a date (to its end) or ISO text.

    Raises:
        ConfigError: A field is wrong, the zone is unknown, or no such day exists.
    """

    minute: Values
    hour: Values
    day_of_week: Values
    day_of_month: Values
    month_of_year: Values
    tz: str

    def __init__(
        self,
        minute: Spec = "*",
        hour: Spec = "*",
        day_of_week: Spec = "*",
        day_of_month: Spec = "*",
        month_of_year: Spec = "*",
        *,
        tz: str | tzinfo | None = None,
        jitter: Duration | None = None,
        until: Moment | None = None,
    ) -> None:
        specs = (minute, hour, day_of_week, day_of_month, month_of_year)
        values = {field.name: read(field, spec) for field, spec in zip(_FIELDS, specs, strict=True)}
        name = zone_name(tz)
        fill(self, {**values, "tz": name, **limits(until, jitter, zone(name))})
        if self.day_of_month[0] > max(_LONGEST[month] for month in self.month_of_year):
            raise ConfigError(
                f"day_of_month is {day_of_month!r} and month_of_year is {month_of_year!r}:"
                " there is no such day in any year"
            )

    @classmethod
    def from_string(
        cls,
        text: str,
        *,
        tz: str | tzinfo | None = None,
        jitter: Duration | None = None,
        until: Moment | None = None,
    ) -> Self:
        """From five fields with spaces, `0 7 * * mon-fri`, or a word like `@daily`.

        In order: minute, hour, day of month, month, day of week. A day has to fit all of them,
        as with Celery and unlike Unix cron, which takes either of two restricted days.

        Raises:
            ConfigError: It has not five fields, or one is wrong.
        """
        parts = SHORTHANDS.get(text.strip().lower(), text).split()
        if len(parts) != len(_FIELDS):
            raise ConfigError(_not_cron(text, len(parts)))
        minute, hour, day_of_month, month, day_of_week = parts
        return cls(
            minute, hour, day_of_week, day_of_month, month, tz=tz, jitter=jitter, until=until
        )

    def to_text(self) -> str:
        """Its five fields."""
        order = (MINUTE, HOUR, DAY_OF_MONTH, MONTH_OF_YEAR, DAY_OF_WEEK)
        return " ".join(text_of(field, getattr(self, field.name)) for field in order)

    @property
    def zone(self) -> tzinfo:
        """The time zone whose clock it goes by."""
        return zone(self.tz)

    def fits(self, day: date) -> bool:
        """Whether it has times on that day."""
        return (
            day.month in self.month_of_year
            and day.day in self.day_of_month
            and day.isoweekday() % 7 in self.day_of_week
        )

    def following(self, clock: datetime) -> datetime | None:
        """The first time of the rule that a clock shows later, both without a zone."""
        day: date | None = clock.date()
        hour, minute = clock.hour, clock.minute
        if self.fits(clock):
            if hour in self.hour and minute < self.minute[-1]:
                later = self.minute[bisect_right(self.minute, minute)]
                return clock.replace(minute=later)
            if hour < self.hour[-1]:
                later = self.hour[bisect_right(self.hour, hour)]
                return clock.replace(hour=later, minute=self.minute[0])
        day = self._day_after(clock.year, clock.month, clock.day)
        if day is None:
            return None
        return datetime(day.year, day.month, day.day, self.hour[0], self.minute[0])  # noqa: DTZ001 - of a clock

    def _day_after(self, year: int, month: int, day: int) -> date | None:
        while year <= _LAST_YEAR:
            if month in self.month_of_year:
                first, length = monthrange(year, month)
                for found in self.day_of_month[bisect_right(self.day_of_month, day) :]:
                    if found <= length and (first + found) % 7 in self.day_of_week:
                        return date(year, month, found)
            year, month, day = (year, month + 1, 0) if month < 12 else (year + 1, 1, 0)  # noqa: PLR2004 - months
        return None

    def _next_ms(self, t_ms: int) -> int | None:
        if t_ms >= _LAST_MS:
            return None
        step = as_shown if self.hour == HOUR.every else each_once
        found = step(t_ms // 1000, self.zone, self.following)
        return None if found is None else found * 1000

    def _words(self) -> str:
        words = clock_words(self.minute, self.hour)
        days = day_words(self.day_of_week, self.day_of_month, self.month_of_year)
        if days:
            words += f", {days}"
        elif self.hour != HOUR.every and words.startswith("at "):
            words = f"every day {words}"
        return f"{words}, {self.tz or 'UTC'}" if self.tz or self._needs_zone() else words

    def _needs_zone(self) -> bool:
        """Whether its times differ from zone to zone, apart from minutes of the hour."""
        return self.hour != HOUR.every or any(
            getattr(self, field.name) != field.every
            for field in (DAY_OF_WEEK, DAY_OF_MONTH, MONTH_OF_YEAR)
        )

    def _fields(self) -> dict[str, object]:
        texts = {field.name: text_of(field, getattr(self, field.name)) for field in _FIELDS}
        given: dict[str, object] = {name: text for name, text in texts.items() if text != "*"}
        return {"kind": "crontab", **given, **({"tz": self.tz} if self.tz else {})}


def cron(
    text: str,
    *,
    tz: str | tzinfo | None = None,
    jitter: Duration | None = None,
    until: Moment | None = None,
) -> crontab:
    """`crontab.from_string`: `cron("0 7 * * mon-fri", tz="Europe/Paris")`, `cron("@daily")`."""
    return crontab.from_string(text, tz=tz, jitter=jitter, until=until)


def _not_cron(text: str, count: int) -> str:
    word = text.strip()
    if word.lower() == "@reboot":
        return "'@reboot' is no time: a worker_ready handler or a task sent by hand does this"
    if word.startswith("@"):
        return f"{word!r} is no time{nearest(word.lower(), list(SHORTHANDS))}"
    seconds = "; for seconds there is every(10)" if count == len(_FIELDS) + 1 else ""
    return (
        f"{text!r} has {count} field{'' if count == 1 else 's'}; a cron string has five: minute,"
        f" hour, day of month, month, day of week, like '0 7 * * mon-fri'{seconds}"
    )
