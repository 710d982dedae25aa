"""The heartbeat: it renews leases, says what the worker is, and brings what it is to do."""

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from nbtasks.config import Config
from nbtasks.errors import StoreRefused
from nbtasks.serializers import encode_json
from nbtasks.store.link import Link
from nbtasks.worker.crew import Crew
from nbtasks.worker.description import WHOLE_EVERY, Description
from nbtasks.worker.dispatcher import Dispatcher
from nbtasks.worker.hour import Hour
from nbtasks.worker.options import WorkerOptions
from nbtasks.worker.orders import Orders
from nbtasks.worker.vitals import Vitals

LIVES: Final = 3
"""A worker counts as live for so many heartbeats after the last one."""

_MEMORY: Final = (b"used_memory", b"maxmemory")


class Heart:
    """Beats when the worker tells it to.

    Args:
        link: To Redis.
        config: The settings.
        options: How the worker runs.
        dispatcher: What it has in hand.
        crew: Its children.
        orders: What it is told, and has clients sign for.
    """

    def __init__(
        self,
        link: Link,
        config: Config,
        options: WorkerOptions,
        dispatcher: Dispatcher,
        crew: Crew,
        *,
        orders: Orders,
    ) -> None:
        self._link = link
        self._config = config
        self._options = options
        self._intake = dispatcher.intake
        self._dispatcher = dispatcher
        self._crew = crew
        self._orders = orders
        self._clock = dispatcher.clock
        now = dispatcher.clock.wall_ms()
        self._describe = Description(config, options, dispatcher.owner, now)
        self._vitals = Vitals(dispatcher.tally, dispatcher.clock)
        self._hour = Hour(dispatcher.tally, dispatcher.clock)
        self._server: dict[str, float] = {}
        self._beats = 0

    def beat(self, *, ends: bool) -> list[Any]:
        """Tell that it lives; what Redis answers, as extend.lua has it.

        Raises:
            StoreError: Redis is gone.
        """
        if self._beats % WHOLE_EVERY == 0:
            self._look_at_server()
        self._beats += 1
        self._add_to_hour()
        facts = self._describe(self._live(ends=ends))
        flat = [item for pair in facts.items() for item in pair]
        began = self._clock.tick_ms()
        reply: list[Any] = self._link.call_script(
            "extend",
            self._intake.keys.prefix,
            self._intake.worker,
            self._intake.lease_ms,
            self._config.heartbeat_ms * LIVES,
            len(facts),
            *flat,
            *self._dispatcher.leases,
        )
        self._server["latency_ms"] = round(self._clock.tick_ms() - began, 2)
        return reply

    def _live(self, *, ends: bool) -> dict[str, object]:
        """What may be another thing the next time."""
        least, most = self._crew.bounds
        return {
            "ends": int(ends),
            "queues": " ".join(self._intake.queues),
            "concurrency": most,
            "challenge": self._orders.challenge(),
            "stats": encode_json(self._stats(least, most, self._crew.pids)),
        }

    def _stats(self, least: int, most: int, pids: Sequence[int]) -> dict[str, Any]:
        options, intake = self._options, self._intake
        pool = {
            "implementation": options.pool.kind,
            "max-concurrency": most,
            "min-concurrency": least,
            "processes": list(pids),
            "max-tasks-per-child": options.pool.max_tasks or None,
            "timeouts": [intake.soft_ms / 1000, intake.limit_ms / 1000],
        }
        limits = {name: [soft / 1000, hard / 1000] for name, (soft, hard) in intake.limits.items()}
        return {
            **self._vitals.look(pids),
            "pid": os.getpid(),
            "pool": pool,
            "busy": self._dispatcher.seats.busy,
            "time_limits": limits,
            "server": self._server,
        }

    def _add_to_hour(self) -> None:
        told = self._hour.take(self._dispatcher.seats.busy, self._crew.bounds[1])
        if told is not None:
            self._link.call_script("hour", self._intake.keys.prefix, *told, *self._intake.queues)

    def _look_at_server(self) -> None:
        """How much memory Redis has; not where this user may not ask."""
        with suppress(StoreRefused):
            lines: bytes = self._link.call("INFO", "memory")
            for name, _, number in (line.partition(b":") for line in lines.splitlines()):
                if name in _MEMORY:
                    self._server[name.decode()] = int(number)
