"""Between Redis and the children: what has ended goes out, what fits comes in, nothing is lost.

What is to be handed in stays in `_chunks` until Redis has answered; after a lost connection it is
sent again, and a chunk whose lease is gone by then is dropped by the script.
"""

import os
import random
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from nbtasks.clock import Clock
from nbtasks.failure import system_body
from nbtasks.record import Header
from nbtasks.serializers import PYTHON_TAG
from nbtasks.states import FAILURE, SUCCESS
from nbtasks.store.keys import Keys
from nbtasks.store.link import Link
from nbtasks.worker.child import RETRYABLE, Work
from nbtasks.worker.decide import Crashed, GiveBack, Raised, RetryIn, decide
from nbtasks.worker.pool import ChildProcess

SLOT_US: Final = 5000
"""Work that is handed to a child in one go: short tasks come in bundles of about this long."""

SLOT_MEMBERS: Final = 256
SLOW_US: Final = 20_000
"""A member that runs longer is reported as started, and what waits behind it goes back."""

_CODE_KEPT = 128
_NO_GUESS_US = float(SLOT_US)


@dataclass(slots=True)
class Delivery:
    """A slice under a lease, in the hands of a child.

    Members [at, stop) have not ended yet; `left` counts those that nothing was handed in about: the
    lease goes with the last of them.
    """

    number: int
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
    announced: int = -1

    def sequence_of(self, index: int) -> int:
        """The child's sequence number of a member."""
        return self.sequence + index - self.start

    def index_of(self, sequence: int) -> int:
        """The member that has a sequence number."""
        return self.start + sequence - self.sequence


@dataclass(slots=True)
class Slot:
    """A child, what it has been given, and since when it has been on the same member."""

    child: ChildProcess
    deliveries: dict[int, Delivery] = field(default_factory=dict[int, Delivery])
    seen: int = 0
    since_ms: float = 0.0
    takeback: tuple[int, int] | None = None
    killed: str = ""


