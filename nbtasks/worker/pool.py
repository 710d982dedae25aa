"""The pool: all processes with children that a worker has."""

import select
from collections.abc import Callable
from typing import Final

from nbtasks.config import Config
from nbtasks.worker.forkserver import ForkServer
from nbtasks.worker.guest import Guest
from nbtasks.worker.kinds import FORK, SOLO, SPAWN, THREADS
from nbtasks.worker.options import WorkerOptions
from nbtasks.worker.process import ChildEnd, Process
from nbtasks.worker.solo import Solo
from nbtasks.worker.spawning import Boot, Spawn
from nbtasks.worker.starting import Fork, Starter
from nbtasks.worker.work import ChildSettings

_CLOSING_LOOKS: Final = 200
_CLOSING_LOOK_S: Final = 0.01


class Pool:
    """Starts processes, watches them, and lets them go."""

    def __init__(self, config: Config, options: WorkerOptions) -> None:
        self._options = options.pool
        self._starter = _make_starter(config, options)
        self.processes: list[Process] = []

    def run(self, work: Callable[[], int]) -> int:
        """Run the worker's loop: here, or beside the tasks where those run here; its result."""
        return self._starter.run(work) if isinstance(self._starter, Solo) else work()

    @property
    def is_solo(self) -> bool:
        """Whether tasks run in the main thread of this process."""
        return self._options.kind == SOLO

    @property
    def children(self) -> list[ChildEnd]:
        """All children but those that have retired."""
        return [child for process in self.processes for child in process.children]

    def start(self, missing: int) -> list[ChildEnd]:
        """Start one more process; its children.

        Args:
            missing: How many children are wanted: threads are all of one process.

        Raises:
            OSError: There is no memory, process or file for one now.
        """
        process = self._starter.start(missing if self._options.kind == THREADS else 1)
        process.most_tasks = 0 if self.is_solo else self._options.max_tasks
        self.processes.append(process)
        return process.children

    def remove(self, process: Process) -> None:
        """Forget a process that has ended."""
        self.processes.remove(process)
        for child in process.children:
            child.sock.close()

    def retire(self, child: ChildEnd) -> None:
        """Let a child go that has nothing to do: its process ends with the last of them."""
        child.process.children.remove(child)
        child.sock.close()

    def close(self) -> None:
        """Let the children end, and wait for them; a process that does not end is killed."""
        for child in self.children:
            child.sock.close()
        for _ in range(_CLOSING_LOOKS):
            self.processes = [process for process in self.processes if process.ended() is None]
            if not self.processes:
                break
            select.select([], [], [], _CLOSING_LOOK_S)
        for process in self.processes:
            process.kill()
            process.wait()
        self._starter.close()


def _make_starter(config: Config, options: WorkerOptions) -> Starter:
    settings = ChildSettings.of(config, options.name, options.pool)
    if options.guest is not None:
        return Guest(settings, options.guest)
    if options.pool.kind == SOLO:
        return Solo(settings)
    if options.pool.start == FORK:
        return Fork(settings)
    boot = Boot.of(config, options)
    return Spawn(boot) if options.pool.start == SPAWN else ForkServer(boot)
