"""Ends members that were revoked while a child has them, and hurts no neighbour for it."""

import signal
from typing import Final

from nbtasks.worker.delivery import Condemned, Delivery, Slot
from nbtasks.worker.lookout import LOOK_MS, start_takeback

GRACE_MS: Final = 2000.0
"""A member that has got another signal than SIGKILL takes its process with it after this time."""


def condemn(slot: Slot, delivery: Delivery, index: int, number: int, now: float) -> None:
    """Member `index` is revoked: send a signal if it runs, or else keep it from beginning."""
    if not delivery.holds(index) or slot.killed:
        return
    sequence, running = delivery.sequence_of(index), slot.child.cells.now
    if sequence < running or sequence in slot.condemned:
        return
    condemned = slot.condemned[sequence] = Condemned(number)
    if sequence == running and delivery.at == index:
        _end(slot, sequence, condemned, now)
    elif sequence > running:
        start_takeback(slot)


def strike(slot: Slot, now: float) -> bool:
    """End the member that runs if it is condemned; whether its process was killed for it.

    Where members before it have ended and their results are still on the way, they get the time to
    arrive: a neighbour is not to run again for it.
    """
    sequence = slot.child.cells.now
    held = {
        condemned: delivery
        for condemned in slot.condemned
        for delivery in slot.deliveries.values()
        if delivery.holds(delivery.index_of(condemned))
    }
    slot.condemned = {condemned: slot.condemned[condemned] for condemned in held}
    if sequence not in held:
        return False
    delivery, condemned = held[sequence], slot.condemned[sequence]
    if condemned.told_ms is not None:
        return _end_stubborn(slot, condemned, now - condemned.told_ms)
    if delivery.sequence_of(delivery.at) == sequence or (
        condemned.found_ms is not None and now - condemned.found_ms >= LOOK_MS
    ):
        return _end(slot, sequence, condemned, now)
    if condemned.found_ms is None:
        condemned.found_ms = now
    return False


def _end(slot: Slot, sequence: int, condemned: Condemned, now: float) -> bool:
    process = slot.child.process
    # The process of several children would take the signal for another of them.
    if condemned.signal == signal.SIGKILL or process.is_shared or not process.can_be_killed:
        slot.condemned.clear()
        slot.kill("revoked")
        return True
    condemned.told_ms = now
    slot.child.cells.end(sequence)
    process.signal(condemned.signal)
    return False


def _end_stubborn(slot: Slot, condemned: Condemned, since_ms: float) -> bool:
    if since_ms < GRACE_MS:
        return False
    name = signal.Signals(condemned.signal).name
    slot.condemned.clear()
    slot.kill(f"revoked, and it did not end within {GRACE_MS / 1000:g} s of {name}")
    return True
