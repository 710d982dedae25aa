"""A task that asks to be tried again: after how long, or what it fails of instead (pure)."""

from datetime import UTC, datetime
from typing import Any, Final

from nbtasks.errors import MaxRetriesExceededError, Retry
from nbtasks.options import duration_ms
from nbtasks.retry import FOREVER, RetryPolicy

USUAL: Final = -1
"""In place of a delay: as the options of the task say."""


def refused(asked: Retry, policy: RetryPolicy, retries: int, task_id: str) -> BaseException | None:
    """What a task fails of that may not be tried again; None where it may.

    Args:
        asked: What it raised.
        policy: How it is retried.
        retries: How many retries came before.
        task_id: Its id.
    """
    _, error, most = asked.args
    most = policy.max_retries if most is None else most
    if most >= FOREVER or retries < most:
        return None
    failure: BaseException = MaxRetriesExceededError(task_id, most) if error is None else error
    return failure


def wait_ms(asked: Retry, now_ms: float) -> int:
    """Milliseconds until the next try, or `USUAL`.

    Args:
        asked: What the task raised.
        now_ms: The time of day.

    Raises:
        ConfigError: It is no time.
    """
    when: Any = asked.args[0]
    if when is None:
        return USUAL
    if isinstance(when, datetime):
        moment = when if when.tzinfo else when.astimezone()
        since = moment - datetime.fromtimestamp(now_ms / 1000, UTC)
        return max(0, round(since.total_seconds() * 1000))
    return duration_ms(when, "the delay of a retry")
