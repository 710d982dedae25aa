"""Retry: how often, after how long, after which errors; and what becomes of each outcome."""

import pytest

from nbtasks.errors import BadSignature, ConfigError, TooBig, Unsendable, VersionMismatch
from nbtasks.retry import NEVER, RetryPolicy, class_name
from nbtasks.worker.decide import (
    Crashed,
    Fail,
    GiveBack,
    Raised,
    RetryIn,
    Returned,
    Succeed,
    decide,
)


@pytest.mark.parametrize(
    ("fields", "retries", "chance", "expected"),
    [
        pytest.param({}, 0, 0.5, 1000, id="default"),
        pytest.param({"delay_ms": 50}, 7, 0.5, 50, id="constant"),
        pytest.param({"delay_ms": 50, "backoff": True}, 0, 0.5, 50, id="first backoff"),
        pytest.param({"delay_ms": 50, "backoff": True}, 3, 0.5, 400, id="fourth backoff"),
        pytest.param({"backoff": True}, 20, 0.5, 600_000, id="cap"),
        pytest.param({"backoff": True}, 10**9, 0.5, 600_000, id="no overflow"),
        pytest.param({"delay_ms": 50, "max_delay_ms": 20}, 0, 0.5, 20, id="cap below delay"),
        pytest.param({"delay_ms": 100, "jitter": True}, 0, 0.25, 25, id="jitter"),
        pytest.param({"delay_ms": 100, "jitter": True}, 0, 0.0, 0, id="no luck"),
        pytest.param({"delay_ms": 0, "backoff": True}, 5, 1.0, 0, id="at once"),
    ],
)
def test_the_delay(fields, retries, chance, expected):
    assert RetryPolicy(max_retries=1, **fields).delay(retries, chance) == expected


@pytest.mark.parametrize("name", ["max_retries", "delay_ms", "max_delay_ms"])
def test_nothing_of_a_policy_is_negative(name):
    with pytest.raises(ConfigError, match=f"{name} is -1: it must not be negative"):
        RetryPolicy(**{name: -1})


@pytest.mark.parametrize(
    ("retry_on", "error", "expected"),
    [
        pytest.param((), ValueError(), True, id="any"),
        pytest.param((), KeyboardInterrupt(), False, id="never an interrupt"),
        pytest.param((), SystemExit(), False, id="never an exit"),
        pytest.param(("builtins.BaseException",), SystemExit(), False, id="not even named"),
        pytest.param(("builtins.OSError",), OSError(), True, id="named"),
        pytest.param(("builtins.OSError",), FileNotFoundError(), True, id="subclass"),
        pytest.param(("builtins.OSError",), ValueError(), False, id="another"),
        pytest.param(("builtins.Exception",), ValueError(), True, id="base class"),
        pytest.param((), BadSignature("x"), False, id="not signed"),
        pytest.param((), Unsendable("a", "b", "c"), False, id="not picklable"),
        pytest.param((), TooBig("a", 2, 1, "x"), False, id="too big"),
        pytest.param((), VersionMismatch("a", "b", "c"), False, id="another Python"),
        pytest.param(
            ("nbtasks.errors.TooBig",), TooBig("a", 2, 1, "x"), True, id="named all the same"
        ),
    ],
)
def test_which_errors_are_tried_again(retry_on, error, expected):
    assert RetryPolicy(max_retries=1, retry_on=retry_on).matches(error) is expected


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(NEVER, id="never"),
        pytest.param(RetryPolicy(max_retries=2), id="defaults"),
        pytest.param(
            RetryPolicy(
                max_retries=5,
                delay_ms=1,
                backoff=True,
                max_delay_ms=9,
                jitter=True,
                retry_on=("a.B", "c.D"),
            ),
            id="all",
        ),
    ],
)
def test_a_policy_survives_the_header(policy):
    assert RetryPolicy.from_header(policy.to_header()) == policy


def test_a_class_is_named_with_its_module():
    assert class_name(OSError) == "builtins.OSError"
    assert class_name(RetryPolicy) == "nbtasks.retry.RetryPolicy"


POLICY = RetryPolicy(max_retries=2, delay_ms=100, backoff=True)


@pytest.mark.parametrize(
    ("outcome", "retries", "expected"),
    [
        pytest.param(Returned(), 0, Succeed(), id="returned"),
        pytest.param(Raised(is_retryable=True), 0, RetryIn(100), id="first failure"),
        pytest.param(Raised(is_retryable=True), 1, RetryIn(200), id="second failure"),
        pytest.param(Raised(is_retryable=True), 2, Fail(), id="last failure"),
        pytest.param(Raised(is_retryable=False), 0, Fail(), id="another error"),
        pytest.param(Crashed("signal 11"), 0, GiveBack("signal 11"), id="crash"),
        pytest.param(Crashed("signal 11"), 9, GiveBack("signal 11"), id="crash is no retry"),
    ],
)
def test_what_becomes_of_a_try(outcome, retries, expected):
    assert decide(outcome, POLICY, retries, 1.0) == expected


def test_without_a_policy_a_failure_is_final():
    assert decide(Raised(is_retryable=True), NEVER, 0, 1.0) == Fail()
