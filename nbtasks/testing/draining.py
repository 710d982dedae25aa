"""Doing all that waits, here and now."""

import itertools
import os
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from nbtasks.app import App
from nbtasks.clock import Clock, SystemClock
from nbtasks.connection import resolve
from nbtasks.errors import ConfigError
from nbtasks.result import AsyncResult, task_result
from nbtasks.store.testbed import is_heard, next_entry_ms
from nbtasks.testing.moving import FakeClock
from nbtasks.worker.kinds import SOLO, PoolOptions
from nbtasks.worker.options import WorkerOptions
from nbtasks.worker.visit import GuestWorker
from nbtasks.worker.work import Work

HEAR_MS: Final = 5000

_numbers = itertools.count(1)


def drain(
    app: App,
    *,
    queues: Sequence[str] = (),
    seconds: float | timedelta | None = None,
    limit: int = 10_000,
) -> list[AsyncResult[Any]]:
    """Run all tasks that wait, and what those send, in this process, until none is left to do now.

    They come from Redis and go through all that a worker does, one after the other, in this thread:
    breakpoints, patches and captured output work. Limits and revoking cannot interrupt them.
    Tasks with a countdown, retries with a delay and schedule entries run where they are due; the
    schedule of the program (`beat_schedule`, `add_periodic_task`) is declared first.

    Args:
        app: The app whose tasks are run.
        queues: Which queues; by default that of tasks that name none.
        seconds: With a `FakeClock`: go on for so long by its time. Whenever nothing is left to do,
            the clock moves to when something is due next, and at the end by all the seconds.
        limit: The most tasks; a task that always sends another one would go on for ever.

    Returns:
        The tasks that ran and have ended, in the order in which they began.

    Raises:
        ConfigError: There is no such clock, or more tasks ran than `limit`.
        StoreUnavailable: Redis does not answer.
    """
    if app.schedules.is_programmed:
        app.schedules.declare()
    run = _Run(app, tuple(queues) or (app.config.default_queue,), limit)
    if seconds is None:
        run.go()
    else:
        _go_on(run, app.clock, seconds)
    return run.ended()


def _go_on(run: "_Run", clock: Clock, seconds: float | timedelta) -> None:
    if not isinstance(clock, FakeClock):
        raise ConfigError("seconds go by a fake clock: make one with FakeClock(app) first")
    whole = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
    end = clock.wall_ms() + round(whole * 1000)
    wait = run.go()
    while wait is not None and wait <= end - clock.wall_ms():
        clock.advance((wait + 1) / 1000)
        wait = run.go()
    clock.advance(max(0, end - clock.wall_ms()) / 1000)
    run.go()


class _Run:
    """The workers of one call, one after the other."""

    def __init__(self, app: App, queues: tuple[str, ...], limit: int) -> None:
        self._app = app
        self._queues = queues
        self._limit = limit
        self._clock = SystemClock()
        self._given: dict[tuple[str, int], None] = {}
        self._worker: GuestWorker | None = None

    def go(self) -> int | None:
        """Do what can be done now; how many ms later something is due, None for never."""
        config, _ = resolve(self._app.config)
        options = WorkerOptions(
            name=f"drain-{os.getpid()}-{next(_numbers)}@here",
            queues=self._queues,
            concurrency=1,
            pool=PoolOptions(kind=SOLO),
            gone_ms=config.patience_ms,
            guest=self._note,
        )
        worker = self._worker = GuestWorker(config, options)
        worker.run()
        self._app.store.call("PING")  # says so where Redis is gone
        if len(self._given) > self._limit:
            raise ConfigError(
                f"more than {self._limit} tasks ran: if that is as it should be, give drain a"
                " higher limit"
            )
        waits = (worker.next_due_ms, next_entry_ms(self._app.store))
        return min((int(wait) for wait in waits if wait is not None), default=None)

    def ended(self) -> list[AsyncResult[Any]]:
        """What has ended."""
        rids = list(dict.fromkeys(rid for rid, _ in self._given))
        self._hear()
        found = dict(zip(rids, self._app.attach(rids), strict=True))
        results: list[AsyncResult[Any]] = []
        for rid, index in self._given:
            record = found[rid]
            if record is not None and record.is_done(index):
                results.append(task_result(self._app, record, index, by_id=True))
        return results

    def _hear(self) -> None:
        """Let the app read what it was told: results that are held then say what became of them."""
        start, pause = self._clock.tick_ms(), threading.Event()
        while not is_heard(self._app.store) and self._clock.tick_ms() - start < HEAR_MS:
            pause.wait(0.001)

    def _note(self, work: Work) -> None:
        for offset in range(len(work.bodies)):
            self._given.setdefault((work.rid, work.start + offset))
        if len(self._given) > self._limit and self._worker is not None:
            self._worker.leave()
