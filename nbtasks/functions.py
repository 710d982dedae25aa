"""A function or a cell -> code to ship once, named by its content.

Pickling a notebook function costs 80 us and its arguments 0.5 us, so the code goes to Redis once
and tasks carry its hash. A *fingerprint* decides whether a function must be pickled again: it
follows the code, the defaults, the closure and every global the code refers to, through other
functions. As soon as it meets something that can change in place (a list, a frame, a class of the
notebook) there is no fingerprint: the function is pickled on every submit, and loaded afresh for
every task, so that neither an old value nor another task's change is ever seen.
"""

import importlib
import inspect
import struct
import types
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, NoReturn, cast
from weakref import WeakKeyDictionary

from nbtasks.errors import Unsendable
from nbtasks.fingerprints import fingerprint, global_names
from nbtasks.importing import Imported, is_importable, named_by
from nbtasks.overlist import over_list, over_what
from nbtasks.serializers import PYTHON_TAG, Codec, decode_json, encode_json, type_name

FUNCTION: Final = "function"
CELL: Final = "cell"
NAMED: Final = "named"
"""What is shipped: a function, what a cell reads, or nothing but a name that the worker knows."""

HOME: Final = "home"
SENT: Final = "sent"
CLASS: Final = "class"
PLAIN: Final = "plain"
"""Where the owner of a function is found: under its name where that is imported from; beside the
function, as it was sent; it is made of a class that is imported; or there is nothing to know."""

_CODEC: Final = Codec()
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
class Owner:
    """The task that a function gets as `self`, or whose class has a say in how it runs.

    Attributes:
        name: Its name.
        kind: The user's class of it; None where it has none.
        options: Its options.
        task: The task itself, where it is in this process.
    """

    name: str
    kind: type | None = None
    options: Any = None
    task: Any = None


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
    owner: Owner | None = None


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


