"""Looks after the members that run on the event loop of a child, many at a time.

All members of such a delivery begin as it is handed over, and end in any order. One that is to end
early is cancelled, and hears of it at its next `await`; its process is killed only where that takes
too long, because the neighbours would have to run again for it.
"""

from collections.abc import Iterator
from typing import Final

from nbtasks.failure import system_body
from nbtasks.states import FAILURE
from nbtasks.worker.delivery import Delivery, Slot
from nbtasks.worker.handin import HandIn
from nbtasks.worker.lookout import LOOK_MS
from nbtasks.worker.work import CANCEL, INTERRUPT

GRACE_MS: Final = 2000.0
"""A cancelled member that has not ended by then takes its process with it."""


def look_at_flights(slot: Slot, now: float, hand_in: HandIn) -> float | None:
    """Look at what runs on a child's loop, at the time `now`; ms until the next look."""
    waits = [GRACE_MS - (now - since) for since in slot.ending.values()]
    if waits and min(waits) <= 0:
        slot.kill(f"a coroutine in it did not end within {GRACE_MS / 1000:g} s of being cancelled")
        slot.ending.clear()  # once is enough where nothing can be killed
        return None
    for delivery in list(slot.deliveries.values()):
        if delivery.is_async:
            waits += _look_at(slot, delivery, now, hand_in)
    return min(waits, default=None)


def cancel(slot: Slot, delivery: Delivery, index: int, now: float) -> None:
    """End one member early, where it has not ended."""
    key = delivery.number, index
    if key in slot.flying and key not in slot.ending:
        slot.ending[key] = now
        slot.child.tell(CANCEL, *key)


def _look_at(slot: Slot, delivery: Delivery, now: float, hand_in: HandIn) -> Iterator[float]:
    ran_ms = now - delivery.begun_ms
    if ran_ms < LOOK_MS:
        yield LOOK_MS - ran_ms
        return
    if delivery.limit_ms and ran_ms >= delivery.limit_ms:
        _end_overdue(slot, delivery, now, hand_in)
        yield GRACE_MS
        return
    if delivery.announced < 0:
        delivery.announced = delivery.start
        place = f"{ran_ms:.0f} {slot.child.process.pid}"
        hand_in.report(delivery, [("s", index, place) for index in delivery.unfinished()])
    if delivery.limit_ms:
        yield delivery.limit_ms - ran_ms
    if delivery.soft_ms and ran_ms < delivery.soft_ms:
        yield delivery.soft_ms - ran_ms
    elif delivery.soft_ms and not delivery.is_interrupted:
        delivery.is_interrupted = True
        for index in delivery.unfinished():
            slot.child.tell(INTERRUPT, delivery.number, index, delivery.soft_ms)


def _end_overdue(slot: Slot, delivery: Delivery, now: float, hand_in: HandIn) -> None:
    """These members have run for longer than they may: they fail, whatever they still do."""
    body = system_body("TimeLimitExceeded", seconds=delivery.limit_ms / 1000)
    each = delivery.limit_ms * 1000
    for index in delivery.unfinished():
        cancel(slot, delivery, index, now)
        delivery.ended.add(index)
        hand_in.ended(slot, delivery, index, bytes([FAILURE]), each=each, bodies=[body])
