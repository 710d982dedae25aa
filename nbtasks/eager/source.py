"""What the results of an eager run ask: its records, kept in this process.

Values and errors are encoded as they would be to travel, and decoded anew for whoever asks: nobody
sees what another one did to a value, and what cannot be sent fails here, too.
"""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nbtasks.clock import Clock
from nbtasks.errors import ChordError, ConfigError, NotRunning, TooBig
from nbtasks.failure import ERROR, chord_failure, read_exception, read_failure, system_failure
from nbtasks.live import ErrorText, LiveRecord
from nbtasks.record import KILL
from nbtasks.result import Canvas, GroupResult
from nbtasks.result.steps import Step
from nbtasks.serializers import Codec, type_name
from nbtasks.states import FAILURE, IGNORED, SUCCESS


@dataclass(frozen=True, slots=True)
class Fall:
    """How a member failed.

    Attributes:
        at: The number of this failure in its run: which one came first.
        record: Its record.
        index: Which member it is.
        cause: What has failed by itself, and this because of it; None for that one.
        is_own: Whether its errbacks are told, and not only those of what was before it: it has
            failed itself, or what it was replaced by, or the header it is the body of.
        is_chord: Whether the error stands for one of a chord's header.
    """

    at: int
    record: LiveRecord
    index: int
    cause: "Fall | None"
    is_own: bool
    is_chord: bool

    @property
    def root(self) -> "Fall":
        """What has failed by itself."""
        return self.cause or self

    @property
    def task_id(self) -> str:
        """Whose it is."""
        return self.record.task_id(self.index)

    @property
    def body(self) -> bytes:
        """What the one that failed by itself left behind; empty where it was forgotten."""
        return self.root.record.bodies.get(self.root.index, b"")


