"""A worker that visits another program, such as a test, does what there is to do, and goes."""

from nbtasks.config import Config
from nbtasks.worker.options import WorkerOptions
from nbtasks.worker.shutdown import RUN
from nbtasks.worker.worker import Worker


class GuestWorker(Worker):
    """A worker in a program that is something else; it ends when nothing is left to do now."""

    def __init__(self, config: Config, options: WorkerOptions) -> None:
        super().__init__(config, options)
        self._quiet = 0

    @property
    def next_due_ms(self) -> float | None:
        """How long until something is due in Redis that was not before; None for never."""
        due = self._dispatcher.next_due_ms
        return None if due is None else max(0.0, due - self._clock.tick_ms())

    def run(self) -> int:
        """Work until nothing is left; 0 when everything was handed in or given back, else 1."""
        self._listen_for_signals()
        try:
            return self._pool.run(self._work)
        except BaseException:
            self._shutdown.give_up()
            self._signal_sockets[1].send(b"\0")
            raise

    def leave(self) -> None:
        """Finish what runs, and take nothing more."""
        if self._shutdown.step == RUN:
            self._shutdown.begin()

    def _take_signals(self, wakeup: int) -> None:
        """They mean the program."""

    def _leave_signals(self) -> None:
        """None was taken."""

    def _step(self) -> None:
        super()._step()
        if self._shutdown.step != RUN:
            return
        self._quiet = self._quiet + 1 if self._has_nothing_to_do() else 0
        if self._quiet == 1:
            self._is_hungry = True  # what this step has fired may be in a queue by now
        elif self._quiet > 1:
            self._shutdown.begin()

    def _has_nothing_to_do(self) -> bool:
        is_due = self.next_due_ms == 0.0
        is_busy = self._crew.has_room or self._has_left_overs() or self._retry_at is not None
        return not (is_due or self._is_hungry or is_busy)
