"""Runs a cell's source: what it assigns stays here, its last expression is the value."""

import ast
import inspect
from types import CodeType
from typing import Any

from nbtasks.functions import Loaded, import_from
from nbtasks.looping import run_to_end
from nbtasks.serializers import CellValue

_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


class CellFunction:
    """A cell as a function of the variables it gets besides its inputs."""

    def __init__(self, cell: Loaded) -> None:
        modules = {name: import_from(way) for name, way in cell.imports.items()}
        self._inputs: dict[str, Any] = {**modules, **cell.value}
        self._outputs = cell.outputs
        self._body, self._last = compile_cell(cell.source, cell.filename)

    def __call__(self, **variables: Any) -> CellValue:
        """Run it once, in a namespace of its own."""
        namespace: dict[str, Any] = {"__name__": "__main__", **self._inputs, **variables}
        if self._body is not None:
            _evaluate(self._body, namespace)
        value = _evaluate(self._last, namespace) if self._last is not None else None
        missing = [name for name in self._outputs if name not in namespace]
        if missing:
            raise NameError(
                f"the cell was to give back {', '.join(missing)}, but did not assign it"
            )
        return CellValue(value, {name: namespace[name] for name in self._outputs})


def compile_cell(source: str, filename: str) -> tuple[CodeType | None, CodeType | None]:
    """The statements of a cell, and its last expression.

    Raises:
        SyntaxError: The source is not Python.
    """
    tree = ast.parse(source, filename)
    last: CodeType | None = None
    expression = tree.body[-1] if tree.body else None
    if isinstance(expression, ast.Expr):
        del tree.body[-1]
        last = compile(ast.Expression(expression.value), filename, "eval", flags=_FLAGS)
    body = compile(tree, filename, "exec", flags=_FLAGS) if tree.body else None
    return body, last


def _evaluate(code: CodeType, namespace: dict[str, Any]) -> Any:
    value = eval(code, namespace)  # noqa: S307 - running the user's code is what a worker is for
    if code.co_flags & inspect.CO_COROUTINE:
        return run_to_end(value)
    return value
