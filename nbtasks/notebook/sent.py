"""Something that was sent from a notebook, and the note of it that outlives the kernel."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from nbtasks.errors import NbTasksError
from nbtasks.result import AsyncResult, GroupResult
from nbtasks.result.saving import of_line, rids_in, to_line
from nbtasks.serializers import decode_json, encode_json
from nbtasks.waiting import ResultSource

MAX_NOTE: Final = 50_000
"""Bytes; a longer note is not kept: it is of a group of hundreds of different canvases."""

MAX_LABELS: Final = 200
"""Members whose labels are noted; those of more are called by their numbers."""

MAX_INPUTS: Final = 20
"""Variables, the largest first, whose sizes are noted."""

Result = AsyncResult[Any] | GroupResult[Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """Something sent from this notebook: its name and its handle.

    `key` says which cell has sent it, `tags` are the words it was given. `is_past` where a kernel
    before this one has sent it, `is_call` where no cell has, but a call of the Python API. `inputs`
    are the names and sizes in bytes of what was captured for it.
    """

    name: str
    result: Result
    key: str = ""
    tags: Sequence[str] = ()
    is_past: bool = False
    is_call: bool = False
    inputs: Sequence[tuple[str, int]] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """What is kept of something sent: enough to make its handle again.

    `data` is how it is stored: JSON.
    """

    id: str
    name: str
    key: str
    tags: Sequence[str]
    data: bytes
    fields: Mapping[str, Any] = field(repr=False)

    @property
    def rids(self) -> list[str]:
        """The records of its handle."""
        return list(rids_in(self.fields["line"]))

    def sent(self, source: ResultSource) -> Sent | None:
        """What was sent; None where it is not stored any more.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        result: Any = of_line(source, self.fields["line"])
        if all(record.missing for record in result.records):
            return None
        if self.fields.get("canvas"):
            result.canvas  # noqa: B018 - looked up now: from here on all of it counts as sent with it
        for record, labels in zip(result.records, self.fields.get("labels", ()), strict=False):
            record.labels = record.labels or labels
        for record in result.records:
            record.shows_log = not self.fields.get("silent", False)
        is_call = bool(self.fields.get("call"))
        inputs = [(str(name), int(amount)) for name, amount in self.fields.get("inputs", ())]
        return Sent(
            self.name, result, self.key, self.tags, is_past=True, is_call=is_call, inputs=inputs
        )


def write_note(sent: Sent) -> bytes | None:
    """What is kept of something sent; None where that would be too much."""
    result, records = sent.result, sent.result.records
    fields: dict[str, Any] = {"id": result.id, "name": sent.name, "line": to_line(result)}
    rest: dict[str, Any] = {
        "key": sent.key,
        "tags": list(sent.tags),
        "call": sent.is_call,
        "canvas": len(result.sent) > len(records),
        "inputs": [list(each) for each in sent.inputs[:MAX_INPUTS]],
        "silent": not all(record.shows_log for record in records),
    }
    if sum(len(record.labels or ()) for record in records) <= MAX_LABELS:
        rest["labels"] = [record.labels for record in records if record.labels]
    data = encode_json(fields | {name: value for name, value in rest.items() if value})
    return data if len(data) <= MAX_NOTE else None


def read_note(data: bytes) -> Note | None:
    """What `write_note` wrote; None for anything else: who writes to Redis may write nonsense."""
    with suppress(KeyError, TypeError, ValueError, RecursionError, NbTasksError):
        fields = decode_json(data)
        identity, name, key = str(fields["id"]), str(fields["name"]), str(fields.get("key", ""))
        note = Note(identity, name, key, tuple(map(str, fields.get("tags", ()))), data, fields)
        "".join(note.rids)  # they are text, or this is no note
        return note
    return None
