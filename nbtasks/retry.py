"""How often a failed task is tried again, and after how long (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from nbtasks.errors import (
    BadSignature,
    ConfigError,
    ContentRefused,
    TooBig,
    TooOld,
    Unsendable,
    VersionMismatch,
)

DEFAULT_MAX_RETRIES: Final = 3
"""Celery's: how often a task is tried again that says no number."""

DEFAULT_DELAY_MS: Final = 1000
DEFAULT_MAX_DELAY_MS: Final = 600_000
FOREVER: Final = 2**31
"""In place of a number of retries: as often as it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When to try again.

    `max_retries` more tries after the first; `delay_ms` before each, doubled every time where
    `backoff` is set, never above `max_delay_ms`, and with `jitter` a random part of it. `retry_on`
    are qualified class names (`builtins.OSError`); empty means every `Exception`, except our own
    errors that another try cannot mend. `never_on` wins over it. Without `auto` a task is tried
    again only where it asks for that itself.
    """

    max_retries: int = 0
    delay_ms: int = DEFAULT_DELAY_MS
    backoff: bool = False
    max_delay_ms: int = DEFAULT_MAX_DELAY_MS
    jitter: bool = False
    retry_on: tuple[str, ...] = ()
    never_on: tuple[str, ...] = ()
    auto: bool = True

    def __post_init__(self) -> None:
        for name in ("max_retries", "delay_ms", "max_delay_ms"):
            value = getattr(self, name)
            if value < 0:
                raise ConfigError(f"{name} is {value!r}: it must not be negative")

    def matches(self, error: BaseException) -> bool:
        """Whether this error is one to try again after."""
        if not self.auto or not isinstance(error, Exception):
            return False
        names = {class_name(kind) for kind in type(error).__mro__}
        if not names.isdisjoint(self.never_on):
            return False
        if not self.retry_on:
            return not isinstance(error, _LASTING)
        return not names.isdisjoint(self.retry_on)

    def delay(self, retries: int, chance: float) -> int:
        """Milliseconds to wait before the next try.

        Args:
            retries: How many retries came before: 0 after the first try.
            chance: A random number from 0 to 1, used with `jitter`.
        """
        wait = self.delay_ms * (2 ** min(retries, 32)) if self.backoff else self.delay_ms
        wait = min(wait, self.max_delay_ms)
        return int(wait * chance) if self.jitter else wait

    def to_header(self) -> dict[str, Any]:
        """As JSON, for the header of a record; empty where nothing was said of retries."""
        if self == NEVER:
            return {}
        fields: dict[str, Any] = {
            "max": self.max_retries,
            "delay": self.delay_ms,
            "backoff": self.backoff,
            "cap": self.max_delay_ms,
            "jitter": self.jitter,
            "on": list(self.retry_on),
        }
        if self.never_on:
            fields["not"] = list(self.never_on)
        return fields if self.auto else {**fields, "auto": False}

    @classmethod
    def from_header(cls, header: Mapping[str, Any]) -> "RetryPolicy":
        """What `to_header` wrote."""
        if not header:
            return NEVER
        return cls(
            max_retries=header["max"],
            delay_ms=header["delay"],
            backoff=header["backoff"],
            max_delay_ms=header["cap"],
            jitter=header["jitter"],
            retry_on=tuple(header["on"]),
            never_on=tuple(header.get("not", ())),
            auto=header.get("auto", True),
        )


NEVER: Final = RetryPolicy(max_retries=DEFAULT_MAX_RETRIES, auto=False)
"""Of a task that said nothing: not again by itself, but where it asks for it."""

_LASTING = (
    BadSignature,
    ConfigError,
    ContentRefused,
    TooBig,
    TooOld,
    Unsendable,
    VersionMismatch,
)


def class_name(kind: type) -> str:
    """The qualified name of a class, as `retry_on` holds it."""
    return f"{kind.__module__}.{kind.__qualname__}"
