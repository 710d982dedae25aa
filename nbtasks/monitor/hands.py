"""What workers have in hand, task by task, as Redis knows it. Asks nobody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from nbtasks.monitor.showing import members_of
from nbtasks.record import member_id
from nbtasks.store.described import held
from nbtasks.store.fleet import WorkerFacts
from nbtasks.store.store import Store

EACH: Final = 8
"""Members of a slice that are listed: behind the one that runs, others wait for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InHand:
    """A task that a worker has taken.

    Attributes:
        rid: Its record.
        index: Its number there.
        n: Members of the record.
        name: What it is called.
        is_running: Whether it has begun.
        began_ms: When, in ms since 1970; 0: it has not, or not told yet.
        retries: How often it was tried before.
        pid: The process that it runs in; 0 likewise.
    """

    rid: str
    index: int
    n: int
    name: str
    is_running: bool
    began_ms: int
    retries: int
    pid: int

    @property
    def task_id(self) -> str:
        """Its id."""
        return member_id(self.rid, self.index, self.n)


def tasks_in_hand(store: Store, workers: Sequence[WorkerFacts]) -> Mapping[str, Sequence[InHand]]:
    """The tasks that these have taken, by their names; what runs comes first.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    names = {worker.owner: worker.name for worker in workers}
    found: dict[str, list[InHand]] = {worker.name: [] for worker in workers}
    for owner, slice_ in held(store, names, EACH) if workers else ():
        found[names[owner]] += [
            InHand(
                rid=slice_.rid,
                index=member.index,
                n=slice_.n,
                name=header.title if header is not None else "?",
                is_running=is_running,
                began_ms=member.began_ms,
                retries=slice_.retries if at == 0 else 0,
                pid=member.pid,
            )
            for at, (is_running, member, header) in enumerate(members_of(slice_))
        ]
    return {
        name: sorted(tasks, key=lambda task: (not task.is_running, task.began_ms))
        for name, tasks in found.items()
    }
