"""Wake-ups from Redis: connections that wait, so that nothing has to poll."""

import selectors
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from nbtasks.clock import Clock
from nbtasks.errors import StoreUnavailable
from nbtasks.serializers import PYTHON_TAG
from nbtasks.store.keys import BEAT
from nbtasks.store.link import Link
from nbtasks.worker.dispatcher import Dispatcher

BLOCK_S: Final = 2
"""How long a wait in Redis may last: a dead connection is noticed by then, plus `GRACE_MS`."""

GRACE_MS: Final = 5000.0


QUEUE: Final = "queue"
CONTROL: Final = "control"


class Wake:
    """A connection that waits for wake-ups on some keys, beside the one that does the work."""

    def __init__(self, link: Link, keys: Callable[[], list[str]], clock: Clock) -> None:
        self._link = link
        self._keys = keys
        self._clock = clock
        self._since: float | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether a wait is under way."""
        return self._since is not None

    def wait(self) -> int:
        """Begin to wait; the socket to select on."""
        self._link.send("BZPOPMIN", *self._keys(), BLOCK_S)
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


class Wakes:
    """Several `Wake`s by name, on one selector; `call(name)` when one has an answer."""

    def __init__(
        self,
        wakes: dict[str, Wake],
        selector: selectors.BaseSelector,
        call: Callable[[str], None],
    ) -> None:
        self._wakes = wakes
        self._selector = selector
        self._call = call
        self._sockets: dict[str, int] = {}

    def watch(self, *names: str) -> None:
        """Begin those waits that are not under way, and look after the others.

        Raises:
            StoreError: Redis is gone.
        """
        for name in names:
            wake = self._wakes[name]
            if wake.is_waiting:
                wake.check()
            else:
                number = wake.wait()
                self._sockets[name] = number
                self._selector.register(number, selectors.EVENT_READ, partial(self._call, name))

    def end(self, name: str) -> bool:
        """Read an answer: whether it is a wake-up.

        Raises:
            StoreError: Redis is gone.
        """
        self._unwatch(name)
        return self._wakes[name].is_waiting and self._wakes[name].end()

    def holds(self, number: int) -> bool:
        """Whether this is the socket of a wait."""
        return number in self._sockets.values()

    def close(self) -> None:
        """Give all waits up."""
        for name, wake in self._wakes.items():
            self._unwatch(name)
            wake.close()

    def renew(self, name: str) -> None:
        """Give a wait up: the next one is for other keys."""
        self._unwatch(name)
        self._wakes[name].close()

    def _unwatch(self, name: str) -> None:
        number = self._sockets.pop(name, None)
        if number is not None:
            with suppress(KeyError, ValueError):
                self._selector.unregister(number)


def make_wakes(
    links: Sequence[Link],
    dispatcher: Dispatcher,
    selector: selectors.BaseSelector,
    call: Callable[[str], None],
    *,
    fires: bool,
) -> Wakes:
    """The waits of a worker: for something to take, and for being told something.

    Args:
        links: A connection for each of the two.
        dispatcher: Says from which queues it takes.
        selector: Where they are looked after.
        call: Called with `QUEUE` or `CONTROL` when there is an answer.
        fires: Whether it fires schedule entries.
    """
    intake, clock = dispatcher.intake, dispatcher.clock
    told = [intake.keys.wake(name) for name in (f"@{intake.worker}", BEAT)[: 1 + fires]]

    def waited() -> list[str]:
        names = [name for each in intake.queues for name in (each, f"{each}@{PYTHON_TAG}")]
        suspects = [] if dispatcher.holds_suspect else [f"{name}!" for name in names]
        return [intake.keys.wake(name) for name in (*names, *suspects)]

    wakes = {
        QUEUE: Wake(links[0], waited, clock),
        CONTROL: Wake(links[1], lambda: told, clock),
    }
    return Wakes(wakes, selector, call)
