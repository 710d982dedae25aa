"""The tasks of a board, numbered through: their states as codes, what runs, and what has failed."""

import heapq
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from nbtasks.live import ErrorText, LiveRecord, Progress
from nbtasks.states import (
    FAILURE,
    IGNORED,
    PENDING,
    RETRY,
    REVOKED,
    STARTED,
    SUCCESS,
    WAITING,
    is_finished,
)

UNKNOWN_SHARE: Final = 255
"""The progress byte of a member that does not say how far it is; known ones are 0..254."""
N_CODES: Final = 8
(
    CODE_PENDING,
    CODE_STARTED,
    CODE_PROGRESS,
    CODE_SUCCESS,
    CODE_FAILURE,
    CODE_RETRY,
    CODE_REVOKED,
    CODE_IGNORED,
) = range(N_CODES)
_CODE_OF: Final = {
    PENDING: CODE_PENDING,
    SUCCESS: CODE_SUCCESS,
    STARTED: CODE_STARTED,
    WAITING: CODE_PENDING,
    FAILURE: CODE_FAILURE,
    RETRY: CODE_RETRY,
    REVOKED: CODE_REVOKED,
    IGNORED: CODE_IGNORED,
}
_TELLING: Final = frozenset((STARTED, FAILURE))
_TO_CODES: Final = bytes.maketrans(bytes(_CODE_OF), bytes(_CODE_OF.values()))


@dataclass(slots=True)
class Failures:
    """The members that failed with one type of exception; the words of the first of them."""

    type_name: str
    first: int
    error: ErrorText
    count: int = 0


