"""A notebook cell -> the source that travels, and what it reads from the namespace (pure).

Which names a cell reads is taken from its compiled code. A name counts as an input where the cell
may load it before it has assigned it, whichever way it takes through its branches; names in a
function's body count where the cell assigns them nowhere.
"""

import ast
import builtins
import dis
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType
from typing import Any, Final

from IPython.core.error import UsageError

from nbtasks.errors import NbTasksError, Unsendable
from nbtasks.functions import import_way
from nbtasks.serializers import Codec
from nbtasks.spelling import nearest

FIRST_LINE: Final = "# %%task\n"
"""Stands for the line with the magic, so that line numbers are those of the cell."""

_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_SHELL_NAMES = frozenset({"In", "Out", "get_ipython", "exit", "quit", "open", "_", "__", "___"})
_SHELL = "get_ipython()"
_MAGIC_LINE = re.compile(r"\s*(?:[%!?]|.*\?\s*$|[^='\"]+=\s*[%!])")

_LOADS = frozenset({"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS", "DELETE_NAME"})
_STORES = frozenset({"STORE_NAME", "STORE_GLOBAL"})
_JUMPS = frozenset({*dis.hasjrel, *dis.hasjabs})
_AT_ONCE = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>", "<lambda>"})
"""Code that runs where it stands, or nearly so."""

# What never goes on to the next instruction. That a context manager may swallow an exception of its
# body is overlooked: else whatever is assigned in a `with` would count as perhaps not assigned.
_ENDS = frozenset(
    {
        "JUMP_BACKWARD",
        "JUMP_BACKWARD_NO_INTERRUPT",
        "JUMP_FORWARD",
        "RAISE_VARARGS",
        "RERAISE",
        "RETURN_CONST",
        "RETURN_VALUE",
        "WITH_EXCEPT_START",
    }
)


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
    empty = 0
    for line in body.splitlines():
        if line.strip():
            break
        empty += 1
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
    check_body(body, transformed)
    code: CodeType = compile(transformed, filename, "exec", flags=_FLAGS)
    return code


def check_body(body: str, transformed: str) -> None:
    """Refuse a cell with nothing in it, or with what only a kernel can run.

    Raises:
        UsageError: It is one.
    """
    if not body.strip():
        raise UsageError("the cell is empty: write below the line with the magic what is to run")
    if transformed.count(_SHELL) > body.count(_SHELL):
        found = next((line for line in body.splitlines() if _MAGIC_LINE.match(line)), "a magic")
        command = found.partition("!")[2].strip()
        instead = f", or write subprocess.run({command!r}, shell=True)" if command else ""
        raise UsageError(
            f"{found.strip()!r} needs a notebook, and a worker has none: run it in a cell of its"
            f" own{instead}"
        )


def reads(code: CodeType) -> list[str]:
    """The names a cell takes from outside, in alphabetical order; built-in ones included."""
    stored = {step.argval for step in dis.get_instructions(code) if step.opname in _STORES}
    later = {name for nested in _nested(code) for name in _outside(nested)}
    return sorted(_unassigned(code) | (later - stored))


def pick_inputs(
    names: list[str], namespace: Mapping[str, Any], wanted: Sequence[str] | None
) -> dict[str, Any]:
    """The values of a cell's inputs.

    Args:
        names: What the cell reads.
        namespace: The notebook's variables.
        wanted: None to take what is read; else just these.

    Raises:
        UsageError: A wanted name is not defined.
    """
    if wanted is None:
        return {
            name: namespace[name]
            for name in names
            if name in namespace and name not in _SHELL_NAMES and not _is_builtin(name, namespace)
        }
    for name in wanted:
        if name not in namespace:
            known = [known for known in namespace if not known.startswith("_")]
            raise UsageError(f"--inputs {name!r}: there is no such variable{nearest(name, known)}")
    return {name: namespace[name] for name in wanted}


