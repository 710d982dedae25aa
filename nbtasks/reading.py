"""What results ask for: values, errors, logs, and what may be done to a task."""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from nbtasks.clock import Clock
from nbtasks.config import Config
from nbtasks.connection import Connection
from nbtasks.errors import BadSignature, ChordError, TaskRevoked, UnknownTask
from nbtasks.events import EventStream, apply_snapshot, blame, read_progress
from nbtasks.failure import (
    ERROR,
    Dependency,
    chord_failure,
    read_dependency,
    read_exception,
    system_failure,
)
from nbtasks.live import ErrorText, LiveRecord
from nbtasks.outlook import Outlook
from nbtasks.past import Arguments, stored_arguments, stored_end_ms
from nbtasks.record import DROPPED, KILL, NOT_WRITTEN, STREAMS, Dropped, Header, parts_of
from nbtasks.redrive import Redrive
from nbtasks.result.base import ResultBase
from nbtasks.result.canvas import Canvas
from nbtasks.result.group import GroupResult
from nbtasks.result.saving import from_tuple, restore, save
from nbtasks.result.steps import Step
from nbtasks.serializers import Codec, decode_json
from nbtasks.signing import SYSTEM
from nbtasks.stacks import ask_stack
from nbtasks.states import FAILURE, IGNORED, RETRY, REVOKED, STARTED, SUCCESS
from nbtasks.store.dead import run_again
from nbtasks.store.recall import Told, recall
from nbtasks.store.store import Store

RECALLED: Final = 200
"""Members of a record of which is asked what only events tell."""

Blamed = dict[tuple[str, int], bytes | None]
"""The errors of tasks that others were not run for, as stored, by record and index."""


