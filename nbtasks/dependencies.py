"""Results among the arguments of a call: what is to be put there once it is known (pure)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from nbtasks.inputs import PLAIN, Path

_DEPTH: Final = 20
"""Results deeper in lists of lists are not looked for."""


def has_results(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether there is a result among arguments, also in lists, tuples and dicts."""
    if PLAIN.issuperset(map(type, args)) and (
        not kwargs or PLAIN.issuperset(map(type, kwargs.values()))
    ):
        return False
    return next(find_results(args, kwargs), None) is not None


def find_results(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """The results among arguments, and where they are; a list of nothing else is one of them."""
    yield from _find(args, (0,))
    yield from _find(kwargs.values(), (1,))


def is_result(value: object) -> bool:
    """Whether this stands for a value that is not known yet."""
    return hasattr(type(value), "as_value")


def _kind(item: object) -> type:
    return type(item)


def _find(items: Iterable[Any], path: Path) -> Iterator[tuple[Path, Any]]:
    for at, item in enumerate(items):
        kind = _kind(item)
        if kind in PLAIN:
            continue
        here = (*path, at)
        if is_result(item):
            yield here, item
        elif kind in {list, tuple, dict} and len(path) < _DEPTH:
            inside = item.values() if kind is dict else item
            if PLAIN.issuperset(map(type, inside)):
                continue
            if kind is list and all(map(is_result, inside)):
                yield here, item
            else:
                yield from _find(inside, here)
