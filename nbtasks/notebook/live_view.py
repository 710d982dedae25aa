"""What is shown under a cell: live, as one widget; afterwards as static HTML."""

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Final

from IPython.display import DisplayHandle

from nbtasks.clock import Clock
from nbtasks.notebook.bundle import Bundle, show_formats, widget_view
from nbtasks.notebook.feed import Feed
from nbtasks.notebook.frontend import is_jupyter, resolve_view
from nbtasks.notebook.heard import Heard, Message
from nbtasks.notebook.parting import make_widget
from nbtasks.notebook.twin import GAP_MS, GONE, Twin, date

if TYPE_CHECKING:
    from nbtasks.notebook.widget import LiveWidget

FREEZE_AFTER_MS: Final = 2_000.0
"""How long what has ended stays live: the reader sees the end, a reload finds it frozen."""
_SLOW_MS: Final = 1_000.0
"""Between two pictures that a program takes, or of a widget that nobody looks at."""


class LiveView(Heard):
    """Shows something that changes; each kind says what, and what its buttons do.

    `show`, `freeze` and `show_end` are called by the cell; `has_news`, `send` and `settle` by the
    feed on the event thread; clicks arrive on any thread. One lock orders them.

    Args:
        feed: The one feed of this kernel.
        clock: Where the time comes from.
    """

    kind: str
    least_gap_ms = 0.0
    twin_gap_ms = GAP_MS

    def __init__(self, feed: Feed, clock: Clock | None = None) -> None:
        super().__init__(clock)
        self._feed = feed
        self._view = "none"
        self._twin: Twin | None = None
        self._handle: DisplayHandle | None = None
        self._shown = self._frozen = self._ended = self._has_place = self._stays = False
        self._done_ms: float | None = None
        self._due_ms: float | None = None

    # What each kind says of itself; the lock is held, but in `_act`.

    @abstractmethod
    def _is_done(self) -> bool:
        """Whether nothing can change any more."""

    def _has_end(self) -> bool:
        """Whether that is its end, and not a moment of something that goes on."""
        return self._is_done()

    @abstractmethod
    def _is_changed(self) -> bool:
        """Whether the picture is out of date."""

    @abstractmethod
    def _whole(self) -> tuple[Message, bytes]:
        """All there is to see, for a browser that has just come."""

    @abstractmethod
    def _static(self) -> dict[str, Any]:
        """The formats that a saved notebook keeps."""

    def _again(self) -> str:
        """The line that shows it live again; '' where there is none."""
        return ""

    def _text_start(self) -> str:
        """The line that text begins with: the same in every run."""
        return str(self._static()["text/plain"])

    def _is_worth_a_place(self) -> bool:
        """Whether what ended before its place was due is shown all the same."""
        return True

    @abstractmethod
    def _let_go(self) -> None:
        """Stop collecting what changes."""

    # What the cell calls.

    def show(self, view: str = "auto", after_ms: float = 0.0) -> None:
        """Display it under the current cell, once.

        Args:
            view: `auto`, `board`, `html`, `text` or `none`.
            after_ms: Only where it takes longer than this, or fails; text tells at once.
        """
        with self._lock:
            if self._shown:
                return
            self._shown = True
            self._view = resolve_view(view)
            if self._view == "none":
                self._close()
            elif self._view == "text":
                self._display({"text/plain": self._text_start()})
                self._close()
            elif after_ms > 0:
                self._display({"text/plain": ""})
                self._has_place = True
                self._due_ms = self._clock.tick_ms() + after_ms
                self._feed.add(self)
            else:
                self._show_live()

    def hand_over(self) -> "LiveWidget":
        """Its widget, for a front end that places it and keeps it: it stays one after its end."""
        with self._lock:
            self._shown = self._stays = True
            self._refresh(self._clock.tick_ms())
            self._widget = make_widget(self.kind, self._look)
            self._widget.on_msg(self._hear)
            self._feed.add(self)
            return self._widget

    def as_it_is(self) -> dict[str, Any]:
        """The formats of how things stand now, which nobody brings up to date."""
        with self._lock:
            self._refresh(self._clock.tick_ms())
            self._close()
            return self._static()

    def freeze(self) -> None:
        """Replace the live widget by static HTML of how things stand; again changes nothing.

        If something still runs, the static view is brought up to date once more at its end.
        """
        with self._lock:
            if self._stays:
                self._rest()
            if self._handle is None or self._view not in ("board", "html") or self._ended:
                return
            if self._due_ms is not None and not self._show_late():
                return
            if not self._frozen or self._is_done():
                self._refresh(self._clock.tick_ms())
                self._replace(self._handle)
            self._frozen = True
            if self._is_done():
                self._ended = True
                self._close()

    def _rest(self) -> None:
        """What stays a widget has its end in its state: a page that comes later begins there."""
        if self._widget is not None and self._is_done() and not self._ended:
            self._ended = True
            self._refresh(self._clock.tick_ms())
            self._widget.send_state(("whole", "snapshot"))
            self._close()

    def leave(self) -> DisplayHandle | None:
        """Show nothing more: its place, which is returned, is for something else."""
        with self._lock:
            self._end_widget(dict(GONE))
            handle, self._handle, self._ended = self._handle, None, True
            self._close()
            return handle

    def take_place(self, handle: DisplayHandle | None) -> None:
        """Be shown where something else was, and not at the end of the cell."""
        self._handle, self._has_place = handle, handle is not None

    def show_end(self) -> None:
        """After a blocking wait: the stable text of the end where text is shown, else freeze."""
        with self._lock:
            if self._view != "text":
                self.freeze()
            elif not self._ended:
                self._ended = True
                self._display({"text/plain": self._static()["text/plain"]})

    def end_cell(self, *, is_last_chance: bool = False) -> None:
        """A cell has ended, perhaps the last one: who saves the notebook now saves the end.

        A browser gets it a little later, and from who goes through the notebook no more is taken.

        Args:
            is_last_chance: Until the next cell nothing can be sent.
        """
        with self._lock:
            if (is_last_chance or self._view == "html") and self._is_done():
                self.freeze()

    # What the feed calls.

    def has_news(self) -> bool:
        """Whether the browser's picture is out of date."""
        if self._ended or self._due_ms is not None:
            return False
        if self._frozen:
            return self._is_done()
        return self._wants_whole or self._is_changed()

    def send(self, now_ms: float) -> None:
        """Send what changed since the last time as one message."""
        with self._lock:
            if self._ended:
                return
            if self._frozen:
                self.freeze()
                return
            self._refresh(now_ms)
            if self._widget is not None:
                self._seq += 1
                self._frame(self._widget, now_ms)
                if not self._looks.are_any():
                    self.least_gap_ms = max(self.least_gap_ms, _SLOW_MS)
                if self._twin:
                    self._twin.note()
            elif self._handle is not None:
                self._handle.update(Bundle(self._static()))

    def settle(self, now_ms: float) -> float | None:
        """Bring the twin up to date where that is due; freeze some time after the end."""
        with self._lock:
            if self._ended:
                return None
            if self._due_ms is not None:
                return self._await_due(self._due_ms - now_ms)
            twin_wait = None if self._twin is None else self._twin.wait_ms(now_ms)
            if not self._is_done():
                self._done_ms = None  # a failed task may have been queued again meanwhile
                return twin_wait
            if self._done_ms is None:
                self._done_ms = now_ms
            wait = self._done_ms + self._linger_ms() - now_ms
            if wait > 0.0:
                return wait if twin_wait is None else min(wait, twin_wait)
            self.freeze()
            return None

    def _stays_ms(self) -> float:
        """How long a browser can still act on it after the end."""
        return FREEZE_AFTER_MS

    def _is_of_use(self) -> bool:
        """Whether a browser can still do something about what has ended."""
        return self._stays_ms() > FREEZE_AFTER_MS

    def _linger_ms(self) -> float:
        return FREEZE_AFTER_MS if self._widget is None else self._stays_ms()

    def _set_looked_at(self, *, is_looked_at: bool) -> None:
        """Somebody looks, or nobody does; on any thread, without the lock."""
        if is_looked_at:
            self.least_gap_ms = 0.0

    # What appears only after a while.

    def _await_due(self, wait: float) -> float | None:
        if wait <= 0.0 or self._is_done():
            self._show_late()
            return None
        return wait

    def _show_late(self) -> bool:
        """Show what was not shown yet; False where it came to a good end in time, and is not."""
        self._due_ms = None
        if self._is_done() and not self._is_worth_a_place():
            self._ended = True
            self._close()
            return False
        self._show_live()
        return True

    @property
    def _is_placed(self) -> bool:
        return self._stays or (self._handle is not None and self._view in {"board", "html"})

    # The live picture.

    def _show_live(self) -> None:
        self._refresh(self._clock.tick_ms())
        is_over = self._is_done() and not (self._view == "board" and self._is_of_use())
        if is_over:
            self._display(self._static())
            self._ended = self._frozen = True
            self._close()
            return
        if self._view == "board":
            self._show_widget()
        else:
            self.least_gap_ms = _SLOW_MS
            self._display(self._static())
        self._feed.add(self)
        if self._is_done() and not self._is_of_use():
            # Its last event came before the feed knew us, and no other will wake the feed.
            self.freeze()

    def _show_widget(self) -> None:
        widget = self._widget = make_widget(self.kind, self._look)
        widget.on_msg(self._hear)
        formats = widget_view(widget.model_id)
        # What appears late has no output for a twin: it would come under the cell of that moment.
        if self._has_place or not is_jupyter():
            self._display({**self._static(), **formats})
            return
        self._display(formats)
        self._twin = Twin(self._static, self._again(), gap_ms=self.twin_gap_ms, clock=self._clock)

    def _display(self, formats: dict[str, Any]) -> None:
        if self._handle is None or not self._has_place:
            self._handle = show_formats(formats)
        else:
            self._handle.update(Bundle(formats))
        self._has_place = False

    def _look(self) -> tuple[Message, bytes]:
        with self._lock:
            whole, snapshot = self._whole()
            told = {"again": self._again(), "kept": self._parting.kept}
            return {**whole, **told}, snapshot

    def _replace(self, handle: DisplayHandle) -> None:
        """Put the static picture in the place of the widget, if it is one."""
        static = self._static()
        if self._widget is not None and not self._has_end():
            static = date(static, self._again(), self._clock)
        self._end_widget(static, handle)

    def _end_widget(self, static: dict[str, Any], handle: DisplayHandle | None = None) -> None:
        if self._twin:
            self._twin.end()
        self._twin = None
        if handle is not None:
            handle.update(Bundle(static))
        if self._widget is not None:
            widget, self._widget = self._widget, None
            self._parting.begin(widget, static, is_met=self._looks.is_met)

    def _close(self) -> None:
        self._feed.remove(self)
        self._let_go()

    def _begin_again(self) -> None:
        """What had ended goes on: show it again, and its new end then; the lock is held."""
        self._ended, self._done_ms = False, None
        self._wants_whole = self._stays
        if self._handle is not None:
            self._handle.update(Bundle(self._static()))
        self._feed.add(self)
