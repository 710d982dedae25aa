"""Schedules that are no cron rule, what stands for one, and what all have in common."""

import pickle
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtasks.errors import ConfigError
from nbtasks.schedule import (
    cron,
    crontab,
    every,
    jittered_ms,
    schedule,
    schedule_from_json,
    solar,
)

NOON = datetime(2026, 6, 17, 12, tzinfo=UTC)  # a Wednesday


# every


@pytest.mark.parametrize(
    ("rule", "after", "due"),
    [
        (every(10), "12:00:00", "12:00:10"),
        (every("10m"), "12:00:00", "12:10:00"),
        (every("10m"), "12:09:59.999", "12:10:00"),
        (every(timedelta(hours=2)), "12:30:00", "14:00:00"),
        (every(hours=1, minutes=30), "12:30:00", "13:30:00"),
        (every("2h", anchor="2026-01-01T07:00+01:00"), "12:30:00", "14:00:00"),
        (every("2h", anchor=datetime(2030, 1, 1, 1, tzinfo=UTC)), "12:30:00", "13:00:00"),
        (every(0.1), "12:00:00.05", "12:00:00.1"),
    ],
    ids=map(str, range(8)),
)
def test_a_period_is_counted_from_a_fixed_moment(rule, after, due):
    moment = datetime.fromisoformat(f"2026-06-17T{after}+00:00")
    assert rule.next_after(moment) == datetime.fromisoformat(f"2026-06-17T{due}+00:00")


def test_weeks_begin_on_monday_and_days_at_midnight():
    assert every(weeks=1).next_after(NOON) == datetime(2026, 6, 22, tzinfo=UTC)
    assert every("1d").next_after(NOON) == datetime(2026, 6, 18, tzinfo=UTC)


@given(
    period=st.integers(100, 10**10),
    anchor=st.datetimes(timezones=st.just(UTC)),
    t=st.integers(0, 4 * 10**12),
)
def test_a_period_is_due_once_in_each_of_its_lengths(period, anchor, t):
    rule = every(timedelta(milliseconds=period), anchor=anchor)
    due = rule.next_after_ms(t)
    assert t < due <= t + period
    assert (due - rule.anchor_ms) % period == 0
    assert rule.next_after_ms(due) == due + period


def test_a_period_is_of_real_time_where_the_clock_leaps():
    paris = ZoneInfo("Europe/Paris")
    before = datetime(2026, 3, 28, 23, 30, tzinfo=UTC).astimezone(paris)
    hours = [time.hour for time in every("1h").upcoming(4, before)]
    assert hours == [1, 3, 4, 5]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "every is '0 s': give at least 0.1 seconds"),
        ({"period": 0}, "every is 0: give at least 0.1 seconds"),
        ({"period": 0.01}, "every is 0.01: give at least"),
        ({"period": -5}, "every is -5: give seconds, a timedelta, or text like '1h30m'"),
        ({"period": "often"}, "every is 'often'"),
        ({"period": True}, "every is True"),
        ({"period": float("nan")}, "every is nan"),
        ({"period": 1e12}, "every is 1000000000000.0"),
        ({"hours": "2"}, "hours is '2': give a number from 0"),
        ({"minutes": -1}, "minutes is -1"),
        ({"period": 5, "anchor": "dawn"}, "anchor is 'dawn': give a datetime"),
    ],
    ids=map(str, range(11)),
)
def test_a_period_that_is_none_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        every(**options)


# solar


def test_the_sun_sets_in_paris_when_the_almanac_says():
    found = solar("sunset", 48.85, 2.35).next_after(NOON)
    assert abs(found - datetime(2026, 6, 17, 19, 57, tzinfo=UTC)) < timedelta(minutes=2)


@pytest.mark.parametrize("place", [(48.85, 2.35), (-33.9, 151.2), (21.3, -157.9), (60.2, 179.9)])
@pytest.mark.parametrize("event", ["sunrise", "solar_noon", "dusk_civil"])
def test_the_sun_has_one_event_a_day_however_one_asks(place, event):
    rule = solar(event, *place)
    times = rule.upcoming(5, NOON)
    assert all(0.97 < (b - a).total_seconds() / 86400 < 1.03 for a, b in pairwise(times))
    asked = [times[0] - timedelta(hours=hours, milliseconds=1) for hours in (0, 1, 9, 20)]
    assert {rule.next_after(moment) for moment in asked} == {times[0]}


def test_after_a_polar_night_the_sun_rises_in_another_month():
    found = solar("sunrise", 69.65, 18.96).next_after(datetime(2026, 12, 15, tzinfo=UTC))
    assert date(2027, 1, 14) <= found.date() <= date(2027, 1, 16)


def test_an_event_that_never_comes_is_none():
    assert solar("dawn_astronomical", 90, 0).next_after(NOON) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sunsett", 48, 2), "there is no event 'sunsett' of the sun: did you mean 'sunset'"),
        (("sunset", 91, 2), "lat is 91: give degrees from -90 to 90"),
        (("sunset", 48, "2"), "lon is '2': give degrees from -180 to 180"),
        (("sunset", float("nan"), 2), "lat is nan"),
    ],
    ids=["event", "lat", "text", "nan"],
)
def test_an_event_or_place_that_is_none_is_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        solar(*arguments)