class FunctionCache:
    """Remembers the code of functions whose fingerprint has not changed."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[Callable[..., Any], tuple[Any, Code]] = WeakKeyDictionary()

    def code(
        self,
        function: Callable[..., Any],
        name: str,
        codec: Codec = _CODEC,
        *,
        bind: bool = False,
        owner: Owner | None = None,
    ) -> Code:
        """The code to ship for a function; with `bind` it gets its `owner` first.

        Raises:
            Unsendable: It, or something it refers to, cannot be encoded; the message names what.
        """
        if isinstance(function, Named):
            only = {"kind": NAMED, "name": function.name, "filename": "", "source": ""}
            return _code(only, b"", portable=True, fresh=False)
        mark = None if _may_change(owner) else fingerprint(function)
        print_now = None if mark is None else (name, bind, codec, mark, owner)
        known = None if mark is None else self._known.get(function)
        if known is not None and known[0] == print_now:
            return known[1]
        listed = over_what(function)
        way = Imported.of(listed[0] if listed else function)
        whose = None if owner is None else _whose(owner, way, codec)
        payload, portable = b"", True
        if owner is not None and whose is not None and whose[1] == SENT:
            whole = (None if way else function, owner.kind, owner.options)
            payload, portable = _by_value(function, name, codec, whole)
        elif way is None:
            payload, portable = _by_value(function, name, codec, function)
        meta = {**_described(function, name, way), "bind": bind}
        if way and listed:
            meta["star"] = listed[1]
        if whose:
            meta["owner"] = whose
        code = _code(meta, payload, portable=portable, fresh=print_now is None and not portable)
        if print_now is not None:
            self._known[function] = (print_now, code)
        return code


def _may_change(owner: Owner | None) -> bool:
    """Whether it is of a class of the notebook, which can change in place."""
    return owner is not None and owner.kind is not None and not is_importable(owner.kind)


def _described(function: Callable[..., Any], name: str, way: Imported | None) -> dict[str, Any]:
    """What the code of a function says of it, and how workers that have it too import it."""
    filename, source = source_of(function)
    place = way and [way.module, way.qualname, way.is_wrapped]
    return {"kind": FUNCTION, "name": name, "filename": filename, "source": source, "import": place}


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
    way, payload, owner = meta.get("import"), view[start + size :], None
    value: Any = Named(meta["name"]) if meta["kind"] == NAMED else None
    if payload:
        value = codec.decode(payload, f"the code of {meta['name']!r}")
    if "owner" in meta:
        value, owner = _read_owner(meta["owner"], way, value)
    if way:
        value = Imported(*way).resolve()
        if "star" in meta:
            value = over_list(value, star=meta["star"])
    return Loaded(
        kind=meta["kind"],
        name=meta["name"],
        filename=meta["filename"],
        source=meta["source"],
        outputs=tuple(meta.get("outputs", ())),
        bind=meta.get("bind", False),
        imports=meta.get("imports", {}),
        value=value,
        owner=owner,
    )


def source_in(blob: bytes | memoryview) -> tuple[str, str]:
    """The file name and the source that *verified* code names; unpickles nothing."""
    (size,) = _meta_length.unpack_from(blob, 0)
    meta = decode_json(memoryview(blob)[_meta_length.size : _meta_length.size + size])
    return meta["filename"], meta["source"]


def source_of(function: Callable[..., Any]) -> tuple[str, str]:
    """The file name and the source of a function written in a notebook; empty for imported ones."""
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    if code is None or getattr(function, "__module__", None) != "__main__":
        return "", ""
    try:
        lines, first = inspect.findsource(function)
    except (OSError, TypeError):
        return "", ""
    return code.co_filename, "".join(lines) if first >= 0 else ""


def _code(meta: dict[str, Any], payload: bytes, *, portable: bool, fresh: bool) -> Code:
    head = encode_json(meta)
    blob = b"".join((_meta_length.pack(len(head)), head, payload))
    return Code(
        hash=digest(blob),
        blob=blob,
        python="" if portable else PYTHON_TAG,
        fresh=fresh,
    )


def _whose(owner: Owner, way: Imported | None, codec: Codec) -> list[str]:
    """What is said of the owner of a function, besides what goes along with that."""
    if way is not None and way.is_wrapped and named_by(way) is owner.task:
        return [owner.name, HOME]
    if codec.ships_objects:
        return [owner.name, SENT]
    if owner.kind is None:
        return [owner.name, PLAIN]
    kind = Imported.of(owner.kind)
    if kind is None:
        raise _stays_here(f"class {owner.kind.__name__!r}", owner.kind, codec)
    return [owner.name, CLASS, kind.module, kind.qualname]


def _read_owner(whose: Sequence[str], way: Sequence[Any] | None, value: Any) -> tuple[Any, Owner]:
    """The function, where it stands with its owner, and that."""
    name, how, *kind = whose
    if how == SENT:
        function, found, options = value
        return function, Owner(name=name, kind=found, options=options)
    if how == CLASS:
        return None, Owner(name=name, kind=cast("type", Imported(kind[0], kind[1]).resolve()))
    home = named_by(Imported(*way)) if how == HOME and way else None
    return None, Owner(name=name, task=home)


def _by_value(
    function: Callable[..., Any], name: str, codec: Codec, whole: object
) -> tuple[bytes, bool]:
    what = f"function {name!r}"
    if not codec.ships_objects:
        raise _stays_here(what, function, codec)
    try:
        return codec.encode(whole, what)
    except Unsendable as error:
        raise _name_culprit(error, function, name, codec) from error


def _stays_here(what: str, value: object, codec: Codec) -> Unsendable:
    return Unsendable(
        what,
        type_name(value),
        f"with serializer={codec.writes!r} functions and classes travel by the name they are"
        " imported by, and this one cannot be imported",
        "put it into a module that clients and workers have, or use a %%task cell",
    )


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
    captured.update({key: namespace[key] for key in global_names(code) if key in namespace})
    found = codec.culprit(captured)
    if found is None:
        return error
    culprit, kind, reason = found
    what = f"{culprit!r}, which function {name!r} refers to"
    return Unsendable(what, kind, reason, "create it inside the function")
