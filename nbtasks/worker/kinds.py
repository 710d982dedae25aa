"""Which pools there are, and how their processes are started: names only, quick to import."""

import sys
from dataclasses import dataclass
from typing import Final

PREFORK: Final = "prefork"
THREADS: Final = "threads"
SOLO: Final = "solo"
POOLS: Final = (PREFORK, THREADS, SOLO)

FORK: Final = "fork"
FORKSERVER: Final = "forkserver"
SPAWN: Final = "spawn"
START_METHODS: Final = (FORK, FORKSERVER, SPAWN)

DEFAULT_START: Final = FORK if sys.platform == "linux" else SPAWN
"""The parent runs no user code and has no threads, so forking it is safe; not so on macOS, whose
own libraries do not survive a fork."""

DEFAULT_ASYNC: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolOptions:
    """What children a worker has.

    Attributes:
        kind: `prefork`, `threads` or `solo`.
        start: How processes are started: `fork`, `forkserver` or `spawn`.
        async_concurrency: `async def` tasks at a time, for each child.
        max_tasks: A process is replaced after so many tasks; 0 for never.
        max_memory: A process is replaced when it holds so many bytes after a task; 0 for never.
        limit_memory: More than so many bytes in a process are a MemoryError; 0 for no limit.
    """

    kind: str = PREFORK
    start: str = DEFAULT_START
    async_concurrency: int = DEFAULT_ASYNC
    max_tasks: int = 0
    max_memory: int = 0
    limit_memory: int = 0
