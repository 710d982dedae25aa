"""A function or a cell -> code to ship once, named by its content.

Pickling a notebook function costs 80 us and its arguments 0.5 us, so the code goes to Redis once
and tasks carry its hash. A *fingerprint* decides whether a function must be pickled again: it
follows the code, the defaults, the closure and every global the code refers to, through other
functions. As soon as it meets something that can change in place (a list, a frame, a class of the
notebook) there is no fingerprint: the function is pickled on every submit, and loaded afresh for
every task, so that neither an old value nor another task's change is ever seen.
"""

import dis
import importlib
import inspect
import struct
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, NoReturn, cast
from weakref import WeakKeyDictionary

from nbtasks.errors import Unsendable
from nbtasks.overlist import over_list, over_what
from nbtasks.serializers import PYTHON_TAG, Codec, decode_json, encode_json, type_name

FUNCTION: Final = "function"
CELL: Final = "cell"
NAMED: Final = "named"
"""What is shipped: a function, what a cell reads, or nothing but a name that the worker knows."""

_CODEC: Final = Codec()
_ATOMS = (int, float, complex, bool, str, bytes, type(None), type(Ellipsis))
_LOADS_GLOBAL = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
_meta_length = struct.Struct("<I")


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Shipped code: `blob` under its content hash.

    `python` names the version that can load it, or is empty where any can. `fresh` code captures
    something mutable and is loaded anew for each task.
    """

    hash: str
    blob: bytes
    python: str
    fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Code as a worker reads it: `value` is the function, or the inputs of a cell."""

    kind: str
    name: str
    filename: str
    source: str
    outputs: tuple[str, ...]
    bind: bool
    imports: Mapping[str, str]
    value: Any


@dataclass(frozen=True, slots=True)
class Named:
    """In place of the function of a task that only workers have."""

    name: str

    def __call__(self, *_: object, **__: object) -> NoReturn:
        """It cannot be called here.

        Raises:
            Unsendable: Always.
        """
        what, advice = f"task {self.name!r}", "make or import the task, to run it in this process"
        raise Unsendable(what, "name", "only its name is known here", advice)


@dataclass(frozen=True, slots=True)
class Imported:
    """A function or class that both sides import; `is_wrapped`: under its name stands its task."""

    module: str
    qualname: str
    is_wrapped: bool = False

    @classmethod
    def of(cls, value: Any) -> "Imported | None":
        """The way to a function or class, or None where both sides cannot import it."""
        if not _is_importable(value):
            return None
        return cls(value.__module__, value.__qualname__, _named(value) is not value)

    def resolve(self) -> Callable[..., Any]:
        """The function itself."""
        found: Any = importlib.import_module(self.module)
        for part in self.qualname.split("."):
            found = getattr(found, part)
        function: Callable[..., Any] = found.__wrapped__ if self.is_wrapped else found
        return function


class FunctionCache:
    """Remembers the code of functions whose fingerprint has not changed."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[Callable[..., Any], tuple[Any, Code]] = WeakKeyDictionary()

    def code(
        self, function: Callable[..., Any], name: str, codec: Codec = _CODEC, *, bind: bool = False
    ) -> Code:
        """The code to ship for a function; with `bind` it gets the task's context first.

        Raises:
            Unsendable: It, or something it refers to, cannot be encoded; the message names what.
        """
        if isinstance(function, Named):
            only = {"kind": NAMED, "name": function.name, "filename": "", "source": ""}
            return _code(only, b"", portable=True, fresh=False)
        mark = fingerprint(function)
        print_now = None if mark is None else (name, bind, codec, mark)
        known = self._known.get(function) if print_now is not None else None
        if known is not None and known[0] == print_now:
            return known[1]
        listed = over_what(function)
        way = Imported.of(listed[0] if listed else function)
        payload, portable = (b"", True) if way else _by_value(function, name, codec)
        filename, source = source_of(function)
        meta = {
            "kind": FUNCTION,
            "name": name,
            "filename": filename,
            "source": source,
            "bind": bind,
            "import": way and [way.module, way.qualname, way.is_wrapped],
        }
        if way and listed:
            meta["star"] = listed[1]
        code = _code(meta, payload, portable=portable, fresh=print_now is None and not portable)
        if print_now is not None:
            self._known[function] = (print_now, code)
        return code


def cell_code(
    source: str,
    *,
    name: str,
    filename: str,
    inputs: Mapping[str, object],
    outputs: tuple[str, ...],
    codec: Codec = _CODEC,
) -> Code:
    """The code of a notebook cell: its source, and what it reads from the namespace.

    Modules among the inputs travel as import statements; where functions and classes cannot travel
    as objects, those of modules do so too.

    Raises:
        Unsendable: An input cannot be encoded; the message names it.
    """
    imports = {key: way for key, value in inputs.items() if (way := import_way(value, codec))}
    values = {key: value for key, value in inputs.items() if key not in imports}
    try:
        payload, portable = codec.encode(values, f"inputs of {name!r}")
    except Unsendable as error:
        found = codec.culprit(values)
        if found is None:
            raise
        what, advice = f"{found[0]!r}, which this cell reads", "create it inside the cell"
        raise Unsendable(what, *found[1:], error.args[3] or advice) from error
    meta = {
        "kind": CELL,
        "name": name,
        "filename": filename,
        "source": source,
        "outputs": list(outputs),
        "imports": imports,
    }
    return _code(meta, payload, portable=portable, fresh=bool(values))


def import_way(value: object, codec: Codec) -> str:
    """How a cell's input is imported: `module` or `module:name`; empty where it travels itself."""
    if isinstance(value, types.ModuleType):
        return value.__name__
    way = None if codec.ships_objects or not callable(value) else Imported.of(value)
    return f"{way.module}:{way.qualname}" if way and not way.is_wrapped else ""


