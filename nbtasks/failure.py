"""A failed try on its way back: the exception in words, always; as an object, where it survives.

The payload is `E`, the length of a JSON part, the JSON, and a pickle of the exception or nothing.
The JSON is all that a board, a log or another language needs. Where nothing is pickled, an
exception of Python's own or of ours is made again from its name and its plain arguments; no other
class is ever looked up by a name that came in a message. A body that the store wrote itself is JSON
only (`signing.SYSTEM`) and names one of our own errors.
"""

import builtins
import linecache
import os
import struct
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, cast

from nbtasks import errors
from nbtasks.errors import (
    BadSignature,
    ChordError,
    NbTasksError,
    RemoteError,
    TaskRevoked,
    TimeLimitExceeded,
    UnknownTask,
    VersionMismatch,
    WorkerLost,
)
from nbtasks.serializers import PICKLE, Codec, decode_json, encode_json, name_of, type_name
from nbtasks.signing import SYSTEM

ERROR: Final = b"E"
DEPENDENCY: Final = "Dependency"
"""The type of a body that blames another task."""

MAX_TEXT: Final = 20_000
MAX_PICKLE: Final = 1_000_000
MAX_FRAMES: Final = 100
"""More frames are a recursion without end: the first and the last of them say it all."""

_CODEC: Final = Codec()
_length = struct.Struct("<I")

_REMADE: Final[dict[str, type[Exception]]] = {
    name_of(kind): kind
    for kind in (*vars(builtins).values(), *vars(errors).values())
    if isinstance(kind, type) and issubclass(kind, Exception)
}
"""Name -> class of what may be made again from words: Python's own exceptions and ours."""

_PACKAGE = f"{Path(__file__).parent}{os.sep}"


class Frame(NamedTuple):
    """A line of a traceback, the function it is in, and the line that function begins with."""

    file: str
    line: int
    function: str
    first: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A failed try in words: `frames` are outermost first; `args` those to make it again from."""

    type_name: str
    text: str
    traceback: str
    frames: tuple[Frame, ...]
    note: str
    args: tuple[Any, ...] | None


def encode_failure(error: BaseException, note: str, codec: Codec = _CODEC) -> bytes:
    """The payload for an exception that a task raised; `note` says which try, where, how long."""
    frames = _frames(error)
    fields: dict[str, Any] = {
        "type": type_name(error),
        "text": _text(error),
        "traceback": _format(error, frames),
        "frames": frames,
        "note": note,
    }
    args = None if codec.ships_objects else _plain_args(error)
    if args is not None:
        fields["args"] = args
    head = encode_json(fields)
    pickled = _pickled(error, codec) if codec.ships_objects else b""
    return b"".join((ERROR, _length.pack(len(head)), head, pickled))


def encode_within(error: BaseException, note: str, codec: Codec, limit: int) -> bytes:
    """The same; of an exception that takes more than `limit` bytes only its kind."""
    payload = encode_failure(error, note, codec)
    if len(payload) <= limit:
        return payload
    words = RemoteError(type(error).__name__, f"it carries {len(payload) / 1e6:,.0f} MB")
    return encode_failure(words, note, codec)


def read_failure(payload: memoryview) -> Failure:
    """The words of a failure; unpickles nothing."""
    fields = decode_json(payload[_words_start() : _words_stop(payload)])
    return Failure(
        type_name=fields["type"],
        text=fields["text"],
        traceback=fields["traceback"],
        frames=tuple(Frame(*frame) for frame in fields["frames"]),
        note=fields["note"],
        args=tuple(fields["args"]) if "args" in fields else None,
    )


def read_exception(payload: memoryview, codec: Codec = _CODEC) -> BaseException:
    """The exception of a *verified* failure, with its note and a traceback through its frames."""
    failure = read_failure(payload)
    error: BaseException = _remade(failure)
    pickled = payload[_words_stop(payload) :]
    if pickled and PICKLE in codec.accepts:
        try:
            found = codec.decode(pickled, "exception")
        except Exception:  # noqa: BLE001 - its class may be missing or broken here
            found = None
        # A SystemExit there must not end the program here, nor a CancelledError a wait.
        if isinstance(found, Exception):
            error = found
    if failure.note:
        with suppress(Exception):  # a user's exception may be frozen
            error.add_note(failure.note)
    return error.with_traceback(_rebuild(failure.frames))


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """Why a task was not run: another one, before it, has failed.

    Attributes:
        task_id: That one.
        rid: The record it is in.
        index: Which member of it it is.
        is_chord: Whether that is a `ChordError`; otherwise it is the same error.
    """

    task_id: str
    rid: str
    index: int
    is_chord: bool


def read_dependency(body: bytes) -> Dependency | None:
    """The task that a body written by the store blames; None where it says something else."""
    fields = _system_fields(body) if body[:1] == SYSTEM else None
    if fields is None or fields["type"] != DEPENDENCY:
        return None
    task_id, rid, index = fields.get("of"), fields.get("rid"), fields.get("i")
    if not (isinstance(task_id, str) and isinstance(rid, str) and isinstance(index, int)):
        return None
    is_chord = fields.get("chord") is True
    return Dependency(task_id=task_id, rid=rid, index=index, is_chord=is_chord)


def chord_failure(task_id: str, error: BaseException) -> ChordError:
    """What a task ends with that was not run because of another's error."""
    name = type_name(error).rpartition(".")[2]
    failure = ChordError(task_id, f"{name}: {text}" if (text := _text(error)) else name)
    failure.__cause__ = error
    return failure


