"""What a worker can be told while it runs, and how it does that."""

from collections.abc import Callable, Mapping
from typing import Any

from nbtasks.errors import ConfigError
from nbtasks.orders import (
    ADD_CONSUMER,
    AUTOSCALE,
    CANCEL_CONSUMER,
    MOST_TASKS,
    PING,
    POOL_GROW,
    POOL_SHRINK,
    SHUTDOWN,
    TIME_LIMIT,
)
from nbtasks.worker.crew import Crew
from nbtasks.worker.dispatcher import Dispatcher
from nbtasks.worker.shutdown import RUN, Shutdown


class Verbs:
    """Does what a verb says; called with its checked arguments it says what has become of it.

    Args:
        dispatcher: What the worker has in hand, and takes.
        crew: Its children.
        shutdown: How it ends.
        on_queues: Called when it takes from other queues than before.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        crew: Crew,
        shutdown: Shutdown,
        on_queues: Callable[[], None],
    ) -> None:
        self._dispatcher = dispatcher
        self._intake = dispatcher.intake
        self._crew = crew
        self._shutdown = shutdown
        self._on_queues = on_queues
        self._verbs: dict[str, Callable[..., str]] = {
            PING: self._ping,
            SHUTDOWN: self._shut_down,
            POOL_GROW: self._grow,
            POOL_SHRINK: self._shrink,
            AUTOSCALE: self._scale,
            ADD_CONSUMER: self._add_queue,
            CANCEL_CONSUMER: self._cancel_queue,
            TIME_LIMIT: self._limit,
        }

    def __call__(self, verb: str, arguments: Mapping[str, Any]) -> str:
        """Do it.

        Raises:
            ConfigError: This worker cannot.
        """
        if self._shutdown.step != RUN and verb not in {PING, SHUTDOWN}:
            raise ConfigError("it finishes what runs, and ends: it is told nothing else")
        return self._verbs[verb](**arguments)

    @staticmethod
    def _ping() -> str:
        return "pong"

    def _shut_down(self) -> str:
        if self._shutdown.step == RUN:  # a second order is no second signal
            self._shutdown.begin()
        return "it finishes what runs, and ends"

    # How many tasks at a time

    def _grow(self, n: int) -> str:
        least, most = self._crew.bounds
        return self._bound(least + n if least == most else least, most + n)

    def _shrink(self, n: int) -> str:
        least, most = self._crew.bounds
        if n >= most:
            raise ConfigError(
                f"it has room for {most} tasks, and cannot have {n} less: to have none run there,"
                " tell it to shut down, or to take from no queue"
            )
        return self._bound(min(least, most - n), most - n)

    def _scale(self, max: int, min: int) -> str:  # noqa: A002 - Celery's names
        return self._bound(min, max)

    def _bound(self, least: int, most: int) -> str:
        if most > MOST_TASKS:
            raise ConfigError(f"{most} tasks at a time: {MOST_TASKS} are the most")
        self._crew.resize(least, most)
        span = str(most) if least == most else f"{least} to {most}"
        return f"it runs {span} tasks at a time"

    # What it takes

    def _add_queue(self, queue: str) -> str:
        intake = self._intake
        if queue in intake.queues:
            return f"it takes from {queue} already"
        intake.queues = (*intake.queues, queue)
        self._on_queues()
        return f"it takes from {queue}"

    def _cancel_queue(self, queue: str) -> str:
        intake = self._intake
        if queue not in intake.queues:
            return f"it does not take from {queue}"
        intake.queues = tuple(each for each in intake.queues if each != queue)
        self._on_queues()
        self._dispatcher.take_back()
        return f"it takes from {queue} no more"

    def _limit(self, task_name: str, soft: float | None, hard: float | None) -> str:
        limits = self._intake.limits
        if soft is None and hard is None:
            limits.pop(task_name, None)
            return f"{task_name} has its own time limits"
        limits[task_name] = (_in_ms(soft), _in_ms(hard))
        return f"{task_name} has new time limits"


def _in_ms(seconds: float | None) -> int:
    return max(1, round(1000 * seconds)) if seconds else 0