def test_without_its_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ephem", None)
    with pytest.raises(ConfigError, match=r"pip install 'nbtasks\[solar\]'"):
        solar("sunset", 48, 2)


# what stands for a schedule


@pytest.mark.parametrize(
    ("value", "same"),
    [
        (10, every(10)),
        (0.5, every(0.5)),
        (timedelta(minutes=5), every("5m")),
        ("5m", every("5m")),
        ("1w 2d 3h 4m", every(weeks=1, days=2, hours=3, minutes=4)),
        ("90", every(90)),
        ("@daily", crontab(0, 0)),
        ("0 7 * * mon-fri", crontab(0, 7, "mon-fri")),
        (crontab(0, 7), crontab(0, 7)),
    ],
    ids=map(str, range(9)),
)
def test_what_stands_for_a_schedule(value, same):
    assert schedule(value) == same


@pytest.mark.parametrize("value", ["", "daily", None, True, [], {"hour": 7}, b"5m"])
def test_what_stands_for_no_schedule(value):
    with pytest.raises(ConfigError, match="is no schedule: give seconds, a timedelta, text like"):
        schedule(value)


def test_options_fill_in_what_a_schedule_does_not_say():
    paris = schedule("0 7 * * *", tz="Europe/Paris", until="2026-06-18", jitter="5m")
    assert paris == crontab(0, 7, tz="Europe/Paris", until="2026-06-18", jitter=300)
    assert schedule(crontab(tz="UTC"), tz="Europe/Paris").tz == "UTC"
    kept = crontab(0, 7, until="2026-06-18", jitter=300)
    assert schedule(kept) == kept
    assert schedule(every(10), tz="Europe/Paris", until="2026-06-18").until_ms
    with pytest.raises(ConfigError, match="did you mean 'Europe/Paris'"):
        schedule("@daily", tz="Europe/Pariss")


# what all have in common


@pytest.mark.parametrize(
    "rule",
    [
        every("1h30m"),
        every(0.25, until=NOON),
        every(weeks=2, anchor="2026-01-01T07:00+01:00", jitter="30s"),
        solar("sunset", 48.85, -2.35, until="2027-01-01"),
        cron("*/5 8-18 * * 1-5", tz="Europe/Paris", jitter=2),
    ],
    ids=map(str, range(5)),
)
def test_a_schedule_is_the_same_from_its_repr_its_json_and_a_pickle(rule):
    assert eval(repr(rule)) == rule  # noqa: S307 - that is what repr promises
    assert schedule_from_json(rule.to_json()) == rule
    assert pickle.loads(pickle.dumps(rule)) == rule
    assert rule != every("7s")


def test_what_is_stored_has_this_form():
    rule = cron("*/5 8-18 * * 1-5", tz="Europe/Paris", jitter=2, until=NOON)
    assert rule.to_json() == {
        "v": 1,
        "kind": "crontab",
        "minute": "*/5",
        "hour": "8-18",
        "day_of_week": "mon-fri",
        "tz": "Europe/Paris",
        "until": 1_781_697_600_000,
        "jitter": 2000,
    }
    assert every("10m").to_json() == {"v": 1, "kind": "every", "period": "10m"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"v": 2, "kind": "crontab"}, "of version 2 .* was written by another version of nbtasks"),
        ({"v": 1, "kind": "lunar"}, "kind 'lunar' cannot be read here"),
        ({}, "cannot be read here"),
        ({"v": 1, "kind": "crontab", "second": "5"}, "a stored schedule is damaged"),
        ({"v": 1, "kind": "crontab", "hour": "x"}, "hour is 'x'"),
    ],
    ids=["version", "kind", "empty", "field", "value"],
)
def test_what_cannot_be_read_again_is_refused(data, message):
    with pytest.raises(ConfigError, match=message):
        schedule_from_json(data)


def test_a_schedule_ends():
    rule = every("1h", until=NOON)
    assert rule.upcoming(9, NOON - timedelta(hours=2)) == [NOON - timedelta(hours=1), NOON]
    assert rule.next_after(NOON) is None
    assert rule.next_after_ms(rule.until_ms - 1) == rule.until_ms


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(ConfigError, match="has no time zone"):
        every(10).next_after(datetime(2026, 1, 1))  # noqa: DTZ001 - that is what is refused


def test_the_next_times_are_counted_from_now():
    times = cron("@hourly").upcoming(3)
    assert times[2] - times[0] == timedelta(hours=2)
    assert times[0] > datetime(2026, 1, 1, tzinfo=UTC)


@given(name=st.text(max_size=20), due=st.integers(0, 4 * 10**12), jitter=st.integers(0, 10**7))
def test_jitter_is_the_same_wherever_it_is_asked(name, due, jitter):
    fired = jittered_ms(name, due, jitter)
    assert fired == jittered_ms(name, due, jitter)
    assert due <= fired <= due + jitter


def test_jitter_spreads_names_evenly_and_differs_from_day_to_day():
    first = [jittered_ms(f"entry {n}", 0, 999) for n in range(10_000)]
    tenths = [sum(1 for late in first if late // 100 == tenth) for tenth in range(10)]
    assert all(850 < count < 1150 for count in tenths)
    assert first != [jittered_ms(f"entry {n}", 86_400_000, 999) - 86_400_000 for n in range(10_000)]
