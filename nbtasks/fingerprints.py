"""What the pickle of a function depends on, so that it is pickled again only where that changes."""

import dis
import sys
import types
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, cast

from nbtasks.importing import is_importable

_ATOMS = (int, float, complex, bool, str, bytes, type(None), type(Ellipsis))
_LOADS_GLOBAL = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}


def fingerprint(function: Callable[..., Any]) -> tuple[Any, ...] | None:
    """What the pickle of a function depends on; None where something can change in place."""
    seen: dict[int, int] = {}
    try:
        return tuple(_marks(function, seen))
    except _MutableError:
        return None


class _MutableError(Exception):
    """Something was met that can change without a trace."""


def _marks(value: object, seen: dict[int, int]) -> Iterator[object]:
    # Exact types: a subclass may have attributes, and its class may be changed in the notebook.
    if type(value) in _ATOMS:
        # 1, 1.0 and True are equal, and so are 0.0 and -0.0: the type and the text tell them apart.
        yield type(value)
        yield repr(value) if isinstance(value, (float, complex)) else value
    elif isinstance(value, types.ModuleType) and sys.modules.get(value.__name__) is value:
        yield value.__name__
    elif type(value) in {tuple, frozenset}:
        items = cast("tuple[object, ...]", value)
        yield type(value), len(items)
        for item in items:
            yield from _marks(item, seen)
    elif isinstance(value, types.FunctionType):
        yield from _function_marks(value, seen)
    elif isinstance(value, (type, types.BuiltinFunctionType)) and is_importable(value):
        yield value
    else:
        raise _MutableError


def _function_marks(function: types.FunctionType, seen: dict[int, int]) -> Iterator[object]:
    if id(function) in seen:
        yield "seen", seen[id(function)]
        return
    seen[id(function)] = len(seen)
    code = function.__code__
    yield code
    if is_importable(function):
        return
    # Code objects compare by what they do, not where they are: a moved cell keeps its pickle, but
    # tracebacks want the new file.
    yield code.co_filename, code.co_firstlineno
    if function.__dict__:
        raise _MutableError
    for default in (
        function.__defaults__ or (),
        tuple(sorted((function.__kwdefaults__ or {}).items())),
    ):
        yield from _marks(default, seen)
    for cell in function.__closure__ or ():
        try:
            content = cell.cell_contents
        except ValueError:
            raise _MutableError from None
        yield from _marks(content, seen)
    namespace = function.__globals__
    for name in global_names(code):
        if name in namespace:
            yield name
            yield from _marks(namespace[name], seen)


@lru_cache(maxsize=4096)
def global_names(code: types.CodeType) -> tuple[str, ...]:
    """The names of all globals that some code refers to."""
    names = {
        str(step.argval) for step in dis.get_instructions(code) if step.opname in _LOADS_GLOBAL
    }
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names.update(global_names(constant))
    return tuple(sorted(names))
