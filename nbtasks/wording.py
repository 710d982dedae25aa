"""What a body says in words, for people and for SQL: bounded, and without running anything of it.

Only what is made of Python's own plain types is shown. What holds anything else is named by its
size: to unpickle it could import half a program. Of an encrypted body nothing is said at all.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, Final, cast

from nbtasks.compression import size_of
from nbtasks.errors import NbTasksError
from nbtasks.failure import ERROR, read_dependency, read_failure, system_failure
from nbtasks.live import ErrorText
from nbtasks.serializers import JSON, PICKLE, Codec, form_of, value_alone
from nbtasks.signing import ENCRYPTED, SYSTEM, Seal

MAX_PAYLOAD: Final = 4096
"""Bytes; of what is larger only its size is said."""

MAX_TEXT: Final = 1000
MAX_TRACEBACK: Final = 20_000


def args_text(seal: Seal, codec: Codec, index: int, body: bytes) -> str | None:
    """The arguments in a signed body, as in a call: `1, 2, by=3`; None where it does not say."""
    payload = _opened(seal, index, body)
    if payload is None:
        return None
    found: Any = _plain(codec, payload)
    if not isinstance(found, (tuple, list)):
        return _size(payload)
    args, kwargs = cast("tuple[Sequence[Any], Mapping[str, Any]]", found)
    words = [*map(repr, args), *(f"{name}={value!r}" for name, value in kwargs.items())]
    return cut(", ".join(words), MAX_TEXT)


def call_texts(seal: Seal, codec: Codec, index: int, body: bytes) -> tuple[str, str] | None:
    """The same in two: a tuple and a dict; None where it does not say."""
    payload = _opened(seal, index, body)
    if payload is None:
        return None
    found: Any = _plain(codec, payload)
    if not isinstance(found, (tuple, list)):
        return _size(payload), ""
    args, kwargs = cast("tuple[Sequence[Any], Mapping[str, Any]]", found)
    return cut(repr(tuple(args)), MAX_TEXT), cut(repr(dict(kwargs)), MAX_TEXT)


def value_text(seal: Seal, codec: Codec, index: int, body: bytes) -> str | None:
    """The value in a signed body; None where it does not say."""
    payload = _opened(seal, index, body)
    if payload is None:
        return None
    found = _plain(codec, payload)
    return _size(payload) if found is ... else cut(repr(value_alone(found)), MAX_TEXT)


def error_words(seal: Seal, task_id: str, index: int, body: bytes) -> ErrorText | None:
    """An error in a body: its type, text and traceback; None where it does not say."""
    if body[:1] == SYSTEM:
        blamed = read_dependency(body)
        if blamed is not None:
            text = f"it was not run, because task {blamed.task_id} had failed"
            return ErrorText("ChordError" if blamed.is_chord else "Dependency", clean(text))
        error = system_failure(body, task_id)
        return ErrorText(type(error).__name__, cut(str(error), MAX_TEXT))
    payload = _opened(seal, index, body)
    if payload is None or bytes(payload[:1]) != ERROR:
        return None
    try:
        failure = read_failure(payload)
    except (ValueError, KeyError, TypeError):
        return None
    return ErrorText(
        clean(failure.type_name),
        cut(failure.text, MAX_TEXT),
        cut(failure.traceback, MAX_TRACEBACK),
    )


def cut(text: str, limit: int) -> str:
    """At most so much of it: its beginning and its end."""
    if len(text) > limit:
        half = limit // 2
        text = f"{text[: half - 1]}…{text[-half:]}"
    return clean(text)


def clean(text: str) -> str:
    """As every database takes it: no NUL, and no half of a character."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _opened(seal: Seal, index: int, body: bytes) -> memoryview | None:
    if not body or body[:1] == ENCRYPTED:
        return None
    with suppress(NbTasksError):  # signed by a key that is not ours: it is kept, and not read
        return seal.open(index, body, "")
    return None


def _plain(codec: Codec, payload: memoryview) -> Any:
    """The value of a verified payload; `...` where it is not plain, or not to be read here."""
    form = form_of(payload)
    if size_of(payload) > MAX_PAYLOAD or form not in codec.accepts:
        return ...
    try:
        if form == JSON:
            return codec.decode(payload, "")
        if form == PICKLE:
            return import_module("nbtasks.pickling").decode_plain(codec.unpack(payload, ""))
    except Exception:  # noqa: BLE001 - whatever is in there: it has no words then
        return ...
    return ...


def _size(payload: memoryview) -> str:
    form = form_of(payload)
    return f"<{form} of {size_of(payload):,} bytes>"
