"""`solar`: due when the sun rises, sets, or stands in another place, as seen from somewhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from importlib import import_module
from typing import Any, Final

from nbtasks.durations import DAY_MS
from nbtasks.errors import ConfigError
from nbtasks.schedule.base import Duration, Schedule, fill, is_number, limits
from nbtasks.schedule.zones import Moment, from_ms, to_ms
from nbtasks.spelling import nearest

# The event: which way the sun goes, how far below the horizon it is, and whether its centre or
# its upper edge counts. -0:34 is what the air bends its light at the horizon.
_EVENTS: Final = {
    "dawn_astronomical": ("next_rising", "-18", True),
    "dawn_nautical": ("next_rising", "-12", True),
    "dawn_civil": ("next_rising", "-6", True),
    "sunrise": ("next_rising", "-0:34", False),
    "solar_noon": ("next_transit", "0", False),
    "sunset": ("next_setting", "-0:34", False),
    "dusk_civil": ("next_setting", "-6", True),
    "dusk_nautical": ("next_setting", "-12", True),
    "dusk_astronomical": ("next_setting", "-18", True),
}
EVENTS: Final = tuple(_EVENTS)
_APART_MS: Final = 3_600_000  # an event does not come twice in an hour
_SEARCH_DAYS: Final = 400  # in polar regions the sun may rise once a year


@dataclass(frozen=True, slots=True, init=False, repr=False)
class solar(Schedule):  # noqa: N801 - Celery's name for it
    """Due at an event of the sun, as seen from a place; needs the extra `solar`.

    Where an event does not come on a day, as in a polar summer, it is due on the next day that
    has it.

    Args:
        event: `sunrise`, `sunset`, `solar_noon`, or `dawn_` and `dusk_` with `civil`, `nautical`
            or `astronomical`.
        lat: Latitude in degrees, north is positive.
        lon: Longitude in degrees, east is positive.
        jitter: Fired up to so much later; seconds, a timedelta or text like `30s`.
        until: The last moment it may be due: a datetime, a date (to its end) or ISO text.

    Raises:
        ConfigError: There is no such event or place, or the library is missing.
    """

    event: str
    lat: float
    lon: float

    def __init__(
        self,
        event: str,
        lat: float,
        lon: float,
        *,
        jitter: Duration | None = None,
        until: Moment | None = None,
    ) -> None:
        if event not in _EVENTS:
            raise ConfigError(
                f"there is no event {event!r} of the sun{nearest(str(event), list(EVENTS))}"
            )
        place = {"lat": _degrees(lat, "lat", 90), "lon": _degrees(lon, "lon", 180)}
        _ephem()
        fill(self, {"event": event, **place, **limits(until, jitter, UTC)})

    def _next_ms(self, t_ms: int) -> int | None:
        day = self._day_of(t_ms)
        for number in range(day, day + _SEARCH_DAYS):
            for found in self._of_day(number):
                if found > t_ms:
                    return found
        return None

    def _day_of(self, t_ms: int) -> int:
        return (t_ms - self._midnight_ms()) // DAY_MS

    def _midnight_ms(self) -> int:
        """When a mean day begins at this longitude, after midnight UTC."""
        return round(-self.lon / 360 * DAY_MS)

    def _of_day(self, number: int) -> Iterator[int]:
        # Always searched from the start of a day: a search from elsewhere ends some milliseconds
        # beside, and two processes would take one sunset for two.
        ephem: Any = _ephem()
        name, horizon, by_centre = _EVENTS[self.event]
        seen: Any = ephem.Observer()
        seen.lat, seen.lon, seen.horizon, seen.pressure = str(self.lat), str(self.lon), horizon, 0
        options = {"use_center": True} if by_centre else {}
        start = number * DAY_MS + self._midnight_ms()
        at = start
        while at < start + DAY_MS:
            try:
                found = getattr(seen, name)(
                    ephem.Sun(), start=from_ms(at).replace(tzinfo=None), **options
                )
            except ephem.CircumpolarError:
                return
            at = to_ms(found.datetime().replace(tzinfo=UTC)) // 1000 * 1000
            if at >= start + DAY_MS:
                return
            yield at
            at += _APART_MS

    def to_text(self) -> str:
        """The event and the place: `sunset 48.85 2.35`."""
        return f"{self.event} {self.lat} {self.lon}"

    def _words(self) -> str:
        north, east = "N" if self.lat >= 0 else "S", "E" if self.lon >= 0 else "W"
        place = f"{abs(self.lat):g}° {north} {abs(self.lon):g}° {east}"
        first, _, last = self.event.partition("_")
        name = f"{last} {first}" if first in {"dawn", "dusk"} else f"{first} {last}".strip()
        return f"at {name}, {place}"

    def _fields(self) -> dict[str, object]:
        return {"kind": "solar", "event": self.event, "lat": self.lat, "lon": self.lon}


def _degrees(value: float, what: str, most: int) -> float:
    if is_number(value) and abs(value) <= most:
        return float(value)
    raise ConfigError(f"{what} is {value!r}: give degrees from -{most} to {most}")


def _ephem() -> Any:
    try:
        return import_module("ephem")
    except ImportError:
        raise ConfigError(
            "where the sun stands is reckoned by a library: pip install 'nbtasks[solar]'"
        ) from None
