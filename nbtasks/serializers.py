"""What values travel as: which form one side writes, and which forms it reads.

The first byte of a payload names its form (behind `X` stands the name itself; a compressed one has
that behind a head of its own), so what is not accepted is refused before anything of it is decoded,
or made large. A serializer is loaded when it is first
needed: a side that neither writes nor accepts pickle never imports it.

Everything here takes or gives bytes that are already verified, or not yet signed.
"""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import Any, Final, Protocol, cast

from nbtasks import compression
from nbtasks.errors import ConfigError, ContentRefused, Unsendable
from nbtasks.spelling import nearest

PYTHON_TAG: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
"""What a payload of the cloudpickle tier loads on: functions by value crash other Pythons."""

PICKLE: Final = "pickle"
JSON: Final = "json"

NAMED: Final = b"X"
"""First byte of a payload whose form is named behind it (`registered`)."""

MOST: Final = 500_000_000
"""Bytes of any payload: Redis itself refuses strings above 512 MB."""

_HOMES: Final = {PICKLE: "nbtasks.pickling", JSON: "nbtasks.plain"}
_REGISTER: Final = "nbtasks.registered"
_FORMS: Final = {ord("P"): PICKLE, ord("B"): PICKLE, ord("J"): JSON, ord("C"): JSON}
"""First byte of a payload -> its form."""

