"""Which calls of a unique task are the same: the key that only one of them has at a time (pure)."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from hashlib import blake2b
from pathlib import PurePath
from typing import Any, Final, cast
from uuid import UUID

from nbtasks.errors import ConfigError
from nbtasks.spelling import nearest

Unique = bool | str | Iterable[str] | Callable[..., object]
"""True, the names of the arguments that count, or a function of the arguments."""

_PLAIN: Final = (
    bool, int, float, complex, str, bytes, date, time, timedelta, Decimal, Fraction, UUID,
    PurePath, type(None),
)  # fmt: skip
_DEEPEST: Final = 50


def check_unique(value: Unique | None) -> Unique | None:
    """The value, if `unique` may be it; names as a tuple.

    Raises:
        ConfigError: It may not.
    """
    if value is None or isinstance(value, (bool, str)) or callable(value):
        return value
    given: Any = value
    if isinstance(given, Iterable):
        names = tuple(cast("Iterable[Any]", given))  # type: ignore[redundant-cast] # pyright needs it
        if all(isinstance(name, str) for name in names):
            return names
    raise ConfigError(
        f"unique is {value!r}: it must be True, names of arguments, or a function of the arguments"
    )


def key_of(
    unique: Unique,
    name: str,
    call: tuple[tuple[Any, ...], Mapping[str, Any]],
    named: Mapping[str, Any],
) -> str:
    """What all calls have in common that are the same as this one.

    Args:
        unique: What the task says, not None or False.
        name: The name of the task.
        call: Its arguments.
        named: The same by their names.

    Raises:
        ConfigError: It cannot be told, for a reason that the message gives.
    """
    if callable(unique):
        args, kwargs = call
        return repr((name, _canonical(unique(*args, **kwargs), name, "what unique gives")))
    names = sorted(named) if unique is True else _checked(unique, name, named)
    texts = [(each, _canonical(named[each], name, f"argument {each!r}")) for each in names]
    return repr((name, texts))


def cache_key(
    code: str,
    name: str,
    call: tuple[tuple[Any, ...], Mapping[str, Any]],
    named: Mapping[str, Any],
    payload: bytes,
) -> str:
    """What all calls have in common whose value is the same: what they run, and with what.

    Values that are not plain are compared as they travel: that may tell two equal ones apart, and
    never takes two for the same that are not.

    Args:
        code: The hash of what is run.
        name: The name of the task.
        call: Its arguments.
        named: The same by their names.
        payload: The same as they travel.
    """
    try:
        what = key_of(sorted(named), name, call, named)
    except ConfigError:
        what = blake2b(payload).hexdigest()
    return repr((code, what))


def _checked(unique: Unique, name: str, named: Mapping[str, Any]) -> list[str]:
    names = [unique] if isinstance(unique, str) else list(cast("Iterable[str]", unique))
    for each in names:
        if each not in named:
            raise ConfigError(
                f"unique of task {name!r} names {each!r}, which this call has not"
                f"{nearest(each, list(named))}"
            )
    return names


def _canonical(value: Any, name: str, what: str, depth: int = 0) -> str:
    """The same text for equal values of the same types, in whichever process."""
    kind = value.__class__
    if kind in _PLAIN or isinstance(value, (PurePath, date)):
        return f"{kind.__name__} {value!r}"
    if isinstance(value, Enum):
        return f"{kind.__qualname__} {value.name}"
    if depth < _DEEPEST and kind in (list, tuple, set, frozenset, dict):
        items = cast("Iterable[Any]", value.items() if kind is dict else value)
        texts = [_canonical(item, name, what, depth + 1) for item in items]
        return f"{kind.__name__} {texts if kind in (list, tuple) else sorted(texts)}"
    raise ConfigError(
        f"task {name!r} is unique, but whether two values of {kind.__name__} ({what}) are the same"
        ' cannot be told: name the arguments that count, as unique=["user"], or give a function of'
        " the arguments that returns a text"
    )
