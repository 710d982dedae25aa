"""The fields of a cron rule: what may be written, what it means, and what is refused."""

import pickle
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtasks.errors import ConfigError
from nbtasks.schedule import Schedule, cron, crontab, schedule_from_json
from nbtasks.schedule.fields import (
    DAY_OF_MONTH,
    DAY_OF_WEEK,
    HOUR,
    MINUTE,
    MONTH_OF_YEAR,
    read,
    text_of,
)

ALL_FIELDS = (MINUTE, HOUR, DAY_OF_WEEK, DAY_OF_MONTH, MONTH_OF_YEAR)

MEANINGS = [
    (HOUR, "*", range(24)),
    (HOUR, 7, [7]),
    (HOUR, "07", [7]),
    (HOUR, [8, 17], [8, 17]),
    (HOUR, {17, 8}, [8, 17]),
    (HOUR, (hour for hour in (17, 8)), [8, 17]),
    (HOUR, range(8, 11), [8, 9, 10]),
    (HOUR, "22-2", [0, 1, 2, 22, 23]),
    (HOUR, "22-2/2", [0, 2, 22]),
    (HOUR, "8-18/5", [8, 13, 18]),
    (HOUR, "0-23", range(24)),
    (HOUR, "*/9", [0, 9, 18]),
    (MINUTE, "1,13,30-32,50-59/4", [1, 13, 30, 31, 32, 50, 54, 58]),
    (MINUTE, " 5 , 10 ", [5, 10]),
    (MINUTE, "0-59/59", [0, 59]),
    (DAY_OF_MONTH, "*/10", [1, 11, 21, 31]),
    (MONTH_OF_YEAR, "2-12/2", [2, 4, 6, 8, 10, 12]),
    (MONTH_OF_YEAR, "jan,Sept,December", [1, 9, 12]),
    (MONTH_OF_YEAR, ["jan", 3], [1, 3]),
    (MONTH_OF_YEAR, "nov-feb", [1, 2, 11, 12]),
    (DAY_OF_WEEK, "MON-fri", [1, 2, 3, 4, 5]),
    (DAY_OF_WEEK, "sat-mon", [0, 1, 6]),
    (DAY_OF_WEEK, "mon-sun", range(7)),
    (DAY_OF_WEEK, "fri-7", [0, 5, 6]),
    (DAY_OF_WEEK, "thurs", [4]),
    (DAY_OF_WEEK, "7", [0]),
    (DAY_OF_WEEK, 7, [0]),
    (DAY_OF_WEEK, "0-7", range(7)),
    (DAY_OF_WEEK, "1-7/2", [0, 1, 3, 5]),
    (DAY_OF_WEEK, "7-2", [0, 1, 2]),
    (DAY_OF_WEEK, [0, 7, "sun"], [0]),
]


@pytest.mark.parametrize(("field", "spec", "values"), MEANINGS, ids=map(str, range(len(MEANINGS))))
def test_a_field_means_these_values(field, spec, values):
    assert read(field, spec) == tuple(values)


WRONG = [
    ({"minute": "60"}, "minute is '60': 60 is not from 0 to 59"),
    ({"minute": -1}, "minute is -1: -1 is not from 0 to 59"),
    ({"hour": [7, 24]}, "hour is 24: 24 is not from 0 to 23"),
    ({"hour": ""}, "hour is '': '' is no number, name, range or step, such as 0, 0-23 or"),
    ({"hour": "1,,2"}, "hour is '1,,2': '' is no number"),
    ({"hour": "-5"}, "hour is '-5': '-5' is no number"),
    ({"hour": "1-2-3"}, "'1-2-3' is no number, name, range or step"),
    ({"hour": "*/"}, "'\\*/' is no number"),
    ({"hour": "٣"}, "'٣' is no number"),
    ({"hour": []}, r"hour is \[\]: it holds no value, so it never comes"),
    ({"hour": True}, "hour is True: give a number, text like '1-5' or '\\*/10', or several"),
    ({"hour": None}, "hour is None: give a number"),
    ({"hour": 7.5}, "hour is 7.5: give a number"),
    ({"hour": [[7]]}, r"hour holds \[7\]: give numbers, or text like '1-5'"),
    ({"hour": [True]}, "hour is True: give a number"),
    ({"minute": "*/90"}, r"a step is from 1 to 59; every\('90m'\) counts across hours and days"),
    ({"minute": "*/0"}, "a step is from 1 to 59"),
    ({"minute": "5/15"}, "a step goes over a range: did you mean '5-59/15'\\?"),
    ({"minute": "a"}, "minute is 'a': there is no 'a': give a number from 0 to 59"),
    ({"day_of_week": "mom"}, "there is no 'mom': did you mean 'mon'\\?"),
    ({"day_of_week": "jan"}, "there is no 'jan'"),
    ({"day_of_week": "mo"}, "there is no 'mo': did you mean 'mon'\\?"),
    ({"day_of_week": 8}, "8 is not from 0 to 7"),
    ({"day_of_month": 0}, "0 is not from 1 to 31"),
    ({"month_of_year": "mon"}, "month_of_year is 'mon': there is no 'mon'"),
    ({"month_of_year": 13}, "13 is not from 1 to 12"),
    ({"day_of_month": "30-31", "month_of_year": "feb"}, "there is no such day in any year"),
    ({"tz": "Europe/Pariss"}, "no such time zone: did you mean 'Europe/Paris'\\?"),
    ({"tz": "paris"}, "tz is 'paris': there is no such time zone: did you mean 'Europe/Paris'\\?"),
    ({"tz": "../etc/passwd"}, "there is no such time zone"),
    ({"tz": "localtime"}, "there is no such time zone"),
    ({"tz": "Europe"}, "there is no such time zone"),
    ({"tz": timezone(timedelta(hours=2))}, "give the name of a time zone, like 'Europe/Paris'"),
    ({"tz": 2}, "tz is 2: give the name of a time zone"),
    ({"until": "soon"}, "until is 'soon': give a datetime, or text like '2030-01-31T18:30'"),
    ({"until": 5}, "until is 5: give a datetime"),
    ({"jitter": "a bit"}, "jitter is 'a bit': give seconds, a timedelta, or text like '1h30m'"),
    ({"jitter": -1}, "jitter is -1: give seconds"),
]


