"""Between Redis and the children: what has ended goes out, what fits comes in, nothing is lost."""

import logging
import os
import random
import signal
from collections.abc import Iterable
from typing import Final

from nbtasks.clock import Clock
from nbtasks.errors import StoreRefused
from nbtasks.failure import system_body
from nbtasks.serializers import PYTHON_TAG
from nbtasks.states import FAILURE, SUCCESS
from nbtasks.store.link import Link
from nbtasks.worker.blame import lose
from nbtasks.worker.codes import Codes
from nbtasks.worker.decide import RetryIn, Succeed, decide_ended
from nbtasks.worker.delivery import Delivery, Slot, Taken
from nbtasks.worker.flights import cancel, look_at_flights
from nbtasks.worker.handin import HandIn
from nbtasks.worker.intake import Intake
from nbtasks.worker.lookout import SLOW_US, look, start_takeback
from nbtasks.worker.moments import tell_received, tell_revoked
from nbtasks.worker.process import ChildEnd, Process
from nbtasks.worker.revoking import condemn, strike
from nbtasks.worker.seats import Seats
from nbtasks.worker.vitals import Tally
from nbtasks.worker.work import LATER, REPLACED, RETRYABLE

logger = logging.getLogger(__name__)

SLOT_US: Final = 5000
"""Work that is handed to a child in one go: short tasks come in bundles of about this long."""

_NO_GUESS_US = float(SLOT_US)
_UNDECIDED: Final = frozenset((LATER, REPLACED, RETRYABLE))
_NO_SEQUENCE: Final = -(1 << 60)
"""Of coroutines: no number in the cells means one of them, and none can be taken back."""


