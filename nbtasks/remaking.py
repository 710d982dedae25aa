"""One exception, without those it is linked to: in words, as a pickle, and made again."""

import builtins
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, cast

from nbtasks import errors
from nbtasks.errors import RemoteError
from nbtasks.serializers import PICKLE, Codec, name_of, type_name

MAX_TEXT: Final = 20_000
MAX_PICKLE: Final = 1_000_000
MAX_NOTES: Final = 20
MAX_NOTE: Final = 2_000

_REMADE: Final[dict[str, type[Exception]]] = {
    name_of(kind): kind
    for kind in (*vars(builtins).values(), *vars(errors).values())
    if isinstance(kind, type) and issubclass(kind, Exception)
}
"""Name -> class of what may be made again from words: Python's own exceptions and ours."""


def text_of(error: BaseException) -> str:
    """What it says."""
    try:
        return str(error)[:MAX_TEXT]
    except BaseException as broken:  # noqa: BLE001 - a user's __str__ may raise anything
        return f"<its __str__ raised {type(broken).__name__}>"


def plain_args(error: BaseException) -> tuple[Any, ...] | None:
    """What makes the same exception again on any side, by its name; None where nothing does."""
    if _REMADE.get(type_name(error)) is not type(error):
        return None
    args: tuple[Any, ...] = error.args
    if isinstance(error, OSError) and error.filename is not None:
        args = (*args[:2], error.filename)  # its own `args` leave it out
    if not all(isinstance(each, (str, int, float, bool, type(None))) for each in args):
        return None
    return args


def remade(name: str, text: str, args: tuple[Any, ...] | None, words: str = "") -> BaseException:
    """The exception made again from its words, or a `RemoteError` with them."""
    kind = _REMADE.get(name)
    if kind is not None and args is not None:
        with suppress(Exception):  # some want other arguments than they keep
            return kind(*args)
    return RemoteError(name, text, words)


def notes_of(error: BaseException) -> list[str]:
    """What was added to it; a user may have put anything there."""
    found: object = getattr(error, "__notes__", ())
    notes = cast("list[object]", found) if isinstance(found, list) else []
    return [note[:MAX_NOTE] for note in notes[:MAX_NOTES] if isinstance(note, str)]


def add_notes(error: BaseException, notes: Sequence[str]) -> None:
    """The notes, where a pickle has not brought them along."""
    with suppress(Exception):  # a user's exception may be frozen
        if not getattr(error, "__notes__", None):
            for note in notes:
                error.add_note(note)


def pickled(error: BaseException, codec: Codec) -> bytes:
    """A pickle that comes back as the same class, or nothing."""
    try:
        data, _ = codec.encode(error, "exception")
        # Ours survive; so a message that is refused makes nobody unpickle anything.
        is_ours = type(error).__module__ == errors.__name__
        same = is_ours or type(codec.decode(data, "exception")) is type(error)
        survives = len(data) <= MAX_PICKLE and same
    except Exception:  # noqa: BLE001 - many exception classes cannot be rebuilt from their args
        return b""
    return data if survives else b""


def unpickled(data: memoryview, codec: Codec) -> BaseException | None:
    """What `pickled` made, where this codec accepts pickles and the class is here, too."""
    if not data or PICKLE not in codec.accepts:
        return None
    try:
        found = codec.decode(data, "exception")
    except Exception:  # noqa: BLE001 - its class may be missing or broken here
        return None
    return found if isinstance(found, BaseException) else None
