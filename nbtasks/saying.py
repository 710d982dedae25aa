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


def _number(value: object) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return cast("float", value) if is_number and math.isfinite(cast("float", value)) else None