class Dispatcher:
    """The exchange loop of one worker.

    Attributes:
        intake: What it takes.
        clock: The time.
        owner: What its leases are marked with.
        tally: How many tasks of each name have ended.
        seats: Its children, and how many of them may run something at a time.
        slots: The children by their keys.
        has_more: Whether the last exchange left something in the queues.
        next_due_ms: When something is due in Redis, by the clock's ticks; None for nothing.
    """

    def __init__(self, link: Link, intake: Intake, clock: Clock, room: int) -> None:
        self._link = link
        self.intake = intake
        self._prefix = intake.keys.prefix
        self.clock = clock
        self.owner = os.urandom(6).hex()
        self.tally = Tally()
        self._hand_in = HandIn(self.tally)
        self._taken: list[Taken] = []
        self._unanswered: dict[str, float] = {}
        self._codes = Codes(link, intake.keys)
        self._guess_us = _NO_GUESS_US
        self._numbers = 0
        self._is_closing = False
        self.seats = Seats(room)
        self.slots = self.seats.slots
        self.has_more = False
        self.next_due_ms: float | None = None

    def add(self, child: ChildEnd) -> None:
        """A new child is ready for work."""
        self.slots[child.key] = Slot(child, self.intake.async_concurrency)

    @property
    def holds_suspect(self) -> bool:
        """Whether one of the members here may die only once more: then no other such is taken."""
        return any(taken.is_suspect for taken in self._taken) or any(
            delivery.is_suspect
            for slot in self.slots.values()
            for delivery in slot.deliveries.values()
        )

    @property
    def has_news(self) -> bool:
        """Whether there is something to hand in."""
        return bool(self._hand_in)

    @property
    def leases(self) -> list[str]:
        """All leases this worker holds."""
        return self.seats.leases + [taken.lease for taken in self._taken]

    # From children

    def done(  # noqa: PLR0917 - the fields of a child's message
        self, slot: Slot, number: int, start: int, states: bytes, spent_us: int, bodies: list[bytes]
    ) -> None:
        """Members `start`.. of a delivery have ended."""
        slot.ending.pop((number, start), None)
        slot.flying.discard((number, start))
        slot.lent.difference_update((number, index) for index in range(start, start + len(states)))
        delivery = slot.deliveries.get(number)
        if delivery is None or not delivery.holds(start):
            return
        each = max(1, spent_us // len(states))
        if delivery.is_async:
            delivery.ended.add(start)
        else:
            self._guess_us = (self._guess_us + each) / 2
            delivery.at = start + len(states)
            states, bodies = delivery.spoil(start, states, bodies)
        if not _UNDECIDED.isdisjoint(states):
            self._decide_each(slot, delivery, start, each, zip(states, bodies, strict=True))
        else:
            self._hand_in.ended(slot, delivery, start, states, each=each, bodies=bodies)

    def dropped(self, slot: Slot, number: int, index: int) -> None:
        """The child did not begin members `index`.. of a delivery, as it was told."""
        delivery = slot.deliveries.get(number)
        if delivery is not None and index < delivery.stop:
            stop, delivery.stop = delivery.stop, index
            slot.child.process.tasks -= stop - index
            self._hand_in.back(slot, delivery, index, stop, SLOW_US)

    def retire(self, slot: Slot, held: int) -> None:
        """The process of a child holds so many bytes, and is to get nothing more."""
        slot.child.process.retires = f"it holds {held / 1e6:,.0f} MB"

    def report(self, slot: Slot, number: int, reports: Iterable[tuple[str, int, object]]) -> None:
        """A running member tells something."""
        self._hand_in.hear(slot, number, reports)

    def lent(self, slot: Slot, number: int, index: int) -> None:
        """A member waits for other tasks: it may be for those that wait behind it."""
        delivery = slot.deliveries.get(number)
        if delivery is not None and delivery.holds(index):
            slot.lent.add((number, index))
            if not delivery.is_async:
                start_takeback(slot)

    def resumed(self, slot: Slot, number: int, index: int) -> None:
        """It goes on."""
        slot.lent.discard((number, index))

    def lost(self, process: Process, reason: str) -> bool:
        """A process has died: what ran in it is to blame, the others go again.

        Returns:
            Whether it had something to do.
        """
        slots = [self.slots.pop(child.key) for child in process.children]
        return lose(process, slots, reason, self._hand_in)

    # To Redis

    def exchange(self, *, take: bool) -> bool:
        """Hand in, and take work for the free children.

        Returns:
            Whether a child that was given something is still free.

        Raises:
            StoreUnavailable: Redis is gone; what was to be handed in is kept.
            StoreRefused: Redis does not want it now; it is kept likewise.
        """
        if take:
            self._give_taken()
        free = self.seats.free if take else []
        token = self.owner + os.urandom(8).hex()
        hand_in, chunks = self._hand_in.batch()
        reports = self._hand_in.reports()
        if reports:
            self._link.send_script("report", self._prefix, self.intake.worker, *reports)
        self._unanswered[token] = self.clock.tick_ms()
        self._link.send_script("exchange", self._prefix, *self._head(free, token, hand_in), *chunks)
        if reports:
            self._read_report()
        due, _, left, *taken = self._link.read()
        del self._unanswered[token]
        self._hand_in.confirm()
        self.has_more = bool(left)
        self.next_due_ms = None if due < 0 else self.clock.tick_ms() + due
        self._taken += map(Taken.checked, taken)
        self._give_taken()
        return any(slot.is_free and slot.flying for slot in free) and bool(taken)

    def reclaim(self) -> None:
        """Give back what was taken by an exchange whose answer was lost with the connection.

        Nobody has begun it; without this it would come back only when the lease runs out, and count
        as lost with this worker. A Redis that stood still may carry such an exchange out later, so
        it is looked for once more for as long as a lease lasts.
        """
        if not self._unanswered:
            return
        for found in self._link.call("ZRANGE", f"{self._prefix}lease", 0, -1):
            lease = found.decode()
            name, _, token = lease.rpartition(":")
            if token.partition("+")[0] in self._unanswered:
                rid, start, stop = name.rsplit(":", 2)
                self._hand_in.lease_back(lease, rid, int(start), int(stop))
        oldest = self.clock.tick_ms() - self.intake.lease_ms
        self._unanswered = {
            token: since for token, since in self._unanswered.items() if since > oldest
        }

    def tick(self) -> float | None:
        """Look at what children run; ms until the next look, None for never."""
        now = self.clock.tick_ms()
        busy = [slot for slot in self.slots.values() if slot.has_sync and not slot.killed]
        if any(slot.takeback is not None for slot in busy):
            self._guess_us = _NO_GUESS_US
        waits = [
            look(slot, now, self._hand_in)
            for slot in busy
            if not (slot.condemned and strike(slot, now))
        ]
        flown = [slot for slot in self.slots.values() if slot.flying and not slot.killed]
        waits += [look_at_flights(slot, now, self._hand_in) for slot in flown]
        return min((wait for wait in waits if wait is not None), default=None)

    def drop(self, lease: str) -> None:
        """A lease is no longer ours: end the child that works on it."""
        self._taken = [taken for taken in self._taken if taken.lease != lease]
        for slot in self.slots.values():
            for delivery in list(slot.deliveries.values()):
                if delivery.lease == lease and delivery.is_async:
                    for index in delivery.unfinished():
                        cancel(slot, delivery, index, self.clock.tick_ms())
                elif delivery.lease == lease:
                    slot.kill("its lease was lost: another worker has the task")

    def revoke(self, lease: str, index: int, name: str) -> None:
        """A member is revoked: send this signal to what runs it, or keep it from being begun."""
        number = signal.Signals.__members__.get(name, signal.SIGKILL)
        now = self.clock.tick_ms()
        for slot in self.slots.values():
            for delivery in slot.deliveries.values():
                if delivery.lease == lease and delivery.is_async:
                    cancel(slot, delivery, index, now)
                elif delivery.lease == lease:
                    condemn(slot, delivery, index, number, now)
                if delivery.lease == lease:
                    tell_revoked(delivery, index, number, self.intake.worker, self._codes)

    def take_back_all(self) -> None:
        """Give back all that has not been begun, and give nothing more to children."""
        self._is_closing = True
        self.take_back()

    def take_back(self) -> None:
        """Give back all that has not been begun."""
        for slot in self.slots.values():
            if slot.deliveries:
                start_takeback(slot)
        self._return_taken()

    def _head(self, free: list[Slot], token: str, hand_in: str) -> tuple[object, ...]:
        intake = self.intake
        rooms = [slot.child.process.room for slot in free]
        return (
            intake.worker,
            len(free),
            SLOT_US,
            int(self._guess_us) or 1,
            min([intake.most_members, *(room for room in rooms if room is not None)]),
            intake.lease_ms,
            token,
            PYTHON_TAG,
            "s" * (not self.holds_suspect) + "n" * (not intake.heeds_rates),
            hand_in,
            len(intake.queues),
            *intake.queues,
        )

    def _read_report(self) -> None:
        """The answer to a report; what Redis does not want (memory is short) is let go."""
        try:
            self._link.read()
        except StoreRefused as error:
            logger.warning(
                "worker %s: output, progress and checkpoints are lost: %s",
                self.intake.worker,
                error,
            )
        self._hand_in.confirm_reports()

    def _give_taken(self) -> None:
        """Hand over what was taken. Where Redis goes away in between, the rest waits here."""
        names = dict.fromkeys(taken.code for taken in self._taken)
        blobs = {name: self._codes.fetch(name) for name in names}
        for header in dict.fromkeys(taken.header for taken in self._taken):
            self._codes.bring(header)
        # While Redis was asked, children may have ended, and the worker may have been told to stop.
        if self._is_closing:
            self._return_taken()
        if not self.holds_suspect:
            self.seats.release()
        waiting: list[Taken] = []
        for taken in [taken for taken in self._taken if taken.is_suspect]:
            self._taken.remove(taken)
            slot = self.seats.place_suspect()
            if slot is None:
                waiting.append(taken)
            else:
                self._give(slot, taken, blobs[taken.code])
        free = self.seats.free
        while self._taken and free:
            taken = self._taken.pop(0)
            self._give(free[(taken.slot - 1) % len(free)], taken, blobs[taken.code])
        if self._taken and not free:
            self._return_taken()  # their place went to a suspect, or to nobody
        self._taken += waiting

    def _return_taken(self) -> None:
        for taken in self._taken:
            stop = taken.start + len(taken.bodies)
            self._hand_in.lease_back(taken.lease, taken.rid, taken.start, stop)
        self._taken = []

    def _give(self, slot: Slot, taken: Taken, blob: bytes | None) -> None:
        self._numbers += 1
        facts = self._codes.facts(taken.header)
        count = len(taken.bodies)
        soft_ms, limit_ms = self.intake.limits_of(facts)
        delivery = Delivery(
            number=self._numbers,
            task=facts.task,
            lease=taken.lease,
            rid=taken.rid,
            members=taken.members,
            start=taken.start,
            stop=taken.start + count,
            at=taken.start,
            left=count,
            sequence=_NO_SEQUENCE if facts.is_async else slot.child.next_sequence,
            retries=taken.retries,
            header=taken.header,
            limit_ms=limit_ms,
            soft_ms=soft_ms,
            is_suspect=taken.is_suspect,
            once=facts.once,
            is_async=facts.is_async,
            begun_ms=self.clock.tick_ms(),
        )
        slot.deliveries[delivery.number] = delivery
        room = slot.room_for(delivery)
        if room < count:
            count = room
            self._hand_in.back(slot, delivery, taken.start + room, delivery.stop, SLOW_US)
            delivery.stop = taken.start + room
        if not count:
            return
        slot.child.process.tasks += count
        if blob is None:
            self._fail_all(slot, delivery)
            return
        slot.hand_over(delivery, taken, blob)
        tell_received(self.intake.worker, delivery, facts)

    def _fail_all(self, slot: Slot, delivery: Delivery) -> None:
        body = system_body(
            "CodeLost", text="the code of this task is no longer stored; submit it again"
        )
        count = delivery.left
        states = bytes([FAILURE]) * count
        self._hand_in.ended(slot, delivery, delivery.start, states, each=1, bodies=[body] * count)

    def _decide_each(
        self,
        slot: Slot,
        delivery: Delivery,
        start: int,
        each: int,
        ended: Iterable[tuple[int, bytes]],
    ) -> None:
        """Some member raised an error that may be retried, or was replaced."""
        policy = self._codes.facts(delivery.header).retry
        for index, (state, body) in enumerate(ended, start):
            if state == REPLACED:
                sources, _, arguments = body.partition(b"\n")
                self._hand_in.replaced(slot, delivery, index, arguments, sources)
                continue
            chance = random.random()  # noqa: S311 - jitter, not a secret
            decision, rest = decide_ended(state, body, policy, delivery.retries, chance)
            if isinstance(decision, RetryIn):
                self._hand_in.retry(slot, delivery, index, decision.delay_ms, rest)
                continue
            final = bytes([SUCCESS if isinstance(decision, Succeed) else FAILURE])
            self._hand_in.ended(slot, delivery, index, final, each=each, bodies=[rest])
