"""The parent of a worker: it speaks to Redis and to its children, and runs no user code.

One thread, one selector: news from children, wake-ups from Redis, signals and timers.
"""

import logging
import os
import selectors
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from nbtasks.clock import Clock, SystemClock
from nbtasks.config import Config
from nbtasks.errors import StoreError
from nbtasks.serializers import PYTHON_TAG
from nbtasks.signing import Signer
from nbtasks.store.keys import Keys
from nbtasks.store.link import Link
from nbtasks.store.store import pauses
from nbtasks.worker.child import ChildSettings
from nbtasks.worker.dispatcher import Dispatcher, Intake
from nbtasks.worker.lookout import LOOK_MS
from nbtasks.worker.options import WorkerOptions
from nbtasks.worker.pool import PreforkPool
from nbtasks.worker.process import ChildEnd, Process
from nbtasks.worker.wake import BLOCK_S, Wake, Wakes

logger = logging.getLogger(__name__)

LIVES: Final = 3
"""A worker counts as live for so many heartbeats after the last one."""

COLD: Final = 2
REFILL_PAUSE_MS: Final = 100.0
"""Before another try to fork, where there is no room or the last child lived for no task."""


class Worker:
    """`run` works until a signal ends it, and returns the exit code."""

    def __init__(self, config: Config, options: WorkerOptions) -> None:
        self._config = config
        self._options = options
        self._clock: Clock = SystemClock()
        signer = Signer(config.key, config.name)
        settings = ChildSettings(
            worker=options.name,
            signer=signer,
            max_value=config.max_input,
            max_memory=options.pool.max_memory,
        )
        self._pool = PreforkPool(settings, options.pool)
        self._keys = Keys(config.name)
        self._link = Link(config.url)
        intake = Intake(
            keys=self._keys,
            worker=options.name,
            queues=options.queues,
            lease_ms=config.lease_ms,
            limit_ms=options.limit_ms,
            soft_ms=options.soft_ms,
        )
        self._dispatcher = Dispatcher(self._link, intake, self._clock)
        self._handlers: dict[str, Callable[..., None]] = {
            "done": self._dispatcher.done,
            "report": self._dispatcher.report,
            "dropped": self._dispatcher.dropped,
            "retire": self._dispatcher.retire,
        }
        self._selector = selectors.DefaultSelector()
        self._wakes = self._make_wakes()
        self._signals = 0
        self._is_hungry = True
        self._next_beat = 0.0
        self._next_look: float | None = None
        self._next_start = 0.0
        self._retry_at: float | None = None
        self._pauses = pauses()
        self._idle_since = self._clock.tick_ms()
        self._is_stopping = False
        self._killed_cold = False

    def run(self) -> int:
        """Work until told to stop; 0 when everything was handed in or given back."""
        self._listen_for_signals()
        logger.info(
            "worker %s: %d processes, queues %s, Redis at %s",
            self._options.name,
            self._options.concurrency,
            ",".join(self._options.queues),
            self._link.url,
        )
        self._fill_pool(self._clock.tick_ms())
        while not self._is_finished():
            for key, _ in self._selector.select(self._timeout_s()):
                key.data()
            self._step()
        self._leave()
        return 0

    def _make_wakes(self) -> Wakes:
        url, keys, clock = self._config.url, self._keys, self._clock
        queues = self._options.queues
        names = [*queues, *(f"{queue}@{PYTHON_TAG}" for queue in queues)]
        wakes = {
            "queue": Wake(url, [keys.wake(name) for name in names], clock),
            "control": Wake(url, [keys.wake(f"@{self._options.name}")], clock),
        }
        return Wakes(wakes, self._selector, self._on_wake)

    # What happens

    def _listen_for_signals(self) -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)  # noqa: FBT003 - the socket's own method
        signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        self._signal_sockets = ours, theirs
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop_signal)
        signal.signal(signal.SIGCHLD, _end_select)
        self._selector.register(ours, selectors.EVENT_READ, self._on_signal)

    def _on_stop_signal(self, *_: object) -> None:
        self._signals += 1

    def _on_signal(self) -> None:
        self._signal_sockets[0].recv(64)
        for process in list(self._pool.processes):
            reason = process.ended()
            if reason is not None:
                self._on_death(process, reason)

    def _on_child(self, child: ChildEnd) -> None:
        slot = self._dispatcher.slots.get(child.key)
        if slot is None:
            return
        if child.is_behind:
            child.flush()
            self._watch_child(child)
        for kind, *rest in child.messages():
            self._handlers[kind](slot, *rest)
        if not child.is_open:
            # It ends, or a task has closed the socket: either way nothing more comes from it.
            self._selector.unregister(child.sock)
            child.process.kill()
        if not slot.deliveries:
            self._is_hungry = True
            if child.process.is_full:
                self._retire(child.process)

    def _watch_child(self, child: ChildEnd) -> None:
        write = selectors.EVENT_WRITE if child.is_behind else 0
        if child.is_open:
            self._selector.modify(
                child.sock, selectors.EVENT_READ | write, partial(self._on_child, child)
            )

    def _retire(self, process: Process) -> None:
        """Let those children of a process go that have nothing to do; others take their place."""
        for child in list(process.children):
            if child.is_open and not self._dispatcher.slots[child.key].deliveries:
                process.retires = process.retires or f"it has run {process.tasks} tasks"
                name, why = self._options.name, process.retires
                logger.info("worker %s: process %d retires: %s", name, process.pid, why)
                del self._dispatcher.slots[child.key]
                self._selector.unregister(child.sock)
                self._pool.retire(child)

    def _on_death(self, process: Process, reason: str) -> None:
        had_work = False
        for child in process.children:
            slot = self._dispatcher.slots[child.key]
            for kind, *rest in child.last_messages():
                self._handlers[kind](slot, *rest)
            if child.is_open:
                self._selector.unregister(child.sock)
            had_work = had_work or bool(slot.deliveries)
            self._dispatcher.lost(slot, reason)
            if child.next_sequence == 1:
                self._next_start = self._clock.tick_ms() + REFILL_PAUSE_MS
        self._pool.remove(process)
        if process.children:
            self._log_death(process, reason, had_work=had_work)
        self._is_hungry = True

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

    def _on_wake(self, name: str) -> None:
        try:
            is_woken = self._wakes.end(name)
        except StoreError as error:
            self._go_down(error)
            return
        if name == "queue":
            # Woken, or nothing came for a while: then look all the same. A wake-up may have gone to
            # a worker that died with it, and a lease may have been taken since the last look.
            self._is_hungry = True
        elif is_woken:
            self._next_beat = 0.0

    # What follows

    def _step(self) -> None:
        """Everything that is due now."""
        now = self._clock.tick_ms()
        self._obey_signals()
        self._fill_pool(now)
        if self._retry_at is not None and now < self._retry_at:
            return
        try:
            if self._retry_at is not None:
                self._come_back()
            self._look(now)
            if now >= self._next_beat:
                self._beat(now)
            self._exchange(now)
            self._watch_wakes()
        except StoreError as error:
            self._go_down(error)

    def _fill_pool(self, now: float) -> None:
        """Start as many children as are missing."""
        if self._signals or now < self._next_start:
            return
        while len(self._pool.children) < self._options.concurrency:
            try:
                children = self._pool.start()
            except OSError as error:
                logger.warning("worker %s: no new process: %s", self._options.name, error)
                self._next_start = now + REFILL_PAUSE_MS
                return
            for child in children:
                self._dispatcher.add(child)
                self._selector.register(
                    child.sock, selectors.EVENT_READ, partial(self._on_child, child)
                )

    def _look(self, now: float) -> None:
        if self._next_look is not None and now >= self._next_look:
            wait = self._dispatcher.tick()
            self._next_look = None if wait is None else now + wait

    def _look_soon(self, now: float) -> None:
        if self._next_look is None or self._next_look > now + LOOK_MS:
            self._next_look = now + LOOK_MS

    def _exchange(self, now: float) -> None:
        dispatcher = self._dispatcher
        is_due = dispatcher.next_due_ms is not None and now >= dispatcher.next_due_ms
        if not (self._is_hungry or is_due or dispatcher.has_news):
            return
        self._is_hungry = False
        dispatcher.exchange(take=self._signals == 0)
        for process in self._pool.processes:
            if process.is_full:
                self._retire(process)
        for slot in dispatcher.slots.values():
            if slot.child.is_behind:
                self._watch_child(slot.child)
        if dispatcher.leases:
            self._idle_since = now
            self._look_soon(now)

    def _beat(self, now: float) -> None:
        self._next_beat = now + self._config.heartbeat_ms
        self._is_hungry = True  # busy workers, too, promote what is due and recover what is lost
        self._dispatcher.reclaim()
        facts = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "python": PYTHON_TAG,
            "queues": " ".join(self._options.queues),
            "concurrency": self._options.concurrency,
        }
        flat = [item for pair in facts.items() for item in pair]
        reply = self._link.call_script(
            "extend",
            self._keys.prefix,
            self._options.name,
            self._config.lease_ms,
            self._config.heartbeat_ms * LIVES,
            len(facts),
            *flat,
            *self._dispatcher.leases,
        )
        items = iter(reply)
        for kind in items:
            lease = next(items).decode()
            if kind == b"l":
                self._dispatcher.drop(lease)
            else:
                self._dispatcher.revoke(lease, int(next(items)))
                self._look_soon(now)

    def _watch_wakes(self) -> None:
        wants_work = self._signals == 0 and bool(self._dispatcher.free)
        self._wakes.watch("control", *(("queue",) if wants_work else ()))

    # Up and down

    def _go_down(self, error: StoreError) -> None:
        """Redis is gone: children go on, what they hand in waits, and we try again for ever."""
        self._wakes.close()
        self._link.close()
        if self._retry_at is None:
            logger.warning("worker %s: %s; trying again", self._options.name, error)
        self._retry_at = self._clock.tick_ms() + next(self._pauses)

    def _come_back(self) -> None:
        self._link.open()
        logger.info("worker %s: Redis is back", self._options.name)
        self._retry_at = None
        self._pauses = pauses()
        self._is_hungry = True
        self._next_beat = 0.0

    def _timeout_s(self) -> float:
        now = self._clock.tick_ms()
        if self._retry_at is not None:
            return max(0.0, self._retry_at - now) / 1000
        if self._is_hungry or self._dispatcher.has_news:
            return 0.0
        times = [self._next_beat, now + BLOCK_S * 1000]
        if self._next_start > now:
            times.append(self._next_start)
        due = (self._next_look, self._dispatcher.next_due_ms)
        times += [time for time in due if time is not None]
        return max(0.0, min(times) - now) / 1000

    # The end

    def _obey_signals(self) -> None:
        if self._signals and not self._is_stopping:
            self._is_stopping = True
            logger.info(
                "worker %s: finishing what runs; a second signal ends it at once",
                self._options.name,
            )
            self._dispatcher.take_back_all()
            self._look_soon(self._clock.tick_ms())
        if self._signals >= COLD and not self._killed_cold:
            self._killed_cold = True
            for slot in self._dispatcher.slots.values():
                slot.kill("the worker was told to stop at once")
        may_stop = self._options.may_stop
        if may_stop is not None and not self._signals and not self._dispatcher.leases:
            lingered = self._clock.tick_ms() - self._idle_since
            if lingered >= self._options.linger_ms:
                self._idle_since += self._options.linger_ms / 4
                self._signals = int(may_stop())

    def _is_finished(self) -> bool:
        if not self._signals or self._dispatcher.leases:
            return False
        # Redis may be gone for good: after a third signal nobody waits for it.
        return not self._dispatcher.has_news or self._signals > COLD

    def _leave(self) -> None:
        """Go, and pass on a wake-up that was just given to this worker."""
        self._wakes.close()
        self._pool.close()
        with suppress(StoreError):
            if not self._dispatcher.has_news:
                self._dispatcher.exchange(take=False)
            self._link.call("ZREM", self._keys.fleet, self._options.name)
            self._link.call("UNLINK", self._keys.worker(self._options.name))
        self._link.close()
        signal.set_wakeup_fd(-1)
        for sock in self._signal_sockets:
            sock.close()


def _end_select(*_: object) -> None:
    """A child may have ended: the wake-up file tells the selector so."""
