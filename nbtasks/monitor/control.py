"""`app.control`: what workers do, and what they are told."""

from collections.abc import Iterable, Mapping

from nbtasks.monitor.inspection import Destination, Inspect
from nbtasks.record import KILL
from nbtasks.store.queues import pause_queue, paused_queues, purge_queue, resume_queue
from nbtasks.submitting import Submitter


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

    # Queues

    def pause(self, queue: str) -> bool:
        """Have no worker take anything from a queue until `resume`; False where it was paused.

        What runs goes on. It outlives workers and clients.

        Raises:
            ConfigError: No queue can have this name.
        """
        return pause_queue(self._app.store, queue)

    def resume(self, queue: str) -> bool:
        """Have workers take from a queue again; False where it was not paused.

        Raises:
            ConfigError: No queue can have this name.
        """
        return resume_queue(self._app.store, queue)

    def paused(self) -> Mapping[str, int]:
        """The queues that are paused, and since when, in ms since 1970."""
        return paused_queues(self._app.store)

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
