"""What tasks say of their limits, and what the store is told of that."""

import enum
import uuid
from datetime import UTC, datetime

import pytest

from nbtasks import App, ConfigError
from nbtasks.annotations import annotated
from nbtasks.limiting import LATER, NO_LIMITS, Limits, no_names
from nbtasks.options import merged, task_options
from nbtasks.rates import rate_text, rate_us

CALLS = [((1,), {}), ((2,), {})]


def test_a_rate_is_the_time_from_one_to_the_next():
    rates = ["10/s", "5/m", "1/h", 2, 0.5, " 3 / s ", "20", 0, "0/s", None]
    assert [rate_us(rate) for rate in rates] == [
        100_000, 12_000_000, 3_600_000_000, 500_000, 2_000_000, 333_333, 50_000, 0, 0, 0,
    ]  # fmt: skip
    assert [rate_text(rate_us(rate)) for rate in ("10/s", "5/m", "1/h", 0)] == [
        "10/s", "5/m", "1/h", "0",
    ]  # fmt: skip


def test_a_call_says_more_than_its_task_and_that_more_than_the_setting():
    app = App(broker="redis://127.0.0.1:1", insecure=True, task_default_rate_limit="1/m")
    base = task_options(rate_limit="10/s", concurrency=2)
    now = datetime.fromtimestamp(0, UTC)

    def of(base, **call):
        limits = merged(base, call, app.config, name="fit", now=now)[0].limits
        return limits.every_us, limits.most

    assert of(base) == (100_000, 2)
    assert of(base, rate_limit=0, concurrency=0) == (0, 0)
    assert of(base, rate_limit=None, concurrency=None) == (100_000, 2)
    assert of(task_options()) == (60_000_000, 0)
    assert of(task_options(rate_limit=0)) == (0, 0)


def test_an_annotation_says_it_for_all_tasks():
    said = annotated({"*": {"rate_limit": "10/s"}, "fit": {"concurrency": 1}}, "fit", {})
    assert NO_LIMITS.over(said) == Limits(every_us=100_000, most=1)


def test_the_store_is_told_nothing_where_there_is_no_limit():
    assert NO_LIMITS.settled("").stored("fit", CALLS, no_names) == ("", ())


def test_each_value_of_a_key_has_its_limit():
    limits = Limits(every_us=5, most=1, key=lambda user, **_: user)

    assert limits.stored("fit", CALLS, no_names) == ("5 1 fit/", ["1", "2"])
    assert limits.stored("fit", CALLS[:1] * 9, no_names) == ("5 1 fit/1", ())
    (odd, long), _ = [limits.stored("fit", [((key,), {})], no_names) for key in ("a b;/", "x" * 99)]
    assert len({odd, long}) == 2


def test_a_key_may_be_an_argument_by_its_name():
    app = App(broker="redis://127.0.0.1:1", insecure=True)

    def fit(user, region="eu", **rest):
        return user, region, rest

    task = app.task(fit)
    calls = [((1,), {}), ((1, "us"), {}), ((1,), {"region": "asia"})]

    def keys(name):
        return Limits(most=1, key=name).stored("fit", calls, task.named_arguments)

    assert keys("region") == ("0 1 fit/", ["eu", "us", "asia"])
    assert keys("user") == ("0 1 fit/1", ())
    with pytest.raises(ConfigError, match="no such argument: it has user, region, rest"):
        keys("area")


class Color(enum.Enum):
    RED = "red"


@pytest.mark.parametrize("key", [None, 1.5, Color.RED, uuid.UUID(int=1), ("a", 1), "é", b"b"])
def test_values_that_are_shown_alike_have_the_same_key(key):
    limits = Limits(most=1, key=lambda key: key)
    first, again = (limits.stored("fit", [((key,), {})], no_names) for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    ("value", "words"), [(LATER, "what is not known when it is sent"), (Limits.over, "text")]
)
def test_what_cannot_be_a_key_is_refused(value, words):
    value = value if value is LATER else type("Thing", (), {})()
    with pytest.raises(ConfigError, match=words):
        Limits(most=1, key=lambda key: key).stored("fit", [((value,), {})], no_names)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"rate_limit": "10 per s"}, 'rate_limit is \'10 per s\': write "10/s", "5/m" or "1/h"'),
        ({"concurrency": -1}, "concurrency is -1: it must be a whole number, 0 for no limit"),
        ({"concurrency": True}, "concurrency is True"),
        ({"rate_key": 5}, "rate_key is 5: give the name of an argument, or a function"),
    ],
)
def test_a_wrong_value_is_refused(option, words):
    with pytest.raises(ConfigError, match=words):
        task_options(**option)


def test_a_wrong_setting_is_refused():
    with pytest.raises(ConfigError, match="task_default_rate_limit is 'often': write"):
        App(broker="redis://127.0.0.1:1", insecure=True, task_default_rate_limit="often")
