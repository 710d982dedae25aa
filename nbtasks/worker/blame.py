"""Who is to blame for the death of a process, and who only ran in it."""

from collections.abc import Iterable

from nbtasks.retry import NEVER
from nbtasks.worker.decide import Crashed, GiveBack, decide
from nbtasks.worker.delivery import Slot
from nbtasks.worker.handin import HandIn
from nbtasks.worker.process import Process


def lose(process: Process, slots: Iterable[Slot], reason: str, hand_in: HandIn) -> bool:
    """A process has died: what ran in it is to blame, the others go again.

    Nobody knows which of several threads or coroutines it was: the one with one life left, where
    there is one (a worker has only one such at a time), and else each of them. Where we have killed
    it, none is.

    Returns:
        Whether it had something to do.
    """
    held = [(slot, each) for slot in slots for each in list(slot.deliveries.values())]
    decision = decide(Crashed(reason), NEVER, 0, 0.0)
    is_known = any(delivery.is_suspect for _, delivery in held)
    for slot, delivery in held:
        running = delivery.running(slot.child.cells.now)
        for start, stop in delivery.cut_at(running):
            has_run = start in running and not process.killed
            if has_run and isinstance(decision, GiveBack):
                is_sure = delivery.is_suspect or not is_known
                hand_in.died(slot, delivery, start, decision.reason, is_sure=is_sure)
            else:
                hand_in.back(slot, delivery, start, stop)
    return bool(held)
