"""Rules as one types them: `10m`, `0 7 * * mon-fri`, `at 07:00 mon-fri`, `sunset 48.85 2.35`."""

import re
from typing import Final

from nbtasks.durations import read_seconds
from nbtasks.errors import ConfigError
from nbtasks.schedule.base import Schedule
from nbtasks.schedule.cron import crontab
from nbtasks.schedule.every import every
from nbtasks.schedule.solar import EVENTS, solar

_CLOCK: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})")


def read_text(text: str) -> Schedule | None:
    """The rule that a text stands for; None where it is of no form that is known.

    Raises:
        ConfigError: It is of a form that is known, and wrong in itself.
    """
    first, *rest = text.split() or [""]
    match first.lower():
        case "every":
            return every(" ".join(rest))
        case "at":
            return _at(text, rest)
        case event if event in EVENTS:
            return _of_sun(text, event, rest)
        case _ if read_seconds(text) is not None:
            return every(text)
        case _ if rest or first.startswith("@"):
            return crontab.from_string(text)
        case _:
            return None


def _at(text: str, words: list[str]) -> crontab:
    """`at 07:00`, or with days of the week: `at 7:30 mon-fri`."""
    time = _CLOCK.fullmatch(words[0]) if words else None
    if time is None:
        raise ConfigError(
            f"{text!r} names no time of a day: write 'at 07:00' or 'at 07:00 mon-fri'"
        )
    days = "".join(words[1:]) or "*"
    return crontab(int(time[2]), int(time[1]), days)


def _of_sun(text: str, event: str, place: list[str]) -> solar:
    try:
        lat, lon = map(float, place)
    except ValueError:
        raise ConfigError(
            f"{text!r} names no place: write latitude and longitude, as in '{event} 48.85 2.35'"
        ) from None
    return solar(event, lat, lon)
