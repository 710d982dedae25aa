"""Whether somebody is there to take a task: said once in a while, when it is sent."""

import inspect
import warnings
from collections.abc import Callable, Sequence
from typing import Final

from nbtasks.clock import Clock
from nbtasks.record import DIRECT
from nbtasks.spelling import nearest
from nbtasks.store.fleet import WorkerFacts

CHECK_MS: Final = 30_000.0


class NoWorkerWarning(UserWarning):
    """A task was sent, but no live worker can take it now: it waits."""


class Presence:
    """Looks at the workers of a queue, at most every `CHECK_MS`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._checked: dict[tuple[str, str], float] = {}

    def check(self, find: Callable[[], Sequence[WorkerFacts]], queue: str, python: str) -> None:
        """Warn where nobody listens on a queue, or nobody with this Python version ('': any)."""
        now = self._clock.tick_ms()
        if now - self._checked.get((queue, python), -CHECK_MS) < CHECK_MS:
            return
        self._checked[queue, python] = now
        live = find()
        there = [worker for worker in live if worker.takes(queue) and not worker.is_ending]
        if not there and queue.startswith(DIRECT):
            name = queue.removeprefix(DIRECT)
            near = nearest(name, [worker.name for worker in live]) if live else ""
            text = f"the task waits until a worker {name!r} starts, and there is none now{near}"
        elif not there:
            text = (
                f"no worker listens on queue {queue!r}: the task waits until one starts"
                f" (nbtasks worker -Q {queue})"
            )
        elif python and all(worker.python != python for worker in there):
            versions = ", ".join(sorted({worker.python for worker in there}))
            text = (
                f"this function needs Python {python}, but the workers of queue {queue!r} run"
                f" {versions}"
            )
        else:
            return
        warnings.warn(text, NoWorkerWarning, stacklevel=stack_level())


def stack_level() -> int:
    """The stack level, for a warning, of the first caller that is not of this package."""
    level = 0
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").startswith("nbtasks."):
        frame = frame.f_back
        level += 1
    return level