@pytest.mark.parametrize(("options", "message"), WRONG, ids=map(str, range(len(WRONG))))
def test_what_is_wrong_is_said_when_a_rule_is_made(options, message):
    with pytest.raises(ConfigError, match=message):
        crontab(**options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 7 * *", "has 4 fields; a cron string has five: minute, hour, day of month, month"),
        ("", "has 0 fields"),
        ("7", "has 1 field;"),
        ("0 0 7 * * *", "has 6 fields.*for seconds there is every"),
        ("0 7 * * moon", "day_of_week is 'moon': there is no 'moon': did you mean 'mon'"),
        ("0 24 * * *", "hour is '24'"),
        ("@dayly", "'@dayly' is no time: did you mean '@daily'"),
        ("@reboot", "'@reboot' is no time"),
    ],
    ids=["four", "none", "one", "six", "name", "range", "word", "reboot"],
)
def test_a_cron_string_that_is_wrong_is_refused_with_a_reason(text, message):
    with pytest.raises(ConfigError, match=message):
        cron(text)


def test_a_cron_string_has_the_order_of_unix():
    rule = cron(" 1 2\t3 4   5 ")
    assert rule == crontab(1, 2, 5, 3, 4)
    assert (rule.minute, rule.hour, rule.day_of_month) == ((1,), (2,), (3,))
    assert (rule.month_of_year, rule.day_of_week) == ((4,), (5,))


@pytest.mark.parametrize(
    ("word", "fields"),
    [
        ("@hourly", "0 * * * *"),
        ("@Daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * sun"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
    ],
)
def test_a_word_stands_for_five_fields(word, fields):
    assert cron(word) == crontab.from_string(fields)


@pytest.mark.parametrize("field", ALL_FIELDS, ids=lambda field: field.name)
@given(data=st.data())
def test_values_are_written_so_that_they_are_read_as_the_same(field, data):
    values = data.draw(st.sets(st.sampled_from(field.every), min_size=1))
    ordered = tuple(sorted(values))
    assert read(field, text_of(field, ordered)) == ordered


@pytest.mark.parametrize(
    ("given", "again"),
    [
        (crontab(), "crontab()"),
        (crontab("0,15,30,45", "*/1", "1-5"), "crontab(minute='*/15', day_of_week='mon-fri')"),
        (
            cron("0 7 * 1 *", tz="UTC", jitter=90),
            "crontab(minute='0', hour='7', month_of_year='jan', tz='UTC', jitter=90.0)",
        ),
        (
            crontab(0, [0, 2, 4, 8, 9], until="2030-01-31"),
            "crontab(minute='0', hour='0,2,4,8,9', until='2030-01-31T23:59:59.999000+00:00')",
        ),
    ],
    ids=["bare", "forms", "options", "until"],
)
def test_a_rule_is_the_same_from_its_repr_its_json_and_a_pickle(given, again):
    assert repr(given) == again
    assert eval(again) == given  # noqa: S307 - that is what repr promises
    assert schedule_from_json(given.to_json()) == given
    assert pickle.loads(pickle.dumps(given)) == given
    assert hash(schedule_from_json(given.to_json())) == hash(given)


def test_a_zone_is_named_or_given():
    paris = ZoneInfo("Europe/Paris")
    assert crontab(tz=paris) == crontab(tz="Europe/Paris") != crontab()
    assert crontab(tz=UTC) == crontab(tz="UTC")
    assert crontab(hour=7, tz=paris).zone == paris
    assert isinstance(crontab(), Schedule)


def test_a_zone_is_read_once_however_many_there_are():
    names = sorted(available_timezones() - {"UTC"})[:40]
    zones = [id(crontab(tz=name).zone) for name in names]
    assert [id(crontab(tz=name).zone) for name in names] == zones


def test_the_end_of_a_rule_is_in_its_zone_and_a_date_lasts_to_its_end():
    rule = cron("30 23 * * *", tz="America/New_York", until="2026-07-02")
    after = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert [time.day for time in rule.upcoming(5, after)] == [1, 2]
    short = cron("30 23 * * *", tz="America/New_York", until=datetime(2026, 7, 2, 23, 30))  # noqa: DTZ001 - in the zone of the rule
    assert [time.day for time in short.upcoming(5, after)] == [1, 2]
    assert short.next_after_ms(short.until_ms) is None


@pytest.mark.parametrize("text", ["* * * * *", "0 0 29 2 1", "30 2 1 1 *"])
def test_the_end_of_what_a_date_can_be_is_no_error(text):
    last = datetime(9998, 1, 1, tzinfo=UTC)
    assert cron(text, tz="Europe/Paris").next_after(last) is None
