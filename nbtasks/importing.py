"""Functions and classes that travel by the name they are imported by."""

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Imported:
    """A function or class that both sides import; `is_wrapped`: under its name stands its task."""

    module: str
    qualname: str
    is_wrapped: bool = False

    @classmethod
    def of(cls, value: Any) -> "Imported | None":
        """The way to a function or class, or None where both sides cannot import it."""
        if not is_importable(value):
            return None
        return cls(value.__module__, value.__qualname__, named(value) is not value)

    def resolve(self) -> Callable[..., Any]:
        """The function itself."""
        found = named_by(self)
        function: Callable[..., Any] = found.__wrapped__ if self.is_wrapped else found
        return function


def named_by(way: Imported) -> Any:
    """What stands under this name: a function, or its task."""
    found: Any = importlib.import_module(way.module)
    for part in way.qualname.split("."):
        found = getattr(found, part)
    return found


def is_importable(value: Any) -> bool:
    """Whether both sides can import this under its name."""
    found = named(value)
    return found is not None and (found is value or getattr(found, "__wrapped__", None) is value)


def named(value: Any) -> Any:
    """What a module other than `__main__` has under the name of this, or None."""
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    if module is None or module.__name__ == "__main__":
        return None
    found: Any = module
    for part in getattr(value, "__qualname__", "<>").split("."):
        found = getattr(found, part, None)
    return found
