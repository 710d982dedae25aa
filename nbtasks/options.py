"""How a task is sent: what a decorator and a call say, checked and merged (pure)."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, cast

from nbtasks.advice import no_option
from nbtasks.annotations import annotated
from nbtasks.compression import check_method
from nbtasks.config import Config, check_durable
from nbtasks.errors import ConfigError
from nbtasks.limiting import NO_LIMITS, Limits
from nbtasks.limiting import OPTIONS as LIMIT_OPTIONS
from nbtasks.record import MAX_PRIORITY, check_limits, check_queue
from nbtasks.retry import (
    DEFAULT_DELAY_MS,
    DEFAULT_MAX_DELAY_MS,
    DEFAULT_MAX_RETRIES,
    FOREVER,
    NEVER,
    RetryPolicy,
    class_name,
)
from nbtasks.routes import Route
from nbtasks.serializers import make_codec
from nbtasks.spelling import nearest
from nbtasks.unique import Unique, check_unique

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
    "compression",
    "unique",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOptions:
    """How a task is sent; what a call says wins.

    Attributes:
        queue: Where it goes; empty for the app's default queue.
        priority: 0 to 9, higher first; None for the app's setting.
        retry: When it is tried again after an error.
        expires_ms: It is revoked where it has not begun by then; 0 for never.
        max_deliveries: Dead workers it may leave behind; 0 for the app's setting.
        acks_late: False for at most once: what may have begun when its process died is given up;
            None for the app's setting.
        limit_ms: Its process is killed where it runs longer; 0 for the app's setting.
        soft_ms: `SoftTimeLimitExceeded` is raised in it then; below `limit_ms`, 0 as above.
        typing: Whether its arguments are checked when it is called.
        limits: How often it begins, and how many of it run at a time.
        named: What its retry policy was told: `max_retries`, `retry_delay`. The rest is the app's.
        bind: Whether its function gets a `TaskContext` first.
        redrive: Whether it is sent again where Redis has lost it; None for the app's setting.
        durable: `replica` where a submit waits for one to have it; None for the app's setting.
        ignore_result: Whether its value is not kept; None for the app's setting.
        store_errors_even_if_ignored: Whether its error is kept whole then; None as above.
        serializer: What its arguments, values and errors travel as; empty for the app's.
        compression: How its arguments and values are compressed; empty for not at all, None for
            the app's setting.
        unique: Which arguments make calls the same, of which one runs at a time; None for none.
        unique_for_ms: For how long after its end it still stands for them.
        cache_ms: For how long its value is that of all the same calls; 0 for not at all.
    """

    queue: str = ""
    priority: int | None = None
    retry: RetryPolicy = NEVER
    expires_ms: int = 0
    max_deliveries: int = 0
    acks_late: bool | None = None
    limit_ms: int = 0
    soft_ms: int = 0
    bind: bool = False
    redrive: bool | None = None
    durable: str | None = None
    ignore_result: bool | None = None
    store_errors_even_if_ignored: bool | None = None
    serializer: str = ""
    compression: str | None = None
    limits: Limits = NO_LIMITS
    named: tuple[str, ...] = ()
    typing: bool = True
    unique: Unique | None = None
    unique_for_ms: int = 0
    cache_ms: int = 0

    def __post_init__(self) -> None:
        if self.queue:
            check_queue(self.queue)
        priority: Any = self.priority  # it comes from the user
        whole = isinstance(priority, int) and not isinstance(priority, bool)
        if priority is not None and not (whole and 0 <= priority <= MAX_PRIORITY):
            raise ConfigError(f"priority is {priority!r}: it must be a whole number from 0 to 9")
        _whole(self.max_deliveries, "max_deliveries")
        check_limits(self.soft_ms, self.limit_ms)
        for name in ("acks_late", "redrive", "ignore_result", "store_errors_even_if_ignored"):
            flag: Any = getattr(self, name)
            if flag is not None and not isinstance(flag, bool):
                raise ConfigError(f"{name} is {flag!r}: it must be True or False")
        if self.durable is not None:
            check_durable(self.durable)
        if self.serializer:
            make_codec(self.serializer, ())
        if self.compression is not None:
            object.__setattr__(self, "compression", check_method(self.compression))
        object.__setattr__(self, "unique", check_unique(self.unique))
        if self.cache_ms and self.unique_for_ms:
            raise ConfigError("cache and unique_for both say how long a task stands for others")


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
    for name, field in (
        ("time_limit", "limit_ms"),
        ("soft_time_limit", "soft_ms"),
        ("unique_for", "unique_for_ms"),
    ):
        if call.get(name) is not None:
            changes[field] = max(1, duration_ms(call[name], name))
    if "cache" in call:
        changes["cache_ms"] = _limit_ms(call["cache"] or None, "cache")
    if any(name in call for name in ("retries", "retry_delay", "backoff", "retry_on")):
        changes["retry"], changes["named"] = _call_policy(base, call)
    if any(name in call for name in LIMIT_OPTIONS):
        changes["limits"] = base.limits.over(call)
    if call.get("reject_on_worker_lost") is not None and not call.get("max_deliveries"):
        changes["max_deliveries"] = 0 if call["reject_on_worker_lost"] else 1
    if call.get("countdown") is not None and call.get("eta") is not None:
        raise ConfigError("countdown and eta both say when to start: give one of them")
    start = call.get("countdown") if call.get("eta") is None else call["eta"]
    delay = 0 if start is None else max(0, _ms_until(start, "countdown or eta", now))
    return (replace(base, **changes) if changes else base), delay


def settled(options: TaskOptions, config: Config) -> TaskOptions:
    """The options, with the app's settings where they say nothing.

    Raises:
        ConfigError: The soft time limit is not below the hard one.
    """
    changes: dict[str, Any] = {}
    if options.priority is None:
        changes["priority"] = config.task_default_priority
    if options.acks_late is None:
        changes["acks_late"] = config.task_acks_late
    if not options.max_deliveries:
        is_kept = config.task_reject_on_worker_lost
        changes["max_deliveries"] = config.max_deliveries if is_kept else 1
    if not options.limit_ms and config.task_time_limit_ms:
        changes["limit_ms"] = config.task_time_limit_ms
    limits = options.limits.settled(config.task_default_rate_limit)
    if limits is not options.limits:
        changes["limits"] = limits
    limit_ms, soft_ms = options.limit_ms, config.task_soft_time_limit_ms
    # A task whose own limit is shorter is killed before the usual soft one.
    if soft_ms and not options.soft_ms and (not limit_ms or soft_ms < limit_ms):
        changes["soft_ms"] = soft_ms
    if options.compression is None:
        changes["compression"] = config.task_compression
    retry = _settled_policy(options, config)
    if retry is not options.retry:
        changes["retry"] = retry
    return replace(options, **changes)


def merged(
    base: TaskOptions,
    call: Mapping[str, Any],
    config: Config,
    *,
    name: str,
    now: datetime,
    route: Route | None = None,
) -> tuple[TaskOptions, int]:
    """What holds for a call: its own options, the settings' and the task's; and its delay in ms.

    Where none of these says where it goes, `route` does.

    Raises:
        ConfigError: A value is wrong.
    """
    said = annotated(config.task_annotations, name, call)
    options, delay_ms = merge_options(base, said, now)
    if route is not None:
        priority = route.priority if options.priority is None else options.priority
        options = replace(options, queue=options.queue or route.queue, priority=priority)
    return settled(options, config), delay_ms


def task_options(
    *,
    bind: bool = False,
    queue: str = "",
    priority: int | None = None,
    expires: Seconds | None = None,
    max_deliveries: int = 0,
    acks_late: bool | None = None,
    reject_on_worker_lost: bool | None = None,
    time_limit: Seconds | None = None,
    soft_time_limit: Seconds | None = None,
    rate_limit: str | float | None = None,
    rate_key: str | Callable[..., Any] | None = None,
    concurrency: int | None = None,
    redrive: bool | None = None,
    durable: str | None = None,
    ignore_result: bool | None = None,
    store_errors_even_if_ignored: bool | None = None,
    serializer: str = "",
    compression: str | None = None,
    unique: Unique | None = None,
    unique_for: Seconds | None = None,
    cache: Seconds | None = None,
    typing: bool = True,
    throws: Iterable[type[BaseException]] = (),
    track_started: bool = True,
    **retries: Any,
) -> TaskOptions:
    """The options of a task from what `@app.task` says, which documents them.

    Raises:
        ConfigError: A value is wrong.
        TypeError: There is no such option.
    """
    exception_names(throws)  # no more: workers log no traceback of any error
    _check_known(retries)
    if not track_started:
        raise ConfigError("track_started cannot be False: that a task runs is always told")
    retry, named = retry_policy(**retries)
    limits = {"rate_limit": rate_limit, "rate_key": rate_key, "concurrency": concurrency}
    if reject_on_worker_lost is not None and not max_deliveries:
        max_deliveries = 0 if reject_on_worker_lost else 1
    return TaskOptions(
        queue=queue, priority=priority, retry=retry, expires_ms=_limit_ms(expires, "expires"),
        max_deliveries=max_deliveries, acks_late=acks_late,
        limit_ms=_limit_ms(time_limit, "time_limit"),
        soft_ms=_limit_ms(soft_time_limit, "soft_time_limit"), bind=bind, redrive=redrive,
        durable=durable, serializer=serializer, compression=compression,
        ignore_result=ignore_result, named=named, typing=typing, limits=NO_LIMITS.over(limits),
        store_errors_even_if_ignored=store_errors_even_if_ignored, unique=unique,
        unique_for_ms=_limit_ms(unique_for, "unique_for"),
        cache_ms=_limit_ms(cache or None, "cache"),
    )  # fmt: skip


_RETRY_KEYWORDS: Final = ("max_retries", "countdown")
_SAYS_NOTHING: Final = object()


def retry_policy(
    *,
    max_retries: Any = _SAYS_NOTHING,
    default_retry_delay: Seconds | None = None,
    autoretry_for: Iterable[type[BaseException]] = (),
    dont_autoretry_for: Iterable[type[BaseException]] = (),
    retry_kwargs: Mapping[str, Any] | None = None,
    retry_backoff: Any = False,
    retry_backoff_max: Seconds | None = None,
    retry_jitter: bool | None = None,
) -> tuple[RetryPolicy, tuple[str, ...]]:
    """A policy from what a decorator says, and which parts of it that says."""
    for name in retry_kwargs or {}:
        if name not in _RETRY_KEYWORDS:
            raise ConfigError(f"retry_kwargs has {name!r}{nearest(name, _RETRY_KEYWORDS)}")
    # As in Celery: they are what `retry` is called with.
    most = (retry_kwargs or {}).get("max_retries", max_retries)
    delay = (retry_kwargs or {}).get("countdown", default_retry_delay)
    names = exception_names(autoretry_for)
    is_number = retry_backoff is not True and retry_backoff
    if is_number:
        delay = retry_backoff
    said = {"max_retries": most is not _SAYS_NOTHING, "retry_delay": delay is not None}
    count = DEFAULT_MAX_RETRIES if most is _SAYS_NOTHING else most
    policy = RetryPolicy(
        max_retries=FOREVER if count is None else _whole(count, "max_retries"),
        delay_ms=DEFAULT_DELAY_MS if delay is None else duration_ms(delay, "retry_delay"),
        backoff=bool(retry_backoff),
        max_delay_ms=DEFAULT_MAX_DELAY_MS
        if retry_backoff_max is None
        else duration_ms(retry_backoff_max, "backoff_max"),
        jitter=bool(retry_backoff) if retry_jitter is None else retry_jitter,
        retry_on=names,
        never_on=exception_names(dont_autoretry_for),
        auto=bool(names) or (said["max_retries"] and count != 0),
    )
    return policy, tuple(name for name, is_said in said.items() if is_said)


DECORATOR_OPTIONS: Final = frozenset(
    name
    for function in (task_options, retry_policy)
    for name, each in inspect.signature(function).parameters.items()
    if each.kind is inspect.Parameter.KEYWORD_ONLY
)
"""What `@app.task` may say, but for its name and base."""


def _check_known(names: Iterable[str]) -> None:
    for name in names:
        if name not in DECORATOR_OPTIONS:
            known = (*DECORATOR_OPTIONS, "name", "base")
            raise TypeError(f"@app.task has no option {name!r}{no_option(name, known)}")


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


def _call_policy(base: TaskOptions, call: Mapping[str, Any]) -> tuple[RetryPolicy, tuple[str, ...]]:
    named = set(base.named)
    changes: dict[str, Any] = {"auto": True}
    if "retries" in call:
        count = call["retries"]
        named.add("max_retries")
        changes["max_retries"] = FOREVER if count is None else _whole(count, "retries")
        changes["auto"] = count != 0
    if "retry_delay" in call:
        named.add("retry_delay")
        changes["delay_ms"] = duration_ms(call["retry_delay"], "retry_delay")
    if "backoff" in call:
        changes["backoff"] = bool(call["backoff"])
    if "retry_on" in call:
        changes["retry_on"] = exception_names(call["retry_on"])
    return replace(base.retry, **changes), tuple(named)


def _settled_policy(options: TaskOptions, config: Config) -> RetryPolicy:
    retry = options.retry
    changes: dict[str, Any] = {}
    if "max_retries" not in options.named and config.task_max_retries != retry.max_retries:
        changes["max_retries"] = config.task_max_retries
    if "retry_delay" not in options.named and config.task_default_retry_delay_ms != retry.delay_ms:
        changes["delay_ms"] = config.task_default_retry_delay_ms
    return replace(retry, **changes) if changes else retry


def _ms_until(value: Seconds | datetime, what: str, now: datetime) -> int:
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.astimezone()
        return round((moment - now).total_seconds() * 1000)
    return duration_ms(value, what)


def _whole(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(f"{what} is {value!r}: it must be a whole number from 0")
    return value
