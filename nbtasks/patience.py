"""How long a submit tries to reach Redis: `retry` and `retry_policy` of a call (pure)."""

import math
from collections.abc import Mapping
from typing import Any, Final, cast

from nbtasks.errors import ConfigError
from nbtasks.spelling import nearest

_DEFAULTS: Final[Mapping[str, float]] = {
    "max_retries": 3,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.2,
}
"""Celery's."""

_MOST: Final = 1_000_000


def patience_of(call: Mapping[str, Any]) -> float | None:
    """How many ms a submit with these options tries to reach Redis; None for as the app says.

    Tries are made as ever, with growing pauses; a policy says for how long: as long as it would
    take Celery, and for ever with `max_retries=None`.

    Raises:
        ConfigError: A value is wrong.
    """
    retry, policy = call.get("retry"), call.get("retry_policy")
    if retry is None and policy is None:
        return None
    if retry is not None and not isinstance(retry, bool):
        raise ConfigError(
            f"retry is {retry!r}: it must be True or False (how often the task is tried again is"
            " retries=)"
        )
    found = None if policy is None else _read(policy)
    return 0.0 if retry is False else found


def shortest(patiences: "list[float | None]") -> float | None:
    """What holds for several that are sent at once."""
    return min((each for each in patiences if each is not None), default=None)


def _read(policy: object) -> float:
    if not isinstance(policy, Mapping):
        raise ConfigError(
            f"retry_policy is {policy!r}: it must be a dict of {', '.join(_DEFAULTS)}"
        )
    known = cast("Mapping[str, Any]", policy)
    for name, value in known.items():
        if name not in _DEFAULTS:
            raise ConfigError(f"retry_policy has {name!r}{nearest(str(name), list(_DEFAULTS))}")
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (is_number and 0 <= value <= _MOST) and not (
            name == "max_retries" and value is None
        ):
            raise ConfigError(f"{name} of retry_policy is {value!r}: it must be a number from 0")
    times, start, step, most = (known.get(name, usual) for name, usual in _DEFAULTS.items())
    if times is None:
        return math.inf
    return 1000.0 * sum(float(min(start + at * step, most)) for at in range(int(times)))