class Dispatcher:
    """The exchange loop of one worker."""

    def __init__(
        self,
        link: Link,
        keys: Keys,
        name: str,
        queues: tuple[str, ...],
        lease_ms: int,
        clock: Clock,
    ) -> None:
        self._link = link
        self._keys = keys
        self._name = name
        self._queues = queues
        self._lease_ms = lease_ms
        self._clock = clock
        self._chunks: list[list[object]] = []
        self._reports: list[object] = []
        self._taken: list[list[Any]] = []
        self._code: OrderedDict[str, bytes] = OrderedDict()
        self._headers: dict[bytes, Header] = {}
        self._guess_us = _NO_GUESS_US
        self._numbers = 0
        self.slots: dict[int, Slot] = {}
        self.next_due_ms: float | None = None
        self.refused = 0

    def add(self, child: ChildProcess) -> None:
        """A new child is ready for work."""
        self.slots[child.pid] = Slot(child)

    @property
    def free(self) -> list[Slot]:
        """The children that have nothing to do."""
        return [slot for slot in self.slots.values() if not slot.deliveries and not slot.killed]

    @property
    def has_news(self) -> bool:
        """Whether there is something to hand in."""
        return bool(self._chunks or self._reports)

    @property
    def leases(self) -> list[str]:
        """All leases this worker holds."""
        held = [
            delivery.lease for slot in self.slots.values() for delivery in slot.deliveries.values()
        ]
        return held + [taken[1].decode() for taken in self._taken]

    # From children

    def done(
        self, slot: Slot, number: int, start: int, states: bytes, spent_us: int, bodies: list[bytes]
    ) -> None:
        """Members `start`.. of a delivery have ended."""
        delivery = slot.deliveries.get(number)
        if delivery is None:
            return
        each = max(1, spent_us // len(states))
        self._guess_us = (self._guess_us + each) / 2
        delivery.at = start + len(states)
        if RETRYABLE in states:
            self._decide_each(slot, delivery, start, states, each, bodies)
        else:
            self._chunk("f", slot, delivery, len(states), start, states, each, *bodies)

    def dropped(self, slot: Slot, number: int, index: int) -> None:
        """The child did not begin members `index`.. of a delivery, as it was told."""
        delivery = slot.deliveries.get(number)
        if delivery is not None and index < delivery.stop:
            stop, delivery.stop = delivery.stop, index
            self._back(slot, delivery, index, stop, SLOW_US)

    def report(self, slot: Slot, number: int, reports: Iterable[tuple[str, int, str]]) -> None:
        """A running member tells something."""
        delivery = slot.deliveries.get(number)
        if delivery is not None:
            for kind, index, data in reports:
                self._reports += (kind, delivery.lease, delivery.rid, index, data)

    def lost(self, slot: Slot, reason: str) -> None:
        """A child has died: the member it ran is to blame, the others were not begun or go again."""
        del self.slots[slot.child.pid]
        now = slot.child.cells.now
        for delivery in list(slot.deliveries.values()):
            running = delivery.index_of(now)
            if delivery.at <= running < delivery.stop and not slot.killed:
                self._back(slot, delivery, delivery.at, running)
                decision = decide(Crashed(reason), self._header(delivery.header).retry, 0, 0.0)
                assert isinstance(decision, GiveBack)
                self._chunk("d", slot, delivery, 1, running, decision.reason)
                delivery.at = running + 1
            self._back(slot, delivery, delivery.at, delivery.stop)

    # To Redis

    def exchange(self, *, take: bool) -> bool:
        """Hand in, and take work for the free children; whether they all got some.

        Raises:
            StoreUnavailable: Redis is gone; what was to be handed in is kept.
        """
        free = self.free if take else []
        if self._taken:
            self._give_taken(self.free)
            free = [slot for slot in free if not slot.deliveries]
        chunks, reports = self._chunks, self._reports
        if reports:
            self._link.send_script("report", self._keys.prefix, self._name, *reports)
        self._link.send_script(
            "exchange", self._keys.prefix, *self._head(len(free)), *_flat(chunks)
        )
        if reports:
            self._link.read()
        reply = self._link.read()
        self._chunks, self._reports = [], []
        due, refused, *taken = reply
        self.next_due_ms = None if due < 0 else self._clock.tick_ms() + due
        self.refused += refused
        self._taken += taken
        self._give_taken(free)
        return all(slot.deliveries for slot in free)

    def tick(self) -> bool:
        """Look at what children run: report the slow, take back what waits behind them.

        Returns:
            Whether another look is needed.
        """
        now = self._clock.tick_ms()
        return any([self._look(slot, now) for slot in self.slots.values() if slot.deliveries])

    def drop(self, lease: str, reason: str) -> None:
        """A lease is no longer ours, or its member is revoked: end the child that works on it."""
        for slot in self.slots.values():
            if any(delivery.lease == lease for delivery in slot.deliveries.values()):
                slot.killed = reason
                slot.child.kill()

    def kill_running(self, lease: str, index: int) -> None:
        """Kill the child that runs this very member, if one does."""
        for slot in self.slots.values():
            for delivery in slot.deliveries.values():
                if delivery.lease == lease and delivery.index_of(slot.child.cells.now) == index:
                    self.drop(lease, "revoked")

    def take_back_all(self) -> None:
        """Give back all that has not been begun."""
        for slot in self.slots.values():
            if slot.deliveries:
                self._start_takeback(slot)

    def _head(self, free: int) -> tuple[object, ...]:
        token = os.urandom(8).hex()
        return (
            self._name,
            free,
            SLOT_US,
            int(self._guess_us) or 1,
            SLOT_MEMBERS,
            self._lease_ms,
            token,
            PYTHON_TAG,
            len(self._queues),
            *self._queues,
        )

    def _give_taken(self, free: list[Slot]) -> None:
        """Hand over what was taken. Where Redis goes away in between, the rest waits here."""
        while self._taken and free:
            taken = self._taken[0]
            blob = self._fetch_code(taken[5].decode())
            del self._taken[0]
            self._give(free[(taken[0] - 1) % len(free)], taken, blob)

    def _give(self, slot: Slot, taken: list[Any], blob: bytes | None) -> None:
        _, lease, rid, start, header, code, members, retries, *bodies = taken
        self._numbers += 1
        child = slot.child
        delivery = Delivery(
            number=self._numbers,
            lease=lease.decode(),
            rid=rid.decode(),
            members=int(members),
            start=start,
            stop=start + len(bodies),
            at=start,
            left=len(bodies),
            sequence=child.next_sequence,
            retries=retries,
            header=header,
        )
        child.next_sequence += len(bodies)
        slot.deliveries[delivery.number] = delivery
        if blob is None:
            self._fail_all(slot, delivery)
            return
        name = code.decode()
        work = Work(
            delivery.sequence,
            delivery.number,
            delivery.rid,
            delivery.members,
            start,
            header,
            name,
            retries,
            bodies,
            None if name in child.known_code else blob,
        )
        child.known_code.add(name)
        child.hand_over(work)
        slot.since_ms = self._clock.tick_ms()

    def _fetch_code(self, name: str) -> bytes | None:
        blob = self._code.get(name)
        if blob is None:
            blob = self._link.call("GET", self._keys.code(name))
            if blob is None:
                return None
            self._code[name] = blob
            if len(self._code) > _CODE_KEPT:
                self._code.popitem(last=False)
        return blob

    def _fail_all(self, slot: Slot, delivery: Delivery) -> None:
        body = system_body(
            "CodeLost", text="the code of this task is no longer stored; submit it again"
        )
        count = delivery.left
        states = bytes([FAILURE]) * count
        self._chunk("f", slot, delivery, count, delivery.start, states, 1, *[body] * count)

    def _decide_each(
        self,
        slot: Slot,
        delivery: Delivery,
        start: int,
        states: bytes,
        each: int,
        bodies: list[bytes],
    ) -> None:
        """Some member raised an error that may be retried."""
        policy = self._header(delivery.header).retry
        for index, (state, body) in enumerate(zip(states, bodies, strict=True), start):
            if state == RETRYABLE:
                chance = random.random()  # noqa: S311 - jitter, not a secret
                decision = decide(Raised(is_retryable=True), policy, delivery.retries, chance)
                if isinstance(decision, RetryIn):
                    self._chunk("r", slot, delivery, 1, index, decision.delay_ms, body)
                    continue
            final = SUCCESS if state == SUCCESS else FAILURE
            self._chunk("f", slot, delivery, 1, index, bytes([final]), each, body)

    def _chunk(
        self, kind: str, slot: Slot, delivery: Delivery, count: int, start: int, *rest: object
    ) -> None:
        """Add a chunk about `count` members of a delivery; the last one ends its lease."""
        delivery.left -= count
        is_last = delivery.left == 0
        if is_last:
            del slot.deliveries[delivery.number]
        self._chunks.append([kind, delivery.lease, int(is_last), delivery.rid, start, *rest])

    def _back(self, slot: Slot, delivery: Delivery, start: int, stop: int, each: int = 0) -> None:
        """Members [start, stop) of a delivery wait again."""
        if start < stop:
            self._chunk("b", slot, delivery, stop - start, start, stop, each)

    def _look(self, slot: Slot, now: float) -> bool:
        sequence = slot.child.cells.now
        if slot.takeback is not None:
            self._end_takeback(slot, sequence)
        if sequence != slot.seen:
            slot.seen = sequence
            slot.since_ms = now
            return True
        ran_ms = now - slot.since_ms
        if ran_ms * 1000 < SLOW_US:
            return True
        is_settled = True
        for delivery in slot.deliveries.values():
            index = delivery.index_of(sequence)
            if delivery.at <= index < delivery.stop and delivery.announced != index:
                delivery.announced = index
                self._reports += ("s", delivery.lease, delivery.rid, index, int(ran_ms))
        if any(
            delivery.sequence_of(delivery.stop) > sequence + 1
            for delivery in slot.deliveries.values()
        ):
            self._start_takeback(slot)
            is_settled = False
        return not is_settled

    def _start_takeback(self, slot: Slot) -> None:
        """Forbid the child to begin anything more of what it has; the next look takes it back."""
        start = slot.child.cells.now + 1
        if slot.takeback is None and start < slot.child.next_sequence:
            slot.takeback = start, slot.child.next_sequence
            slot.child.cells.drop(*slot.takeback)

    def _end_takeback(self, slot: Slot, now: int) -> None:
        """Give back what the child has not begun.

        It may have begun one more member just as it was forbidden to: `now`, read a while after, says so.
        """
        assert slot.takeback is not None
        start, stop = slot.takeback
        slot.takeback = None
        start = max(start, now + 1)
        self._guess_us = _NO_GUESS_US
        for delivery in list(slot.deliveries.values()):
            first = max(delivery.at, delivery.index_of(start))
            last = min(delivery.stop, delivery.index_of(stop))
            if first < last:
                delivery.stop = first
                self._back(slot, delivery, first, last, SLOW_US)

    def _header(self, data: bytes) -> Header:
        header = self._headers.get(data)
        if header is None:
            if len(self._headers) > _CODE_KEPT:
                self._headers.clear()
            header = self._headers[data] = Header.decode(data)
        return header


def _flat(chunks: list[list[object]]) -> list[object]:
    return [item for chunk in chunks for item in chunk]