class Tally:
    """The members of one or more records, numbered through, and what is known of them.

    `drain` brings `running` and `failures` up to date with the records; whoever calls it holds the
    board's lock. All else reads the records as they are now.
    """

    def __init__(self, records: Sequence[LiveRecord]) -> None:
        self.records = tuple(records)
        self._starts = list(accumulate((record.n for record in self.records), initial=0))
        self.n = self._starts[-1]
        self.running: dict[int, int] = {}
        """When each running member began (ms, Redis' time; 0: unknown)."""
        self.failures: dict[str, Failures] = {}
        self._failed: dict[int, ErrorText] = {}
        self._silent: set[int] = set()
        self._known_errors = 0
        self._dirty = [record.dirty_set() for record in self.records]
        for record, dirty in zip(self.records, self._dirty, strict=True):
            states = bytes(record.states)
            dirty.update(index for index, code in enumerate(states) if code != PENDING)

    def close(self) -> None:
        """Stop collecting what changes."""
        for record, dirty in zip(self.records, self._dirty, strict=True):
            record.drop_dirty_set(dirty)

    def is_done(self) -> bool:
        """Whether nothing can change any more."""
        return all(record.is_done(None) for record in self.records)

    @property
    def missing(self) -> bool:
        """Whether the store has lost a record."""
        return any(record.missing for record in self.records)

    def locate(self, i: int) -> tuple[LiveRecord, int]:
        """The record of member `i`, and its index there."""
        which = bisect_right(self._starts, i) - 1
        return self.records[which], i - self._starts[which]

    def label(self, i: int) -> str:
        """What a member is called: its own label, else the record's name and its number."""
        record, index = self.locate(i)
        if record.labels is not None and index < len(record.labels):
            return record.labels[index]
        return record.name if record.n == 1 else f"{record.name}[{index}]"

    def code(self, i: int) -> int:
        """The state of a member as a widget's code."""
        record, index = self.locate(i)
        code = _CODE_OF[record.states[index]]
        return CODE_PROGRESS if code == CODE_STARTED and index in record.progress else code

    def progress(self, i: int) -> Progress | None:
        """What a running member said about how far it is."""
        record, index = self.locate(i)
        return None if is_finished(record.states[index]) else record.progress.get(index)

    def share(self, i: int) -> int:
        """How far a member is, as the widget's byte."""
        progress = self.progress(i)
        fraction = None if progress is None else progress.fraction
        return UNKNOWN_SHARE if fraction is None else int(fraction * (UNKNOWN_SHARE - 1))

    def has_news(self) -> bool:
        """Whether a member changed since the last `drain`."""
        return any(self._dirty)

    def drain(self) -> list[int]:
        """The members that changed since the last time."""
        changed: list[int] = []
        for start, record, dirty in zip(self._starts, self.records, self._dirty, strict=False):
            indices = list(dirty)
            # Not clear(): the event thread may add a member in between, when another one drains.
            dirty.difference_update(indices)
            states, began = record.states, record.started
            changed += [start + index for index in indices]
            for index in self._telling(start, indices, states):
                i = start + index
                code = states[index]
                if code == STARTED:
                    self.running[i] = began[index].at_ms if index in began else 0
                else:
                    self.running.pop(i, None)
                    if code == FAILURE:
                        self._fail(i, record.errors.get(index))
                    elif i in self._failed or i in self._silent:
                        self._run_again(i)
        self._hear_late_errors()
        return changed

    def _telling(self, start: int, indices: list[int], states: bytearray) -> list[int]:
        """Those that run, have failed, or did: of thousands that came to a good end are none."""
        running, failed, silent = self.running, self._failed, self._silent
        return [
            index
            for index in indices
            if states[index] in _TELLING
            or (i := start + index) in running
            or i in failed
            or i in silent
        ]

    def codes(self) -> bytearray:
        """The state of every member, one code each."""
        found = bytearray(b"".join(bytes(one.states) for one in self.records).translate(_TO_CODES))
        for i in tuple(self.running):
            if found[i] == CODE_STARTED:
                found[i] = self.code(i)
        return found

    def shares(self) -> bytearray:
        """How far every member is, one byte each."""
        found = bytearray([UNKNOWN_SHARE]) * self.n
        for i in tuple(self.running):
            found[i] = self.share(i)
        return found

    def counts(self) -> list[int]:
        """How many members are in each state, by code."""
        found = [0] * N_CODES
        for record in self.records:
            left = record.n
            for state, code in _CODE_OF.items():
                if left:  # each look at 100,000 states takes a tenth of a ms: most are in vain
                    count = record.states.count(state)
                    found[code] += count
                    left -= count
        moving = sum(1 for i in tuple(self.running) if self.code(i) == CODE_PROGRESS)
        found[CODE_PROGRESS] = min(moving, found[CODE_STARTED])
        found[CODE_STARTED] -= found[CODE_PROGRESS]
        return found

    def longest_running(self, limit: int) -> list[int]:
        """The members that began first and still run, oldest first."""
        return heapq.nsmallest(limit, self.running, key=lambda i: (self.running[i], i))

    def by_frequency(self) -> list[Failures]:
        """The failures by type, the most frequent first."""
        return sorted(self.failures.values(), key=lambda group: (-group.count, group.first))

    def failed(self) -> list[tuple[LiveRecord, int]]:
        """The members that have failed, in their order."""
        return [
            (record, index)
            for record in self.records
            for index, state in enumerate(bytes(record.states))
            if state == FAILURE
        ]

    def began_ms(self) -> int:
        """When the first record was sent (ms, Redis' time; 0: unknown)."""
        return min((one.submitted_ms for one in self.records if one.submitted_ms), default=0)

    def ended_ms(self) -> int:
        """When the last member ended (ms, Redis' time; 0: not yet, or unknown)."""
        return max((one.finished_ms for one in self.records), default=0) if self.is_done() else 0

    def _fail(self, i: int, error: ErrorText | None) -> None:
        if i in self._failed:
            if error is None or error == self._failed[i]:
                return
            self._run_again(i)  # it was queued again, and has failed, since the last look
        if error is None:
            self._silent.add(i)
            return
        self._silent.discard(i)
        self._failed[i] = error
        group = self.failures.get(error.type_name)
        if group is None:
            group = self.failures[error.type_name] = Failures(error.type_name, i, error)
        elif i < group.first:
            group.first, group.error = i, error
        group.count += 1

    def _run_again(self, i: int) -> None:
        """A failed member was queued again: it is no failure any more."""
        self._silent.discard(i)
        error = self._failed.pop(i, None)
        if error is None:
            return
        group = self.failures[error.type_name]
        group.count -= 1
        if not group.count:
            del self.failures[group.type_name]
        elif group.first == i:
            type_name = group.type_name
            group.first = min(at for at, one in self._failed.items() if one.type_name == type_name)
            group.error = self._failed[group.first]

    def _hear_late_errors(self) -> None:
        known = sum(len(record.errors) for record in self.records)
        if known == self._known_errors or not self._silent:
            self._known_errors = known
            return
        self._known_errors = known
        for i in tuple(self._silent):
            record, index = self.locate(i)
            self._fail(i, record.errors.get(index))
