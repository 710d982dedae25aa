"""What there is to see of an app at a moment: queues, workers and the server. Asks nobody."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from nbtasks.errors import StoreRefused
from nbtasks.store.backlog import Sources, head_ms, read_backlog
from nbtasks.store.fleet import WorkerFacts, live_workers, told_by, told_json
from nbtasks.store.limits import Limit, limits_said
from nbtasks.store.queues import paused_queues
from nbtasks.store.running import running_tasks
from nbtasks.store.store import Store

HEADS: Final = 50
"""Of so many queues the age of the oldest task is looked up."""

_MEMORY: Final = ("used_memory", "maxmemory")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFigures:
    """A queue.

    Attributes:
        name: Its name.
        waiting: Tasks that wait in it.
        oldest_ms: When the one that is taken next was sent, in ms since 1970; 0: none waits.
        paused_ms: Since when it is paused, in ms since 1970; 0: it is not.
        workers: How many take from it.
    """

    name: str
    waiting: int
    oldest_ms: int
    paused_ms: int
    workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFigures:
    """A worker.

    Attributes:
        facts: What it is.
        runs: The names of the tasks it has in hand, a name for each lease.
        seen_ms: Its last heartbeat, in ms since 1970, by Redis' time.
        stats: What it uses, as `app.control.inspect().stats()` has it.
    """

    facts: WorkerFacts
    runs: Sequence[str]
    seen_ms: int
    stats: Mapping[str, Any]

    @property
    def busy(self) -> int:
        """How many of its slots run something."""
        return min(len(self.runs), self.facts.concurrency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All of it.

    Attributes:
        at_ms: When, by Redis' time, in ms since 1970.
        queues: The queues, by name.
        workers: The live workers, by name.
        limits: What is said at run time of tasks, by name.
        scheduled: Tasks that wait for their time.
        dead: Tasks that were given up.
        latency_ms: How long a command took.
        memory: Bytes that Redis uses, and may use, 0 for no limit; None where it does not say.
    """

    at_ms: int
    queues: Sequence[QueueFigures]
    workers: Sequence[WorkerFigures]
    limits: Sequence[Limit]
    scheduled: int
    dead: int
    latency_ms: float
    memory: tuple[int, int] | None

    @property
    def waiting(self) -> int:
        """Tasks that wait in all queues."""
        return sum(queue.waiting for queue in self.queues)

    @property
    def slots(self) -> int:
        """Tasks that can run at a time."""
        return sum(worker.facts.concurrency for worker in self.workers)

    @property
    def busy(self) -> int:
        """Slots that run something."""
        return sum(worker.busy for worker in self.workers)


def read_figures(
    store: Store, known: Sequence[str] = (), sources: Sources | None = None
) -> Figures:
    """Read all of it.

    Args:
        store: The store.
        known: Queues that are named also where nothing waits and nobody takes from them.
        sources: Where tasks wait, as it was found a while ago; None: look now.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    began = store.clock.tick_ms()
    seconds, micros = store.call("TIME")
    latency = store.clock.tick_ms() - began
    workers = _workers(store)
    taken = [queue for worker in workers for queue in worker.facts.queues]
    paused = paused_queues(store)
    backlog = read_backlog(store, {*known, *taken, *paused}, sources)
    return Figures(
        at_ms=int(seconds) * 1000 + int(micros) // 1000,
        queues=[
            QueueFigures(
                name=name,
                waiting=waiting,
                oldest_ms=head_ms(store, name) if waiting and at < HEADS else 0,
                paused_ms=paused.get(name, 0),
                workers=sum(worker.facts.takes(name) for worker in workers),
            )
            for at, (name, waiting) in enumerate(sorted(backlog.waiting.items()))
        ],
        workers=workers,
        limits=limits_said(store),
        scheduled=backlog.scheduled,
        dead=int(store.call("ZCARD", f"{store.keys.prefix}dead")),
        latency_ms=round(latency, 2),
        memory=_memory(store),
    )


def _workers(store: Store) -> list[WorkerFigures]:
    found = live_workers(store)
    told = told_by(store, [worker.name for worker in found], ["seen", "stats"])
    running = running_tasks(store)
    return [
        WorkerFigures(
            facts=worker,
            runs=tuple(running.get(worker.owner, ())),
            seen_ms=int(seen) if (seen := told[worker.name]["seen"]).isdigit() else 0,
            stats=told_json(told[worker.name]["stats"]),
        )
        for worker in found
    ]


def _memory(store: Store) -> tuple[int, int] | None:
    """None where this user may not ask."""
    with suppress(StoreRefused):
        lines: bytes = store.call("INFO", "memory")
        told = dict(line.split(":", 1) for line in lines.decode().splitlines() if ":" in line)
        used, most = (told.get(name, "") for name in _MEMORY)
        return (int(used), int(most) if most.isdigit() else 0) if used.isdigit() else None
    return None
