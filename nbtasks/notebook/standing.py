"""What is shown and does not end by itself: it goes on until another takes its place."""

import logging
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from nbtasks.clock import Clock
from nbtasks.notebook.feed import Feed
from nbtasks.notebook.heard import Answer, Message
from nbtasks.notebook.live_view import LiveView
from nbtasks.notebook.picture import PROTOCOL

if TYPE_CHECKING:
    from nbtasks.notebook.widget import LiveWidget

logger = logging.getLogger(__name__)

TWIN_GAP_MS: Final = 60_000.0
"""It changes all the time: what is saved of it need not be of this second."""


class Standing(LiveView):
    """Shows facts that change: a browser is told those that are others than before.

    Args:
        feed: The one feed of this kernel.
        clock: Where the time comes from.
    """

    title: str
    caps: ClassVar[tuple[str, ...]] = ()
    twin_gap_ms = TWIN_GAP_MS

    def __init__(self, feed: Feed, clock: Clock | None = None) -> None:
        super().__init__(feed, clock)
        self._is_over = False
        self._facts: Message = {}
        self._news: Message = {}

    @abstractmethod
    def _do(self, content: Mapping[str, Any]) -> Answer | None:
        """Do what a click asks for, on any thread; None where that is not known."""

    @abstractmethod
    def _set_looked_at(self, *, is_looked_at: bool) -> None:
        """Somebody looks, or nobody does."""

    def show(self, view: str = "auto", after_ms: float = 0.0) -> None:
        """Display it under the current cell, once, and keep it up to date in a browser."""
        super().show(view, after_ms)
        if self._widget is not None:
            self._set_looked_at(is_looked_at=True)
        elif self._view == "html":
            self.stop()  # a program looks, and takes what it gets

    def hand_over(self) -> "LiveWidget":
        """Its widget, for a front end that places it and keeps it."""
        widget = super().hand_over()
        self._set_looked_at(is_looked_at=True)
        return widget

    def stop(self) -> None:
        """Leave it as it is now, as static HTML."""
        self._set_looked_at(is_looked_at=False)
        self._is_over = True
        self.freeze()

    def _tell(self, facts: Message) -> None:
        """What is so now; called without the lock, from a thread of its own."""
        with self._lock:
            self._note(facts)
        if not self._looks.are_any():
            self._set_looked_at(is_looked_at=False)
        self._feed.push(self)
        self.settle(self._clock.tick_ms())  # no event of ours has the feed do it

    def _note(self, facts: Message) -> None:
        """Keep what is another thing than before, to be sent; the lock is held."""
        news = {name: fact for name, fact in facts.items() if self._facts.get(name) != fact}
        self._facts.update(news)
        self._news.update(news)

    def _more(self, *, is_whole: bool) -> Message:
        """What is told besides: all there is, or what came since the last time."""
        del is_whole
        return {}

    def _now_ms(self) -> float:
        return self._clock.wall_ms()

    def _is_done(self) -> bool:
        return self._is_over

    def _has_end(self) -> bool:
        return False

    def _is_changed(self) -> bool:
        return bool(self._news)

    def _refresh(self, now_ms: float) -> None:
        """Nothing: it is told."""

    def _whole(self) -> tuple[Message, bytes]:
        fixed = {"v": PROTOCOL, "kind": self.kind, "title": self.title, "caps": list(self.caps)}
        return {**fixed, **self._stamp(), **self._facts, **self._more(is_whole=True)}, b""

    def _stamp(self) -> Message:
        return {"seq": self._seq, "now": self._now_ms(), "done": False}

    def _frame(self, widget: "LiveWidget", now_ms: float) -> None:
        del now_ms
        is_whole, self._wants_whole = self._wants_whole, False
        facts = self._facts if is_whole else self._news
        message = {**self._stamp(), **facts, **self._more(is_whole=is_whole)}
        self._news = {}
        widget.send({"t": "s" if is_whole else "d", **message})

    def _act(self, content: Mapping[str, object]) -> Answer | None:
        return self._do(content)

    def _let_go(self) -> None:
        """Nothing more: `stop` has ended what looked."""
