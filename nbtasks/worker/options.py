"""What the command line says of a worker."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from nbtasks.errors import ConfigError
from nbtasks.record import check_limits, worker_direct
from nbtasks.worker.kinds import SOLO, PoolOptions
from nbtasks.worker.work import Work

GONE_MS: Final = 300_000.0
"""A private server that is away for so long does not come back while anybody waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """How one worker is to run.

    Attributes:
        name: Under which it is seen.
        queues: What it takes from, the first of them first.
        concurrency: Tasks at a time, at most.
        least: The same where there is less to do; 0 for always as many.
        pool: What children run them.
        program: What it has the tasks of, as `MODULE` or `MODULE:APP`; empty for none.
        limit_ms: Hard time limit of tasks that have none of their own; 0 for none.
        soft_ms: The same for the soft one.
        shutdown_ms: What runs may run on for so long after the first signal; None for any time.
        beat: Whether it fires schedule entries.
        no_new_privs: Whether neither it nor a task may gain rights.
        declare: Makes the schedule of the program what it says, where Redis may not know it.
        may_stop: Asked when idle: may it end for want of users?
        linger_ms: How long it is idle before it asks.
        has_lifeline: Whether it ends with who started it: when its standard input closes.
        guest: Takes what its child is given. Such a worker runs in a program that is something
            else, as a test: it leaves signals and streams there alone, and its pool is solo.
        gone_ms: How long Redis may be away before it ends all the same, whatever it still has to
            hand in; None for any time. A worker whose lifeline has ended takes `GONE_MS`.
    """

    name: str
    queues: tuple[str, ...]
    concurrency: int
    least: int = 0
    pool: PoolOptions = field(default_factory=PoolOptions)
    program: str = ""
    limit_ms: int = 0
    soft_ms: int = 0
    shutdown_ms: float | None = None
    beat: bool = True
    no_new_privs: bool = False
    declare: Callable[[], object] | None = None
    may_stop: Callable[[], bool] | None = None
    linger_ms: float = 60_000.0
    has_lifeline: bool = False
    guest: Callable[[Work], object] | None = None
    gone_ms: float | None = None

    @property
    def all_queues(self) -> tuple[str, ...]:
        """What it takes from: first what was sent to it alone."""
        return (worker_direct(self.name), *self.queues)

    def __post_init__(self) -> None:
        check_limits(self.soft_ms, self.limit_ms)
        if self.pool.kind == SOLO and (0 < self.least < self.concurrency or self.pool.limit_memory):
            raise ConfigError(
                "a solo worker runs one task at a time, in itself: it takes neither --autoscale nor"
                " --limit-memory"
            )
