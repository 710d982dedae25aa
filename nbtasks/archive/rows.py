"""What events tell -> rows of an archive. All that one batch tells of a task makes one row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from nbtasks.archive.schema import RECORDS, TASKS, Row
from nbtasks.errors import NbTasksError, TaskRevoked
from nbtasks.record import Header, member_id
from nbtasks.serializers import Codec
from nbtasks.signing import Seal, Signer
from nbtasks.states import FAILURE, REVOKED, STATES, SUCCESS, TaskState
from nbtasks.store.facts import RecordFacts
from nbtasks.wording import args_text, clean, error_words, value_text

MAX_MEMBERS: Final = 10_000_000
"""Whoever writes to Redis may write anything: what tells of more is not believed."""

NO_ERROR: Final[Row] = {"error_type": "", "error_text": "", "traceback": ""}
NO_END: Final[Row] = {"done_ms": 0, "runtime_us": 0, "result": b"", "result_text": "", **NO_ERROR}
"""Of a task that has not ended, or not any more."""
_WORDS: Final = {
    SUCCESS: NO_ERROR,
    REVOKED: {**NO_ERROR, "error_type": TaskRevoked.__name__},
}
"""Of ends that have no error in a body."""

_HAS_BODY: Final = frozenset((SUCCESS, FAILURE, REVOKED))

_EMPTY_TASK: Final[Row] = dict.fromkeys(
    column.name for column in TASKS.columns if column.name not in {"app", "rid", "member"}
)
_EMPTY_RECORD: Final[Row] = dict.fromkeys(
    column.name for column in RECORDS.columns if column.name not in {"app", "rid"}
)


@dataclass(frozen=True, slots=True)
class Missing:
    """A body that came with no event: it is to be asked for.

    `code` is the state that it is of, 0 for arguments.
    """

    index: int
    code: int

    @property
    def field(self) -> str:
        """Where it is in the record: a value is in the place of the arguments."""
        return f"{'e' if self.code in {FAILURE, REVOKED} else 'm'}{self.index}"


class Known(NamedTuple):
    """A record of which this batch has the header."""

    name: str
    seal: Seal


class Rows:
    """The rows of one batch.

    Args:
        signer: Opens bodies, for their words; what it cannot open is kept as it is.
        codec: What is read of it.
    """

    def __init__(self, signer: Signer, codec: Codec) -> None:
        self._signer = signer
        self._codec = codec
        self._records: dict[str, Row] = {}
        self._known: dict[str, Known] = {}
        self._tasks: dict[tuple[str, int], Row] = {}
        self._results: dict[str, Seal] = {}
        self.missing: dict[str, list[Missing]] = {}

    @property
    def records(self) -> Sequence[Row]:
        """Rows of records."""
        return list(self._records.values())

    @property
    def tasks(self) -> Sequence[Row]:
        """Rows of tasks."""
        return list(self._tasks.values())

    def unknown(self) -> list[str]:
        """The records of which something was told, but not what they are."""
        return [rid for rid in {rid for rid, _ in self._tasks} if rid not in self._known]

    def describe(self, rid: str, facts: RecordFacts) -> None:
        """A record is this; what has no header stays unknown."""
        if rid in self._known:
            return
        try:
            header = Header.decode(facts.header)
        except NbTasksError:  # of another version, or too long for an event
            return
        seal = self._signer.arguments(rid, facts.header, header.key_id)
        self._known[rid] = Known(clean(header.title), seal)
        self._records[rid] = {
            "rid": rid,
            "members": facts.members,
            "header": facts.header,
            "root_id": clean(header.root_id),
            "parent_id": clean(header.parent_id),
            "group_id": clean(header.group_id),
        }

    def complete(self, rid: str, facts: RecordFacts) -> None:
        """Give all rows of a record that was unknown what is asked for only now."""
        self.describe(rid, facts)
        told = self.sent(rid, facts)
        for (known, index), row in self._tasks.items():
            if known == rid:
                told["id"] = member_id(rid, index, facts.members)
                row.update((name, value) for name, value in told.items() if row[name] is None)

    def sent(self, rid: str, facts: RecordFacts) -> Row:
        """What is the same in all rows of a record."""
        known = self._known.get(rid)
        return {
            "name": known.name if known else None,
            "queue": clean(facts.queue),
            "priority": facts.priority,
            "sent_ms": facts.sent_ms or None,
            "expires_ms": facts.expires_ms or None,
        }

    def send(self, rid: str, start: int, bodies: Sequence[bytes], facts: RecordFacts) -> None:
        """Members wait from now on, with these arguments."""
        self.describe(rid, facts)
        told = {**self.sent(rid, facts), "state": str(TaskState.PENDING), "missing_ms": 0}
        for index, body in enumerate(bodies, start):
            self.tell(rid, index, {**told, "id": member_id(rid, index, facts.members)})
            if body:
                self.arguments(rid, index, body)
            else:
                self.miss(rid, Missing(index, 0))

    def arguments(self, rid: str, index: int, body: bytes) -> None:
        """What a member is called with."""
        known = self._known.get(rid)
        text = args_text(known.seal, self._codec, index, body) if known else None
        self.tell(rid, index, {"args": body, "args_text": text})

    def is_call(self, rid: str, index: int, body: bytes) -> bool:
        """Whether a body is arguments: of a member that has ended, its value is in their place."""
        known = self._known.get(rid)
        if known is None:
            return False
        try:
            known.seal.open(index, body, "")
        except NbTasksError:
            return False
        return True

    def end(self, rid: str, index: int, code: int, body: bytes, told: Row) -> None:
        """A member has ended."""
        self.tell(rid, index, {"state": str(STATES[code]), **_WORDS.get(code, {}), **told})
        if body:
            self.body(rid, index, code, body)
        elif code in _HAS_BODY:
            self.miss(rid, Missing(index, code))

    def body(self, rid: str, index: int, code: int, body: bytes) -> None:
        """What a member has ended with."""
        row: Row = {"result": body}
        if code == SUCCESS:
            row["result_text"] = value_text(self._seal(rid), self._codec, index, body)
        else:
            row |= self._words(rid, index, body)
        self.tell(rid, index, row)

    def retry(self, rid: str, index: int, body: bytes, due_ms: int) -> None:
        """A member is to be tried again."""
        row = {"state": str(TaskState.RETRY), "due_ms": due_ms or None}
        self.tell(rid, index, row | self._words(rid, index, body))

    def again(self, rid: str, index: int) -> None:
        """A member that had failed waits again."""
        self.tell(rid, index, {"state": str(TaskState.PENDING), **NO_END})

    def tell(self, rid: str, index: int, told: Mapping[str, Any]) -> None:
        """Something of a member; it counts in the place of what was told before.

        Raises:
            ValueError: There can be no such member.
        """
        if not 0 <= index < MAX_MEMBERS:
            raise ValueError(f"there is no member {index}")
        row = self._tasks.get((rid, index))
        if row is None:
            row = self._tasks[rid, index] = {"rid": rid, "member": index, **_EMPTY_TASK}
        for name, value in told.items():
            if value is not None:
                row[name] = value

    def miss(self, rid: str, missing: Missing) -> None:
        """A body is to be asked for."""
        self.missing.setdefault(rid, []).append(missing)

    def _words(self, rid: str, index: int, body: bytes) -> Row:
        words = error_words(self._seal(rid), rid, index, body) if body else None
        if words is None:
            return {}
        return {
            "error_type": words.type_name,
            "error_text": words.text,
            "traceback": words.traceback,
        }

    def _seal(self, rid: str) -> Seal:
        found = self._results.get(rid)
        if found is None:
            found = self._results[rid] = self._signer.results(rid)
        return found
