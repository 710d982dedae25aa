"""What the command line says of a worker."""

from collections.abc import Callable
from dataclasses import dataclass, field

from nbtasks.record import check_limits
from nbtasks.worker.kinds import PoolOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """How one worker is to run.

    Attributes:
        name: Under which it is seen.
        queues: What it takes from, the first of them first.
        concurrency: Tasks at a time.
        pool: What children run them.
        limit_ms: Hard time limit of tasks that have none of their own; 0 for none.
        soft_ms: The same for the soft one.
        shutdown_ms: What runs may run on for so long after the first signal; None for any time.
        may_stop: Asked when idle: may it end for want of users?
        linger_ms: How long it is idle before it asks.
    """

    name: str
    queues: tuple[str, ...]
    concurrency: int
    pool: PoolOptions = field(default_factory=PoolOptions)
    limit_ms: int = 0
    soft_ms: int = 0
    shutdown_ms: float | None = None
    may_stop: Callable[[], bool] | None = None
    linger_ms: float = 60_000.0

    def __post_init__(self) -> None:
        check_limits(self.soft_ms, self.limit_ms)