class EagerSource:
    """The records of one eager run.

    Args:
        codec: What values travel as.
        limit: The largest value, in bytes.
        clock: What tells the time.
    """

    def __init__(self, codec: Codec, limit: int, clock: Clock) -> None:
        self.clock = clock
        self.codec = codec
        self.limit = limit
        self.revoke_on_interrupt = False
        self.records: dict[str, LiveRecord] = {}
        self.yielded: dict[tuple[str, int], list[bytes]] = {}
        self._falls: dict[tuple[str, int], Fall] = {}
        self._first: dict[str, Fall] = {}
        self._first_heard: dict[str, Fall] = {}

    # What a run tells

    def encode(self, value: object, what: str, call: bytes = b"") -> bytes:
        """The body of a value, in the form of the call that it answers, if it answers one.

        Raises:
            TooBig: It is larger than a value may be.
            Unsendable: It cannot be encoded.
        """
        payload, _ = self.codec.like(call).encode(value, what)
        if len(payload) > self.limit:
            raise TooBig(what, len(payload), self.limit, "max_input")
        return payload

    def succeed(self, record: LiveRecord, index: int, body: bytes) -> None:
        """A member has returned this."""
        self._finish(record, index, SUCCESS, body)

    def ignore(self, record: LiveRecord, index: int) -> None:
        """A member is not needed."""
        self._finish(record, index, IGNORED, b"")

    def fail(self, record: LiveRecord, index: int, body: bytes) -> None:
        """A member has failed by itself."""
        self._fall(record, index, None, is_own=True, is_chord=False)
        self._finish(record, index, FAILURE, body)

    def pass_on(
        self, record: LiveRecord, index: int, fall: Fall, *, is_own: bool = False, is_chord: bool
    ) -> None:
        """A member fails because another one did, `is_chord`: in the header it is the body of."""
        is_own, is_chord = is_own or is_chord, is_chord or fall.is_chord
        self._fall(record, index, fall.root, is_own=is_own, is_chord=is_chord)
        self._finish(record, index, FAILURE, b"")

    def fall(self, record: LiveRecord, index: int | None, *, is_heard: bool = False) -> Fall | None:
        """How a member has failed, or (None) the first one of all; None where it has not.

        Args:
            record: Whose member.
            index: Which one.
            is_heard: Only what an errback is told of.
        """
        if index is None:
            return (self._first_heard if is_heard else self._first).get(record.rid)
        fall = self._falls.get((record.rid, index))
        return None if fall is None or (is_heard and not fall.is_own) else fall

    def error(self, fall: Fall) -> BaseException:
        """The exception of a failed member."""
        root_id, body = fall.root.task_id, fall.body
        if not body:
            return ChordError(root_id)
        if body[:1] == ERROR:
            error = read_exception(memoryview(body), self.codec)
        else:
            error = system_failure(body, root_id)
        return chord_failure(root_id, error) if fall.is_chord else error

    def traceback(self, fall: Fall, error: BaseException) -> str:
        """The traceback of a failed member, whose exception is `error`, in words."""
        if fall.body[:1] == ERROR and not fall.is_chord:
            return read_failure(memoryview(fall.body)).traceback
        return "".join(traceback.format_exception_only(error))

    # What results ask

    @property
    def is_eager(self) -> bool:
        """Whether what it knows of ran in this process."""
        return True

    def attach(self, rids: Sequence[str]) -> list[LiveRecord | None]:
        """Records of this run by their ids."""
        return [self.records.get(rid) for rid in rids]

    def check(self) -> None:
        """There is nothing that could be out of reach."""

    def values(self, record: LiveRecord, indices: Sequence[int]) -> list[Any]:
        """The values of members, decoded anew; an exception object where one failed."""
        bodies, states, decode = record.bodies, record.states, self.codec.decode
        what = f"the value of {record.name!r}"
        found: list[Any] = []
        for index in indices:
            if states[index] == SUCCESS:
                found.append(decode(bodies[index], what))
            elif states[index] == FAILURE:
                found.append(self.error(self._falls[record.rid, index]))
            else:
                found.append(None)
        return found

    def revoke(
        self,
        record: LiveRecord,  # noqa: ARG002 - all have ended
        start: int,  # noqa: ARG002
        stop: int,  # noqa: ARG002
        *,
        terminate: bool,  # noqa: ARG002
        signal: str = KILL,  # noqa: ARG002
    ) -> int:
        """Everything has ended: there is nothing to revoke."""
        return 0

    def run_again(self, record: LiveRecord, index: int) -> bool:
        """What ran here is in no queue; False where it has not failed.

        Raises:
            ConfigError: It has.
        """
        if not record.has_failed(index):
            return False
        raise ConfigError(
            f"task {record.task_id(index)!r} ran in this process and is in no queue: apply it again"
        )

    def forget(self, record: LiveRecord) -> bool:
        """Let the values of a record go."""
        record.bodies.clear()
        record.lose()
        return True

    def canvas_of(self, records: Sequence[LiveRecord]) -> Canvas:
        """These alone: a canvas that ran here is known from the start."""
        return Canvas(self, [Step(record) for record in records])

    def save_group(self, group: GroupResult[Any]) -> None:
        """What ran here is not stored.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(
            f"group {group.id!r} ran in this process, and ends with it: it cannot be saved"
        )

    def delete_group(self, group_id: str) -> bool:  # noqa: ARG002 - none is saved
        """There is nothing to remove."""
        return False

    def log(self, record: LiveRecord, index: int) -> str:  # noqa: ARG002 - nothing is kept
        """What it wrote went to where this process writes."""
        return ""

    def parts(self, record: LiveRecord, index: int, start: int) -> list[Any]:
        """What a member has yielded, from place `start` on."""
        found = self.yielded.get((record.rid, index), [])[start:]
        return [self.codec.decode(part, f"a part of {record.name!r}") for part in found]

    def outlook(self, record: LiveRecord, index: int) -> None:
        """Nothing waits here."""

    def stack(self, record: LiveRecord, index: int, timeout: float) -> str:  # noqa: ARG002
        """What ran here has ended.

        Raises:
            NotRunning: Always.
        """
        raise NotRunning(record.task_id(index), record.state(index))

    def error_text(self, record: LiveRecord, index: int) -> ErrorText:
        """A failed member in words."""
        fall = self._falls[record.rid, index]
        error = self.error(fall)
        return ErrorText(type_name(error), str(error), self.traceback(fall, error))

    def arguments(self, record: LiveRecord, index: int) -> None:  # noqa: ARG002 - of a source
        """Of what ran here, no arguments are kept."""
        return

    def ended_ms(self, record: LiveRecord, index: int) -> int | None:
        """When a member has ended, in ms since 1970; None where it has not."""
        return record.ended.get(index) or record.finished_ms or None

    def waited(self, records: Sequence[LiveRecord]) -> None:
        """Nobody had to wait."""

    def _fall(
        self, record: LiveRecord, index: int, cause: Fall | None, *, is_own: bool, is_chord: bool
    ) -> None:
        fall = Fall(len(self._falls), record, index, cause, is_own=is_own, is_chord=is_chord)
        self._falls[record.rid, index] = fall
        self._first.setdefault(record.rid, fall)
        if fall.is_own:
            self._first_heard.setdefault(record.rid, fall)

    def _finish(self, record: LiveRecord, index: int, state: int, body: bytes) -> None:
        record.finish(index, bytes((state,)), [body], "", self.clock.wall_ms())
