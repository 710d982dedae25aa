"""When a cron rule is due, found by looking at every minute: slow, and too simple to be wrong.

It shares nothing with what it checks but the zones' data, and takes sets of numbers, no text.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)


@cache
def minutes_of(zone, start, days):
    """Every minute from a moment on: what the clock of the zone shows, and the moment."""
    tz = ZoneInfo(zone)
    moments = (start + n * MINUTE for n in range(days * 1440))
    return [(moment.astimezone(tz).replace(tzinfo=None), moment) for moment in moments]


@cache
def changes_of(zone, year):
    """The days of a year on which a zone's clock leaps or goes back, as UTC dates."""
    tz = ZoneInfo(zone)
    days = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(366)]
    return [
        a for a, b in pairwise(days) if a.astimezone(tz).utcoffset() != b.astimezone(tz).utcoffset()
    ]


def fits(clock, rule):
    minutes, hours, weekdays, days, months = rule
    return (
        clock.minute in minutes
        and clock.hour in hours
        and clock.month in months
        and clock.day in days
        and clock.isoweekday() % 7 in weekdays
    )


def due(shown, rule):
    """The moments among those minutes at which a rule is due, by the words of the guide."""
    if rule[1] == set(range(24)):
        return [moment for clock, moment in shown if fits(clock, rule)]
    found = []
    latest = shown[0][0] - MINUTE
    for clock, moment in shown:
        # What the clock has not shown before: this minute, and those it leapt over before it.
        fresh = [latest + n * MINUTE for n in range(1, (clock - latest) // MINUTE + 1)]
        latest = max(latest, clock)
        if any(fits(minute, rule) for minute in fresh):
            found.append(moment)
    return found
