"""Looks after what children run: reports the slow, and takes back what waits behind them.

Parent and child agree without a message, through the shared cells: the parent forbids a range of
sequence numbers, the child publishes each number before it looks whether it is forbidden. Only the
one member that it was just beginning is in doubt, and a look some time later clears that up.
"""

from collections.abc import Iterator
from typing import Final

from nbtasks.failure import system_body
from nbtasks.states import FAILURE
from nbtasks.worker.delivery import Delivery, Slot
from nbtasks.worker.handin import HandIn

SLOW_US: Final = 20_000
"""A member that runs longer is reported as started, and what waits behind it goes back."""

UNBEGUN_MS: Final = 5000.0
"""A child that has nothing to do but begin is given so long for it."""


LOOK_MS: Final = SLOW_US / 1000


def look(slot: Slot, now: float, hand_in: HandIn) -> float | None:
    """Look at a child that has work, at the time `now`; ms until the next look, None for never."""
    sequence = slot.child.cells.now
    if slot.takeback is not None:
        end_takeback(slot, sequence, hand_in)
    if sequence != slot.seen:
        slot.seen = sequence
        slot.since_ms = now
        return LOOK_MS
    ran_ms = now - slot.since_ms
    if ran_ms < LOOK_MS:
        return LOOK_MS
    return _look_at_slow(slot, sequence, ran_ms, hand_in)


def _look_at_slow(slot: Slot, sequence: int, ran_ms: float, hand_in: HandIn) -> float | None:
    running = [
        delivery
        for delivery in slot.deliveries.values()
        if delivery.holds(delivery.index_of(sequence))
    ]
    for delivery in running:
        index = delivery.index_of(sequence)
        if delivery.limit_ms and ran_ms >= delivery.limit_ms:
            _end_overdue(slot, delivery, index, hand_in)
            return None
        _announce(slot, delivery, index, ran_ms, hand_in)
    if not running and (slot.child.is_behind or ran_ms < UNBEGUN_MS):
        return LOOK_MS  # it is still reading: taken back now, large arguments would never begin
    if any(
        delivery.sequence_of(delivery.stop) > sequence + 1 for delivery in slot.deliveries.values()
    ):
        start_takeback(slot)
        return LOOK_MS
    waits = [LOOK_MS] if slot.condemned else []
    waits += [wait for delivery in running for wait in _until_limits(slot, delivery, ran_ms)]
    return min(waits, default=None)


def _until_limits(slot: Slot, delivery: Delivery, ran_ms: float) -> Iterator[float]:
    """Ms until the limits of the member that runs; it is told here when the soft one is over."""
    if delivery.limit_ms:
        yield delivery.limit_ms - ran_ms
    if delivery.soft_ms and ran_ms < delivery.soft_ms:
        yield delivery.soft_ms - ran_ms
    elif delivery.soft_ms and not slot.interrupt(slot.seen, delivery.soft_ms):
        yield LOOK_MS


def start_takeback(slot: Slot) -> None:
    """Forbid the child to begin anything more of what it has; the next look takes it back."""
    start = slot.child.cells.now + 1
    if slot.takeback is None and start < slot.child.next_sequence:
        slot.takeback = start, slot.child.next_sequence
        slot.child.cells.drop(*slot.takeback)


def end_takeback(slot: Slot, now: int, hand_in: HandIn) -> None:
    """Give back what the child has not begun.

    It may have begun one more member just as it was forbidden to: `now`, read a while after, says
    so.
    """
    if slot.takeback is None:
        return
    start, stop = slot.takeback
    slot.takeback = None
    start = max(start, now + 1)
    for delivery in list(slot.deliveries.values()):
        first = max(delivery.at, delivery.index_of(start))
        last = min(delivery.stop, delivery.index_of(stop))
        if first < last:
            delivery.stop = first
            slot.child.process.tasks -= last - first
            hand_in.back(slot, delivery, first, last, SLOW_US)


def _end_overdue(slot: Slot, delivery: Delivery, index: int, hand_in: HandIn) -> None:
    """Member `index` has run for longer than it may: it fails, and its process is killed."""
    seconds = delivery.limit_ms / 1000
    body = system_body("TimeLimitExceeded", seconds=seconds)
    if not slot.child.process.can_be_killed:
        if index not in delivery.spoiled:
            slot.kill(f"it has run longer than {seconds:g} s: it will fail")
        delivery.spoiled[index] = body
        return
    hand_in.back(slot, delivery, delivery.at, index)
    delivery.at = index + 1
    each = delivery.limit_ms * 1000
    hand_in.ended(slot, delivery, index, bytes([FAILURE]), each=each, bodies=[body])
    slot.kill(f"its task ran longer than {seconds:g} s")


def _announce(slot: Slot, delivery: Delivery, index: int, ran_ms: float, hand_in: HandIn) -> None:
    if delivery.holds(index) and delivery.announced != index:
        delivery.announced = index
        hand_in.report(delivery, [("s", index, f"{ran_ms:.0f} {slot.child.process.pid}")])
