"""A function over a list of items: what `map` and `starmap` run on a worker."""

import inspect
from collections.abc import Callable
from typing import Any, Final


def over_list(function: Callable[..., Any], *, star: bool) -> Callable[..., Any]:
    """The function that applies another to each item of a list.

    What comes before the list, as the context of a bound task, is handed on.

    Args:
        function: The other one. Where it is a coroutine function, what is returned is one.
        star: Whether each item is a tuple of arguments.
    """

    def apply(*given: Any) -> list[Any]:
        *before, items = given
        return [function(*before, *(item if star else (item,))) for item in items]

    async def apply_async(*given: Any) -> list[Any]:
        *before, items = given
        return [await function(*before, *(item if star else (item,))) for item in items]

    return apply_async if inspect.iscoroutinefunction(function) else apply


def over_what(function: Callable[..., Any]) -> tuple[Callable[..., Any], bool] | None:
    """The function and `star` that `over_list` was called with; None for what it did not make."""
    code = getattr(function, "__code__", None)
    if code not in _MADE:
        return None
    closure = inspect.getclosurevars(function).nonlocals
    return closure["function"], closure["star"]


async def _nothing() -> None:
    """A coroutine function."""


_MADE: Final = {over_list(each, star=False).__code__ for each in (len, _nothing)}