def import_from(way: str) -> Any:
    """What `import_way` named."""
    module, _, qualname = way.partition(":")
    return Imported(module, qualname).resolve() if qualname else importlib.import_module(module)


def digest(blob: bytes | memoryview) -> str:
    """The name of some code: a hash of its content."""
    return blake2b(blob, digest_size=16).hexdigest()


def load(blob: bytes | memoryview, codec: Codec = _CODEC) -> Loaded:
    """Read *verified* code.

    Raises:
        ContentRefused: It holds a value in a form that is not accepted.
    """
    view = memoryview(blob)
    (size,) = _meta_length.unpack_from(view, 0)
    start = _meta_length.size
    meta = decode_json(view[start : start + size])
    way = meta.get("import")
    if way:
        value: Any = Imported(*way).resolve()
        if "star" in meta:
            value = over_list(value, star=meta["star"])
    elif meta["kind"] == NAMED:
        value = Named(meta["name"])
    else:
        value = codec.decode(view[start + size :], f"the code of {meta['name']!r}")
    return Loaded(
        kind=meta["kind"],
        name=meta["name"],
        filename=meta["filename"],
        source=meta["source"],
        outputs=tuple(meta.get("outputs", ())),
        bind=meta.get("bind", False),
        imports=meta.get("imports", {}),
        value=value,
    )


def source_in(blob: bytes | memoryview) -> tuple[str, str]:
    """The file name and the source that *verified* code names; unpickles nothing."""
    (size,) = _meta_length.unpack_from(blob, 0)
    meta = decode_json(memoryview(blob)[_meta_length.size : _meta_length.size + size])
    return meta["filename"], meta["source"]


def fingerprint(function: Callable[..., Any]) -> tuple[Any, ...] | None:
    """What the pickle of a function depends on; None where something can change in place."""
    seen: dict[int, int] = {}
    try:
        return tuple(_marks(function, seen))
    except _MutableError:
        return None


def source_of(function: Callable[..., Any]) -> tuple[str, str]:
    """The file name and the source of a function written in a notebook; empty for imported ones."""
    code = getattr(function, "__code__", None)
    if code is None or getattr(function, "__module__", None) != "__main__":
        return "", ""
    try:
        lines, first = inspect.findsource(function)
    except (OSError, TypeError):
        return "", ""
    return code.co_filename, "".join(lines) if first >= 0 else ""


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
    elif isinstance(value, (type, types.BuiltinFunctionType)) and _is_importable(value):
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
    if _is_importable(function):
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
    for name in _global_names(code):
        if name in namespace:
            yield name
            yield from _marks(namespace[name], seen)


@lru_cache(maxsize=4096)
def _global_names(code: types.CodeType) -> tuple[str, ...]:
    names = {
        str(step.argval) for step in dis.get_instructions(code) if step.opname in _LOADS_GLOBAL
    }
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names.update(_global_names(constant))
    return tuple(sorted(names))


def _is_importable(value: Any) -> bool:
    found = _named(value)
    return found is not None and (found is value or getattr(found, "__wrapped__", None) is value)


def _named(value: Any) -> Any:
    """What a module other than `__main__` has under the name of this, or None."""
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    if module is None or module.__name__ == "__main__":
        return None
    found: Any = module
    for part in getattr(value, "__qualname__", "<>").split("."):
        found = getattr(found, part, None)
    return found


def _code(meta: dict[str, Any], payload: bytes, *, portable: bool, fresh: bool) -> Code:
    head = encode_json(meta)
    blob = b"".join((_meta_length.pack(len(head)), head, payload))
    return Code(
        hash=digest(blob),
        blob=blob,
        python="" if portable else PYTHON_TAG,
        fresh=fresh,
    )


def _by_value(function: Callable[..., Any], name: str, codec: Codec) -> tuple[bytes, bool]:
    what = f"function {name!r}"
    if not codec.ships_objects:
        raise Unsendable(
            what,
            type_name(function),
            f"with serializer={codec.writes!r} functions travel by the name they are imported by,"
            " and this one cannot be imported",
            "put it into a module that clients and workers have, or use a %%task cell",
        )
    try:
        return codec.encode(function, what)
    except Unsendable as error:
        raise _name_culprit(error, function, name, codec) from error


def _name_culprit(
    error: Unsendable, function: Callable[..., Any], name: str, codec: Codec
) -> Unsendable:
    """The same error, naming the captured variable that is to blame where there is one."""
    code = getattr(function, "__code__", None)
    if code is None:
        return error
    captured: dict[str, object] = {}
    for free, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
        with suppress(ValueError):  # not assigned yet
            captured[free] = cell.cell_contents
    namespace = function.__globals__
    captured.update({key: namespace[key] for key in _global_names(code) if key in namespace})
    found = codec.culprit(captured)
    if found is None:
        return error
    culprit, kind, reason = found
    what = f"{culprit!r}, which function {name!r} refers to"
    return Unsendable(what, kind, reason, "create it inside the function")