def system_failure(body: bytes, task_id: str) -> NbTasksError:  # noqa: PLR0911 - one for each error
    """The error that a body written by the store, or by a worker without our key, stands for."""
    fields = _system_fields(body)
    if fields is None:
        return BadSignature(f"the error of task {task_id!r} cannot be read")
    match fields.get("type"):
        case "WorkerLost":
            deaths = fields.get("deaths", 1)
            times = "once" if deaths == 1 else f"{deaths} times"
            return WorkerLost(
                task_id, f"the process that ran it died {times} ({fields.get('reason')})"
            )
        case "VersionMismatch":
            found = fields.get("found") or "no Python that can load it"
            return VersionMismatch(task_id, str(fields.get("sent")), str(found))
        case "TimeLimitExceeded":
            seconds = fields.get("seconds")
            return TimeLimitExceeded(task_id, seconds if isinstance(seconds, (int, float)) else 0)
        case "TaskRevoked":
            return TaskRevoked(task_id, str(fields.get("reason", "revoked")))
        case "BadSignature":
            return BadSignature(str(fields.get("what")))
        case "UnknownTask":
            return UnknownTask(str(fields.get("of")))
        case "Dependency":
            return ChordError(str(fields.get("of")))
        case kind:
            return RemoteError(str(kind), str(fields.get("text", "")))


def system_body(kind: str, **fields: object) -> bytes:
    """A body that needs no key to be read, because nothing of it is ever unpickled."""
    return SYSTEM + encode_json({"type": kind, **fields})


def register_source(filename: str, source: str) -> None:
    """Let tracebacks show the lines of code that exists in no file here."""
    if source:
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)


def _system_fields(body: bytes) -> dict[str, Any] | None:
    try:
        found = decode_json(body[1:])
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) and "type" in found else None


def _words_start() -> int:
    return len(ERROR) + _length.size


def _words_stop(payload: memoryview) -> int:
    return _words_start() + int(_length.unpack_from(payload, len(ERROR))[0])


def _plain_args(error: BaseException) -> tuple[Any, ...] | None:
    """What makes the same exception again on any side, by its name; None where nothing does."""
    if _REMADE.get(type_name(error)) is not type(error):
        return None
    args: tuple[Any, ...] = error.args
    if isinstance(error, OSError) and error.filename is not None:
        args = (*args[:2], error.filename)  # its own `args` leave it out
    if not all(isinstance(each, (str, int, float, bool, type(None))) for each in args):
        return None
    return args


def _remade(failure: Failure) -> BaseException:
    """The exception made again from its words, or a `RemoteError` with them."""
    kind = _REMADE.get(failure.type_name)
    if kind is not None and failure.args is not None:
        with suppress(Exception):  # some want other arguments than they keep
            return kind(*failure.args)
    return RemoteError(failure.type_name, failure.text, failure.traceback)


def _text(error: BaseException) -> str:
    try:
        return str(error)[:MAX_TEXT]
    except BaseException as broken:  # noqa: BLE001 - a user's __str__ may raise anything
        return f"<its __str__ raised {type(broken).__name__}>"


def _frames(error: BaseException) -> list[Frame]:
    """The frames of the task itself, without ours around and behind it."""
    found: list[Frame] = []
    at = error.__traceback__
    while at is not None:
        code = at.tb_frame.f_code
        if not code.co_filename.startswith(_PACKAGE):
            found.append(Frame(code.co_filename, at.tb_lineno, code.co_name, code.co_firstlineno))
        at = at.tb_next
    if len(found) > MAX_FRAMES:
        found[MAX_FRAMES // 2 : -MAX_FRAMES // 2] = []
    return found


def _format(error: BaseException, frames: list[Frame]) -> str:
    """The traceback in words, chained exceptions included."""
    lines = traceback.format_exception(type(error), error, _rebuild(tuple(frames)))
    text = "".join(lines)
    if len(text) <= MAX_TEXT:
        return text
    half = MAX_TEXT // 2  # of a very long message or traceback, the beginning and the end
    return f"{text[: half - 1]}…{text[-half:]}"


def _pickled(error: BaseException, codec: Codec) -> bytes:
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


def _rebuild(frames: tuple[Frame, ...]) -> TracebackType | None:
    """A traceback through frames that never ran here: each line raises at its place in its file."""
    chain: TracebackType | None = None
    for frame in reversed(frames):
        first = min(frame.first, frame.line) or 1
        source = "\n" * (frame.line - first) + "raise _Placed"
        code = compile(source, frame.file, "exec").replace(
            co_name=frame.function, co_firstlineno=first
        )
        try:
            exec(code, {"_Placed": _Placed})  # noqa: S102 - a line of our own
        except _Placed as placed:
            here = placed.__traceback__
            if here is None or here.tb_next is None:
                continue
            chain = TracebackType(chain, here.tb_next.tb_frame, here.tb_next.tb_lasti, frame.line)
    return chain


class _Placed(Exception):
    """Raised and caught to get a frame."""
