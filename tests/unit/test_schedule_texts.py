"""Rules as one types them, and rules of which a part is changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtasks.errors import ConfigError
from nbtasks.schedule import amended, cron, crontab, every, schedule, solar

TYPED = {
    "every 10m": every("10m"),
    "1h 30m": every("1h30m"),
    "at 07:00": crontab(0, 7),
    "at 7:30 mon-fri": crontab(30, 7, "mon-fri"),
    "at 19:05 mon, wed": crontab(5, 19, "mon,wed"),
    "sunset 48.85 2.35": solar("sunset", 48.85, 2.35),
    "@hourly": crontab(0),
}


@pytest.mark.parametrize("text", TYPED)
def test_a_rule_is_typed_as_one_says_it(text):
    assert schedule(text) == TYPED[text]


WRONG = {
    "at 7": "'at 7' names no time of a day: write 'at 07:00'",
    "at": "'at' names no time of a day",
    "at 25:00": "hour is 25",
    "at 07:00 funday": "funday",
    "every": "every is '': give seconds",
    "every so often": "every is 'so often'",
    "sunset": "'sunset' names no place: write latitude and longitude",
    "sunset Paris France": "names no place",
    "": "'' is no schedule: give seconds, a timedelta, text like '10m', 'at 07:00'",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_cannot_be_read_is_said_in_words(text):
    with pytest.raises(ConfigError) as caught:
        schedule(text)
    assert WRONG[text] in str(caught.value)


FIELDS = st.tuples(
    st.sets(st.integers(0, 59), min_size=1),
    st.sets(st.integers(0, 23), min_size=1),
    st.sets(st.integers(0, 6), min_size=1),
    st.sets(st.integers(1, 28), min_size=1),
    st.sets(st.integers(1, 12), min_size=1),
)
RULES = st.one_of(
    FIELDS.map(lambda fields: crontab(*map(sorted, fields))),
    st.integers(100, 10**9).map(lambda ms: every(ms / 1000)),
    st.just(solar("dawn_civil", -33.9, 18.4)),
)


@given(rule=RULES)
def test_the_text_of_a_rule_is_read_as_that_rule(rule):
    assert schedule(rule.to_text()) == rule


PARIS = cron("0 7 * * mon-fri", tz="Europe/Paris", jitter="5m", until="2040-01-01")
COUNTED = every("2h", anchor="2026-01-01T07:00Z")
AMENDED = {
    "text leaves the zone, the end and the jitter": (
        amended(PARIS, "30 8 * * *"),
        cron("30 8 * * *", tz="Europe/Paris", jitter="5m").changed(until_ms=PARIS.until_ms),
    ),
    "another zone shows the same times": (
        amended(PARIS, None, tz="Asia/Tokyo"),
        PARIS.changed(tz="Asia/Tokyo"),
    ),
    "a period leaves where it is counted from": (
        amended(COUNTED, "3h"),
        every("3h", anchor="2026-01-01T07:00Z"),
    ),
    "a schedule is taken as it is": (
        amended(PARIS, crontab(0, 9), usual="UTC"),
        crontab(0, 9, tz="UTC"),
    ),
    "another kind of rule is of the usual zone": (
        amended(COUNTED, "at 07:00", usual="Asia/Tokyo"),
        crontab(0, 7, tz="Asia/Tokyo"),
    ),
    "only the jitter": (amended(COUNTED, None, jitter=30), COUNTED.changed(jitter_ms=30_000)),
    "nothing": (amended(PARIS, None), PARIS),
}


@pytest.mark.parametrize("case", AMENDED)
def test_what_is_given_takes_the_place_of_what_was_so(case):
    found, wanted = AMENDED[case]
    assert found == wanted


def test_a_zone_that_is_none_is_said():
    with pytest.raises(ConfigError, match="did you mean 'Europe/Paris'"):
        amended(PARIS, None, tz="Europe/Pariss")
