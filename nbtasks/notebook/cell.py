"""A notebook cell -> the source that travels, and what it reads from the namespace (pure).

Which names a cell reads is taken from its compiled code: a name counts as an input where the cell
loads it before it stores it, or where a function in it refers to it and the cell never stores it.
"""

import ast
import builtins
import dis
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType, ModuleType
from typing import Any, Final

from IPython.core.error import UsageError

from nbtasks.config import nearest
from nbtasks.errors import NbTasksError, Unsendable
from nbtasks.functions import CellValue
from nbtasks.serializers import encode

FIRST_LINE: Final = "# %%task\n"
"""Stands for the line with the magic, so that line numbers are those of the cell."""

_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_SHELL_NAMES = frozenset({"In", "Out", "get_ipython", "exit", "quit", "open", "_", "__", "___"})


class CellSyntaxError(NbTasksError):
    """The cell is not Python; shown as IPython shows a syntax error, without the way it took.

    Args:
        text: What is wrong, and in which line.
        shown: The lines that IPython is to show.
    """

    def __init__(self, text: str, shown: Sequence[str] = ()) -> None:
        super().__init__(text, tuple(shown))

    def __str__(self) -> str:
        return str(self.args[0])

    def _render_traceback_(self) -> list[str]:
        return list(self.args[1])


def to_source(body: str, transform: Callable[[str], str]) -> str:
    """The source that travels: transformed by IPython, with the line numbers of the cell."""
    # IPython drops the empty lines before the first statement.
    empty = len(body) - len(body.lstrip("\n"))
    return FIRST_LINE + "\n" * empty + transform(body)


def prepare(body: str, transformed: str, filename: str) -> CodeType:
    """Compile a cell as its worker will.

    Args:
        body: The cell as it was written.
        transformed: The same after IPython's own transformation, with `FIRST_LINE` before it.
        filename: What tracebacks call it.

    Raises:
        SyntaxError: It is not Python.
        UsageError: It is empty, or uses a magic or shell command, which only a kernel can run.
    """
    if not body.strip():
        raise UsageError("the cell is empty: write below the line with the magic what is to run")
    if "get_ipython()" in transformed and "get_ipython()" not in body:
        for line in body.splitlines():
            if line.lstrip().startswith(("%", "!")) or line.rstrip().endswith("?"):
                raise UsageError(
                    f"{line.strip()!r} needs a notebook, and a worker has none: run it in a cell of its own"
                )
        raise UsageError(
            "this cell uses a magic, and a worker has none: run it in a cell of its own"
        )
    return compile(transformed, filename, "exec", flags=_FLAGS)


def reads(code: CodeType) -> list[str]:
    """The names a cell takes from outside, in alphabetical order; built-in ones included."""
    stored: set[str] = set()
    found: set[str] = set()
    for step in dis.get_instructions(code):
        if step.opname in {"STORE_NAME", "STORE_GLOBAL"}:
            stored.add(step.argval)
        elif (
            step.opname in {"LOAD_NAME", "LOAD_GLOBAL", "DELETE_NAME"} and step.argval not in stored
        ):
            found.add(step.argval)
    inner = {name for nested in _nested(code) for name in _loads(nested)}
    return sorted(found | (inner - stored))


def pick_inputs(
    names: list[str], namespace: Mapping[str, Any], wanted: str | None
) -> dict[str, Any]:
    """The values of a cell's inputs.

    Args:
        names: What the cell reads.
        namespace: The notebook's variables.
        wanted: None to take what is read; `none`, or names with commas, to take just those.

    Raises:
        UsageError: A wanted name is not defined.
    """
    if wanted is None:
        return {
            name: namespace[name]
            for name in names
            if name in namespace and name not in _SHELL_NAMES and not _is_builtin(name, namespace)
        }
    chosen = [] if wanted.strip() == "none" else [name.strip() for name in wanted.split(",")]
    for name in chosen:
        if name not in namespace:
            known = [known for known in namespace if not known.startswith("_")]
            raise UsageError(f"--inputs {name!r}: there is no such variable{nearest(name, known)}")
    return {name: namespace[name] for name in chosen}


def input_sizes(inputs: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Name and pickled size in bytes of each input that is not a module, largest first.

    Raises:
        Unsendable: One cannot be pickled; the message names it.
    """
    sizes: list[tuple[str, int]] = []
    for name, value in inputs.items():
        if isinstance(value, ModuleType):
            continue
        try:
            payload, _ = encode(value, name)
        except Unsendable as error:
            raise Unsendable(
                f"{name!r}, which this cell reads",
                error.args[1],
                error.args[2],
                "create it inside the cell, or leave it out with --inputs",
            ) from error
        sizes.append((name, len(payload)))
    return sorted(sizes, key=lambda pair: -pair[1])


def bare(value: Any) -> Any:
    """What a cell's last expression gave, without its other outputs."""
    return value.value if isinstance(value, CellValue) else value


def _nested(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _nested(constant)


def _loads(code: CodeType) -> Iterator[str]:
    for step in dis.get_instructions(code):
        if step.opname in {"LOAD_GLOBAL", "LOAD_NAME"}:
            yield step.argval


def _is_builtin(name: str, namespace: Mapping[str, Any]) -> bool:
    return hasattr(builtins, name) and namespace[name] is getattr(builtins, name)
