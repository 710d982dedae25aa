"""From clock times to moments, where a zone's clock leaps or goes back (pure).

A rule names times on a clock: 02:30 each day. Twice a year a zone's clock skips an hour, or shows
one twice. What is due then follows from one question, whether the rule holds in every hour:

* It names hours (`30 2 * * *`): each time it names is due once. One that the clock skips is due
  when the skip ends, one that the clock shows twice is due the first time.
* It holds in every hour (`30 * * * *`, `*/5 * * * *`): it is due whenever the clock shows such a
  time. Nothing is made up for a skipped hour, which no clock measured, and the hour that comes
  twice has its times twice: an hourly rule stays hourly.

Both walk along times of the clock, as a rule's `following` gives them, and turn each into seconds
since 1970. They ask the zone for its offset only, as no more is public of a `ZoneInfo`.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

Following = Callable[[datetime], datetime | None]
"""The first minute of a rule after that minute, both without a zone; None: never again."""

# The clock went back by more than a day in no zone since 1900, nor twice in two days.
_NEAR_S: Final = 2 * 86_400
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - of a clock, in no zone
_MINUTE_S: Final = 60


def each_once(after_s: int, zone: tzinfo, following: Following) -> int | None:
    """The first due second after `after_s`, where each clock time is due once; None: never."""
    clock = following(_clock(after_s, _offset(after_s, zone)))
    while clock is not None:
        found = _first(clock, zone)
        # In an hour that comes for the second time, the first has had what follows.
        if found > after_s:
            return found
        clock = following(clock)
    return None


def as_shown(after_s: int, zone: tzinfo, following: Following) -> int | None:
    """The first second after `after_s` at which the clock shows a time of the rule; None: never."""
    while True:
        offset = _offset(after_s, zone)
        clock = following(_clock(after_s, offset))
        if clock is None:
            return None
        found = _seconds(clock) - offset
        near = min(found, after_s + _NEAR_S)
        if _offset(near, zone) != offset:
            # Up to the change there is nothing; then the clock shows something else.
            after_s = _change(after_s, near, zone)
            if _is_shown(after_s, zone, following):
                return after_s
        elif near == found:
            return found
        else:
            # Days without a time of the rule: look again where the next one is near.
            after_s = max(near, found - _NEAR_S)


def _is_shown(at_s: int, zone: tzinfo, following: Following) -> bool:
    clock = _EPOCH + timedelta(seconds=at_s + _offset(at_s, zone))
    return following(clock - timedelta(minutes=1)) == clock


def _first(clock: datetime, zone: tzinfo) -> int:
    """The second at which the clock shows this first, or leaps over it."""
    by_old = int(clock.replace(tzinfo=zone).timestamp())
    if _EPOCH + timedelta(seconds=by_old + _offset(by_old, zone)) == clock:
        return by_old
    by_new = int(clock.replace(tzinfo=zone, fold=1).timestamp())
    return _change(by_new, by_old, zone)


def _change(low_s: int, high_s: int, zone: tzinfo) -> int:
    """The first second that has another offset than `low_s`, up to `high_s`, which has."""
    offset = _offset(low_s, zone)
    while high_s - low_s > 1:
        middle = (low_s + high_s) // 2
        if _offset(middle, zone) == offset:
            low_s = middle
        else:
            high_s = middle
    return high_s


def _offset(at_s: int, zone: tzinfo) -> int:
    if zone is UTC:
        return 0
    offset = datetime.fromtimestamp(at_s, zone).utcoffset()
    return offset.days * 86_400 + offset.seconds if offset else 0


def _seconds(clock: datetime) -> int:
    ahead = clock - _EPOCH
    return ahead.days * 86_400 + ahead.seconds


def _clock(at_s: int, offset: int) -> datetime:
    """The minute that the clock shows."""
    local = at_s + offset
    return _EPOCH + timedelta(seconds=local - local % _MINUTE_S)
