"""Members that may have killed a process run alone in one, until it is known which of them did.

A process of threads or coroutines dies with all that runs in it. Each of them counts a death then,
so that the guilty one is given up in the end. An innocent one must not be given up with it: the
next time it dies alone, or not at all.
"""

from collections.abc import Iterable
from typing import Final

from nbtasks.retry import NEVER
from nbtasks.worker.decide import Crashed, GiveBack, decide
from nbtasks.worker.delivery import Slot
from nbtasks.worker.handin import HandIn
from nbtasks.worker.process import Process

MOST_SUSPECTS: Final = 10_000
"""The newest are remembered."""


class Apart:
    """The suspects that this worker knows of, and the processes that are kept free for them."""

    def __init__(self) -> None:
        self._suspects: dict[tuple[str, int], None] = {}
        self._kept: dict[Process, bool] = {}

    def lose(self, process: Process, slots: Iterable[Slot], reason: str, hand_in: HandIn) -> bool:
        """A process has died: what ran in it is to blame, the others go again.

        Nobody knows which of several threads or coroutines it was: each of them is a suspect. Where
        we have killed it, none is.

        Returns:
            Whether it had something to do.
        """
        held = [(slot, each) for slot in slots for each in list(slot.deliveries.values())]
        decision = decide(Crashed(reason), NEVER, 0, 0.0)
        suspects: list[tuple[str, int]] = []
        for slot, delivery in held:
            running = delivery.running(slot.child.cells.now)
            for start, stop in delivery.cut_at(running):
                is_suspect = start in running and not process.killed
                if is_suspect and isinstance(decision, GiveBack):
                    suspects.append((delivery.rid, start))
                    hand_in.died(slot, delivery, start, decision.reason)
                else:
                    hand_in.back(slot, delivery, start, stop)
        if len(suspects) > 1:
            self._suspects.update(dict.fromkeys(suspects))
        while len(self._suspects) > MOST_SUSPECTS:
            del self._suspects[next(iter(self._suspects))]
        return bool(held)

    def is_suspect(self, rid: str, index: int) -> bool:
        """Whether a member must run alone."""
        return (rid, index) in self._suspects

    def place(self, slots: Iterable[Slot]) -> Slot | None:
        """A child in whose process nothing else runs nor will; None: wait for one to get empty."""
        found = _by_process(slots)
        for process, seats in found.items():
            is_taken = self._kept.get(process, False) or process.killed or process.is_full
            if not is_taken and _is_idle(seats):
                self._keep(process, is_given=True)
                return seats[0]
        if all(self._kept.values()):
            others = [process for process in found if process not in self._kept]
            for process in sorted(others, key=lambda one: _load(found[one]))[:1]:
                self._keep(process, is_given=False)
        return None

    def release(self, slots: Iterable[Slot]) -> None:
        """Let those processes go whose suspect has ended."""
        if not self._kept:
            return
        found = _by_process(slots)
        for process, is_given in list(self._kept.items()):
            if process not in found or (is_given and _is_idle(found[process])):
                del self._kept[process]
                process.is_kept = False

    def _keep(self, process: Process, *, is_given: bool) -> None:
        self._kept[process] = is_given
        process.is_kept = True


def _by_process(slots: Iterable[Slot]) -> dict[Process, list[Slot]]:
    found: dict[Process, list[Slot]] = {}
    for slot in slots:
        found.setdefault(slot.child.process, []).append(slot)
    return found


def _is_idle(seats: list[Slot]) -> bool:
    return all(slot.is_idle for slot in seats)


def _load(seats: list[Slot]) -> int:
    return sum(len(slot.deliveries) for slot in seats)
