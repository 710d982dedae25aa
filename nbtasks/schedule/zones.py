"""Time zones by name, and moments as the API takes them (pure)."""

import os
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from difflib import get_close_matches
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from nbtasks.errors import ConfigError

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
# Files beside the zones that are none, or mean something else on each machine.
_NOT_ZONES: Final = ("Factory", "localtime", "posix/", "posixrules", "right/")

Moment = datetime | date | str


@cache  # a ZoneInfo that nobody holds is read from its file again, which takes 0.1 ms
def zone(name: str) -> tzinfo:
    """The zone of that name; '' is UTC.

    Raises:
        ConfigError: There is none.
    """
    if name in {"", "UTC"}:
        return UTC
    try:
        if not name.startswith(_NOT_ZONES):
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise ConfigError(f"tz is {name!r}: there is no such time zone{_nearest(name)}")


def zone_name(tz: str | tzinfo | None) -> str:
    """The name of a zone that exists; '' for None.

    Raises:
        ConfigError: There is none of that name, or it has no name: a fixed offset.
    """
    if tz is None or tz == "":
        return ""
    if tz is UTC:
        return "UTC"
    name = getattr(tz, "key", None) if isinstance(tz, tzinfo) else tz
    if not isinstance(name, str):
        raise ConfigError(
            f"tz is {tz!r}: give the name of a time zone, like 'Europe/Paris', or a ZoneInfo"
        )
    zone(name)
    return name


def local_zone() -> str:
    """The name of the zone that this machine is in.

    Raises:
        ConfigError: It does not say.
    """
    name = os.environ.get("TZ", "").removeprefix(":")
    if not name:
        name = os.path.realpath("/etc/localtime").partition("zoneinfo/")[2] or "?"
    try:
        return zone_name(name)
    except ConfigError:
        raise ConfigError(
            "this machine does not say which time zone it is in: name one in timezone"
        ) from None


def _nearest(name: str) -> str:
    known = {name for name in available_timezones() if not name.startswith(_NOT_ZONES)}
    if not known:
        return ", for this machine has no time zone data: pip install tzdata"
    by_lower = {key.lower(): key for key in known}
    by_lower |= {key.rpartition("/")[2].lower(): key for key in sorted(known)}
    found = get_close_matches(name.lower().replace(" ", "_"), list(by_lower), 1)
    return f": did you mean {by_lower[found[0]]!r}?" if found else ", like 'Europe/Paris'"


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware moment."""
    return (moment - EPOCH) // _MS


def from_ms(ms: int, tz: tzinfo = UTC) -> datetime:
    """The moment, in that zone."""
    return (EPOCH + ms * _MS).astimezone(tz)


def read_moment(value: Moment, what: str, tz: tzinfo, of_day: time = time.min) -> int:
    """Milliseconds since 1970 of a moment.

    Args:
        value: A datetime, a date, or either as ISO text.
        what: Which option it is.
        tz: The zone it is in where it has none.
        of_day: The time of a date without one.

    Raises:
        ConfigError: It is none.
    """
    read: Callable[[str], datetime | date]
    try:
        if isinstance(value, str):
            read = datetime.fromisoformat if ":" in value else date.fromisoformat
            value = read(value.strip())
        if not isinstance(value, datetime):
            value = datetime.combine(value, of_day)
    except (TypeError, ValueError):
        raise ConfigError(
            f"{what} is {value!r}: give a datetime, or text like '2030-01-31T18:30'"
        ) from None
    return to_ms(value if value.tzinfo else value.replace(tzinfo=tz))
