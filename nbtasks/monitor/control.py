"""`app.control`: what workers do, and what they are told."""

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict, Unpack

from nbtasks.errors import ConfigError
from nbtasks.monitor.inspection import Destination, Inspect, chosen
from nbtasks.monitor.telling import tell
from nbtasks.orders import (
    ADD_CONSUMER,
    AUTOSCALE,
    CANCEL_CONSUMER,
    PING,
    POOL_GROW,
    POOL_SHRINK,
    SHUTDOWN,
    TIME_LIMIT,
    Order,
)
from nbtasks.record import KILL, check_signal
from nbtasks.store.limits import (
    pause_task,
    paused_tasks,
    rate_limits,
    resume_task,
    set_rate_limit,
)
from nbtasks.store.queues import pause_queue, paused_queues, purge_queue, resume_queue
from nbtasks.store.stamped import revoke_stamped
from nbtasks.submitting import Submitter

Answers = list[dict[str, dict[str, str]]]
"""What workers have answered, as Celery gives it: a dict with one entry for each of them."""


class How(TypedDict, total=False):
    """Whether answers are waited for, and from whom: as in `Control.broadcast`."""

    reply: bool
    timeout: float
    pattern: str
    limit: int | None


class Control:
    """Looks at workers and tasks, and tells them what to do.

    Args:
        app: The app.
    """

    def __init__(self, app: Submitter) -> None:
        self._app = app

    def inspect(
        self,
        destination: Destination = None,
        timeout: float = 1.0,
        *,
        pattern: str = "",
        limit: int | None = None,
    ) -> Inspect:
        """What live workers have in hand, and what they are.

        Args:
            destination: The name of a worker, or of several; None for all.
            timeout: Seconds to wait for an answer where one is asked for, as in `ping`.
            pattern: A glob that names must match as well, such as `gpu-*`; empty for any.
            limit: Workers at most; None for any number.
        """
        return Inspect(self._app, destination, timeout, pattern, limit)

    # Workers

    def broadcast(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        destination: Destination = None,
        *,
        reply: bool = False,
        timeout: float = 1.0,
        pattern: str = "",
        limit: int | None = None,
    ) -> Answers:
        """Tell workers something; what they have answered, a dict for each worker.

        A worker obeys within milliseconds, also while all its processes are busy. What it is told
        holds until it ends. Who may tell it is who has the key.

        Args:
            command: What to do: the name of one of the methods below.
            arguments: With what, by name.
            destination: The name of a worker, or of several; None for all.
            reply: Wait for answers: `{worker: {"ok": …}}`, or `{"error": why not}`.
            timeout: Seconds to wait for them at most; a worker that has not answered is left out.
            pattern: A glob that names must match as well, such as `gpu-*`; empty for any.
            limit: Workers at most; None for any number.

        Raises:
            ConfigError: There is no such command, or it takes something else.
        """
        order = Order.checked(command, arguments or {})
        workers = chosen(self._app.workers(), destination, pattern, limit)
        names = [worker.name for worker in workers]
        answers = tell(self._app.connection, names, order, timeout if reply else None)
        return [{name: dict(answer)} for name, answer in answers.items()]

    def ping(self, destination: Destination = None, timeout: float = 1.0) -> Answers:
        """Ask whether they answer: `[{worker: {"ok": "pong"}}]`."""
        return self.broadcast(PING, {}, destination, reply=True, timeout=timeout)

    def shutdown(self, destination: Destination = None, **how: Unpack[How]) -> Answers:
        """Have them finish what runs, and end, as SIGTERM does."""
        return self.broadcast(SHUTDOWN, {}, destination, **how)

    def pool_grow(self, n: int = 1, destination: Destination = None, **how: Unpack[How]) -> Answers:
        """Have them run so many tasks more at a time.

        With `--autoscale` this is about the most; it still starts processes as work waits.
        """
        return self.broadcast(POOL_GROW, {"n": n}, destination, **how)

    def pool_shrink(
        self, n: int = 1, destination: Destination = None, **how: Unpack[How]
    ) -> Answers:
        """Have them run so many tasks less at a time; what runs goes on to its end."""
        return self.broadcast(POOL_SHRINK, {"n": n}, destination, **how)

    def autoscale(
        self,
        max: int,  # noqa: A002 - Celery's names
        min: int = 1,  # noqa: A002
        destination: Destination = None,
        **how: Unpack[How],
    ) -> Answers:
        """Have them run so many tasks at a time at most, and so many at least, as work comes."""
        return self.broadcast(AUTOSCALE, {"max": max, "min": min}, destination, **how)

    def add_consumer(
        self, queue: str, destination: Destination = None, **how: Unpack[How]
    ) -> Answers:
        """Have them take from this queue as well, after those that they take from."""
        return self.broadcast(ADD_CONSUMER, {"queue": queue}, destination, **how)

    def cancel_consumer(
        self, queue: str, destination: Destination = None, **how: Unpack[How]
    ) -> Answers:
        """Have them take nothing more from this queue; what has not begun goes back to it."""
        return self.broadcast(CANCEL_CONSUMER, {"queue": queue}, destination, **how)

    def time_limit(
        self,
        task_name: str,
        soft: float | None = None,
        hard: float | None = None,
        destination: Destination = None,
        **how: Unpack[How],
    ) -> Answers:
        """Have tasks of a name run for so long at most, from the next one on that they begin.

        That is over what the task and its call say.

        Args:
            task_name: The name.
            soft: Seconds until it gets `SoftTimeLimitExceeded`; 0 for no limit.
            hard: Seconds until it is killed; likewise. None for both: its own limits again.
            destination: The name of a worker, or of several; None for all.
            **how: As in `broadcast`.
        """
        limits = {"task_name": task_name, "soft": soft, "hard": hard}
        return self.broadcast(TIME_LIMIT, limits, destination, **how)

    # Tasks

    def revoke(
        self, task_id: str | Iterable[str], *, terminate: bool = False, signal: str = KILL
    ) -> int:
        """End tasks for good; returns how many had not finished.

        Args:
            task_id: The id of one, or those of several.
            terminate: End what runs, as in `AsyncResult.revoke`.
            signal: What its process gets then.

        Raises:
            UnknownTask: One of them is not stored.
            ConfigError: There is no such signal.
        """
        ids = [task_id] if isinstance(task_id, str) else task_id
        find = self._app.AsyncResult
        return sum(find(each).revoke(terminate=terminate, signal=signal) for each in ids)

    def terminate(self, task_id: str | Iterable[str], signal: str = "SIGTERM") -> int:
        """The same, and end those that run with this signal."""
        return self.revoke(task_id, terminate=True, signal=signal)

    def revoke_by_stamped_headers(
        self, headers: Mapping[str, Any], *, terminate: bool = False, signal: str = KILL
    ) -> int:
        """End all tasks that have not finished and have one of these stamps; returns how many.

        Args:
            headers: Stamps, as of `Signature.stamp`; a list stands for each of its values.
            terminate: End what runs, as in `AsyncResult.revoke`.
            signal: What its process gets then.

        Raises:
            ConfigError: There is no such signal.
        """
        name = check_signal(signal)
        return revoke_stamped(self._app.store, headers, terminate=terminate, signal=name)

    def rate_limit(self, task_name: str, rate_limit: str | float | None) -> None:
        """Have tasks of a name begin at this rate, over all workers and whatever they say.

        It is a fact in Redis: it holds from the next task on, and outlives workers and clients.

        Args:
            task_name: Their name.
            rate_limit: `"10/s"`, `"5/m"`, `"1/h"`, a number a second; 0 for none. None takes it
                back: then they have the rate that they were sent with.

        Raises:
            ConfigError: It is no rate, or no task can have this name.
        """
        set_rate_limit(self._app.store, task_name, rate_limit)

    def rate_limits(self) -> Mapping[str, str]:
        """The rates that were set so, by the names of tasks; `0` for none."""
        return rate_limits(self._app.store)

    # Queues and tasks

    def pause(self, queue: str = "", *, task: str = "") -> bool:
        """Have nothing begin of a queue, or of the tasks of a name, until `resume`.

        What runs goes on, and other tasks of their queue are not held up. It outlives workers and
        clients.

        Args:
            queue: The queue.
            task: Or the name of tasks, in whatever queue they are.

        Returns:
            False where it was paused.

        Raises:
            ConfigError: No queue or task can have this name; or it is not one of the two.
        """
        _check_one(queue, task)
        pause, name = (pause_task, task) if task else (pause_queue, queue)
        return pause(self._app.store, name)

    def resume(self, queue: str = "", *, task: str = "") -> bool:
        """Have it begin again; False where it was not paused.

        Args:
            queue: The queue.
            task: Or the name of tasks.

        Raises:
            ConfigError: No queue or task can have this name; or it is not one of the two.
        """
        _check_one(queue, task)
        resume, name = (resume_task, task) if task else (resume_queue, queue)
        return resume(self._app.store, name)

    def paused(self) -> Mapping[str, int]:
        """The queues that are paused, and since when, in ms since 1970."""
        return paused_queues(self._app.store)

    def paused_tasks(self) -> Mapping[str, int]:
        """The names of tasks that are paused, and since when, in ms since 1970."""
        return paused_tasks(self._app.store)

    def purge(self, queue: str = "", *, scheduled: bool = False) -> int:
        """End what waits in a queue, as if it were revoked; returns how many tasks that were.

        Args:
            queue: The queue; empty for the one where tasks go that name none.
            scheduled: End also what is not due yet: countdowns, etas and retries.

        Raises:
            ConfigError: No queue can have this name.
        """
        name = queue or self._app.config.default_queue
        return purge_queue(self._app.store, name, scheduled=scheduled)


def _check_one(queue: str, task: str) -> None:
    if bool(queue) == bool(task):
        raise ConfigError(
            "name what is meant: a queue, as in pause('gpu'), or tasks, as in pause(task='fit')"
        )
