"""Objects to bytes and back by pickle. The only module that unpickles; loaded where it is allowed.

Two tiers: plain pickle (protocol 5) first, cloudpickle where plain pickle fails or would refer to
`__main__`, which is another module on the worker. Buffers of at least `OUT_OF_BAND` bytes (arrays)
are not copied into the pickle but follow it: 8 MB of numpy take 2 ms that way, 7 ms in band.

`same` makes bytes that are only ever compared: equal in each process and after each restart, where
the values are.

Every function here takes or gives bytes that are already verified, or not yet signed.
"""

import io
import pickle
import struct
import sys
import types
from collections.abc import Callable
from typing import Any, Final, cast

import cloudpickle

from nbtasks.errors import Unsendable
from nbtasks.serializers import CellValue

OUT_OF_BAND: Final = 65_536

_PLAIN: Final = b"P"
_BUFFERS: Final = b"B"
_PROTOCOL: Final = 5
_count = struct.Struct("<I")
_length = struct.Struct("<Q")


def encode(value: object, what: str) -> tuple[bytes, bool]:
    """Pickle a value.

    Args:
        value: Anything.
        what: What it is, for the error.

    Returns:
        The payload, and whether any Python version can load it.

    Raises:
        Unsendable: Neither pickle nor cloudpickle can pickle it.
    """
    buffers: list[pickle.PickleBuffer] = []

    def keep(buffer: pickle.PickleBuffer) -> bool:
        if buffer.raw().nbytes < OUT_OF_BAND:
            return True
        buffers.append(buffer)
        return False

    try:
        data = pickle.dumps(value, _PROTOCOL, buffer_callback=keep)
        portable = b"__main__" not in data
    except Exception:  # noqa: BLE001 - the user's own __reduce__ may raise anything
        data, portable = b"", False
    if not portable:
        buffers.clear()
        try:
            by_value: Any = cloudpickle  # it publishes no types
            data = bytes(by_value.dumps(value, _PROTOCOL, buffer_callback=keep))
        except Exception as error:
            raise Unsendable(what, type(value).__name__, _reason(error)) from error
    if not buffers:
        return _PLAIN + data, portable
    raws = [buffer.raw() for buffer in buffers]
    sizes = [len(data), *(raw.nbytes for raw in raws)]
    head = [_BUFFERS, _count.pack(len(raws)), *map(_length.pack, sizes)]
    return b"".join([*head, data, *raws]), portable


def decode(payload: bytes | memoryview) -> Any:
    """Unpickle a *verified* payload of `encode`. Arrays come back writable."""
    view = memoryview(payload)
    kind = bytes(view[:1])
    if kind == _PLAIN:
        return pickle.loads(view[1:])
    if kind != _BUFFERS:
        raise ValueError("not a payload of encode")
    (count,) = _count.unpack_from(view, 1)
    at = 1 + _count.size
    sizes = [_length.unpack_from(view, at + i * _length.size)[0] for i in range(count + 1)]
    at += _length.size * (count + 1)
    parts: list[memoryview] = []
    for size in sizes:
        parts.append(view[at : at + size])
        at += size
    return pickle.loads(parts[0], buffers=[bytearray(part) for part in parts[1:]])


def decode_plain(payload: bytes | memoryview) -> Any:
    """The value of a *verified* payload that is made of plain types alone; imports nothing.

    Raises:
        ValueError: It holds an instance of a class, a function, or buffers.
    """
    view = memoryview(payload)
    if bytes(view[:1]) != _PLAIN:
        raise ValueError("not a plain payload")
    return _PlainUnpickler(io.BytesIO(view[1:])).load()


class _PlainUnpickler(pickle.Unpickler):
    """Finds no class, but that of what a cell returns."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) == (CellValue.__module__, CellValue.__qualname__):
            return CellValue
        raise ValueError(f"{module_name}.{global_name} is not plain")


def same(value: object, what: str) -> bytes:
    """Bytes that are the same for what is the same; they cannot be decoded.

    Functions and classes of a notebook count by what they do and refer to, not by the file and the
    process they were written in.

    Raises:
        Unsendable: It cannot be pickled.
    """
    try:
        try:
            return _same_bytes(value, is_fast=True)
        except (ValueError, RecursionError):  # something in it holds itself
            return _same_bytes(value, is_fast=False)
    except Exception as error:
        raise Unsendable(what, type(value).__name__, _reason(error)) from error


def _same_bytes(value: object, *, is_fast: bool) -> bytes:
    buffer = io.BytesIO()
    pickler: Any = _SamePickler(buffer, _PROTOCOL)
    pickler.seen = {}
    # Without a memo it does not matter which of the equal parts are one object.
    pickler.fast = is_fast
    pickler.dump(value)
    return buffer.getvalue()


_by_value: Any = cloudpickle.Pickler  # it publishes no types
_in_python: Any = vars(pickle)["_Pickler"]  # the one in C does not ask about sets


class _SamePickler(_in_python):  # type: ignore[misc]
    """Pickles what differs between processes by what it is made of."""

    dispatch_table = _by_value.dispatch_table

    seen: dict[int, tuple[int, object]]

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, types.CodeType):
            return _made_of, _code_marks(obj)
        if type(obj) in {set, frozenset}:
            found = cast("set[object]", obj)
            return _made_of, (type(obj), sorted(_same_bytes(each, is_fast=True) for each in found))
        if not isinstance(obj, (type, types.FunctionType)) or _is_found(obj):
            return NotImplemented
        if id(obj) in self.seen:
            return _made_of, ("again", self.seen[id(obj)][0])
        self.seen[id(obj)] = len(self.seen), obj  # held: another one must not get its id
        if isinstance(obj, type):
            hidden = {"__dict__", "__weakref__", "__module__", "__firstlineno__"}
            inside = sorted((name, each) for name, each in vars(obj).items() if name not in hidden)
            return _made_of, (obj.__qualname__, obj.__bases__, inside)
        return _made_of, _function_marks(obj)


def _function_marks(function: types.FunctionType) -> tuple[object, ...]:
    code, known = function.__code__, function.__globals__
    names = sorted(name for name in _names_in(code) if name in known)
    inside = [_content(cell) for cell in function.__closure__ or ()]
    defaults = function.__defaults__, sorted((function.__kwdefaults__ or {}).items())
    return code, defaults, inside, [(name, known[name]) for name in names], function.__dict__


def _content(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return "empty"


def _names_in(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            names |= _names_in(each)
    return names


def _code_marks(code: types.CodeType) -> tuple[object, ...]:
    counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_name
    return code.co_code, code.co_consts, counts, names, code.co_exceptiontable


def _is_found(value: type | types.FunctionType) -> bool:
    """Whether both sides import it."""
    found: Any = sys.modules.get(value.__module__ or "")
    if found is None or value.__module__ == "__main__":
        return False
    for part in value.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is value


_made_of: Callable[..., Any] = tuple
"""Stands where a pickle says what would make the value again: nobody will."""


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
