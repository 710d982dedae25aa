"""Cron rules against an oracle that looks at every minute; both edges of summer time."""

from datetime import UTC, date, datetime, timedelta

import pytest
from cron_oracle import changes_of, due, fits, minutes_of
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from nbtasks.errors import ConfigError
from nbtasks.schedule import crontab

LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

# Zone and year; what is odd about it.
YEARS = [
    ("Europe/Paris", 2026),
    ("America/New_York", 2024),
    ("Australia/Lord_Howe", 2025),  # half an hour
    ("Antarctica/Troll", 2022),  # two hours
    ("America/St_Johns", 2010),  # at 00:01
    ("America/Sao_Paulo", 2017),  # leaps over midnight
    ("Asia/Beirut", 2024),  # the same
    ("America/Havana", 2023),  # goes back to the day before
    ("Pacific/Apia", 2011),  # leaps over a day
    ("Africa/Casablanca", 2026),  # goes back for Ramadan
    ("Asia/Kathmandu", 1986),  # fifteen minutes
    ("Pacific/Kwajalein", 1969),  # almost a day twice
    ("Asia/Kolkata", 2026),  # no change
]


def sets(low, high):
    several = st.sets(st.integers(low, high), min_size=1, max_size=4)
    ranges = st.tuples(st.integers(low, high), st.integers(low, high)).map(
        lambda ends: set(range(min(ends), max(ends) + 1))
    )
    steps = st.integers(2, high).map(lambda step: set(range(low, high + 1, step)))
    return st.one_of(several, ranges, steps, st.just(set(range(low, high + 1))))


WHOLE = (set(range(60)), set(range(24)), set(range(7)), set(range(1, 32)), set(range(1, 13)))
clocks = st.tuples(
    sets(0, 59), sets(0, 23), st.just(WHOLE[2]), st.just(WHOLE[3]), st.just(WHOLE[4])
)
rules = st.tuples(sets(0, 59), sets(0, 23), sets(0, 6), sets(1, 31), st.just(WHOLE[4]))


def walked(schedule, start, end):
    """All times of a schedule from a moment to another, as it tells them one after the other."""
    times = []
    moment = start - timedelta(microseconds=1000)
    while (moment := schedule.next_after(moment)) and moment < end:
        times.append(moment.astimezone(UTC))
    return times


def windows():
    """Two and a half days around each change of each zone; a week where it has none."""
    for zone, year in YEARS:
        for change in changes_of(zone, year) or [datetime(year, 2, 27, tzinfo=UTC)]:
            yield pytest.param(zone, change - timedelta(hours=30), id=f"{zone}-{change:%Y-%m-%d}")


@pytest.mark.parametrize(("zone", "start"), list(windows()))
@settings(max_examples=8)
@given(rule=st.one_of(clocks, rules))
@example(rule=({30}, {2}, *WHOLE[2:]))
@example(rule=({30}, *WHOLE[1:]))
@example(rule=({0, 20, 40}, {0, 1, 2, 3, 23}, *WHOLE[2:]))
@example(rule=WHOLE)
def test_a_rule_is_due_at_the_minutes_the_oracle_finds(zone, start, rule):
    shown = minutes_of(zone, start, 4)
    schedule = crontab(*rule, tz=zone)
    # The oracle learns in the first day what the clock showed; minutes leapt over may be days.
    first = start + timedelta(days=1)
    expected = [moment for moment in due(shown, rule) if moment >= first]
    assert walked(schedule, first, shown[-1][1] + timedelta(minutes=1)) == expected


@pytest.mark.parametrize(
    ("zone", "year", "rule"),
    [
        ("Europe/Paris", 2024, ({30}, {0, 2}, *WHOLE[2:])),
        ("America/Santiago", 2025, ({0, 30}, WHOLE[1], {0, 6}, *WHOLE[3:])),
    ],
    ids=["daily", "hourly"],
)
def test_a_whole_year_is_as_the_oracle_finds_it(zone, year, rule):
    start = datetime(year, 1, 1, tzinfo=UTC)
    shown = minutes_of(zone, start, 366)
    assert walked(crontab(*rule, tz=zone), start, shown[-1][1]) == due(shown, rule)


@settings(max_examples=60)
@given(
    days=st.sets(st.sampled_from([1, 13, 28, 29, 30, 31]), min_size=1, max_size=2),
    months=st.sets(st.integers(1, 12), min_size=1, max_size=3),
    weekdays=sets(0, 6),
    start=st.dates(date(1990, 1, 1), date(2110, 1, 1)),
)
@example(days={29}, months={2}, weekdays={1}, start=date(2096, 3, 1))
@example(days={31}, months={1, 2, 4}, weekdays={0}, start=date(2025, 1, 31))
def test_days_of_decades_are_as_a_walk_over_the_calendar_finds_them(days, months, weekdays, start):
    assume(any(day <= LONGEST[month - 1] for day in days for month in months))
    rule = ({0}, {12}, weekdays, days, months)
    noon = datetime(start.year, start.month, start.day, 12, tzinfo=UTC)
    calendar = (noon + timedelta(days=n) for n in range(1, 366 * 42))
    assert crontab(*rule).next_after(noon) == next(day for day in calendar if fits(day, rule))


@pytest.mark.parametrize("month", range(1, 13))
@pytest.mark.parametrize("day", [28, 29, 30, 31])
def test_a_day_is_refused_where_no_year_has_it_and_found_where_one_has(day, month):
    if day > LONGEST[month - 1]:
        with pytest.raises(ConfigError, match="there is no such day in any year"):
            crontab(0, 0, "*", day, month)
    else:
        found = crontab(0, 0, "*", day, month).next_after(datetime(2026, 1, 1, tzinfo=UTC))
        assert (found.day, found.month) == (day, month)
