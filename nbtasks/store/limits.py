"""What is said of tasks at run time, over what their records say: rates, and that one is paused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nbtasks.rates import rate_text, rate_us
from nbtasks.record import check_name
from nbtasks.store.store import Store

RATE: Final = "rate"
PAUSE: Final = "pause"

_PAUSED: Final = "!"
"""Before the name of a task that is paused (_said.lua)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What was said of the tasks of a name.

    Attributes:
        task: The name.
        rate: How often they begin, `0` for no limit; empty where nothing was said of it.
        paused_ms: Since when none begins, in ms since 1970, by Redis' clock; 0: they are not held.
    """

    task: str
    rate: str
    paused_ms: int


def limits_said(store: Store) -> Sequence[Limit]:
    """All of it, by the names of the tasks.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    rates, paused = _rates(said := _said(store)), _paused(said)
    return [
        Limit(task=task, rate=rates.get(task, ""), paused_ms=paused.get(task, 0))
        for task in sorted(rates.keys() | paused.keys())
    ]


def set_rate_limit(store: Store, task: str, rate: Any) -> None:
    """Have tasks of a name begin at this rate, over all workers and whatever they were sent with.

    It is a fact in Redis, and holds from the next task on until it is taken back. Of a task that is
    limited by keys it is the rate of each key.

    Args:
        store: The store.
        task: Their name.
        rate: As of `@app.task`, 0 for none; None to take back what was said before.

    Raises:
        ConfigError: It is no rate, or no task can have this name.
    """
    every = "" if rate is None else str(rate_us(rate))
    _say(store, task, RATE, every)


def rate_limits(store: Store) -> Mapping[str, str]:
    """The rates that were set, by the names of tasks; `0` for none."""
    return _rates(_said(store))


def pause_task(store: Store, task: str) -> bool:
    """Have no task of a name begin until `resume_task`; False where it was paused.

    What runs goes on, other tasks of its queue are not held up. It is a fact in Redis: it outlives
    workers and clients.

    Raises:
        ConfigError: No task can have this name.
    """
    return not _say(store, task, PAUSE, "1")


def resume_task(store: Store, task: str) -> bool:
    """Have tasks of a name begin again; False where they were not paused.

    Raises:
        ConfigError: No task can have this name.
    """
    return bool(_say(store, task, PAUSE, ""))


def paused_tasks(store: Store) -> Mapping[str, int]:
    """The tasks that are paused, and since when: ms since 1970, by Redis' clock."""
    return _paused(_said(store))


def _rates(said: Mapping[str, str]) -> dict[str, str]:
    return {
        name: rate_text(int(value)) if value.isdecimal() else "0"
        for name, value in said.items()
        if not name.startswith(_PAUSED)
    }


def _paused(said: Mapping[str, str]) -> dict[str, int]:
    return {
        name.removeprefix(_PAUSED): int(since) if since.isdecimal() else 0
        for name, since in said.items()
        if name.startswith(_PAUSED)
    }


def _say(store: Store, task: str, kind: str, value: str) -> bytes:
    before: bytes = store.run_script("limit", check_name(task, "task name"), kind, value)
    return before


def _said(store: Store) -> dict[str, str]:
    flat: list[bytes] = store.call("HGETALL", store.keys.limits)
    texts = [item.decode("utf-8", "replace") for item in flat]
    return dict(zip(texts[::2], texts[1::2], strict=True))
