"""How a task is sent: what a decorator and a call say, checked and merged (pure)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, cast

from nbtasks.config import check_durable
from nbtasks.errors import ConfigError
from nbtasks.record import MAX_PRIORITY, check_limits, check_queue
from nbtasks.retry import DEFAULT_DELAY_MS, DEFAULT_MAX_DELAY_MS, NEVER, RetryPolicy, class_name
from nbtasks.serializers import make_codec

DEFAULT_MAX_RETRIES: Final = 3
"""Celery's: how often a task is retried that names errors (`autoretry_for`) but no number."""

MAX_SECONDS: Final = 1e9
"""Longest delay, about 30 years: what a delay of infinity would be."""

Seconds = float | timedelta

_AS_THEY_ARE: Final = (
    "queue",
    "priority",
    "max_deliveries",
    "acks_late",
    "redrive",
    "durable",
    "ignore_result",
    "store_errors_even_if_ignored",
    "serializer",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOptions:
    """How a task is sent; what a call says wins.

    Attributes:
        queue: Where it goes; empty for the app's default queue.
        priority: 0 to 9, higher first.
        retry: When it is tried again after an error.
        expires_ms: It is revoked where it has not begun by then; 0 for never.
        max_deliveries: Dead workers it may leave behind; 0 for the app's setting.
        acks_late: False for at most once: what may have begun when its process died is given up.
        limit_ms: Its process is killed where it runs longer; 0 for no limit.
        soft_ms: `SoftTimeLimitExceeded` is raised in it then; below `limit_ms`, 0 for no limit.
        bind: Whether its function gets a `TaskContext` first.
        redrive: Whether it is sent again where Redis has lost it; None for the app's setting.
        durable: `replica` where a submit waits for one to have it; None for the app's setting.
        ignore_result: Whether its value is not kept; None for the app's setting.
        store_errors_even_if_ignored: Whether its error is kept whole then; None as above.
        serializer: What its arguments, values and errors travel as; empty for the app's.
    """

    queue: str = ""
    priority: int = 0
    retry: RetryPolicy = NEVER
    expires_ms: int = 0
    max_deliveries: int = 0
    acks_late: bool = True
    limit_ms: int = 0
    soft_ms: int = 0
    bind: bool = False
    redrive: bool | None = None
    durable: str | None = None
    ignore_result: bool | None = None
    store_errors_even_if_ignored: bool | None = None
    serializer: str = ""

    def __post_init__(self) -> None:
        if self.queue:
            check_queue(self.queue)
        priority: Any = self.priority  # it comes from the user
        whole = isinstance(priority, int) and not isinstance(priority, bool)
        if not whole or not 0 <= self.priority <= MAX_PRIORITY:
            raise ConfigError(f"priority is {priority!r}: it must be a whole number from 0 to 9")
        _whole(self.max_deliveries, "max_deliveries")
        check_limits(self.soft_ms, self.limit_ms)
        for name in ("acks_late", "redrive", "ignore_result", "store_errors_even_if_ignored"):
            flag: Any = getattr(self, name)
            if not isinstance(flag, bool) and (flag is not None or name == "acks_late"):
                raise ConfigError(f"{name} is {flag!r}: it must be True or False")
        if self.durable is not None:
            check_durable(self.durable)
        if self.serializer:
            make_codec(self.serializer, ())


def merge_options(
    base: TaskOptions, call: Mapping[str, Any], now: datetime
) -> tuple[TaskOptions, int]:
    """The options of a call over those of its task, and its delay in ms.

    Raises:
        ConfigError: A value is wrong.
    """
    changes: dict[str, Any] = {name: call[name] for name in _AS_THEY_ARE if name in call}
    if call.get("expires") is not None:
        changes["expires_ms"] = max(1, _ms_until(call["expires"], "expires", now))
    for name, field in (("time_limit", "limit_ms"), ("soft_time_limit", "soft_ms")):
        if call.get(name) is not None:
            changes[field] = max(1, duration_ms(call[name], name))
    if any(name in call for name in ("retries", "retry_delay", "backoff", "retry_on")):
        changes["retry"] = _call_policy(base.retry, call)
    if call.get("countdown") is not None and call.get("eta") is not None:
        raise ConfigError("countdown and eta both say when to start: give one of them")
    start = call.get("countdown") if call.get("eta") is None else call["eta"]
    delay = 0 if start is None else max(0, _ms_until(start, "countdown or eta", now))
    return (replace(base, **changes) if changes else base), delay


def task_options(
    *,
    bind: bool = False,
    queue: str = "",
    priority: int = 0,
    expires: Seconds | None = None,
    max_retries: int | None = None,
    default_retry_delay: Seconds | None = None,
    autoretry_for: Iterable[type[BaseException]] = (),
    retry_backoff: bool = False,
    retry_backoff_max: Seconds | None = None,
    retry_jitter: bool = False,
    max_deliveries: int = 0,
    acks_late: bool = True,
    time_limit: Seconds | None = None,
    soft_time_limit: Seconds | None = None,
    redrive: bool | None = None,
    durable: str | None = None,
    ignore_result: bool | None = None,
    store_errors_even_if_ignored: bool | None = None,
    serializer: str = "",
) -> TaskOptions:
    """The options of a task from what `@app.task` says, which documents them.

    Raises:
        ConfigError: A value is wrong.
    """
    retry = retry_policy(
        max_retries=max_retries, retry_delay=default_retry_delay, backoff=retry_backoff,
        backoff_max=retry_backoff_max, jitter=retry_jitter, retry_on=autoretry_for,
    )  # fmt: skip
    return TaskOptions(
        queue=queue, priority=priority, retry=retry, expires_ms=_limit_ms(expires, "expires"),
        max_deliveries=max_deliveries, acks_late=acks_late,
        limit_ms=_limit_ms(time_limit, "time_limit"),
        soft_ms=_limit_ms(soft_time_limit, "soft_time_limit"), bind=bind, redrive=redrive,
        durable=durable, serializer=serializer, ignore_result=ignore_result,
        store_errors_even_if_ignored=store_errors_even_if_ignored,
    )  # fmt: skip


def retry_policy(
    *,
    max_retries: int | None,
    retry_delay: Seconds | None,
    backoff: bool,
    backoff_max: Seconds | None,
    jitter: bool,
    retry_on: Iterable[type[BaseException]],
) -> RetryPolicy:
    """A policy from what a decorator says."""
    names = exception_names(retry_on)
    if max_retries is None:
        max_retries = DEFAULT_MAX_RETRIES if names else 0
    return RetryPolicy(
        max_retries=_whole(max_retries, "max_retries"),
        delay_ms=DEFAULT_DELAY_MS
        if retry_delay is None
        else duration_ms(retry_delay, "retry_delay"),
        backoff=backoff,
        max_delay_ms=DEFAULT_MAX_DELAY_MS
        if backoff_max is None
        else duration_ms(backoff_max, "backoff_max"),
        jitter=jitter,
        retry_on=names,
    )


def exception_names(kinds: object) -> tuple[str, ...]:
    """The qualified names of exception classes.

    Raises:
        ConfigError: Something else is among them.
    """
    is_one = isinstance(kinds, type) or not isinstance(kinds, Iterable)
    several = cast("Iterable[object]", (kinds,) if is_one else kinds)
    names: list[str] = []
    for kind in several:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise ConfigError(f"retry on {kind!r}: it must be an exception class")
        names.append(class_name(kind))
    return tuple(names)


def duration_ms(value: Seconds, what: str) -> int:
    """Seconds or a timedelta in ms.

    Raises:
        ConfigError: It is neither, or negative.
    """
    seconds: Any = value.total_seconds() if isinstance(value, timedelta) else value
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not is_number or not 0 <= seconds < MAX_SECONDS:
        raise ConfigError(f"{what} is {value!r}: give seconds, as a number from 0, or a timedelta")
    return round(float(seconds) * 1000)


def _limit_ms(value: Seconds | None, what: str) -> int:
    return 0 if value is None else max(1, duration_ms(value, what))


def _call_policy(base: RetryPolicy, call: Mapping[str, Any]) -> RetryPolicy:
    changes: dict[str, Any] = {}
    if "retries" in call:
        changes["max_retries"] = _whole(call["retries"], "retries")
    elif not base.max_retries:
        changes["max_retries"] = DEFAULT_MAX_RETRIES
    if "retry_delay" in call:
        changes["delay_ms"] = duration_ms(call["retry_delay"], "retry_delay")
    if "backoff" in call:
        changes["backoff"] = bool(call["backoff"])
    if "retry_on" in call:
        changes["retry_on"] = exception_names(call["retry_on"])
    return replace(base, **changes)


def _ms_until(value: Seconds | datetime, what: str, now: datetime) -> int:
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.astimezone()
        return round((moment - now).total_seconds() * 1000)
    return duration_ms(value, what)


def _whole(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(f"{what} is {value!r}: it must be a whole number from 0")
    return value
