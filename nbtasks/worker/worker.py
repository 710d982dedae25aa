"""The parent of a worker: it speaks to Redis and to its children, and runs no user code.

One thread, one selector: news from children, wake-ups from Redis, signals and timers.
"""

import logging
import os
import selectors
import signal
import socket
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

from nbtasks.clock import Clock, SystemClock
from nbtasks.config import Config
from nbtasks.errors import StoreError
from nbtasks.firing import Firer
from nbtasks.signing import Signer
from nbtasks.store.keys import Keys
from nbtasks.store.link import Link
from nbtasks.store.store import pauses
from nbtasks.worker.confine import forbid_new_privileges, warn_of_root
from nbtasks.worker.crew import Crew
from nbtasks.worker.dispatcher import Dispatcher
from nbtasks.worker.heartbeat import Heart
from nbtasks.worker.intake import SLOT_MEMBERS, Intake
from nbtasks.worker.kinds import SOLO
from nbtasks.worker.lookout import LOOK_MS
from nbtasks.worker.moments import Moments
from nbtasks.worker.options import GONE_MS, WorkerOptions
from nbtasks.worker.orders import Orders
from nbtasks.worker.pool import Pool
from nbtasks.worker.pulse import Pulse
from nbtasks.worker.shutdown import COLD, NOW, RUN, WORDS, Shutdown
from nbtasks.worker.solo import WARNING
from nbtasks.worker.stacks import Stacks
from nbtasks.worker.verbs import Verbs
from nbtasks.worker.wake import BLOCK_S, CONTROL, QUEUE, make_wakes

logger = logging.getLogger(__name__)

_STDIN: Final = 0