class Reader(ABC):
    """The part of an app that results know (`ResultSource`)."""

    config: Config
    clock: Clock
    revoke_on_interrupt: bool
    name_places: Callable[[str], str]
    says_where: bool
    on_waited: Callable[[Sequence[LiveRecord]], None] | None
    _redrive: Redrive

    @property
    def is_eager(self) -> bool:
        """Whether what it knows of ran in this process: it ran on workers."""
        return False

    @property
    @abstractmethod
    def connection(self) -> Connection:
        """Store, signer and events; made when first asked for."""

    @property
    @abstractmethod
    def codec(self) -> Codec:
        """What values travel as."""

    @property
    def store(self) -> Store:
        """The store."""
        return self.connection.store

    @property
    def event_stream(self) -> EventStream:
        """This client's events."""
        return self.connection.events

    def check(self) -> None:
        """Raise StoreUnavailable where Redis is out of reach for too long."""
        self.event_stream.check()

    def attach(self, rids: Sequence[str]) -> list[LiveRecord | None]:
        """Follow records by their ids; None for one that is not stored."""
        found: dict[str, LiveRecord] = {}
        for rid in rids:
            known = self.event_stream.find(rid)
            if known is not None and not known.missing:
                found[rid] = known
        unknown = [rid for rid in dict.fromkeys(rids) if rid not in found]
        for rid, snapshot in self.store.watch_all(unknown):
            if snapshot is not None:
                header, n = Header.decode(snapshot.header), len(snapshot.states)
                found[rid] = record = LiveRecord(
                    rid, n, header.title, snapshot.queue, snapshot.submitted_ms
                )
                record.group_id = header.group_id
                self.event_stream.follow(record)
        # Followed first, read again after: what ended in between is in the one or the other. When
        # the others have ended is not known.
        for rid, snapshot in self.store.watch_all([rid for rid in unknown if rid in found]):
            if snapshot is not None:
                apply_snapshot(found[rid], snapshot, 0)
        return [found.get(rid) for rid in rids]

    def bodies(self, rid: str, indices: Sequence[int], states: bytes) -> list[bytes | None]:
        """The signed values or errors of members, by their state bytes; None where none is."""
        return self.store.bodies(rid, indices, states)

    def recall(self, record: LiveRecord) -> None:
        """Ask for what only events tell: where members run, how far they are, what they wrote.

        For a record that this client has come to late. Of many members only the first are asked
        for, the failed and running ones before others; their errors are, too.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        states = bytes(record.states)
        failed = [at for at, code in enumerate(states) if code == FAILURE][: RECALLED // 2]
        running = [at for at, code in enumerate(states) if code == STARTED]
        others = [at for at, code in enumerate(states) if code in {SUCCESS, RETRY, REVOKED}]
        indices = [*failed, *running, *others][:RECALLED]
        if not indices or record.missing:
            return
        record.hold_output()
        last, known = (0, 0), dict[int, Told]()
        try:
            last, told = recall(self.store, record.rid, indices)
            known = dict(zip(indices, told, strict=True))
        finally:
            parts = {at: [(p.stream, p.text) for p in one.log] for at, one in known.items()}
            record.release_output(parts, last)
        for index, one in known.items():
            # One that says how far it is within its first 20 ms has not told where it runs.
            if one.worker or one.progress:
                progress = read_progress(one.progress) if one.progress else None
                record.place(index, one.worker, one.began_ms, progress)
        errors = self.bodies(record.rid, failed, bytes([FAILURE]) * len(failed))
        for index, body in zip(failed, errors, strict=True):
            if body is not None:
                self._error_text(record, index, body)

    def canvas_of(self, records: Sequence[LiveRecord]) -> Canvas:
        """The canvas that records are in; they alone, where they are in none that is stored."""
        call, keys = self.store.call, self.store.keys
        root = call("HGET", keys.record(records[0].rid), "g") if records else None
        data = call("HGET", keys.canvas(root.decode()), "plan") if root else None
        if data is None:
            return Canvas(self, [Step(record) for record in records])
        return Canvas.of_drawing(self, decode_json(data))

    def values(self, record: LiveRecord, indices: Sequence[int]) -> list[Any]:
        """The values of finished members; an exception object where one failed.

        Raises:
            BadSignature: A value is not signed by our key.
            UnknownTask: A value is no longer stored.
        """
        bodies = record.bodies
        missing = [index for index in indices if index not in bodies]
        if missing:
            states = bytes(record.states[index] for index in missing)
            fetched = self.bodies(record.rid, missing, states)
            found = {
                at: body for at, body in zip(missing, fetched, strict=True) if body is not None
            }
            bodies = {**bodies, **found}
        found_bodies = [bodies.get(index) for index in indices]
        open_ = _Opener(self, record, self._blamed_bodies(found_bodies))
        return [open_(index, body) for index, body in zip(indices, found_bodies, strict=True)]

    def revoke(
        self, record: LiveRecord, start: int, stop: int, *, terminate: bool, signal: str = KILL
    ) -> int:
        """End members that have not finished; returns how many."""
        return self.store.revoke(record.rid, start, stop, terminate=terminate, signal=signal)

    def run_again(self, record: LiveRecord, index: int) -> bool:
        """Queue a failed member again; False where it has not failed.

        Raises:
            UnknownTask: The record is not stored.
            StoreRefused: Its code is no longer stored; or Redis is full.
        """
        return self.run_all_again(record, [index]) > 0

    def run_all_again(self, record: LiveRecord, indices: Sequence[int]) -> int:
        """The same of several members; returns how many of them are queued."""
        numbers, others = run_again(self.store, record.rid, indices)
        for index, number in zip(indices, numbers, strict=True):
            if number:
                record.again(index, number)
        self.event_stream.note_again(others)
        return sum(number > 0 for number in numbers)

    def forget(self, record: LiveRecord) -> bool:
        """Remove a finished record; False where a member has not finished."""
        is_gone = self.store.forget(record.rid)
        if is_gone:
            self._redrive.drop(record.rid)
            record.lose()
        return is_gone

    def save_group(self, group: GroupResult[Any]) -> None:
        """Keep what a group is made of, for as long as results are kept."""
        key, keep_ms = self.store.keys.group(group.id), self.config.result_expires_ms
        self.store.call("SET", key, save(group), "PX", keep_ms)

    def restore_group(self, group_id: str) -> GroupResult[Any] | None:
        """The group that was saved under an id (`GroupResult.save`); None where none was.

        Its tasks are followed again; one that is not stored any more is unknown.
        """
        data = self.store.call("GET", self.store.keys.group(group_id))
        return restore(self, data) if data is not None else None

    def delete_group(self, group_id: str) -> bool:
        """Remove what was saved of a group; False where nothing was."""
        return bool(self.store.call("UNLINK", self.store.keys.group(group_id)))

    def result_from_tuple(self, ids: Any) -> ResultBase:
        """The result that `as_tuple` made a tuple of, from any client of the app."""
        return from_tuple(self, ids)

    def log(self, record: LiveRecord, index: int) -> str:
        """What a member wrote to stdout and stderr so far."""
        parts = self.store.log(record.rid, index)
        return "".join(
            Dropped.read(part.text).line() if part.stream == STREAMS[DROPPED] else part.text
            for part in parts
            if part.stream not in NOT_WRITTEN
        )

    def parts(self, record: LiveRecord, index: int, start: int) -> list[Any]:
        """What a member has yielded so far, from place `start` on, as much as one reply may carry.

        Raises:
            BadSignature: A part is not signed by our key, or is of another place.
        """
        bodies = self.store.parts(record.rid, index, start)
        seal = self.connection.signer.results(parts_of(record.rid, index))
        what = f"what task {record.name!r} ({record.task_id(index)}) has yielded is refused"
        return [
            self.codec.decode(seal.open(at, body, what), what)
            for at, body in enumerate(bodies, start)
        ]

    def outlook(self, record: LiveRecord, index: int) -> Outlook:
        """How long a member has still to wait."""
        return Outlook(self.store, record, index)

    def stack(self, record: LiveRecord, index: int, timeout: float) -> str:
        """Where a running member is, as its worker says.

        Raises:
            NotRunning: It does not run.
            WaitTimeout: Nobody has answered for `timeout` seconds.
            BadSignature: The answer is not signed by our key.
        """
        return self.name_places(ask_stack(self.connection, record, index, timeout))

    def error_text(self, record: LiveRecord, index: int) -> ErrorText:
        """A failed member in words; fetched, where it was too long for an event."""
        body = record.bodies.get(index)
        if body is None:
            (body,) = self.bodies(record.rid, [index], bytes([record.states[index]]))
        return ErrorText("", "") if body is None else self._error_text(record, index, body)

    def arguments(self, record: LiveRecord, index: int) -> Arguments | None:
        """What a member is called with; None where a value has taken its place."""
        return stored_arguments(self.connection, self.codec, record, index)

    def ended_ms(self, record: LiveRecord, index: int) -> int | None:
        """When a member has ended, in ms since 1970; None where it has not, or is not known."""
        known = record.ended.get(index) or (record.finished_ms if record.n == 1 else 0)
        return known or stored_end_ms(self.store, record)

    def _error_text(self, record: LiveRecord, index: int, body: bytes) -> ErrorText:
        blamed = read_dependency(body)
        if blamed is not None:
            (cause,) = self.bodies(blamed.rid, [blamed.index], bytes([FAILURE]))
            known = cause and self.event_stream.error_text(
                blamed.rid, blamed.index, blamed.task_id, cause
            )
            text = blame(blamed, known or None)
        else:
            text = self.event_stream.error_text(record.rid, index, record.task_id(index), body)
        record.errors[index] = text
        return text

    def waited(self, records: Sequence[LiveRecord]) -> None:
        """A blocking wait for these records has ended."""
        if self.on_waited is not None:
            self.on_waited(records)

    def _blamed_bodies(self, bodies: Iterable[bytes | None]) -> Blamed:
        """The errors of the tasks that these blame, read with one command for each record."""
        by_record: defaultdict[str, set[int]] = defaultdict(set)
        for body in bodies:
            blamed = read_dependency(body) if body is not None else None
            if blamed is not None:
                by_record[blamed.rid].add(blamed.index)
        found: Blamed = {}
        for rid, members in by_record.items():
            live = self.event_stream.find(rid)
            unknown: list[int] = []
            for index in sorted(members):
                if live is not None and index in live.bodies and live.has_failed(index):
                    found[rid, index] = live.bodies[index]
                else:
                    unknown.append(index)
            fetched = self.bodies(rid, unknown, bytes([FAILURE]) * len(unknown))
            for index, body in zip(unknown, fetched, strict=True):
                found[rid, index] = body
        return found

    def failure(self, blamed: Dependency, body: bytes | None) -> BaseException | None:
        """The error of a task that others were not run for; None where it is not known any more.

        Args:
            blamed: That task.
            body: Its error as it is stored; None where there is none.
        """
        rid, index, task_id = blamed.rid, blamed.index, blamed.task_id
        if body is not None:
            return self.open_failure(rid, index, task_id, body)
        state = self.store.call("GETRANGE", self.store.keys.states(rid), index, index)
        return TaskRevoked(task_id) if state == bytes([REVOKED]) else None

    def open_failure(self, rid: str, index: int, task_id: str, body: bytes) -> BaseException:
        """The error in a body of a member.

        Raises:
            BadSignature: It is not signed by our key.
        """
        if body[:1] == SYSTEM:
            return system_failure(body, task_id)
        payload = self.connection.signer.results(rid).open(
            index, body, f"the error of task {task_id} is refused"
        )
        if bytes(payload[:1]) != ERROR:
            raise BadSignature(f"the state of task {task_id} is refused")
        return read_exception(payload, self.codec, says_where=self.says_where)


class _Opener:
    """Makes values of the bodies of a record; an error that many of them name is read once."""

    def __init__(self, reader: Reader, record: LiveRecord, blamed: Blamed) -> None:
        self._reader = reader
        self._blamed = blamed
        self._record = record
        self._codec = reader.codec
        self._seal = reader.connection.signer.results(record.rid)
        self._causes: dict[Dependency, BaseException] = {}

    def __call__(self, index: int, body: bytes | None) -> Any:
        """The value of a member, or an exception object.

        Raises:
            BadSignature: It is not signed by our key.
            UnknownTask: It is no longer stored.
        """
        record = self._record
        task_id = record.task_id(index)
        state = record.states[index]
        if state == IGNORED:
            return None
        if body is None:
            if state == REVOKED:
                return TaskRevoked(task_id)
            raise UnknownTask(task_id)
        if body[:1] == SYSTEM and state != SUCCESS:
            blamed = read_dependency(body)
            return self._cause(blamed) if blamed is not None else system_failure(body, task_id)
        payload = self._seal.open(
            index, body, f"the result of task {record.name!r} ({task_id}) is refused"
        )
        if (bytes(payload[:1]) == ERROR) == (state == SUCCESS):
            # The state is not signed, but what was signed says which it is.
            raise BadSignature(f"the state of task {record.name!r} ({task_id}) is refused")
        if state != SUCCESS:
            return read_exception(payload, self._codec, says_where=self._reader.says_where)
        return self._codec.decode(payload, f"the value of task {record.name!r} ({task_id})")

    def _cause(self, blamed: Dependency) -> BaseException:
        if blamed not in self._causes:
            error = self._reader.failure(blamed, self._blamed.get((blamed.rid, blamed.index)))
            if error is None:
                error = ChordError(blamed.task_id)
            elif blamed.is_chord:
                error = chord_failure(blamed.task_id, error)
            self._causes[blamed] = error
        return self._causes[blamed]
