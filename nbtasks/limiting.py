"""Limits of tasks: how often they begin, and how many of them run at a time (pure)."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final, cast

from nbtasks.errors import ConfigError
from nbtasks.rates import rate_us

OPTIONS: Final = ("rate_limit", "rate_key", "concurrency")

Call = tuple[Sequence[Any], Mapping[str, Any]]
Names = Callable[[Sequence[Any], Mapping[str, Any]], Mapping[str, Any]]
"""Gives the arguments of a call by their names."""

LATER: Final = object()
"""In place of an argument that is not known when the task is sent."""

_PLAIN = re.compile(r"[A-Za-z0-9_.@\-]{1,64}")
_DIGEST: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a task says of its limits, and a call over that.

    Attributes:
        every_us: From the begin of one to that of the next; 0 for no limit, None for the setting.
        most: How many run at a time; 0 for any number.
        key: The argument, or the function of the arguments, of which each value has limits of its
            own; empty where all have the same.
    """

    every_us: int | None = None
    most: int = 0
    key: str | Callable[..., Any] = ""

    def over(self, said: Mapping[str, Any]) -> "Limits":
        """These, with what these options say; None says nothing.

        Raises:
            ConfigError: A value is wrong.
        """
        changes: dict[str, Any] = {}
        rate, most, key = (said.get(name) for name in ("rate_limit", "concurrency", "rate_key"))
        if rate is not None:
            changes["every_us"] = rate_us(rate)
        if most is not None:
            if isinstance(most, bool) or not isinstance(most, int) or most < 0:
                raise ConfigError(
                    f"concurrency is {most!r}: it must be a whole number, 0 for no limit"
                )
            changes["most"] = most
        if key is not None:
            if not (isinstance(key, str) or callable(key)):
                raise ConfigError(
                    f"rate_key is {key!r}: give the name of an argument, or a function of the"
                    " arguments"
                )
            changes["key"] = key
        return replace(self, **changes) if changes else self

    def settled(self, usual: Any) -> "Limits":
        """These, with the rate of the setting where they say none."""
        is_said = self.every_us is not None or not usual
        return self if is_said else replace(self, every_us=rate_us(usual))

    def stored(self, name: str, calls: Iterable[Call], names: Names) -> tuple[str, Sequence[str]]:
        """The limit that the store is told (_limit.lua), and the key of each call if they differ.

        Both are empty without limits.

        Args:
            name: The name of the task.
            calls: Its calls.
            names: What their arguments are called.

        Raises:
            ConfigError: The key of a call is none, or is not known when it is sent.
        """
        if not (self.every_us or self.most or self.key):
            return "", ()
        limit = f"{self.every_us or 0} {self.most} {name}"
        if not self.key:
            return limit, ()
        keys = [_text(name, self._value(name, call, names)) for call in calls]
        if len(set(keys)) == 1:
            return f"{limit}/{keys[0]}", ()
        return f"{limit}/", keys

    def _value(self, name: str, call: Call, names: Names) -> Any:
        args, kwargs = call
        if not isinstance(self.key, str):
            return self.key(*args, **kwargs)
        known = names(args, kwargs)
        if self.key not in known:
            raise ConfigError(
                f"rate_key of task {name!r} is {self.key!r}, and this call has no such argument: it"
                f" has {', '.join(known) or 'none'}"
            )
        return known[self.key]


NO_LIMITS: Final = Limits()


def no_names(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments of a call by their names, where nobody knows those of `args`."""
    del args
    return kwargs


def _text(name: str, value: Any) -> str:
    """What stands for the value of a key in the store.

    What is shown by its address would have a limit of its own each time.
    """
    kind = cast("type[object]", type(value))
    if (kind.__str__, kind.__repr__) == (object.__str__, object.__repr__):
        what = "what is not known when it is sent" if value is LATER else f"a {kind.__qualname__}"
        raise ConfigError(f"rate_key of task {name!r} gives {what}: it must give text or a number")
    text = str(value)
    if _PLAIN.fullmatch(text):
        return text
    return blake2b(text.encode("utf-8", "replace"), digest_size=_DIGEST).hexdigest()
