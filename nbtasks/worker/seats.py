"""Who may be given something: the children of a worker, and how many of them may run at a time."""

from dataclasses import dataclass, field

from nbtasks.worker.delivery import Slot
from nbtasks.worker.process import Process


@dataclass(slots=True)
class Seats:
    """The children by their keys; `room` is how many tasks may run at a time."""

    room: int
    slots: dict[int, Slot] = field(default_factory=dict[int, Slot])

    @property
    def free(self) -> list[Slot]:
        """Those that may be given something, as many as there is room for."""
        free = [slot for slot in self.slots.values() if slot.is_free]
        return free[: max(0, self.room - self.busy)]

    @property
    def busy(self) -> int:
        """How many may be given nothing; without those whose task waits for others."""
        return sum(not (slot.is_free or slot.is_lent) for slot in self.slots.values())

    @property
    def waiting(self) -> int:
        """How many have a task that waits for others."""
        return sum(slot.is_lent for slot in self.slots.values())

    @property
    def is_short(self) -> bool:
        """Whether there is room for another task, but no child for it."""
        return self.busy < self.room and not any(slot.is_free for slot in self.slots.values())

    @property
    def leases(self) -> list[str]:
        """All leases that they hold."""
        return [
            delivery.lease for slot in self.slots.values() for delivery in slot.deliveries.values()
        ]

    def place_suspect(self) -> Slot | None:
        """A child whose process runs nothing else, nor will until `release`.

        Returns:
            None while the process that was chosen still runs other tasks, which may take a while.
        """
        loads: dict[Process, int] = {}
        for slot in self.slots.values():
            process = slot.child.process
            if not (process.killed or process.is_full):
                loads[process] = loads.get(process, 0) + len(slot.deliveries)
        if not loads:
            return None
        chosen = min(loads, key=lambda process: (not process.is_kept, loads[process]))
        chosen.is_kept = True
        if loads[chosen]:
            return None
        return next(slot for slot in self.slots.values() if slot.child.process is chosen)

    def release(self) -> None:
        """No suspect is here any more: its process is for everybody again."""
        for slot in self.slots.values():
            slot.child.process.is_kept = False
