"""What is shown under a cell: live, as one widget; afterwards as static HTML."""

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from IPython.display import DisplayHandle
from IPython.display import display as _untyped_display  # pyright: ignore[reportUnknownVariableType]

from nbtasks.clock import Clock, SystemClock
from nbtasks.notebook.feed import Feed
from nbtasks.notebook.frontend import resolve_view
from nbtasks.notebook.words import clean

if TYPE_CHECKING:
    from nbtasks.notebook.widget import LiveWidget

logger = logging.getLogger(__name__)

FREEZE_AFTER_MS: Final = 2_000.0
"""How long what has ended stays live: the reader sees the end, a reload finds it frozen."""
_HTML_GAP_MS: Final = 1_000.0
_NOTHING: Final = {"text/plain": ""}

_display = cast("Callable[..., DisplayHandle | None]", _untyped_display)

Message = dict[str, Any]
Answer = tuple[str, Message | None]
"""What came of a click: what went wrong, or an empty text; and what is told besides."""


class Bundle:
    """One display in several formats; outside IPython its plain text."""

    def __init__(self, formats: dict[str, Any]) -> None:
        self._formats = formats

    def __repr__(self) -> str:
        return str(self._formats["text/plain"])

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        del include, exclude
        return self._formats


class LiveView(ABC):
    """Shows something that changes; each kind says what, and what its buttons do.

    `show`, `freeze` and `show_end` are called by the cell; `has_news`, `send` and `settle` by the
    feed on the event thread; clicks arrive on any thread. One lock orders them.

    Args:
        feed: The one feed of this kernel.
        clock: Where the time comes from.
    """

    kind: str
    least_gap_ms = 0.0

    def __init__(self, feed: Feed, clock: Clock | None = None) -> None:
        self._feed = feed
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._view = "none"
        self._widget: LiveWidget | None = None
        self._handle: DisplayHandle | None = None
        self._shown = self._frozen = self._ended = self._has_place = False
        self._done_ms: float | None = None
        self._due_ms: float | None = None
        self._seq = 0
        self._wants_whole = False

    # What each kind says of itself; the lock is held, but in `_act`.

    @abstractmethod
    def _is_done(self) -> bool:
        """Whether nothing can change any more."""

    @abstractmethod
    def _is_changed(self) -> bool:
        """Whether the picture is out of date."""

    @abstractmethod
    def _refresh(self, now_ms: float) -> None:
        """Take in what has changed."""

    @abstractmethod
    def _whole(self) -> tuple[Message, bytes]:
        """All there is to see, for a browser that has just come."""

    @abstractmethod
    def _frame(self, widget: "LiveWidget", now_ms: float) -> None:
        """Send what was taken in; all of it where `_wants_whole`."""

    @abstractmethod
    def _static(self) -> dict[str, Any]:
        """The formats that a saved notebook keeps."""

    @abstractmethod
    def _act(self, content: Mapping[str, object]) -> Answer | None:
        """Do what a click asks for, on any thread; None where that is not known."""

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
                self._display(dict(_NOTHING))
                self._has_place = True
                self._due_ms = self._clock.tick_ms() + after_ms
                self._feed.add(self)
            else:
                self._show_live()

    def freeze(self) -> None:
        """Replace the live widget by static HTML of how things stand; again changes nothing.

        If something still runs, the static view is brought up to date once more at its end.
        """
        with self._lock:
            if self._handle is None or self._view not in ("board", "html") or self._ended:
                return
            if self._due_ms is not None and not self._show_late():
                return
            if not self._frozen or self._is_done():
                self._refresh(self._clock.tick_ms())
                self._handle.update(Bundle(self._static()))
            self._frozen = True
            self._close_widget()
            if self._is_done():
                self._ended = True
                self._close()

    def show_end(self) -> None:
        """After a blocking wait: the stable text of the end where text is shown, else freeze."""
        with self._lock:
            if self._view != "text":
                self.freeze()
            elif not self._ended:
                self._ended = True
                self._display({"text/plain": self._static()["text/plain"]})

    def end_cell(self) -> None:
        """A cell has ended, perhaps the last one: who saves the notebook now saves the end.

        A browser gets it a little later, and from who goes through the notebook no more is taken.
        """
        with self._lock:
            if self._view == "html" and self._is_done():
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
            elif self._handle is not None:
                self._handle.update(Bundle(self._static()))

    def settle(self, now_ms: float) -> float | None:
        """Freeze some time after the end."""
        with self._lock:
            if self._ended:
                return None
            if self._due_ms is not None:
                return self._await_due(self._due_ms - now_ms)
            if not self._is_done():
                self._done_ms = None  # a failed task may have been queued again meanwhile
                return None
            if self._done_ms is None:
                self._done_ms = now_ms
            wait = self._done_ms + self._linger_ms() - now_ms
            if wait > 0.0:
                return wait
            self.freeze()
            return None

    def _stays_ms(self) -> float:
        """How long a browser can still act on it after the end."""
        return FREEZE_AFTER_MS

    def _linger_ms(self) -> float:
        return FREEZE_AFTER_MS if self._widget is None else self._stays_ms()

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

    # The live picture.

    def _show_live(self) -> None:
        self._refresh(self._clock.tick_ms())
        if self._is_done():
            self._display(self._static())
            self._ended = self._frozen = True
            self._close()
            return
        formats = self._static()
        if self._view == "board":
            self._widget = make_widget(self.kind, self._look)
            self._widget.on_msg(self._hear)
            formats["application/vnd.jupyter.widget-view+json"] = {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self._widget.model_id,
            }
        else:
            self.least_gap_ms = _HTML_GAP_MS
        self._display(formats)
        self._feed.add(self)
        if self._is_done():
            # Its last event came before the feed knew us, and no other will wake the feed.
            self.freeze()

    def _display(self, formats: dict[str, Any]) -> None:
        if self._handle is None or not self._has_place:
            self._handle = _display(Bundle(formats), display_id=True)
        else:
            self._handle.update(Bundle(formats))
        self._has_place = False

    def _look(self) -> tuple[Message, bytes]:
        with self._lock:
            return self._whole()

    # Clicks: on any thread, and nothing here prints.

    def _hear(self, _widget: object, content: object, _buffers: object) -> None:
        match content:
            case {"t": "resync", "id": str(request)}:
                self._ack(request, ("", None))
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

    # The end.

    def _close_widget(self) -> None:
        if self._widget is not None:
            self._widget.on_msg(self._hear, remove=True)
            self._widget.send({"t": "end"})
            self._widget.close()
            self._widget = None

    def _close(self) -> None:
        self._feed.remove(self)
        self._let_go()

    def _begin_again(self) -> None:
        """What had ended goes on: show it again, and its new end then; the lock is held."""
        self._ended, self._done_ms = False, None
        if self._handle is not None:
            self._handle.update(Bundle(self._static()))
        self._feed.add(self)


def make_widget(kind: str, look: "Callable[[], tuple[Message, bytes]]") -> "LiveWidget":
    """Load the widgets with the first of them: they take a fifth of `%load_ext`."""
    found: LiveWidget = import_module("nbtasks.notebook.widget").widget_class(kind)(look)
    return found
