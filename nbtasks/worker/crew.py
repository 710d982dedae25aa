"""The children of a worker: how many there are, what they say, and how they end."""

import logging
import selectors
from collections.abc import Callable
from functools import partial
from typing import Final

from nbtasks.clock import Clock
from nbtasks.errors import ConfigError
from nbtasks.worker.dispatcher import Dispatcher
from nbtasks.worker.oom import OomWatch
from nbtasks.worker.options import WorkerOptions
from nbtasks.worker.pool import Pool
from nbtasks.worker.process import KILLED, ChildEnd, Process
from nbtasks.worker.scale import REST_MS, Scale
from nbtasks.worker.stacks import Stacks
from nbtasks.worker.watchdog import Watchdog

logger = logging.getLogger(__name__)

REFILL_PAUSE_MS: Final = 100.0
"""Before another try to fork, where there is no room or the last child lived for no task."""

MOST_EXTRA: Final = 100
"""Children beside the usual ones, for as many tasks that wait for other tasks."""


class Crew:
    """Starts children, hands their messages to the dispatcher, and replaces those that end.

    `has_room` is set when a child may have become free for work: the worker clears it.
    """

    def __init__(
        self,
        pool: Pool,
        dispatcher: Dispatcher,
        selector: selectors.BaseSelector,
        options: WorkerOptions,
        clock: Clock,
        *,
        stacks: Stacks,
    ) -> None:
        self._pool = pool
        self._dispatcher = dispatcher
        self._selector = selector
        self._options = options
        self._clock = clock
        self._watchdog = Watchdog()
        self._scale = Scale(options.least or options.concurrency, options.concurrency)
        self._oom = OomWatch()
        self._is_shrinking = False
        self._next_start = 0.0
        self._told_of_most = False
        self.has_room = True
        self._handlers: dict[str, Callable[..., None]] = {
            "done": dispatcher.done,
            "report": dispatcher.report,
            "dropped": dispatcher.dropped,
            "retire": dispatcher.retire,
            "lent": dispatcher.lent,
            "resumed": dispatcher.resumed,
            "where": stacks.tell,
        }

    def fill(self, now: float) -> None:
        """Start what is missing: the watchdog first, so that it knows of each child."""
        if now < self._next_start:
            return
        try:
            if not (self._pool.is_solo or self._watchdog.is_running):
                self._watchdog.start([process.pid for process in self._pool.processes])
            while missing := self._missing():
                self._start(missing, now)
        except OSError as error:
            logger.warning("worker %s: no new process: %s", self._options.name, error)
            self._next_start = now + REFILL_PAUSE_MS

    def scale(self, now: float) -> None:
        """After an exchange: have as many children as there is work for, and no more for long."""
        dispatcher, scale = self._dispatcher, self._scale
        before = scale.target
        scale.look(now, dispatcher.seats.busy, has_more=dispatcher.has_more)
        if scale.target != before:
            name = self._options.name
            logger.info("worker %s: %d tasks at a time, not %d", name, scale.target, before)
            dispatcher.seats.room = scale.target
            self.has_room = self.has_room or scale.target > before
        for process in reversed(self._pool.processes):
            if self._is_spare(process, now):
                process.retires = "it is not needed any more"
                self._retire(process)
        if len(self._pool.children) <= scale.target:
            self._is_shrinking = False

    def resize(self, least: int, most: int) -> None:
        """Run so many tasks at a time from now on; of fewer than before, what runs goes on.

        Raises:
            ConfigError: It runs tasks in itself, and so one at a time.
        """
        if self._pool.is_solo:
            raise ConfigError("a solo worker runs one task at a time, in itself")
        self._scale.bound(least, most)
        self._dispatcher.seats.room = self._scale.target
        self.has_room = self._is_shrinking = True
        self.fill(self._clock.tick_ms())

    @property
    def bounds(self) -> tuple[int, int]:
        """How many tasks it runs at a time: the least, and the most."""
        return self._scale.least, self._scale.most

    @property
    def pids(self) -> list[int]:
        """The processes with children."""
        return [process.pid for process in self._pool.processes]

    @property
    def may_grow(self) -> bool:
        """Whether there may be a child for work that nobody is free for."""
        return self._scale.may_grow and self._next_start <= self._clock.tick_ms()

    def next_ms(self, now: float) -> float | None:
        """When `fill` has something to do that was put off."""
        return self._next_start if self._next_start > now else None

    def bury(self) -> None:
        """See which processes have ended."""
        for process in list(self._pool.processes):
            reason = process.ended()
            if reason is not None:
                if not process.killed and KILLED in reason and self._oom.has_struck():
                    reason = f"{KILLED} by the kernel: its control group is out of memory"
                self._on_death(process, reason)
        if self._watchdog.has_ended():
            logger.warning("worker %s: its watchdog has ended: another follows", self._options.name)

    def settle(self) -> None:
        """After an exchange: let go what is full, and watch what has not taken all it was given."""
        for process in self._pool.processes:
            if process.is_full:
                self._retire(process)
        for slot in self._dispatcher.slots.values():
            if slot.child.is_behind:
                self._watch(slot.child)

    def kill(self, reason: str) -> None:
        """End all that has work, because the worker leaves."""
        for slot in self._dispatcher.slots.values():
            slot.child.process.abandon(reason)

    def close(self) -> None:
        """Let all end."""
        self._pool.close()
        self._watchdog.close()

    def _missing(self) -> int:
        """How many children are to be started."""
        children, target = len(self._pool.children), self._scale.target
        if children < target or not self._dispatcher.seats.is_short:
            return max(0, target - children)
        if children - target < MOST_EXTRA and not self._pool.is_solo:
            return 1
        if not self._told_of_most:
            self._told_of_most = True
            logger.warning(
                "worker %s: %d tasks wait here for other tasks: no more processes are started for"
                " those, and where they wait for each other they stand still",
                self._options.name,
                self._dispatcher.seats.waiting,
            )
        return 0

    def _is_spare(self, process: Process, now: float) -> bool:
        """Whether a process has had nothing to do for a while, and there are others enough."""
        here = len(process.children)
        if not here or len(self._pool.children) - self._dispatcher.seats.waiting - here < (
            self._scale.target
        ):
            return False
        slots = [self._dispatcher.slots[child.key] for child in process.children]
        rest_ms = 0.0 if self._is_shrinking else REST_MS
        return all(slot.is_idle and now - slot.since_ms >= rest_ms for slot in slots)

    def _start(self, missing: int, now: float) -> None:
        children = self._pool.start(missing)
        self._watchdog.add(children[0].process.pid)
        self.has_room = True
        for child in children:
            self._dispatcher.add(child)
            self._dispatcher.slots[child.key].since_ms = now
            self._selector.register(
                child.sock, selectors.EVENT_READ, partial(self._on_child, child)
            )

    def _on_child(self, child: ChildEnd) -> None:
        slot = self._dispatcher.slots.get(child.key)
        if slot is None or child.sock not in self._selector.get_map():
            return  # it ended while other news was seen to
        if child.is_behind:
            child.flush()
            self._watch(child)
        for kind, *rest in child.messages():
            self._handlers[kind](slot, *rest)
        if not child.is_open:
            # It ends, or a task has closed the socket: either way nothing more comes from it.
            self._selector.unregister(child.sock)
            child.process.kill()
        if child.process.is_full:
            self._retire(child.process)
        elif slot.is_free or slot.is_lent:
            self.has_room = True
            if slot.is_idle:
                slot.since_ms = self._clock.tick_ms()

    def _watch(self, child: ChildEnd) -> None:
        write = selectors.EVENT_WRITE if child.is_behind else 0
        if child.is_open:
            self._selector.modify(
                child.sock, selectors.EVENT_READ | write, partial(self._on_child, child)
            )

    def _retire(self, process: Process) -> None:
        """Let those children of a process go that have nothing to do; others take their place."""
        for child in list(process.children):
            if child.is_open and self._dispatcher.slots[child.key].is_idle:
                process.retires = process.retires or f"it has run {process.tasks} tasks"
                name, why = self._options.name, process.retires
                logger.info("worker %s: process %d retires: %s", name, process.pid, why)
                del self._dispatcher.slots[child.key]
                self._selector.unregister(child.sock)
                self._pool.retire(child)

    def _on_death(self, process: Process, reason: str) -> None:
        self._watchdog.remove(process.pid)
        for child in process.children:
            slot = self._dispatcher.slots[child.key]
            for kind, *rest in child.last_messages():
                self._handlers[kind](slot, *rest)
            if child.is_open:
                self._selector.unregister(child.sock)
        if process.children and not process.tasks:
            self._next_start = self._clock.tick_ms() + REFILL_PAUSE_MS
        had_work = self._dispatcher.lost(process, reason)
        self._pool.remove(process)
        if process.children:
            self._log_death(process, reason, had_work=had_work)
        self.has_room = True

    def _log_death(self, process: Process, reason: str, *, had_work: bool) -> None:
        what = process.killed or ("its task goes to another process" if had_work else "it was idle")
        logger.log(
            logging.INFO if process.killed else logging.WARNING,
            "worker %s: process %d ended (%s): %s",
            self._options.name,
            process.pid,
            reason,
            what,
        )
