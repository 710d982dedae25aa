"""Which calls of a unique task are the same."""

from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath

import pytest

from nbtasks import App, ConfigError
from nbtasks.unique import check_unique, key_of


class Colour(Enum):
    RED = 1


def takes_all(user, size=1, *rest, **more):
    return user, size, rest, more


def key(unique, args, kwargs):
    task = App("keys").task(takes_all, name="fit")
    return key_of(unique, "fit", (args, kwargs), task.named_arguments(args, kwargs))


def same(*args, **kwargs):
    """The key where all arguments count."""
    return key(unique=True, args=args, kwargs=kwargs)


def test_it_does_not_matter_how_an_argument_is_given():
    assert same(5) == same(user=5) == same(5, 1) == same(size=1, user=5)
    assert len({same(5), same(6), same(5, 2), same(5, 1, 1)}) == 4


@pytest.mark.parametrize(
    "value",
    [
        None, True, 1, 1.0, "1", b"1", [1], (1,), {1}, {1: "1"}, Decimal(1), Colour.RED,
        PurePosixPath("1"), datetime(2030, 1, 1, tzinfo=UTC), [[1]], {"1": 1},
    ],
    ids=repr,
)  # fmt: skip
def test_equal_values_of_one_type_are_the_same_and_no_others(value):
    others = [None, True, 1, 1.0, "1", b"1", [1], (1,), {1}, {1: "1"}, Decimal(1), Colour.RED]
    found = [other for other in others if same(other) == same(value)]
    assert found == [other for other in others if type(other) is type(value) and other == value]


def test_the_order_of_a_set_and_of_a_dictionary_does_not_matter():
    words = ["b", "a", "c", "d"]
    assert same({"a": 1, "b": {2}}) == same({"b": {2}, "a": 1})
    assert same(set(words)) == same({*words[2:], *words[:2]})
    assert same(words) != same(words[::-1])


def test_only_named_arguments_count():
    assert key(["user"], (5, 1), {}) == key(["user"], (5,), {"size": object()})
    assert key(["user"], (5,), {}) == key("user", (5,), {}) != key(["user"], (6,), {})
    assert key([], (5,), {}) == key((), (6,), {})


def test_a_function_of_the_arguments_says_what_counts():
    def odd(user, **_):
        return user % 2

    assert key(odd, (4,), {}) == key(odd, (6,), {"size": 3}) != key(odd, (5,), {})


@pytest.mark.parametrize(
    ("unique", "message"),
    [
        (True, r"two values of object \(argument 'user'\) are the same cannot be told: name"),
        (["usr"], r"names 'usr', which this call has not: did you mean 'user'"),
        (lambda user: user, r"two values of object \(what unique gives\)"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(unique, message):
    with pytest.raises(ConfigError, match=message):
        key(unique, (object(),), {})


def test_what_is_nested_without_end_is_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(ConfigError, match="cannot be told"):
        same(endless)


@pytest.mark.parametrize("value", [5, [5], 1.5, {1: 2}])
def test_what_says_nothing_of_arguments_is_refused(value):
    with pytest.raises(ConfigError, match="it must be True, names of arguments, or a function"):
        check_unique(value)
