"""Who is to blame for the death of a process, and who only ran in it."""

from collections.abc import Iterable

from nbtasks.retry import NEVER
from nbtasks.worker.decide import Crashed, GiveBack, decide
from nbtasks.worker.delivery import Slot
from nbtasks.worker.handin import HandIn
from nbtasks.worker.process import Process


def lose(process: Process, slots: Iterable[Slot], reason: str, hand_in: HandIn) -> bool:
    """A process has died: what ran in it is to blame, the others go again.

    Nobody knows which of several threads or coroutines it was: each of them counts a death. Before
    its last one a member is a suspect, and runs alone in its process. Where we have killed it, none
    is to blame; but what is to run at most once, and had begun, is given up all the same.

    Returns:
        Whether it had something to do.
    """
    held = [(slot, each) for slot in slots for each in list(slot.deliveries.values())]
    decision = decide(Crashed(reason), NEVER, 0, 0.0)
    for slot, delivery in held:
        running = delivery.running(slot.child.cells.now)
        for start, stop in delivery.cut_at(running):
            is_counted = start in running and (delivery.once or not process.killed)
            if is_counted and isinstance(decision, GiveBack):
                hand_in.died(slot, delivery, start, process.killed or decision.reason)
            else:
                hand_in.back(slot, delivery, start, stop)
    return bool(held)
