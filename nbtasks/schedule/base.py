"""What every schedule is: a rule that says, of any moment, when it is next due."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, time, timedelta, tzinfo
from hashlib import blake2b
from math import isfinite
from typing import Any, Final, Self, TypeGuard

from nbtasks.clock import SystemClock
from nbtasks.durations import in_words, read_seconds
from nbtasks.errors import ConfigError
from nbtasks.schedule.zones import Moment, from_ms, read_moment, to_ms

VERSION: Final = 1
MAX_MS: Final = 366 * 86_400_000 * 100  # a century: longer is a slip of the units

_BARE: Final = ("period", "event", "lat", "lon")  # written without their names

Duration = float | timedelta | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(ABC):
    """When something is due, again and again.

    Its times depend on nothing but the rule: two processes that ask the same schedule about the
    same moment hear the same time. It can be compared, pickled, and evaluated from its `repr`.

    Attributes:
        until_ms: It is never due after this, in ms since 1970; None for no end.
        jitter_ms: Up to so much later than it is due may it be fired: see `jittered_ms`.
    """

    until_ms: int | None = None
    jitter_ms: int = 0

    @abstractmethod
    def _next_ms(self, t_ms: int) -> int | None:
        """The first time after `t_ms`, whatever `until_ms` says."""

    @abstractmethod
    def _words(self) -> str:
        """What `describe` says of the rule itself."""

    @abstractmethod
    def _fields(self) -> dict[str, object]:
        """What `to_json` says of the rule itself, `kind` first."""

    @abstractmethod
    def to_text(self) -> str:
        """The rule as one types it, for `schedule`: without zone, anchor, `until` and jitter."""

    @property
    def zone(self) -> tzinfo | None:
        """The time zone it counts in; None where it has none."""
        return None

    def next_after_ms(self, t_ms: int) -> int | None:
        """The first time it is due after `t_ms`.

        Returns:
            Milliseconds since 1970, later than `t_ms`; None: never again.
        """
        found = self._next_ms(t_ms)
        ended = found is not None and self.until_ms is not None and found > self.until_ms
        return None if ended else found

    def next_after(self, moment: datetime) -> datetime | None:
        """As `next_after_ms`, with aware datetimes: in its own zone, or that of `moment`.

        Raises:
            ConfigError: `moment` is without a time zone.
        """
        if moment.tzinfo is None:
            raise ConfigError(f"the moment {moment!r} has no time zone: give one that has")
        found = self.next_after_ms(to_ms(moment))
        return None if found is None else from_ms(found, self.zone or moment.tzinfo)

    def upcoming(self, n: int, after: datetime | None = None) -> list[datetime]:
        """The next `n` times after that moment, or after now; fewer where it ends."""
        moment = from_ms(SystemClock().wall_ms(), self.zone or UTC) if after is None else after
        times: list[datetime] = []
        while len(times) < n:
            found = self.next_after(moment)
            if found is None:
                break
            times.append(found)
            moment = found
        return times

    def describe(self) -> str:
        """In words: `at 07:00, Monday to Friday, Europe/Paris`."""
        words = self._words()
        if self.jitter_ms:
            words += f", up to {in_words(self.jitter_ms)} later"
        if self.until_ms is not None:
            words += f", until {from_ms(self.until_ms, self.zone or UTC):%Y-%m-%d %H:%M}"
        return words

    def to_json(self) -> dict[str, object]:
        """As JSON, for `schedule_from_json` of this version and later ones."""
        data: dict[str, object] = {"v": VERSION, **self._fields()}
        if self.until_ms is not None:
            data["until"] = self.until_ms
        if self.jitter_ms:
            data["jitter"] = self.jitter_ms
        return data

    def __repr__(self) -> str:
        given = {name: value for name, value in self._fields().items() if name != "kind"}
        if self.jitter_ms:
            given["jitter"] = self.jitter_ms / 1000
        if self.until_ms is not None:
            given["until"] = from_ms(self.until_ms).isoformat()
        words = [repr(v) if k in _BARE else f"{k}={v!r}" for k, v in given.items()]
        return f"{type(self).__name__}({', '.join(words)})"

    def changed(self, **changes: object) -> Self:
        """The same with other fields, which are taken as they are."""
        new = object.__new__(type(self))
        fill(new, {item.name: getattr(self, item.name) for item in fields(self)} | changes)
        return new


def fill(made: Schedule, values: Mapping[str, Any]) -> None:
    """Set the fields of a frozen schedule whose `__init__` takes other things than it keeps."""
    for name, value in values.items():
        object.__setattr__(made, name, value)


def limits(until: Moment | None, jitter: Duration | None, tz: tzinfo) -> dict[str, int | None]:
    """The fields that all schedules share, from what the API takes.

    Raises:
        ConfigError: One is none that can be read.
    """
    end = None if until is None else read_moment(until, "until", tz, of_day=time.max)
    return {
        "until_ms": end,
        "jitter_ms": 0 if jitter is None else read_duration_ms(jitter, "jitter"),
    }


def read_duration_ms(value: Duration, what: str) -> int:
    """Seconds, a timedelta, or text like `1h30m`, in milliseconds.

    Raises:
        ConfigError: It is none, or negative, or above a century.
    """
    seconds: object = value
    if isinstance(value, str):
        seconds = read_seconds(value)
    elif isinstance(value, timedelta):
        seconds = value.total_seconds()
    if not is_number(seconds) or not 0 <= seconds <= MAX_MS / 1000:
        raise ConfigError(f"{what} is {value!r}: give seconds, a timedelta, or text like '1h30m'")
    return round(seconds * 1000)


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a number that can be reckoned with: no bool, and finite."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


def jittered_ms(name: str, due_ms: int, jitter_ms: int) -> int:
    """When an entry that is due then is fired: the same wherever it is asked.

    Returns:
        From `due_ms` to `due_ms + jitter_ms`, spread evenly over names and times.
    """
    digest = blake2b(f"{due_ms} {name}".encode(), digest_size=8).digest()
    return due_ms + int.from_bytes(digest, "big") % (jitter_ms + 1)
