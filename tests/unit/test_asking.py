"""A task that asks to be tried again: when, and how often."""

from datetime import UTC, datetime, timedelta

import pytest

from nbtasks.asking import USUAL, refused, wait_ms
from nbtasks.config import Config
from nbtasks.errors import ConfigError, MaxRetriesExceededError, Retry
from nbtasks.options import merged, task_options
from nbtasks.retry import FOREVER, NEVER, RetryPolicy
from nbtasks.worker.decide import Fail, RetryIn, Succeed, decide_ended
from nbtasks.worker.work import LATER, RETRYABLE

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("delay", "expected"),
    [
        (None, USUAL),
        (0, 0),
        (1.5, 1500),
        (timedelta(minutes=1), 60_000),
        (NOW + timedelta(seconds=5), 5000),
        (NOW - timedelta(seconds=5), 0),
    ],
)
def test_when_it_is_tried_again(delay, expected):
    assert wait_ms(Retry(delay), NOW.timestamp() * 1000) == expected


@pytest.mark.parametrize("delay", ["soon", -1, True, float("nan")], ids=repr)
def test_a_delay_is_a_time(delay):
    with pytest.raises(ConfigError, match="the delay of a retry is"):
        wait_ms(Retry(delay), 0)


def test_how_often_it_may_be():
    assert refused(Retry(), NEVER, 2, "t") is None
    assert str(refused(Retry(), NEVER, 3, "t")) == str(MaxRetriesExceededError("t", 3))
    error = ValueError("no")
    assert refused(Retry(0, error), NEVER, 3, "t") is error
    assert refused(Retry(0, error, 4), NEVER, 3, "t") is None
    assert refused(Retry(), RetryPolicy(max_retries=FOREVER), 10**10, "t") is None


@pytest.mark.parametrize(
    ("state", "body", "expected"),
    [
        (LATER, b"250\nerror", (RetryIn(250), b"error")),
        (LATER, b"-1\nerror", (RetryIn(1000), b"error")),
        (LATER, b"nonsense", (RetryIn(1000), b"")),
        (RETRYABLE, b"error", (Fail(), b"error")),
        (ord("S"), b"value", (Succeed(), b"value")),
        (ord("F"), b"error", (Fail(), b"error")),
    ],
)
def test_what_becomes_of_what_a_child_says(state, body, expected):
    assert decide_ended(state, body, NEVER, 0, 1.0) == expected


def policy_of(**options):
    return merged(task_options(**options), {}, Config(), name="t", now=NOW)[0].retry


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, NEVER),
        ({"max_retries": 0}, RetryPolicy(max_retries=0, auto=False)),
        ({"max_retries": None}, RetryPolicy(max_retries=FOREVER)),
        ({"max_retries": 5}, RetryPolicy(max_retries=5)),
        (
            {"autoretry_for": (OSError,), "dont_autoretry_for": (FileNotFoundError,)},
            RetryPolicy(
                max_retries=3,
                retry_on=("builtins.OSError",),
                never_on=("builtins.FileNotFoundError",),
            ),
        ),
        (
            {"autoretry_for": (OSError,), "retry_kwargs": {"max_retries": 7, "countdown": 2}},
            RetryPolicy(max_retries=7, delay_ms=2000, retry_on=("builtins.OSError",)),
        ),
        (
            {"max_retries": 2, "retry_backoff": 5, "retry_backoff_max": 60},
            RetryPolicy(
                max_retries=2, delay_ms=5000, backoff=True, max_delay_ms=60_000, jitter=True
            ),
        ),
        (
            {"max_retries": 2, "retry_backoff": True, "retry_jitter": False},
            RetryPolicy(max_retries=2, backoff=True),
        ),
    ],
    ids=str,
)
def test_what_a_decorator_says_of_retries(options, expected):
    assert policy_of(**options) == expected
    assert RetryPolicy.from_header(expected.to_header()) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"retry_kwargs": {"countdwn": 1}},
            "retry_kwargs has 'countdwn': did you mean 'countdown'",
        ),
        ({"dont_autoretry_for": ("x",)}, "retry on 'x': it must be an exception class"),
        ({"retry_backoff": -1}, "retry_delay is -1"),
    ],
    ids=str,
)
def test_wrong_options_of_retries_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        task_options(**options)


def test_what_must_not_be_tried_again_wins():
    policy = policy_of(autoretry_for=(OSError,), dont_autoretry_for=(FileNotFoundError,))
    assert policy.matches(ConnectionError())
    assert not policy.matches(FileNotFoundError())
