"""Lengths of time, as people write and read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtasks.durations import in_words, read_seconds, short


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("0.5s", 0.5),
        ("5m", 300),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("2d", 172_800),
        ("1w", 604_800),
        (" 1w2d3h4m5s ", 788_645),
        ("0", 0),
        *(
            (text, None)
            for text in ["", " ", "m", "5x", "30m1h", "-5s", "1e3", "٣s", "5 m", "1,5h"]
        ),
    ],
)
def test_a_length_of_time_is_read(text, seconds):
    assert read_seconds(text) == seconds


@pytest.mark.parametrize(
    ("ms", "brief", "words"),
    [
        (0, "0s", "0 seconds"),
        (500, "0.5s", "0.5 seconds"),
        (1000, "1s", "1 second"),
        (5_400_000, "1h30m", "1 hour 30 minutes"),
        (864_000_000, "10d", "10 days"),
        (1_209_600_000, "2w", "2 weeks"),
        (90_061_001, "1d1h1m1.001s", "1 day 1 hour 1 minute 1.001 seconds"),
    ],
)
def test_a_length_of_time_is_written_short_and_in_words(ms, brief, words):
    assert (short(ms), in_words(ms)) == (brief, words)


@given(st.integers(0, 10**12))
def test_what_is_written_is_read_as_the_same(ms):
    assert round(read_seconds(short(ms)) * 1000) == ms
