"""A failed try on its way back: the exception in words, always; as an object, where it survives.

The payload is `E`, the length of a JSON part, the JSON, and a pickle of the exception or nothing;
then those of its causes, which the JSON describes as it does the exception itself (`linked`).
The JSON is all that a board, a log or another language needs. Where nothing is pickled, an
exception of Python's own or of ours is made again from its name and its plain arguments; no other
class is ever looked up by a name that came in a message. A body that the store wrote itself is JSON
only (`signing.SYSTEM`) and names one of our own errors.
"""

import linecache
import struct
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast

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
from nbtasks.frames import Frame, frames_of, own_traceback, rebuild
from nbtasks.linked import Linked, Linking
from nbtasks.remaking import (
    MAX_TEXT,
    add_notes,
    notes_of,
    pickled,
    plain_args,
    remade,
    text_of,
    unpickled,
)
from nbtasks.serializers import Codec, decode_json, encode_json, type_name
from nbtasks.signing import SYSTEM

ERROR: Final = b"E"
DEPENDENCY: Final = "Dependency"
"""The type of a body that blames another task."""

_CODEC: Final = Codec()
_length = struct.Struct("<I")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A failed try in words: `frames` are outermost first; `args` those to make it again from.

    `links` is what `linked` says of its causes; `own` the bytes of its own pickle, None for all.
    """

    type_name: str
    text: str
    traceback: str
    frames: tuple[Frame, ...]
    note: str
    args: tuple[Any, ...] | None
    notes: tuple[str, ...]
    links: Mapping[str, Any]
    own: int | None


def encode_failure(error: BaseException, note: str, codec: Codec = _CODEC) -> bytes:
    """The payload for an exception that a task raised; `note` says which try, where, how long."""
    fields: dict[str, Any] = {
        "type": type_name(error),
        "text": text_of(error),
        "traceback": _format(error),
        "frames": frames_of(error),
        "note": note,
    }
    args = None if codec.ships_objects else plain_args(error)
    if args is not None:
        fields["args"] = args
    notes = notes_of(error)
    if notes:
        fields["notes"] = notes
    linked = Linked(codec)
    if links := linked.describe(error):
        fields["links"] = links
    own = pickled(error, codec) if codec.ships_objects else b""
    if linked.pickles:
        fields["own"] = len(own)
    head = encode_json(fields)
    return b"".join((ERROR, _length.pack(len(head)), head, own, linked.pickles))


def encode_words(error: BaseException, note: str) -> bytes:
    """The payload for an exception of which only its type and text are to be kept."""
    kind, text = type_name(error), text_of(error)
    fields: dict[str, Any] = {"type": kind, "text": text, "note": note, "args": plain_args(error)}
    known = {name: value for name, value in fields.items() if value is not None}
    head = encode_json({**known, "traceback": "", "frames": []})
    return b"".join((ERROR, _length.pack(len(head)), head))


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
        notes=tuple(fields.get("notes", ())),
        links=fields.get("links", {}),
        own=fields.get("own"),
    )


def read_exception(
    payload: memoryview, codec: Codec = _CODEC, *, says_where: bool = True
) -> BaseException:
    """The exception of a *verified* failure, with a traceback through its frames.

    With `says_where` it has a note: on which worker it ran, at which try, and for how long.
    """
    failure = read_failure(payload)
    pickles = payload[_words_stop(payload) :]
    own = len(pickles) if failure.own is None else failure.own
    error: BaseException = remade(failure.type_name, failure.text, failure.args, failure.traceback)
    # A SystemExit there must not end the program here, nor a CancelledError a wait.
    if isinstance(found := unpickled(pickles[:own], codec), Exception):
        error = found
    add_notes(error, failure.notes)
    if failure.note and says_where:
        with suppress(Exception):  # a user's exception may be frozen
            error.add_note(failure.note)
    Linking(pickles[own:], codec).link(error, failure.links)
    return error.with_traceback(rebuild(failure.frames))


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
    failure = ChordError(task_id, f"{name}: {text}" if (text := text_of(error)) else name)
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


def _format(error: BaseException) -> str:
    """The traceback in words, chained exceptions included."""
    lines = traceback.format_exception(type(error), error, own_traceback(error))
    text = "".join(lines)
    if len(text) <= MAX_TEXT:
        return text
    half = MAX_TEXT // 2  # of a very long message or traceback, the beginning and the end
    return f"{text[: half - 1]}…{text[-half:]}"
