"""A seed -> a list of faults, each with its place in the storm (pure)."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

FIRST = 0.02
LAST = 0.95
"""Faults strike between these parts of all tasks, by how many have finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """How much of everything; the defaults are the full storm.

    Where it `is_of_chords`, there is nothing else than chords in it.
    """

    seed: int = 1
    tasks: int = 10_000
    pills: int = 5
    worker_kills: int = 100
    child_kills: int = 20
    terms: int = 10
    stops: int = 15
    redis_kills: int = 20
    cuts: int = 20
    sleeps: int = 5
    busy: int = 5
    fills: int = 5
    flushes: int = 5
    workers: int = 4
    children: int = 4
    lease_ms: int = 2000
    heartbeat_ms: int = 400
    fsync: str = "always"
    slow_disk_ms: int = 0
    is_of_chords: bool = False

    @property
    def is_calm(self) -> bool:
        """Whether nothing but poison pills kills or stops processes of workers."""
        return not (self.worker_kills or self.child_kills or self.terms or self.stops)

    def calmed(self, pills: int) -> "Storm":
        """The same with faults of Redis only, and so many pills."""
        return replace(self, worker_kills=0, child_kills=0, terms=0, stops=0, pills=pills)

    def scaled(self, tasks: int) -> "Storm":
        """The same weather for another number of tasks."""
        part = tasks / self.tasks
        counts = (
            "pills",
            "worker_kills",
            "child_kills",
            "terms",
            "stops",
            "redis_kills",
            "cuts",
            "sleeps",
            "busy",
            "fills",
            "flushes",
        )
        changes = {name: math.ceil(getattr(self, name) * part) for name in counts}
        return replace(self, tasks=tasks, **changes)


@dataclass(frozen=True, slots=True)
class KillWorker:
    """SIGKILL to a worker: its children die with it, its tasks come back when the lease ends."""

    at: int
    worker: int


@dataclass(frozen=True, slots=True)
class KillChild:
    """SIGKILL to one process of a worker."""

    at: int
    worker: int
    child: int


@dataclass(frozen=True, slots=True)
class EndWorker:
    """SIGTERM to a worker: it finishes what it runs, hands everything in, and ends with 0."""

    at: int
    worker: int


@dataclass(frozen=True, slots=True)
class StopWorker:
    """SIGSTOP for longer than the lease, to the parent or (`whole`) to its children too."""

    at: int
    worker: int
    ms: int
    whole: bool


@dataclass(frozen=True, slots=True)
class KillRedis:
    """SIGKILL to the server; it starts again with what is on its disk."""

    at: int
    down_ms: int


@dataclass(frozen=True, slots=True)
class CutClients:
    """Every connection is closed."""

    at: int


@dataclass(frozen=True, slots=True)
class SleepRedis:
    """The server answers nobody for a while."""

    at: int
    ms: int


@dataclass(frozen=True, slots=True)
class BusyRedis:
    """The server runs a long script, and answers everybody that it is busy."""

    at: int
    ms: int


@dataclass(frozen=True, slots=True)
class FillRedis:
    """The server has no memory left for a while: submits are refused, and are made again."""

    at: int
    ms: int


@dataclass(frozen=True, slots=True)
class FlushScripts:
    """The server forgets every script."""

    at: int


WorkerFault = KillWorker | KillChild | EndWorker | StopWorker
Fault = WorkerFault | KillRedis | CutClients | SleepRedis | BusyRedis | FillRedis | FlushScripts


def faults(storm: Storm) -> list[Fault]:
    """The faults of a storm, first to last; `at` counts finished tasks."""
    chance = random.Random(f"faults {storm.seed}")
    first, last = int(storm.tasks * FIRST), int(storm.tasks * LAST)

    def worker() -> int:
        return chance.randrange(storm.workers)

    def stop(at: int) -> Fault:
        ms = int(storm.lease_ms * chance.uniform(1.2, 1.8))
        return StopWorker(at, worker(), ms, chance.random() < 0.5)

    kinds: list[tuple[int, Callable[[int], Fault]]] = [
        (storm.worker_kills, lambda at: KillWorker(at, worker())),
        (storm.child_kills, lambda at: KillChild(at, worker(), chance.randrange(storm.children))),
        (storm.terms, lambda at: EndWorker(at, worker())),
        (storm.stops, stop),
        (storm.redis_kills, lambda at: KillRedis(at, chance.randrange(300))),
        (storm.cuts, CutClients),
        (storm.sleeps, lambda at: SleepRedis(at, chance.randrange(100, 1000))),
        (storm.busy, lambda at: BusyRedis(at, chance.randrange(300, 1000))),
        (storm.fills, lambda at: FillRedis(at, chance.randrange(100, 600))),
        (storm.flushes, FlushScripts),
    ]
    found = [make(chance.randint(first, last)) for count, make in kinds for _ in range(count)]
    return sorted(found, key=lambda fault: fault.at)