def input_sizes(inputs: Mapping[str, Any], codec: Codec) -> list[tuple[str, int]]:
    """Name and encoded size in bytes of each input that is not imported, largest first.

    Raises:
        Unsendable: One cannot be encoded; the message names it.
    """
    sizes: list[tuple[str, int]] = []
    for name, value in inputs.items():
        if import_way(value, codec):
            continue
        try:
            payload, _ = codec.encode(value, name)
        except Unsendable as error:
            raise Unsendable(
                f"{name!r}, which this cell reads",
                error.args[1],
                error.args[2],
                error.args[3] or "create it inside the cell, or leave it out with --inputs",
            ) from error
        sizes.append((name, len(payload)))
    return sorted(sizes, key=lambda pair: -pair[1])


def _nested(code: CodeType) -> Iterator[CodeType]:
    return (constant for constant in code.co_consts if isinstance(constant, CodeType))


def _outside(code: CodeType) -> set[str]:
    """The global names that a function or a class body refers to, through all that is in it."""
    if not code.co_flags & inspect.CO_OPTIMIZED:
        own = _unassigned(code)
    else:
        own = {str(step.argval) for step in dis.get_instructions(code) if step.opname in _LOADS}
    return own.union(*map(_outside, _nested(code)))


def _is_builtin(name: str, namespace: Mapping[str, Any]) -> bool:
    return hasattr(builtins, name) and namespace[name] is getattr(builtins, name)


def _unassigned(code: CodeType) -> set[str]:
    """The names that this code loads where it may not have assigned them yet."""
    flow = _Flow(code)
    found: set[str] = set()
    for step, assigned in zip(flow.steps, flow.before, strict=True):
        if assigned is None:
            continue
        if step.opname in _LOADS:
            found |= {step.argval} - assigned
        elif isinstance(step.argval, CodeType):
            nested = step.argval
            if nested.co_name in _AT_ONCE or not nested.co_flags & inspect.CO_OPTIMIZED:
                found |= _outside(nested) - assigned
    return found


class _Flow:
    """What is surely assigned before each instruction; None where none can come.

    A `for` loop is taken to run at least once: else what is assigned in one would count as perhaps
    not assigned behind it.
    """

    def __init__(self, code: CodeType) -> None:
        self.steps = list(dis.get_instructions(code))
        self.before: list[frozenset[str] | None] = [None] * len(self.steps)
        place = {step.offset: at for at, step in enumerate(self.steps)}
        self._targets = {
            at: place[step.argval] for at, step in enumerate(self.steps) if step.opcode in _JUMPS
        }
        self._heads = {to for to in self._targets.values() if self.steps[to].opname == "FOR_ITER"}
        entries: Any = dis.Bytecode(code)
        self._handlers = [
            (place[entry.target], range(entry.start, entry.end))
            for entry in entries.exception_entries  # not in the stubs
        ]
        self._looped: dict[int, frozenset[str]] = {}
        self._waiting: list[int] = []
        self._go(0, frozenset())
        while self._waiting:
            self._follow(self._waiting.pop())

    def _go(self, to: int, assigned: frozenset[str]) -> None:
        known = self.before[to]
        merged = assigned if known is None else known & assigned
        if merged != known:
            self.before[to] = merged
            self._waiting.append(to)

    def _follow(self, at: int) -> None:
        step, assigned = self.steps[at], self.before[at] or frozenset()
        for handler, covered in self._handlers:
            if step.offset in covered:
                self._go(handler, assigned)
        if step.opname in _STORES:
            assigned |= {step.argval}
        to = self._targets.get(at)
        if to in self._heads:
            self._looped[to] = self._looped.get(to, assigned) & assigned
            self._waiting.append(to)
        if to is not None and at not in self._heads:
            self._go(to, assigned)
        elif to is not None and at in self._looped:
            self._go(to, self._looped[at])
        if step.opname not in _ENDS:
            self._go(at + 1, assigned)
