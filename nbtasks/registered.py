"""Serializers by name: YAML and MessagePack, and those that a program registers.

A payload of one of them begins with `X`, the length of its name, the name, and whether it is the
value of a cell, which is one with outputs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, cast

from nbtasks.errors import ConfigError, Unsendable
from nbtasks.serializers import JSON, NAMED, PICKLE, CellValue, Serializer, check_form, type_name

YAML: Final = "yaml"
MSGPACK: Final = "msgpack"

_PACKAGES: Final = {YAML: ("yaml", "PyYAML"), MSGPACK: ("msgpack", "msgpack")}
_VALUE, _CELL = b"V", b"C"
_ADVICE: Final = "send something plainer, or use another serializer for this task"

Encode = Callable[[Any], bytes | str]
Decode = Callable[[bytes], Any]


@dataclass(frozen=True, slots=True)
class Registered:
    """A serializer that is two functions, under a name."""

    name: str
    encoder: Encode
    decoder: Decode

    @property
    def _head(self) -> bytes:
        name = self.name.encode()
        return NAMED + bytes([len(name)]) + name

    def encode(self, value: object, what: str) -> tuple[bytes, bool]:
        """The payload of a value; any Python version can load it.

        Raises:
            Unsendable: The encoder refuses it, or gives neither bytes nor text.
        """
        kind, plain = _VALUE, value
        if isinstance(value, CellValue):
            kind, plain = _CELL, [value.value, value.outputs]
        try:
            data: Any = self.encoder(plain)
        except Exception as error:  # whatever somebody's encoder raises
            reason = f"{self.name}: {' '.join(str(error).split()) or type(error).__name__}"
            raise Unsendable(what, type_name(value), reason, _ADVICE) from error
        if isinstance(data, str):
            data = data.encode()
        if not isinstance(data, (bytes, bytearray)):
            reason = f"the encoder of {self.name!r} gave no bytes or text, but {type_name(data)}"
            raise Unsendable(what, type_name(value), reason, _ADVICE)
        return b"".join((self._head, kind, data)), True

    def same(self, value: object, what: str) -> bytes:
        """Bytes to compare; the same in every process as far as the encoder's are.

        Raises:
            Unsendable: It cannot be encoded.
        """
        return self.encode(value, what)[0]

    def decode(self, payload: bytes | memoryview) -> Any:
        """The value of a *verified* payload of `encode`."""
        at = len(self._head)
        found = self.decoder(bytes(payload[at + 1 :]))
        if bytes(payload[at : at + 1]) == _CELL:
            value, outputs = found
            return CellValue(value, outputs)
        return found


def register_serializer(name: str, encode: Encode, decode: Decode) -> None:
    """Let `serializer=name` and `accept_content=[name]` be of use, in this process.

    Both sides register it before they use it: clients before they make their app, workers in a
    module that is imported with the task. A second call with the same name replaces the first.

    Args:
        name: Lower-case letters, digits, `.`, `-` and `_`; not that of another serializer of ours.
        encode: Value to bytes, or to text; what it raises becomes `Unsendable`. A call is a list of
            its arguments and a dict of its keywords.
        decode: Those bytes to the value.

    Raises:
        ConfigError: The name is taken, or none; or one of the others is no function.
    """
    check_form(name)
    if name in {PICKLE, JSON, *_PACKAGES}:
        raise ConfigError(f"the serializer {name!r} is there already: give yours another name")
    for function in (encode, decode):
        if not callable(function):
            raise ConfigError(f"serializer {name!r}: {function!r} is no function")
    _own[name] = Registered(name, encode, decode)


def names() -> tuple[str, ...]:
    """Those that are known here, whether their package is installed or not."""
    return (*_PACKAGES, *_own)


def find(name: str) -> Serializer:
    """The serializer of this name.

    Raises:
        ConfigError: There is none, or its package is not installed.
    """
    if name in _own:
        return _own[name]
    module, package = _PACKAGES.get(name, ("", ""))
    if not module:
        raise ConfigError(
            f"no serializer {name!r} is registered in this process: call"
            " nbtasks.register_serializer() in a module that is imported with the task"
        )
    if find_spec(module) is None:
        raise ConfigError(
            f"the serializer {name!r} needs the package {package}: pip install 'nbtasks[{name}]'"
        )
    return _ours(name)


_own: dict[str, Registered] = {}


@cache
def _ours(name: str) -> Registered:
    return _yaml() if name == YAML else _msgpack()


def _yaml() -> Registered:
    yaml: Any = import_module("yaml")
    # In C where libyaml is there: ten times as fast.
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    def dump(value: Any) -> str:
        return cast("str", yaml.dump(value, Dumper=dumper, allow_unicode=True, sort_keys=False))

    def load(data: bytes) -> Any:
        return yaml.load(data, Loader=loader)  # a safe one: it makes nothing but plain values

    return Registered(YAML, dump, load)


def _msgpack() -> Registered:
    msgpack: Any = import_module("msgpack")

    # Strict, so that a subclass is not sent as what it derives from; but a call is a tuple.
    def plain(value: object) -> object:
        if type(value) is tuple:
            return list(cast("tuple[object, ...]", value))
        raise TypeError(f"an object of type {type_name(value)} cannot be packed")

    def dump(value: Any) -> bytes:
        return cast("bytes", msgpack.packb(value, default=plain, strict_types=True, datetime=True))

    def load(data: bytes) -> Any:
        return msgpack.unpackb(data, strict_map_key=False, timestamp=3)

    return Registered(MSGPACK, dump, load)