_ALIASES: Final = {
    "cloudpickle": PICKLE,
    "application/x-python-serialize": PICKLE,
    "application/json": JSON,
    "application/x-yaml": "yaml",
    "application/x-msgpack": "msgpack",
}
"""Other names of a form, as Celery's settings may say them."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,49}")


class Serializer(Protocol):
    """What a module in `_HOMES` has."""

    def encode(self, value: object, what: str) -> tuple[bytes, bool]:
        """The payload of a value, and whether any Python version can load it."""
        ...

    def decode(self, payload: bytes | memoryview) -> Any:
        """The value of a *verified* payload."""
        ...

    def same(self, value: object, what: str) -> bytes:
        """Bytes to compare: the same for what is the same, in every process."""
        ...


@dataclass(frozen=True, slots=True)
class CellValue:
    """What a cell task returns: the value of its last expression, and the outputs asked for."""

    value: Any
    outputs: dict[str, Any]


def value_alone(value: Any) -> Any:
    """What a task returned; of a cell without its outputs."""
    return value.value if isinstance(value, CellValue) else value


@dataclass(frozen=True, slots=True)
class Codec:
    """What one side writes, and what it reads: the settings `serializer` and `accept_content`.

    `packs` is how `pack` compresses, empty for not at all; what was compressed is made as large as
    `limit` bytes again, and no larger.
    """

    writes: str = PICKLE
    accepts: tuple[str, ...] = (PICKLE, JSON)
    limit: int = MOST
    packs: str = ""

    @property
    def ships_objects(self) -> bool:
        """Whether functions and exceptions travel as objects; otherwise by name and in words."""
        return self.writes == PICKLE

    def encode(self, value: object, what: str) -> tuple[bytes, bool]:
        """The payload of a value.

        Args:
            value: Anything that this form can hold.
            what: What it is, for the error.

        Returns:
            The payload, and whether any Python version can load it.

        Raises:
            Unsendable: It cannot be encoded.
        """
        return _load(self.writes).encode(value, what)

    def same(self, value: object, what: str) -> bytes:
        """Bytes to compare: the same for what is the same, in every process.

        Raises:
            Unsendable: It cannot be encoded.
        """
        return _load(self.writes).same(value, what)

    def decode(self, payload: bytes | memoryview, what: str) -> Any:
        """The value of a *verified* payload.

        Raises:
            ContentRefused: It has a form that this side does not accept; `what` says whose it is.
            TooBig: It is compressed, and larger than this side allows.
        """
        form = form_of(payload)
        if form not in self.accepts:
            self.check(payload, what)
        if compression.is_packed(payload):
            payload = self.unpack(payload, what)
        return _load(form).decode(payload)

    def check(self, payload: bytes | memoryview, what: str) -> None:
        """Raise `ContentRefused` or `TooBig` where `decode` would, and decode nothing."""
        form = form_of(payload)
        if form not in self.accepts:
            raise ContentRefused(
                what, form or "of an unknown form", f"accept_content is {', '.join(self.accepts)}"
            )
        if compression.is_packed(payload):
            compression.check(payload, self.limit, what)
        if self.packs:
            compression.check_here(self.packs, what)

    def pack(self, payload: bytes) -> bytes:
        """A payload as it is sent: compressed, where that is asked for and makes it smaller."""
        if not self.packs or len(payload) < compression.MIN_SIZE:
            return payload
        return compression.pack(payload, len(head_of(payload)), self.packs)

    def unpack(self, payload: bytes | memoryview, what: str) -> bytes | memoryview:
        """A *verified* payload as it was before `pack`.

        Raises:
            ContentRefused: It is compressed in a way that is not known here, or damaged.
            TooBig: It is larger than this side allows.
        """
        if not compression.is_packed(payload):
            return payload
        return compression.unpack(payload, len(head_of(payload)), self.limit, what)

    def like(self, payload: bytes | memoryview) -> "Codec":
        """The same, writing as this payload is written: an answer has the form of its question."""
        form = form_of(payload)
        if form == self.writes or form not in self.accepts:
            return self
        return replace(self, writes=form)

    def writing(self, name: str) -> "Codec":
        """The same, writing this form; with an empty name as it is.

        Raises:
            ConfigError: There is no such serializer, or `accept_content` does not hold it.
        """
        return replace(make_codec(name, self.accepts), limit=self.limit) if name else self

    def packing(self, method: str) -> "Codec":
        """The same, compressing in this way; empty for not at all."""
        return self if method == self.packs else replace(self, packs=method)

    def culprit(self, values: Mapping[str, object]) -> tuple[str, str, str] | None:
        """Name, type and reason of the first of these values that cannot be encoded, or None."""
        for name, value in values.items():
            try:
                self.encode(value, name)
            except Unsendable as error:
                return name, type_name(value), error.args[2]
        return None


@cache
def make_codec(writes: str, accepts: tuple[str, ...], limit: int = MOST) -> Codec:
    """The codec of these settings; with nothing to accept, what `writes` can answer.

    What is accepted may be registered later, by a module that is imported with a task.

    Raises:
        ConfigError: There is no such serializer.
    """
    writes = _ALIASES.get(writes, writes)
    accepts = tuple(_ALIASES.get(name, name) for name in accepts)
    for name in (writes, *accepts):
        _check_known(name, may_come=name != writes)
    if not accepts:
        accepts = (PICKLE, JSON) if writes == PICKLE else (writes,)
    if writes not in accepts:
        raise ConfigError(
            f"serializer is {writes!r}, and accept_content {accepts!r} does not hold it: answers"
            " come in the form of the question"
        )
    return Codec(writes, accepts, limit)


def check_form(name: str) -> str:
    """The name of a serializer, if it may be one.

    Raises:
        ConfigError: It may not.
    """
    text: Any = name  # it comes from the user
    if not isinstance(text, str) or not _NAME.fullmatch(text):
        raise ConfigError(
            f"{name!r} is no name of a serializer: give up to 50 lower-case letters, digits,"
            " '.', '-' and '_'"
        )
    return name


def form_of(payload: bytes | memoryview) -> str:
    """The form of a payload, by its first byte; empty where there is none of the kind."""
    known = _FORMS.get(payload[0], "") if payload else ""
    if known or not payload:
        return known
    head = head_of(payload)
    if len(head) > 1:
        name = head[2:].decode("ascii", "replace")
        return name if _NAME.fullmatch(name) else ""
    return _FORMS.get(head[0], "") if head else ""


def head_of(payload: bytes | memoryview) -> bytes:
    """The first bytes of a payload, which say its form; of a compressed one, of what is in it."""
    start = compression.HEAD if compression.is_packed(payload) else 0
    stop = start + 1
    if payload[start:stop] == NAMED and len(payload) > stop:
        stop += 1 + payload[stop]
    return bytes(payload[start:stop])


def encode_json(value: object) -> bytes:
    """Compact JSON; what is not JSON becomes its text."""
    return json.dumps(value, separators=(",", ":"), default=str).encode()


def decode_json(data: bytes | memoryview) -> Any:
    """What `encode_json` made.

    Raises:
        ValueError: It is not JSON in UTF-8; `json` alone would guess at other encodings, too.
    """
    return json.loads(bytes(data).decode())


def type_name(value: object) -> str:
    """The name of a value's class, as `name_of` says it."""
    return name_of(type(value))


def name_of(kind: type) -> str:
    """The name of a class, with its module unless that says nothing."""
    module = kind.__module__
    return (
        kind.__qualname__ if module in {"builtins", "__main__"} else f"{module}.{kind.__qualname__}"
    )


def _check_known(name: str, *, may_come: bool) -> None:
    if name in _HOMES:
        return
    registered: Any = import_module(_REGISTER)
    known = [*_HOMES, *registered.names()]
    if name in known:
        registered.find(name)  # its package may not be installed
        return
    hint = nearest(check_form(name), known)
    if not may_come or "did you mean" in hint:
        raise ConfigError(f"there is no serializer {name!r}{hint}")


def _load(name: str) -> Serializer:
    if name in _HOMES:
        return _at_home(name)
    registered: Any = import_module(_REGISTER)
    return cast("Serializer", registered.find(name))


@cache
def _at_home(name: str) -> Serializer:
    return cast("Serializer", import_module(_HOMES[name]))
