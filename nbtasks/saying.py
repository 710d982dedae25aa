"""A state that a running task gives itself, and what it says with it (pure)."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final, cast

from nbtasks.errors import ConfigError
from nbtasks.live import Progress
from nbtasks.states import TaskState

_STATE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,49}")
_ALLOWED: Final = frozenset((TaskState.PROGRESS, TaskState.STARTED))
_EVENT: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")
RESERVED: Final = frozenset((
    "task-sent", "task-received", "task-started", "task-progress", "task-succeeded", "task-failed",
    "task-retried", "task-revoked", "task-rejected", "task-requeued", "task-ignored",
    "worker-online", "worker-heartbeat", "worker-offline",
))  # fmt: skip
"""Types of events that say how tasks and workers are: no task may say so itself."""

_OF_EVENT: Final = frozenset(("type", "uuid", "timestamp", "hostname", "pid", "utcoffset", "clock"))
MOST_EVENT: Final = 32_768
"""Bytes of what an event tells."""

_NOTHING: Final[Mapping[str, Any]] = {}


def said_state(state: str, meta: Any) -> Progress:
    """The report of a state.

    Raises:
        ConfigError: It is no word in capital letters, or one of ours; or `meta` is not JSON.
    """
    text: Any = state  # it comes from the user
    if not isinstance(text, str) or not _STATE.fullmatch(text):
        raise ConfigError(f"the state {state!r} is none: use capital letters, digits and _")
    if text in TaskState.__members__ and text not in _ALLOWED:
        raise ConfigError(
            f"a task cannot say that it is {state}: it returns, raises, or calls self.retry()"
        )
    try:
        plain: Any = json.loads(json.dumps(meta))
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"meta of state {state!r} is not JSON: {error}") from None
    given: Mapping[str, Any] = _NOTHING
    if isinstance(plain, dict):
        given = cast("dict[str, Any]", plain)
    current, total = _number(given.get("current")), _number(given.get("total"))
    return Progress(current or 0, total, "", text, plain)


def said_event(type: str, fields: Mapping[str, Any]) -> bytes:  # noqa: A002 - Celery's
    """The report of an event of a task's own.

    Raises:
        ConfigError: The type is none, or one of ours; the fields are ours, not JSON, or too long.
    """
    text: Any = type  # it comes from the user
    if not isinstance(text, str) or not _EVENT.fullmatch(text):
        raise ConfigError(f"{type!r} is no type of an event: use letters, digits, _ . and -")
    if text in RESERVED:
        raise ConfigError(f"{type!r} says how a task or a worker is: choose another type")
    if taken := _OF_EVENT & fields.keys():
        raise ConfigError(f"event {type!r} has {min(taken)} of itself: choose another name for it")
    try:
        data = json.dumps(dict(fields), separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"what event {type!r} tells is not JSON: {error}") from None
    if len(data) > MOST_EVENT:
        raise ConfigError(f"event {type!r} has {len(data):,} bytes, and may have {MOST_EVENT:,}")
    return text.encode() + b" " + data


def _number(value: object) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return cast("float", value) if is_number and math.isfinite(cast("float", value)) else None
