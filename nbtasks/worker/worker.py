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
from dataclasses import dataclass
from functools import partial
from typing import Final

from nbtasks.clock import Clock, SystemClock
from nbtasks.config import Config
from nbtasks.errors import StoreUnavailable
from nbtasks.serializers import PYTHON_TAG
from nbtasks.signing import Signer
from nbtasks.store.keys import Keys
from nbtasks.store.link import Link
from nbtasks.store.store import pauses
from nbtasks.worker.child import ChildSettings
from nbtasks.worker.dispatcher import SLOW_US, Dispatcher, Slot
from nbtasks.worker.pool import ChildProcess, PreforkPool

logger = logging.getLogger(__name__)

BLOCK_S: Final = 2
"""How long a wait in Redis may last: a dead connection is noticed by then, plus `GRACE_MS`."""

GRACE_MS: Final = 5000.0
LIVES: Final = 3
"""A worker counts as live for so many heartbeats after the last one."""

COLD: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """What the command line says; `may_stop` is asked when idle, whether to end for want of users."""

    name: str
    queues: tuple[str, ...]
    concurrency: int
    may_stop: Callable[[], bool] | None = None
    linger_ms: float = 60_000.0


class Wake:
    """A connection that waits for wake-ups on some keys, beside the one that does the work."""

    def __init__(self, url: str, keys: list[str], clock: Clock) -> None:
        self._link = Link(url)
        self._keys = keys
        self._clock = clock
        self._since: float | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether a wait is under way."""
        return self._since is not None

    def wait(self) -> int:
        """Begin to wait; the socket to select on."""
        self._link.send("BZPOPMIN", *self._keys, BLOCK_S)
        self._since = self._clock.tick_ms()
        return self._link.fileno()

    def end(self) -> bool:
        """Read the answer: True for a wake-up, False when the time was over."""
        self._since = None
        return self._link.read() is not None

    def check(self) -> None:
        """Raise StoreUnavailable where the answer is overdue."""
        if (
            self._since is not None
            and self._clock.tick_ms() - self._since > BLOCK_S * 1000 + GRACE_MS
        ):
            raise StoreUnavailable(self._link.url, "it does not answer a wait")

    def close(self) -> None:
        """Give the wait up."""
        self._since = None
        self._link.close()


class Worker:
    """`run` works until a signal ends it, and returns the exit code."""

    def __init__(self, config: Config, options: WorkerOptions) -> None:
        self._config = config
        self._options = options
        self._clock: Clock = SystemClock()
        signer = Signer(config.key, config.name)
        settings = ChildSettings(worker=options.name, signer=signer, max_value=config.max_input)
        self._pool = PreforkPool(settings)
        self._keys = Keys(config.name)
        self._link = Link(config.url)
        self._dispatcher = Dispatcher(
            self._link, self._keys, options.name, options.queues, config.lease_ms, self._clock
        )
        queues = [*options.queues, *(f"{queue}@{PYTHON_TAG}" for queue in options.queues)]
        self._wakes = {
            "queue": Wake(config.url, [self._keys.wake(queue) for queue in queues], self._clock),
            "control": Wake(config.url, [self._keys.wake(f"@{options.name}")], self._clock),
        }
        self._handlers: dict[str, Callable[..., None]] = {
            "done": self._dispatcher.done,
            "report": self._dispatcher.report,
            "dropped": self._dispatcher.dropped,
        }
        self._selector = selectors.DefaultSelector()
        self._signals = 0
        self._is_hungry = True
        self._next_beat = 0.0
        self._next_look: float | None = None
        self._retry_at: float | None = None
        self._pauses = pauses()
        self._idle_since = self._clock.tick_ms()
        self._is_stopping = False
        self._killed_cold = False
        self._watched: dict[str, int] = {}

    def run(self) -> int:
        """Work until told to stop; 0 when everything was handed in or given back."""
        self._listen_for_signals()
        for _ in range(self._options.concurrency):
            self._start_child()
        logger.info(
            "worker %s: %d processes, queues %s, Redis at %s",
            self._options.name,
            self._options.concurrency,
            ",".join(self._options.queues),
            self._link.url,
        )
        while not self._is_finished():
            for key, _ in self._selector.select(self._timeout_s()):
                key.data()
            self._step()
        self._leave()
        return 0

    # What happens

    def _listen_for_signals(self) -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        self._signal_sockets = ours, theirs
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._selector.register(ours, selectors.EVENT_READ, lambda: ours.recv(64))

    def _on_signal(self, number: int, _: object) -> None:
        self._signals += 1

    def _start_child(self) -> None:
        child = self._pool.start()
        self._dispatcher.add(child)
        self._selector.register(child.sock, selectors.EVENT_READ, partial(self._on_child, child))

    def _on_child(self, child: ChildProcess) -> None:
        slot = self._dispatcher.slots[child.pid]
        for message in child.messages():
            if message is None:
                self._on_child_gone(slot)
                return
            kind, *rest = message
            self._handlers[kind](slot, *rest)
        if not slot.deliveries:
            self._is_hungry = True

    def _on_child_gone(self, slot: Slot) -> None:
        child = slot.child
        self._selector.unregister(child.sock)
        had_work = bool(slot.deliveries)
        reason = self._pool.remove(child)
        self._dispatcher.lost(slot, reason)
        level = logging.INFO if slot.killed else logging.WARNING
        what = slot.killed or ("its task goes to another process" if had_work else "it was idle")
        logger.log(
            level,
            "worker %s: process %d ended (%s): %s",
            self._options.name,
            child.pid,
            reason,
            what,
        )
        self._is_hungry = True
        if self._signals < COLD:
            self._start_child()

    def _on_wake(self, which: str) -> None:
        try:
            is_woken = self._wakes[which].end()
        except StoreUnavailable as error:
            self._go_down(error)
            return
        finally:
            self._unwatch(which)
        if is_woken and which == "queue":
            self._is_hungry = True
        elif is_woken:
            self._next_beat = 0.0

    # What follows

    def _step(self) -> None:
        """Everything that is due now."""
        now = self._clock.tick_ms()
        self._obey_signals()
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
        except StoreUnavailable as error:
            self._go_down(error)

    def _look(self, now: float) -> None:
        if self._next_look is not None and now >= self._next_look:
            self._next_look = now + SLOW_US / 1000 if self._dispatcher.tick() else None

    def _exchange(self, now: float) -> None:
        dispatcher = self._dispatcher
        is_due = dispatcher.next_due_ms is not None and now >= dispatcher.next_due_ms
        if not (self._is_hungry or is_due or dispatcher.has_news):
            return
        take = self._signals == 0
        self._is_hungry = False
        dispatcher.exchange(take=take)
        if dispatcher.leases:
            self._idle_since = now
            if self._next_look is None:
                self._next_look = now + SLOW_US / 1000

    def _beat(self, now: float) -> None:
        self._next_beat = now + self._config.heartbeat_ms
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
                self._dispatcher.drop(lease, "its lease was lost: another worker has the task")
            else:
                self._dispatcher.kill_running(lease, int(next(items)))

    def _watch_wakes(self) -> None:
        wanted = ["control"]
        if self._signals == 0 and self._dispatcher.free:
            wanted.append("queue")
        for which in wanted:
            wake = self._wakes[which]
            if wake.is_waiting:
                wake.check()
            else:
                number = wake.wait()
                self._selector.register(number, selectors.EVENT_READ, partial(self._on_wake, which))
                self._watched[which] = number

    # Up and down

    def _unwatch(self, which: str) -> None:
        number = self._watched.pop(which, None)
        if number is not None:
            with suppress(KeyError, ValueError):
                self._selector.unregister(number)

    def _go_down(self, error: StoreUnavailable) -> None:
        """Redis is gone: children go on, what they hand in waits, and we try again for ever."""
        for which, wake in self._wakes.items():
            self._unwatch(which)
            wake.close()
        self._link.close()
        pause = next(self._pauses)
        if self._retry_at is None:
            logger.warning("worker %s: %s; trying again", self._options.name, error)
        self._retry_at = self._clock.tick_ms() + pause

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
        for time in (self._next_look, self._dispatcher.next_due_ms):
            if time is not None:
                times.append(time)
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
            self._next_look = self._clock.tick_ms() + SLOW_US / 1000
        if self._signals >= COLD and not self._killed_cold:
            self._killed_cold = True
            for slot in self._dispatcher.slots.values():
                slot.killed = "the worker was told to stop at once"
                slot.child.kill()
        may_stop = self._options.may_stop
        if may_stop is not None and not self._signals and not self._dispatcher.leases:
            lingered = self._clock.tick_ms() - self._idle_since
            if lingered >= self._options.linger_ms:
                self._idle_since += self._options.linger_ms / 4
                self._signals = int(may_stop())

    def _is_finished(self) -> bool:
        if not self._signals or self._dispatcher.leases:
            return False
        # Redis may be gone for good: after a second signal nobody waits for it.
        return not self._dispatcher.has_news or self._signals > COLD

    def _leave(self) -> None:
        self._pool.close()
        with suppress(StoreUnavailable):
            self._link.call("ZREM", self._keys.fleet, self._options.name)
            self._link.call("UNLINK", self._keys.worker(self._options.name))
        for wake in self._wakes.values():
            wake.close()
        self._link.close()
        signal.set_wakeup_fd(-1)
        for sock in self._signal_sockets:
            sock.close()
