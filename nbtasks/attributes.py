"""Options that the attributes of a class of tasks give, as `max_retries = 5` (pure)."""

from typing import Any, Final

from nbtasks.options import DECORATOR_OPTIONS

OPTIONS: Final = DECORATOR_OPTIONS - {"bind"}
"""The attributes that are options, by the names that `@app.task` has for them."""


def options_of(kind: type, root: type) -> dict[str, Any]:
    """What a class says of options, in its attributes and those of the classes it is made of.

    Args:
        kind: The class.
        root: The class of all tasks, which says nothing.
    """
    found: dict[str, Any] = {}
    for each in reversed(kind.__mro__):
        if each in root.__mro__:
            continue
        own = vars(each).items()
        found |= {key: value for key, value in own if key in OPTIONS and not _is_method(value)}
    return found


def name_of_class(kind: type, root: type) -> str:
    """The name that a class gives its tasks; empty where it gives none."""
    for each in kind.__mro__:
        name = vars(each).get("name") if each not in root.__mro__ else None
        if isinstance(name, str):
            return name
    return ""


def _is_method(value: object) -> bool:
    """Whether it is a method or a property."""
    return hasattr(value, "__get__")