class Worker:
    """`run` works until a signal ends it, and returns the exit code."""

    def __init__(self, config: Config, options: WorkerOptions) -> None:
        if options.pool.kind == SOLO:
            options = replace(options, concurrency=1)
        self._config = config
        self._options = options
        self._clock: Clock = SystemClock()
        self._keys = Keys(config.name)
        self._pulse = Pulse(self._meanwhile)
        self._link = Link(config.url, self._pulse)
        room = options.least or options.concurrency
        self._dispatcher = Dispatcher(self._link, self._intake(), self._clock, room)
        self._firer = Firer(self._link, config, options.name, self._clock)
        self._selector = selectors.DefaultSelector()
        self._pool = pool = Pool(config, options)
        signer = Signer(config.key, config.name, encrypt=config.encrypt)
        slots, report = self._dispatcher.slots, self._dispatcher.report
        self._stacks = Stacks(options.name, slots, report, signer, self._clock)
        self._crew = Crew(
            pool, self._dispatcher, self._selector, options, self._clock, stacks=self._stacks
        )
        self._shutdown = Shutdown(self._clock, options.shutdown_ms)
        links = [Link(config.url, self._pulse) for _ in range(2)]
        self._wakes = make_wakes(
            links, self._dispatcher, self._selector, self._on_wake, fires=options.beat
        )
        self._told = RUN
        self._moments = Moments(options)
        self._orders = self._make_orders(signer)
        self._heart = Heart(
            self._link, config, options, self._dispatcher, self._crew, orders=self._orders
        )
        self._is_hungry = True
        self._next_beat = 0.0
        self._next_look: float | None = None
        self._next_stack: float | None = None
        self._retry_at: float | None = None
        self._down_since = 0.0
        self._gone_ms = options.gone_ms
        self._pauses = pauses()
        self._idle_since = self._clock.tick_ms()

    def _intake(self) -> Intake:
        config, options = self._config, self._options
        return Intake(
            keys=self._keys,
            worker=options.name,
            queues=options.all_queues,
            lease_ms=config.lease_ms,
            limit_ms=options.limit_ms,
            soft_ms=options.soft_ms,
            async_concurrency=options.pool.async_concurrency,
            heeds_rates=not config.worker_disable_rate_limits,
            most_members=min(SLOT_MEMBERS, config.worker_prefetch_multiplier or SLOT_MEMBERS),
        )

    def _make_orders(self, signer: Signer) -> Orders:
        renew = partial(self._wakes.renew, QUEUE)
        verbs = Verbs(self._dispatcher, self._crew, self._shutdown, renew)
        return Orders(self._options.name, self._keys, signer, self._clock, verbs)

    def run(self) -> int:
        """Work until told to stop; 0 when everything was handed in or given back, else 1."""
        self._listen_for_signals()
        warn_of_root(self._options.name)
        if self._options.no_new_privs:
            forbid_new_privileges()
        logger.info(
            "worker %s: %d processes, queues %s, Redis at %s",
            self._options.name,
            self._options.concurrency,
            ",".join(self._options.queues),
            self._link.url,
        )
        if self._pool.is_solo:
            logger.warning(WARNING, self._options.name)
        self._moments.begins()
        return self._pool.run(self._work)

    def _work(self) -> int:
        self._crew.fill(self._clock.tick_ms())
        with suppress(_Leave):
            while not self._is_finished():
                for key, _ in self._selector.select(self._timeout_s()):
                    key.data()
                self._step()
        return self._leave()

    # What happens

    def _listen_for_signals(self) -> None:
        ours, theirs = socket.socketpair()
        for sock in (ours, theirs):
            sock.setblocking(False)  # noqa: FBT003 - the socket's own method
        self._signal_sockets = ours, theirs
        self._take_signals(theirs.fileno())
        self._selector.register(ours, selectors.EVENT_READ, self._on_signal)
        if self._options.has_lifeline:
            self._selector.register(_STDIN, selectors.EVENT_READ, self._on_lifeline)

    def _take_signals(self, wakeup: int) -> None:
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        self._shutdown.listen()
        if not self._pool.is_solo:
            self._pulse.listen()  # its alarm would come to the main thread, where the task runs
        signal.signal(signal.SIGCHLD, _end_select)

    def _leave_signals(self) -> None:
        with suppress(ValueError):  # only the main thread may, and that may be where tasks run
            signal.set_wakeup_fd(-1)

    def _on_signal(self) -> None:
        with suppress(BlockingIOError):
            self._signal_sockets[0].recv(64)
        self._crew.bury()

    def _on_lifeline(self) -> None:
        if os.read(_STDIN, 64):
            return
        self._selector.unregister(_STDIN)
        logger.info("worker %s: who started it is gone", self._options.name)
        self._gone_ms = GONE_MS if self._gone_ms is None else self._gone_ms
        if self._shutdown.step == RUN:
            self._shutdown.begin()

    def _on_wake(self, name: str) -> None:
        try:
            is_woken = self._wakes.end(name)
        except StoreError as error:
            self._go_down(error)
            return
        if name == QUEUE:
            # Woken, or nothing came for a while: then look all the same. A wake-up may have gone to
            # a worker that died with it, and a lease may have been taken since the last look.
            self._is_hungry = True
        elif is_woken:
            self._next_beat = 0.0
            self._firer.wake()

    def _meanwhile(self) -> None:
        """Redis is silent: see to all that needs none of it.

        This interrupts the program anywhere that it waits for Redis: it must not touch the links.
        """
        now = self._clock.tick_ms()
        for key, _ in self._selector.select(0):
            if not self._wakes.holds(key.fd):
                key.data()
        self._obey(now)
        self._look(now)
        if self._shutdown.step == NOW:
            raise _Leave

    # What follows

    def _step(self) -> None:
        """Everything that is due now."""
        now = self._clock.tick_ms()
        self._obey(now)
        if self._shutdown.step == RUN:
            self._crew.fill(now)
        self._look(now)
        if self._retry_at is not None and now < self._retry_at:
            return
        try:
            if self._retry_at is not None:
                self._come_back()
            if now >= self._next_beat:
                self._beat(now)
            self._exchange(now)
            if self._fires:
                self._firer.step()
            self._watch_wakes()
        except StoreError as error:
            self._go_down(error)

    def _look(self, now: float) -> None:
        if self._next_look is not None and now >= self._next_look:
            wait = self._dispatcher.tick()
            self._next_look = None if wait is None else now + wait
        wait = self._stacks.look(now)
        self._next_stack = None if wait is None else now + wait

    def _look_soon(self, now: float) -> None:
        if self._next_look is None or self._next_look > now + LOOK_MS:
            self._next_look = now + LOOK_MS

    def _exchange(self, now: float) -> None:
        dispatcher = self._dispatcher
        is_due = dispatcher.next_due_ms is not None and now >= dispatcher.next_due_ms
        if not (self._is_hungry or self._crew.has_room or is_due or dispatcher.has_news):
            return
        self._is_hungry = self._crew.has_room = False
        self._is_hungry = dispatcher.exchange(take=self._shutdown.step == RUN)
        self._crew.settle()
        self._crew.scale(now)
        if dispatcher.leases:
            self._idle_since = now
            self._look_soon(now)

    @property
    def _fires(self) -> bool:
        return self._options.beat and self._shutdown.step == RUN

    def _beat(self, now: float) -> None:
        self._next_beat = now + self._config.heartbeat_ms
        self._is_hungry = True  # busy workers, too, promote what is due and recover what is lost
        self._dispatcher.reclaim()
        self._obey_store(now)
        while self._orders.has_changed:  # who gets the answer is to find what it says
            self._orders.has_changed = False
            self._obey_store(now)
        self._orders.answer(self._link)
        self._moments.beats()

    def _obey_store(self, now: float) -> None:
        """Tell how it is, and do what the answer says."""
        items = iter(self._heart.beat(ends=self._shutdown.step != RUN))
        for kind in items:
            what = next(items).decode("utf-8", "replace")
            match kind:
                case b"l":
                    self._dispatcher.drop(what)
                case b"q":
                    if not self._orders.hear(what):
                        self._stacks.ask(what)
                        self._next_stack = now
                case _:
                    self._dispatcher.revoke(what, int(next(items)), next(items).decode())
                    self._look_soon(now)

    def _watch_wakes(self) -> None:
        wants_work = self._shutdown.step == RUN and (
            bool(self._dispatcher.seats.free) or self._crew.may_grow
        )
        self._wakes.watch(CONTROL, *((QUEUE,) if wants_work else ()))

    # Up and down

    def _go_down(self, error: StoreError) -> None:
        """Redis is gone: children go on, what they hand in waits, and we try again for ever."""
        self._wakes.close()
        self._link.close()
        if self._retry_at is None:
            logger.warning("worker %s: %s; trying again", self._options.name, error)
            self._down_since = self._clock.tick_ms()
        self._retry_at = self._clock.tick_ms() + next(self._pauses)

    def _come_back(self) -> None:
        self._link.open()
        logger.info("worker %s: Redis is back", self._options.name)
        if self._options.declare is not None:
            self._options.declare()  # one that was emptied knows no program
        self._retry_at = None
        self._pauses = pauses()
        self._is_hungry = True
        self._next_beat = 0.0
        self._firer.wake()

    def _timeout_s(self) -> float:
        now = self._clock.tick_ms()
        due = [self._next_look, self._next_stack, self._shutdown.next_ms, self._crew.next_ms(now)]
        if self._retry_at is not None:
            due.append(self._retry_at)
        elif self._is_hungry or self._crew.has_room or self._dispatcher.has_news:
            return 0.0
        else:
            due += [self._next_beat, now + BLOCK_S * 1000, self._dispatcher.next_due_ms]
            if self._fires:
                due.append(self._firer.next_ms)
        return max(0.0, min(time for time in due if time is not None) - now) / 1000

    # The end

    def _obey(self, now: float) -> None:
        """Do what the signals say, each step once."""
        self._shutdown.look(now)
        if self._shutdown.step == RUN:
            self._stop_for_want_of_users(now)
        if self._is_down_for_good(now) and self._shutdown.step != NOW:
            logger.warning("worker %s: Redis does not come back", self._options.name)
            self._shutdown.give_up()
        while self._told < self._shutdown.step:
            self._told += 1
            logger.info("worker %s: %s", self._options.name, WORDS[self._told])
            self._next_beat = 0.0  # so that others see it
            self._moments.ends(self._told)
            if self._told == COLD:
                self._crew.kill("the worker was told to stop at once")
            else:
                self._dispatcher.take_back_all()
                self._look_soon(now)

    def _stop_for_want_of_users(self, now: float) -> None:
        may_stop, linger_ms = self._options.may_stop, self._options.linger_ms
        if self._fires and self._firer.waits:
            return  # who has added an entry may be gone: it is to be fired all the same
        if may_stop is None or self._dispatcher.leases or now - self._idle_since < linger_ms:
            return
        self._idle_since += linger_ms / 4
        if may_stop():
            self._shutdown.begin()

    def _is_down_for_good(self, now: float) -> bool:
        is_down = self._retry_at is not None and self._gone_ms is not None
        return is_down and now - self._down_since > (self._gone_ms or 0.0)

    def _is_finished(self) -> bool:
        step = self._shutdown.step
        return step == NOW or (step != RUN and not self._has_left_overs())

    def _has_left_overs(self) -> bool:
        return bool(self._dispatcher.leases) or self._dispatcher.has_news

    def _leave(self) -> int:
        """Go, and pass on a wake-up that was just given to this worker; the exit code."""
        self._wakes.close()
        has_left_overs = self._has_left_overs()
        if has_left_overs:
            self._crew.kill("the worker leaves")
        self._crew.close()
        with suppress(StoreError):
            if not has_left_overs:
                self._dispatcher.exchange(take=False)
                self._firer.leave()
                self._link.call_script("leave", self._keys.prefix, self._options.name)
        self._link.close()
        self._leave_signals()
        for sock in self._signal_sockets:
            sock.close()
        self._moments.leaves()
        return int(has_left_overs)


class _Leave(BaseException):
    """Ends a wait for a Redis that is silent, so that the worker may go."""


def _end_select(*_: object) -> None:
    """A child may have ended: the wake-up file tells the selector so."""
