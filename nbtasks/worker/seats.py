"""Who may be given something: the children of a worker, and how many of them may run at a time."""

from dataclasses import dataclass, field

from nbtasks.worker.delivery import Slot


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
