"""`nbtasks beat`: fires the schedule where no worker is to, and declares that of a program."""

import logging
import signal
from collections.abc import Callable
from typing import Final

from nbtasks.clock import Clock, SystemClock
from nbtasks.config import Config
from nbtasks.errors import StoreError
from nbtasks.firing import Firer
from nbtasks.signals import beat_init
from nbtasks.store.keys import BEAT, Keys
from nbtasks.store.link import Link
from nbtasks.store.store import pauses

logger = logging.getLogger(__name__)

BLOCK_MS: Final = 2000.0
"""How long a wait in Redis may last: a stop signal and a dead connection are seen by then."""

_SHORTEST_MS: Final = 1.0


class Beat:
    """Fires entries until a signal ends it; any number of them may run, beside workers too.

    Args:
        config: The settings of the app.
        name: Under which it logs.
        declare: Called whenever it has connected: a Redis that was lost knows no program.
    """

    def __init__(
        self, config: Config, name: str, declare: Callable[[], object] | None = None
    ) -> None:
        self._declare = declare
        self._name = name
        self._clock: Clock = SystemClock()
        self._link = Link(config.url)
        self._key = Keys(config.name).wake(BEAT)
        self._firer = Firer(self._link, config, name, self._clock)
        self._is_stopped = False

    def run(self) -> int:
        """Fire what is due until told to stop; the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        beat_init.send(self)
        logger.info("%s: fires the schedule of Redis at %s", self._name, self._link.url)
        waits, is_up = pauses(), True
        while not self._is_stopped:
            try:
                self._turn()
            except StoreError as error:
                if is_up:
                    logger.warning("%s: %s; trying again", self._name, error)
                is_up = False
                self._link.close()
                self._clock.pause(next(waits))
            else:
                if not is_up:
                    logger.info("%s: Redis is back", self._name)
                    waits, is_up = pauses(), True
        self._leave()
        return 0

    def _turn(self) -> None:
        """Fire what is due, then wait for what is due next, or for news."""
        if not self._link.is_open:
            self._link.open()
            self._firer.wake()
            if self._declare is not None:
                self._declare()
        if self._firer.step():
            return
        wait = min(self._firer.next_ms - self._clock.tick_ms(), BLOCK_MS)
        if wait >= _SHORTEST_MS:
            self._link.send("BZPOPMIN", self._key, f"{wait / 1000:.3f}")
            if self._link.read() is not None:
                self._firer.wake()

    def _leave(self) -> None:
        try:
            if self._link.is_open:
                self._firer.leave()
        except StoreError as error:
            logger.debug("%s: %s", self._name, error)
        self._link.close()

    def _stop(self, *_: object) -> None:
        self._is_stopped = True
