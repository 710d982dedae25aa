"""What a worker has in hand: slices under a lease, and the children that hold them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from nbtasks.states import FAILURE
from nbtasks.worker.interrupt import SOFT_SIGNAL
from nbtasks.worker.process import ChildEnd
from nbtasks.worker.work import Work

SUSPECT: Final = 1
"""Of its deaths the reply says this where the next would be its last; 2 for others, 0 for none."""

Inputs = list[list[bytes]]
"""What a slice takes from other records: for each source states, and then bodies (`upstream`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A slice as Redis gave it, with a number where one belongs and bytes for each body.

    Who writes to Redis may have written anything; the child refuses what is not signed.
    """

    slot: int
    lease: str
    rid: str
    start: int
    header: bytes
    code: str
    members: int
    retries: int
    is_suspect: bool
    is_again: bool
    inputs: Inputs
    kept: list[list[Any]]
    bodies: list[bytes]

    @classmethod
    def checked(cls, reply: list[Any]) -> "Taken":
        """An item of the reply of `exchange`."""
        slot, lease, rid, start, header, code, members, retries, deaths, *rest = reply
        inputs, kept, *bodies = rest
        return cls(
            slot=slot,
            lease=_text(lease),
            rid=_text(rid),
            start=start,
            header=header,
            code=_text(code),
            members=int(members) if members and members.isdigit() else 1,
            retries=retries,
            is_suspect=deaths == SUSPECT,
            is_again=bool(deaths),
            inputs=[[body or b"" for body in item] for item in inputs] if inputs else [],
            kept=kept or [],
            bodies=[body or b"" for body in bodies],
        )


@dataclass(slots=True)
class Delivery:
    """A slice under a lease, in the hands of a child.

    Members [at, stop) have not ended yet; `left` counts those that nothing was handed in about: the
    lease goes with the last of them. Coroutines end in any order: they are in `ended`, and have no
    sequence numbers, since all have begun at `begun_ms`. `spoiled` are members that must fail, with
    the error, though nobody can end them; of `revoked` ones receivers of a signal were told.
    """

    number: int
    task: str
    lease: str
    rid: str
    members: int
    start: int
    stop: int
    at: int
    left: int
    sequence: int
    retries: int
    header: bytes
    limit_ms: int = 0
    soft_ms: int = 0
    is_suspect: bool = False
    once: bool = False
    announced: int = -1
    is_async: bool = False
    is_interrupted: bool = False
    begun_ms: float = 0.0
    ended: set[int] = field(default_factory=set[int])
    spoiled: dict[int, bytes] = field(default_factory=dict[int, bytes])
    revoked: set[int] = field(default_factory=set[int])

    def sequence_of(self, index: int) -> int:
        """The child's sequence number of a member."""
        return self.sequence + index - self.start

    def index_of(self, sequence: int) -> int:
        """The member that has a sequence number."""
        return self.start + sequence - self.sequence

    def holds(self, index: int) -> bool:
        """Whether a member is still to end here."""
        return self.at <= index < self.stop and index not in self.ended

    def unfinished(self) -> list[int]:
        """The members that are still to end here."""
        return [index for index in range(self.at, self.stop) if index not in self.ended]

    def spoil(self, start: int, states: bytes, bodies: list[bytes]) -> tuple[bytes, list[bytes]]:
        """What became of members `start`.., with the failure of those that are spoiled."""
        found = {index - start: body for index, body in self.spoiled.items() if index >= start}
        for at, body in found.items():
            if at < len(states):
                states = states[:at] + bytes([FAILURE]) + states[at + 1 :]
                bodies[at] = body
        return states, bodies

    def running(self, now: int) -> list[int]:
        """The members that have begun; `now` is the number in the cells."""
        if self.is_async:
            return self.unfinished()
        running = self.index_of(now)
        return [running] if self.holds(running) else []

    def cut_at(self, alone: list[int]) -> Iterator[tuple[int, int]]:
        """What is unfinished as ranges [start, stop), these members each in a range of its own."""
        start: int | None = None
        for index in self.unfinished():
            if start is not None and index in alone:
                yield start, index
                start = None
            if index in alone:
                yield index, index + 1
            elif start is None:
                start = index
        if start is not None:
            yield start, self.stop


@dataclass(slots=True)
class Condemned:
    """A revoked member: the signal it is to get, when a look found it running, and when it got it.

    Times are the clock's ticks in ms.
    """

    signal: int
    found_ms: float | None = None
    told_ms: float | None = None


@dataclass(slots=True)
class Slot:
    """A child, what it has been given, and since when it has been on the same member.

    `takeback` is the range of sequence numbers that it was just forbidden to begin; `condemned` are
    revoked members, by sequence number; `interrupted` is the last member that was over its soft
    limit. `flying` are the coroutines in the child, by
    delivery and index, at most `most_flying`, and `ending` says when one of them was cancelled.
    `lent` are members that wait for other tasks, and need no place of their own.
    """

    child: ChildEnd
    most_flying: int = 0
    deliveries: dict[int, Delivery] = field(default_factory=dict[int, Delivery])
    seen: int = 0
    since_ms: float = 0.0
    takeback: tuple[int, int] | None = None
    condemned: dict[int, Condemned] = field(default_factory=dict[int, Condemned])
    interrupted: int = 0
    flying: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    ending: dict[tuple[int, int], float] = field(default_factory=dict[tuple[int, int], float])
    lent: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])

    @property
    def killed(self) -> str:
        """Why its process was killed; empty where it was not."""
        return self.child.process.killed

    @property
    def is_free(self) -> bool:
        """Whether it may be given something."""
        process = self.child.process
        if process.killed or process.is_full or process.is_kept or self.has_sync:
            return False
        return not self.flying or len(self.flying - self.lent) < self.most_flying

    @property
    def is_lent(self) -> bool:
        """Whether the member that holds the child's one thread for tasks waits for other tasks."""
        return bool(self.lent - self.flying)

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs or waits in it."""
        return not (self.deliveries or self.flying)

    @property
    def has_sync(self) -> bool:
        """Whether it has something for the child's one thread for tasks."""
        return any(not delivery.is_async for delivery in self.deliveries.values())

    def room_for(self, delivery: Delivery) -> int:
        """How many members of a slice it may be given."""
        room = self.child.process.room
        rooms = [delivery.left] if room is None else [delivery.left, room]
        if delivery.is_async:
            rooms.append(max(0, self.most_flying - len(self.flying - self.lent)))
        return min(rooms)

    def hand_over(self, delivery: Delivery, taken: Taken, blob: bytes) -> None:
        """Give the child a slice, as much of it as the delivery says, and its code if it must."""
        child, code = self.child, taken.code
        bodies = taken.bodies[: delivery.stop - delivery.start]
        is_known = code in child.known_code
        if not is_known:
            child.known_code.add(code, len(blob))
        work = Work(
            delivery.sequence,
            delivery.number,
            delivery.rid,
            delivery.members,
            delivery.start,
            delivery.header,
            code,
            delivery.retries,
            delivery.is_async,
            bodies,
            None if is_known else blob,
            taken.inputs,
            taken.kept,
            taken.is_again,
        )
        child.hand_over(work)
        if delivery.is_async:
            self.flying.update((delivery.number, index) for index in delivery.unfinished())
        else:
            child.next_sequence += len(bodies)
            self.since_ms = delivery.begun_ms

    def interrupt(self, sequence: int, limit_ms: int) -> bool:
        """Raise SoftTimeLimitExceeded in the member that runs; whether no more is to be done.

        Python runs signal handlers in the main thread only: in other threads it is not raised.
        """
        if self.child.process.is_shared:
            return True
        cells = self.child.cells
        if self.interrupted != sequence:
            self.interrupted = sequence
            cells.interrupt(sequence, limit_ms)
        elif cells.is_interrupted(sequence):
            return True
        self.child.process.signal(SOFT_SIGNAL)
        return False

    def kill(self, reason: str) -> None:
        """End its process; what that holds goes back uncounted."""
        self.child.process.kill(reason)


def _text(name: bytes | None) -> str:
    return (name or b"").decode("utf-8", "replace")
