"""What browsers say to a view: clicks, who looks, what they have missed; and the answers."""

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from nbtasks.clock import Clock, SystemClock
from nbtasks.notebook.looks import Looks
from nbtasks.notebook.parting import Parting
from nbtasks.notebook.words import clean

if TYPE_CHECKING:
    from nbtasks.notebook.widget import LiveWidget

logger = logging.getLogger(__name__)

Message = dict[str, Any]
Answer = tuple[str, Message | None]
"""What came of a click: what went wrong, or an empty text; and what is told besides."""


class Heard(ABC):
    """Hears the browsers of one widget, on any thread; nothing here prints.

    Args:
        clock: Where the time comes from.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._widget: LiveWidget | None = None
        self._looks = Looks(self._clock)
        self._parting = Parting(self._hear)
        self._seq: int = 0
        self._wants_whole = False

    @abstractmethod
    def _act(self, content: Mapping[str, object]) -> Answer | None:
        """Do what a click asks for, on any thread; None where that is not known."""

    @abstractmethod
    def _set_looked_at(self, *, is_looked_at: bool) -> None:
        """Somebody looks, or nobody does; on any thread, without the lock."""

    @abstractmethod
    def _refresh(self, now_ms: float) -> None:
        """Take in what has changed; the lock is held."""

    @abstractmethod
    def _frame(self, widget: "LiveWidget", now_ms: float) -> None:
        """Send what was taken in; all of it where `_wants_whole`; the lock is held."""

    def _hear(self, _widget: object, content: object, _buffers: object) -> None:
        match content:
            case {"t": "vis", "on": bool(is_on)}:
                self._looks.say(str(cast("Any", content).get("who", "")), is_on=is_on)
                self._set_looked_at(is_looked_at=self._looks.are_any())
            case {"t": "bye"}:
                self._parting.end()
            case {"t": "resync", "id": str(request)}:
                self._ack(request, ("", None))
                # Who has just come says what it knows: most of the time that is all there is.
                if cast("Any", content).get("seq") != self._seq:
                    self._resync()
            case {"t": str(), "id": str(request)}:
                answer = self._try(cast("Mapping[str, object]", content))
                if answer is not None:
                    self._ack(request, answer)
            case _:
                logger.debug("a widget sent a message that is none of ours")

    def _try(self, content: Mapping[str, object]) -> Answer | None:
        try:
            return self._act(content)
        except Exception as error:  # anything that an action raises belongs on the button
            logger.exception("what was clicked in a widget failed")
            return clean(f"{type(error).__name__}: {error}"), None

    def _resync(self) -> None:
        with self._lock:
            if self._widget is not None:
                self._wants_whole = True
                self._refresh(self._clock.tick_ms())
                self._seq += 1
                self._frame(self._widget, self._clock.tick_ms())

    def _ack(self, request: str, answer: Answer) -> None:
        error, details = answer
        with self._lock:
            if self._widget is not None:
                self._widget.send(
                    {"t": "ack", "id": request, "ok": not error, "error": error, "details": details}
                )
