"""The source of a cell: what travels, what tracebacks call it, what it reads; and `def` cells."""

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from nbtasks.notebook import cell as cells


@dataclass(frozen=True, slots=True)
class CellSource:
    """A cell that was read.

    Attributes:
        text: The source, transformed by IPython.
        filename: What tracebacks call it.
        number: The number of the cell.
        reads: The names it takes from outside.
    """

    text: str
    filename: str
    number: int
    reads: list[str]

    @property
    def mark(self) -> str:
        """A short hash of the source."""
        return blake2b(self.text.encode(), digest_size=8).hexdigest()


def read_cell(shell: Any, body: str) -> CellSource:
    """Read a cell.

    Raises:
        CellSyntaxError: It is not Python.
        UsageError: It is empty, or a worker cannot run it.
    """
    number = _cell_number(shell)
    text = cells.to_source(body, shell.transform_cell)
    filename = shell.compile.cache(text, number)
    try:
        return CellSource(text, filename, number, cells.reads(cells.prepare(body, text, filename)))
    except SyntaxError as error:
        raise _as_shown(shell, error) from None


def read_function(shell: Any, head: str, body: str) -> Callable[..., Any]:
    """The function whose head is in the line of a magic, and whose body is the cell.

    The value of the last expression is what it returns, as a cell's; `return` works, too. Where the
    body awaits something, it is a coroutine function.

    Raises:
        CellSyntaxError: It is not Python.
        UsageError: It is empty, or a worker cannot run it.
    """
    transformed = cells.to_source(body, shell.transform_cell)
    cells.check_body(body, transformed)
    text = f"{head}:\n{transformed.removeprefix(cells.FIRST_LINE)}"
    filename = shell.compile.cache(text, _cell_number(shell))
    try:
        tree = _tree(head, transformed, filename)
        code = _compile(tree, filename)
    except SyntaxError as error:
        raise _as_shown(shell, error) from None
    namespace: dict[str, Any] = shell.user_ns
    exec(code, namespace)  # noqa: S102 - the user's own function
    function: Callable[..., Any] = namespace[tree.name]
    return function


def _tree(head: str, transformed: str, filename: str) -> ast.FunctionDef | ast.AsyncFunctionDef:
    (tree,) = ast.parse(f"{head}: pass", filename).body
    if not isinstance(tree, (ast.FunctionDef, ast.AsyncFunctionDef)):
        raise TypeError(head)  # the line was checked
    tree.body = ast.parse(transformed, filename).body
    last = tree.body[-1]
    if isinstance(last, ast.Expr):
        tree.body[-1] = ast.copy_location(ast.Return(last.value), last)
    return tree


def _compile(tree: ast.FunctionDef | ast.AsyncFunctionDef, filename: str) -> Any:
    try:
        return compile(ast.Module([tree], []), filename, "exec")
    except SyntaxError:
        if isinstance(tree, ast.AsyncFunctionDef):
            raise
        fields = {name: getattr(tree, name) for name in tree._fields}
        waiting = ast.copy_location(ast.AsyncFunctionDef(**fields), tree)
        try:
            return compile(ast.Module([waiting], []), filename, "exec")
        except SyntaxError:
            pass
        raise


def _as_shown(shell: Any, error: SyntaxError) -> cells.CellSyntaxError:
    shown = shell.SyntaxTB.structured_traceback(SyntaxError, error, [])
    return cells.CellSyntaxError(f"{error.msg} (line {error.lineno})", shown)


def _cell_number(shell: Any) -> int:
    """The number of the cell that runs: IPython versions differ in when they count it."""
    names: dict[str, int] = getattr(shell.compile, "_filename_map", {})
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_filename in names:
            return names[frame.f_code.co_filename]
        frame = frame.f_back
    return int(shell.execution_count)
