"""What a worker takes, and for how long it may run."""

from dataclasses import dataclass, field
from typing import Final

from nbtasks.record import Header
from nbtasks.store.keys import Keys

SLOT_MEMBERS: Final = 256
"""What a child is given in one go, at most, however short its tasks are."""


@dataclass(slots=True, kw_only=True)
class Intake:
    """What a worker takes: from which queues, under which name, leased for how long.

    Attributes:
        keys: The keys of its app.
        worker: Its name.
        queues: Its own queue, and the others in their order.
        lease_ms: How long a lease lasts.
        limit_ms: Hard time limit of tasks that have none of their own; 0 for none.
        soft_ms: The same for the soft one.
        async_concurrency: Coroutines at a time in a child.
        most_members: What a child is given in one go, at most.
        heeds_rates: Whether rates of tasks hold for it.
        limits: Soft and hard time limits of tasks by name, over their own.
    """

    keys: Keys
    worker: str
    queues: tuple[str, ...]
    lease_ms: int
    limit_ms: int = 0
    soft_ms: int = 0
    async_concurrency: int = 1
    most_members: int = SLOT_MEMBERS
    heeds_rates: bool = True
    limits: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])

    def limits_of(self, facts: Header) -> tuple[int, int]:
        """Soft and hard time limit of a task that begins now, in ms; 0 for none."""
        told = self.limits.get(facts.task)
        if told is not None:
            return told
        return facts.soft_ms or self.soft_ms, facts.limit_ms or self.limit_ms
