"""What an errback is called with, by what it has room for."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_Parameter = inspect.Parameter
_POSITIONAL: Final = (_Parameter.POSITIONAL_ONLY, _Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Callee:
    """An errback, and the arguments of its own."""

    function: Callable[..., Any]
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    bind: bool = False

    @property
    def takes_all(self) -> bool:
        """Whether it is called with `(request, exc, traceback)`: more than one parameter is free.

        One that does not say what it takes, takes any number. With just one, it gets the id.
        """
        try:
            parameters = inspect.signature(self.function).parameters.values()
        except (TypeError, ValueError):
            return True
        if any(each.kind is _Parameter.VAR_POSITIONAL for each in parameters):
            return True
        free = [
            each for each in parameters if each.kind in _POSITIONAL and each.name not in self.kwargs
        ]
        return len(free) - len(self.args) - self.bind > 1
