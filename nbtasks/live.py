"""What this client knows of the records it follows: fed by events, read by results and widgets."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from nbtasks.output import WRITTEN, Output
from nbtasks.record import member_id
from nbtasks.states import (
    FAILURE,
    PENDING,
    RETRY,
    REVOKED,
    STARTED,
    STATES,
    WAITING,
    TaskState,
    is_finished,
)
from nbtasks.tries import Tries, Try

EVERY = -1
"""In place of an index: every member, also after one has failed."""

SOON: Final = 10_000
"""With fewer members left than this, the end of all may be what comes next."""

EventId = tuple[int, int]
"""Which event told something: they grow."""


@dataclass(frozen=True, slots=True)
class Start:
    """When and where a member began; `at_ms` is Redis' time, in ms since 1970."""

    worker: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a member is: `current` of `total` (None: unknown), and a word about it.

    `state` is the one it has given itself, empty for none, and `meta` what it says with that.
    """

    current: float
    total: float | None
    message: str = ""
    state: str = ""
    meta: Any = field(default=None, hash=False)

    @property
    def fraction(self) -> float | None:
        """From 0 to 1, or None where the total is unknown."""
        if not self.total:
            return None
        return min(1.0, max(0.0, self.current / self.total))


@dataclass(frozen=True, slots=True)
class ErrorText:
    """A failed try in words; never an exception object."""

    type_name: str
    text: str
    traceback: str = ""


class LiveRecord:
    """One record of 1..n members as this client sees it.

    Only the event thread changes it, but for `again`; anybody may read. `states` holds one byte a
    member (`nbtasks.states`), `bodies` the signed value or error of a finished member as it came,
    or None where it is to be fetched from the store. `started` and `progress` hold only members
    that ran long enough to be reported (about 20 ms).
    """

    def __init__(self, rid: str, n: int, name: str, queue: str = "", submitted_ms: int = 0) -> None:
        self.rid = rid
        self.n = n
        self.name = name
        self.queue = queue
        self.submitted_ms = submitted_ms
        self.finished_ms = 0
        self.group_id = ""
        self.labels: list[str] | None = None
        self.states = bytearray([PENDING]) * n
        self.left = n
        self.bodies: dict[int, bytes] = {}
        self.started: dict[int, Start] = {}
        self.ended: dict[int, int] = {}
        self.progress: dict[int, Progress] = {}
        self.errors: dict[int, ErrorText] = {}
        self.retries: dict[int, int] = {}
        self.requeues: dict[int, int] = {}
        self.tries = Tries()
        self._unheard: set[int] = set()
        self.output: dict[int, Output] = {}
        self.shows_log = True
        self._held: list[tuple[EventId, int, str, str]] | None = None
        self.first_failure: int | None = None
        self.missing = False
        self._lock = threading.Lock()
        self._waiters: list[tuple[int | None, Callable[[], None]]] = []
        self._dirty: list[set[int]] = []
        self._observers: list[Callable[[range], None]] = []
        self._revivers: list[Callable[[], None]] = []

    def task_id(self, index: int) -> str:
        """The id of one member: the record's own where there is just one."""
        return member_id(self.rid, index, self.n)

    def state(self, index: int) -> TaskState:
        """The state of one member."""
        code = self.states[index]
        if code == STARTED and index in self.progress:
            return TaskState.PROGRESS
        return STATES[code]

    def is_done(self, index: int | None) -> bool:
        """Whether one member (None: every member) has finished, or the record is gone."""
        if self.missing:
            return True
        if index is None or index == EVERY:
            return self.left == 0
        return is_finished(self.states[index])

    def has_failed(self, index: int | None) -> bool:
        """Whether one member (None: any member) ended in an error."""
        if index is None:
            return self.first_failure is not None
        return self.states[index] in _FAILED

    def counts(self) -> dict[TaskState, int]:
        """How many members are in each state; the states that nobody is in are left out."""
        found: dict[TaskState, int] = {}
        for code, state in STATES.items():
            if count := self.states.count(code):
                found[state] = found.get(state, 0) + count
        return found

    def dirty_set(self) -> set[int]:
        """A set that from now on gets the index of each changed member; the caller empties it."""
        members: set[int] = set()
        self._dirty.append(members)
        return members

    def drop_dirty_set(self, members: set[int]) -> None:
        """Stop filling a set of `dirty_set`."""
        self._dirty = [kept for kept in self._dirty if kept is not members]

    def call_when_done(self, index: int | None, call: Callable[[], None]) -> None:
        """Call back once, from the event thread, when a member is done.

        In place of an index, None stands for all, or the first failure, and EVERY for all.
        """
        with self._lock:
            if not self._is_due(index):
                self._waiters.append((index, call))
                return
        call()

    def drop_callback(self, call: Callable[[], None]) -> None:
        """Forget a callback of `call_when_done` that is no longer wanted."""
        with self._lock:
            self._waiters = [pair for pair in self._waiters if pair[1] is not call]

    def is_awaited(self) -> bool:
        """Whether somebody may be waiting for what ends next, not for the end of many."""
        return bool(self._observers) or any(
            self.left < SOON or (index is not None and index != EVERY) for index, _ in self._waiters
        )

    def observe(self, call: Callable[[range], None]) -> None:
        """Call back from the event thread with each range of members that has finished."""
        self._observers.append(call)

    def drop_observer(self, call: Callable[[range], None]) -> None:
        """Stop calling it."""
        self._observers = [kept for kept in self._observers if kept is not call]

    def call_when_again(self, call: Callable[[], None]) -> None:
        """Call back once, from any thread, when a member that had failed is queued again."""
        self._revivers.append(call)

    # What was written before this client followed the record is asked for, and what is written
    # meanwhile comes by events: each part is to be known once.

    def hold_output(self) -> None:
        """Keep what events tell of output apart, until `release_output`."""
        with self._lock:
            self._held = []

    def release_output(
        self, known: Mapping[int, Sequence[tuple[str, str]]], last: EventId = (0, 0)
    ) -> None:
        """Take what was asked for: (stream, text) by member; then what came after that event."""
        with self._lock:
            held, self._held = self._held or [], None
            for index, parts in known.items():
                self.output.pop(index, None)
                for stream, text in parts:
                    self._write(index, stream, text)
            for event, index, stream, text in held:
                if index not in known or event > last:
                    self._write(index, stream, text)
            changed = {*known, *(index for _, index, _, _ in held)}
        self._changed(tuple(changed))

    def place(self, index: int, worker: str, at_ms: int, progress: Progress | None) -> None:
        """Where a member runs or ran (where it has said), and how far it was: no event told it."""
        if worker:
            self.started.setdefault(index, Start(worker, at_ms))
        if progress is not None:
            self.progress.setdefault(index, progress)
        self._changed((index,))

    # What the event thread calls.

    def finish(
        self,
        start: int,
        states: bytes,
        bodies: list[bytes],
        worker: str,
        at_ms: int,
    ) -> None:
        """Members `start`.. reached these final states; an empty body is to be fetched later."""
        members = range(start, start + len(states))
        if not self._unheard.isdisjoint(members):
            for index in sorted(set(members) - self._unheard):
                at = index - start
                self.finish(index, states[at : at + 1], bodies[at : at + 1], worker, at_ms)
            return
        with self._lock:  # a user's thread may be in `again`
            before = self.states[start : members.stop]
            self.states[start : members.stop] = states
            self.left -= sum(map(_UNFINISHED.__contains__, before))
            if self.left == 0:
                self.finished_ms = at_ms
            if self.first_failure is None:
                self._find_failure(members)
        for index, body in enumerate(bodies, start):
            if body:
                self.bodies[index] = body
        for index in members if self.started else ():
            if index in self.started:
                self.ended[index] = at_ms
        self._changed(members)
        for call in self._observers:
            call(members)
        self._wake()

    def again(self, index: int, number: int) -> None:
        """A failed member was queued again, for the `number`-th time; told twice, it counts once.

        Called by who asked for it. Until the stream tells of it as well, what the stream tells of
        this member is older.
        """
        self._restart(index, number, is_heard=False)

    def hear_again(self, index: int, number: int) -> None:
        """The stream tells that a failed member was queued again."""
        self._restart(index, number, is_heard=True)

    def hear_all(self) -> None:
        """What is told next is newer than all requests to queue again."""
        with self._lock:
            self._unheard.clear()

    def _restart(self, index: int, number: int, *, is_heard: bool) -> None:
        with self._lock:
            known = self.requeues.get(index, 0)
            if is_heard and number >= known:
                self._unheard.discard(index)
            if number <= known:
                return
            self.requeues[index] = number
            if not is_heard:
                self._unheard.add(index)
            ended_ms = self.ended.get(index) or (self.finished_ms if self.n == 1 else 0)
            self._note_try(index, ended_ms, self.errors.get(index))
            if is_finished(self.states[index]):
                self.left += 1
                self.finished_ms = 0
            self.states[index] = PENDING
            for facts in (self.bodies, self.errors, self.started, self.ended, self.progress):
                facts.pop(index, None)
            self.retries.pop(index, None)
            if self.first_failure == index:
                self.first_failure = None
                self._find_failure(range(self.n))
        self._changed((index,))
        revivers, self._revivers = self._revivers, []
        for call in revivers:
            call()

    def begin(self, index: int, worker: str, at_ms: int) -> None:
        """A member has been running for a while."""
        if self._may_change(index):
            self.states[index] = STARTED
            self.started[index] = Start(worker, at_ms)
            self._changed((index,))

    def back(self, index: int, code: int, at_ms: int = 0) -> None:
        """A member waits again: its worker was lost (PENDING) or it will be retried (RETRY)."""
        if self._may_change(index):
            self._note_try(index, at_ms, self.errors.get(index) if code == RETRY else None)
            self.states[index] = code
            self.started.pop(index, None)
            self.progress.pop(index, None)
            if code == RETRY:
                self.retries[index] = self.retries.get(index, 0) + 1
            self._changed((index,))

    def _note_try(self, index: int, end_ms: int, error: ErrorText | None) -> None:
        start = self.started.get(index) or Start("", 0)
        why = error.type_name if error is not None else ""
        self.tries.note(index, Try(start.worker, start.at_ms, end_ms, why))

    def move(self, index: int, code: int) -> None:
        """A member has another unfinished state, seen in a snapshot."""
        if not is_finished(self.states[index]):
            self.states[index] = code
            if code != STARTED:
                self.started.pop(index, None)
                self.progress.pop(index, None)
            self._changed((index,))

    def report(self, index: int, progress: Progress) -> None:
        """A member told how far it is."""
        if self._may_change(index):
            self.states[index] = STARTED
            self.progress[index] = progress
            self._changed((index,))

    def write(self, index: int, stream: str, text: str, event: EventId = (0, 0)) -> None:
        """A member wrote something; `event` tells it."""
        with self._lock:
            if self._held is not None:
                self._held.append((event, index, stream, text))
                return
            self._write(index, stream, text)
        self._changed((index,))

    def _write(self, index: int, stream: str, text: str) -> None:
        if stream in WRITTEN and not self.shows_log:
            return
        output = self.output.get(index)
        if output is None:
            output = self.output[index] = Output()
        output.add(stream, text)

    def touch(self, index: int) -> None:
        """A member has yielded something: who observes this record is to look."""
        for call in self._observers:
            call(range(index, index + 1))

    def lose(self) -> None:
        """The store no longer has this record."""
        self.missing = True
        self._changed(range(self.n))
        for call in self._observers:
            call(range(self.n))
        self._wake()

    def _may_change(self, index: int) -> bool:
        return index not in self._unheard and not is_finished(self.states[index])

    def _changed(self, members: range | tuple[int, ...]) -> None:
        for dirty in self._dirty:
            dirty.update(members)

    def _find_failure(self, members: range) -> None:
        states = self.states[members.start : members.stop]
        failed = [states.find(code) for code in _FAILED if code in states]
        if failed:
            self.first_failure = members.start + min(failed)

    def _is_due(self, index: int | None) -> bool:
        return self.is_done(index) or (index is None and self.first_failure is not None)

    def _wake(self) -> None:
        # Always under the lock: who just looked, and is about to be added, must not be missed.
        with self._lock:
            due = [call for index, call in self._waiters if self._is_due(index)]
            if due:
                self._waiters = [pair for pair in self._waiters if not self._is_due(pair[0])]
        for call in due:
            call()


_UNFINISHED = frozenset((PENDING, WAITING, STARTED, RETRY))
_FAILED = (FAILURE, REVOKED)
