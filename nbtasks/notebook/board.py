"""Board: the tasks of one cell, live under it, as one widget; afterwards as static HTML."""

import logging
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from IPython.display import DisplayHandle
from IPython.display import display as _untyped_display  # pyright: ignore[reportUnknownVariableType]

from nbtasks.clock import Clock, SystemClock
from nbtasks.live import LiveRecord
from nbtasks.notebook import render
from nbtasks.notebook.feed import Feed, Tally
from nbtasks.notebook.frontend import resolve_view
from nbtasks.notebook.picture import Message, Picture
from nbtasks.notebook.text import text_end, text_start
from nbtasks.notebook.words import clean
from nbtasks.states import is_finished

if TYPE_CHECKING:
    from nbtasks.notebook.widget import BoardWidget

logger = logging.getLogger(__name__)

FREEZE_AFTER_MS: Final = 2_000.0
"""How long a finished board stays live: the reader sees the end, a reload finds it frozen."""
_KEYFRAME_MS: Final = 5_000.0
_HTML_GAP_MS: Final = 1_000.0
_WATCHED_AT_MOST: Final = 4

_display = cast("Callable[..., DisplayHandle | None]", _untyped_display)

_NOTHING: Final = {"text/plain": ""}

Cancel = Callable[[Sequence[tuple[LiveRecord, int]] | None], None]


class _Bundle:
    """One display in several formats; outside IPython its plain text."""

    def __init__(self, formats: dict[str, Any]) -> None:
        self._formats = formats

    def __repr__(self) -> str:
        return str(self._formats["text/plain"])

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        del include, exclude
        return self._formats


class Board:
    """Many tasks, one widget.

    `show`, `freeze` and `show_end` are called by the cell; `has_news`, `send` and `settle` by the
    feed on the event thread; clicks arrive on any thread. One lock orders them.

    Args:
        records: What it follows; their members are numbered through.
        title: A line above all.
        cancel: Called with the members to cancel, or None for all that have not finished.
        feed: The one feed of this kernel.
        inputs: Names and sizes in bytes of what was captured for these tasks.
        detail: A few words beside the title.
        clock: Where the time comes from.
    """

    least_gap_ms = 0.0

    def __init__(
        self,
        records: Sequence[LiveRecord],
        *,
        title: str,
        cancel: Cancel,
        feed: Feed,
        inputs: Sequence[tuple[str, int]] = (),
        detail: str = "",
        clock: Clock | None = None,
    ) -> None:
        self._tally = Tally(records)
        self._title = title
        self._detail = detail
        self._inputs = tuple(inputs)
        self._cancel = cancel
        self._feed = feed
        self._picture = Picture(
            self._tally, clock or SystemClock(), title=title, detail=detail, inputs=inputs
        )
        self._lock = threading.RLock()
        self._view = "none"
        self._shown = False
        self._widget: BoardWidget | None = None
        self._handle: DisplayHandle | None = None
        self._frozen = False
        self._ended = False
        self._done_ms: float | None = None
        self._due_ms: float | None = None
        self._has_place = False
        self._clock = clock or SystemClock()
        self._seq = 0
        self._now_ms = 0.0
        self._keyframe_ms = 0.0
        self._wants_keyframe = False
        self._watched: dict[int, None] = {0: None} if self._tally.n == 1 else {}
        self._to_detail: set[int] = set(self._watched)

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
                self._display({"text/plain": text_start(self._tally, self._title)})
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

        If tasks still run, the static view is brought up to date once more when they have ended.
        """
        with self._lock:
            if self._handle is None or self._view not in ("board", "html") or self._ended:
                return
            if self._due_ms is not None and not self._show_late():
                return
            if not self._frozen or self._tally.is_done():
                self._tally.drain()
                self._handle.update(_Bundle(self._static()))
            self._frozen = True
            self._close_widget()
            if self._tally.is_done():
                self._ended = True
                self._close()

    def show_end(self) -> None:
        """After a blocking wait: the stable text of the end where text is shown, else freeze."""
        with self._lock:
            if self._view != "text":
                self.freeze()
            elif not self._ended:
                self._ended = True
                self._display({"text/plain": text_end(self._tally, self._title)})

    def end_cell(self) -> None:
        """A cell has ended, perhaps the last one: who saves the notebook now saves the end.

        A browser gets it a little later, and from who goes through the notebook no more is taken.
        """
        with self._lock:
            if self._view == "html" and self._tally.is_done():
                self.freeze()

    # What the feed calls.

    def has_news(self) -> bool:
        """Whether the browser's picture is out of date."""
        if self._ended or self._due_ms is not None:
            return False
        if self._frozen:
            return self._tally.is_done()
        return self._wants_keyframe or bool(self._to_detail) or self._tally.has_news()

    def send(self, now_ms: float) -> None:
        """Send what changed since the last time as one message."""
        with self._lock:
            if self._ended:
                return
            if self._frozen:
                self.freeze()
                return
            self._now_ms = now_ms
            changed = self._tally.drain()
            self._picture.note_speed(now_ms)
            if self._widget is not None:
                self._send_frame(self._widget, changed)
            elif self._handle is not None:
                self._to_detail.clear()
                self._handle.update(_Bundle(self._static()))

    def settle(self, now_ms: float) -> float | None:
        """Freeze some time after the end."""
        with self._lock:
            if self._ended:
                return None
            if self._due_ms is not None:
                return self._await_due(self._due_ms - now_ms)
            if not self._tally.is_done():
                self._done_ms = None  # a failed task may have been queued again meanwhile
                return None
            if self._done_ms is None:
                self._done_ms = now_ms
            wait = self._done_ms + FREEZE_AFTER_MS - now_ms
            if wait > 0.0:
                return wait
            self.freeze()
            return None

    # What appears only after a while.

    def _await_due(self, wait: float) -> float | None:
        if wait <= 0.0 or self._tally.is_done():
            self._show_late()
            return None
        return wait

    def _show_late(self) -> bool:
        """Show what was not shown yet; False where it came to a good end in time, and is not."""
        self._due_ms = None
        if self._tally.is_done() and not any(
            record.has_failed(None) for record in self._tally.records
        ):
            self._ended = True
            self._close()
            return False
        self._show_live()
        return True

    # The live picture.

    def _show_live(self) -> None:
        self._tally.drain()
        if self._tally.is_done():
            self._display(self._static())
            self._ended = self._frozen = True
            self._close()
            return
        formats = self._static()
        if self._view == "board":
            self._widget = _make_widget(self._look)
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
        if self._tally.is_done():
            # Its last event came before the feed knew us, and no other will wake the feed.
            self.freeze()

    def _display(self, formats: dict[str, Any]) -> None:
        if self._handle is None or not self._has_place:
            self._handle = _display(_Bundle(formats), display_id=True)
        else:
            self._handle.update(_Bundle(formats))
        self._has_place = False

    def _static(self) -> dict[str, Any]:
        view = render.html_view(self._tally, self._title, detail=self._detail, inputs=self._inputs)
        return {"text/html": view, "text/plain": text_end(self._tally, self._title)}

    def _look(self) -> tuple[Message, bytes]:
        """The whole state, for a browser that has just come."""
        with self._lock:
            return self._picture.whole(self._seq, tuple(self._watched)), self._picture.snapshot()

    def _send_frame(self, widget: "BoardWidget", changed: list[int]) -> None:
        picture, now_ms = self._picture, self._now_ms
        details = sorted(self._to_detail | (self._watched.keys() & set(changed)))
        self._to_detail.clear()
        self._seq += 1
        frame = picture.frame(self._seq, details)
        if (
            self._wants_keyframe
            or picture.is_cheaper_whole(len(changed))
            or now_ms - self._keyframe_ms >= _KEYFRAME_MS
        ):
            self._wants_keyframe = False
            self._keyframe_ms = now_ms
            widget.send({"t": "s", **frame}, [picture.snapshot()])
        else:
            widget.send({"t": "d", **frame}, [picture.changes(changed)])
        self.least_gap_ms = picture.take_pause_ms()

    # Clicks: on any thread, and nothing here prints.

    def _hear(self, _widget: object, content: object, _buffers: object) -> None:
        match content:
            case {"t": "cancel", "id": str(request), "i": None}:
                self._ack(request, self._try_cancel(None))
            case {"t": "cancel", "id": str(request), "i": int(i)} if 0 <= i < self._tally.n:
                self._ack(request, self._try_cancel(i))
            case {"t": "detail", "id": str(request), "i": int(i)} if 0 <= i < self._tally.n:
                self._watch(i)
                self._ack(request, "", self._picture.details(i))
            case {"t": "resync", "id": str(request)}:
                self._ack(request, "")
                self._resync()
            case _:
                logger.debug("a board got a message that it does not know")

    def _try_cancel(self, i: int | None) -> str:
        """Cancel; what went wrong, or an empty text."""
        members = None if i is None else [self._tally.locate(i)]
        if members and is_finished(members[0][0].states[members[0][1]]):
            return ""
        try:
            self._cancel(members)
        except Exception as error:  # anything the caller's function raises belongs on the button
            logger.exception("cancelling from a board failed")
            return clean(f"{type(error).__name__}: {error}")
        return ""

    def _watch(self, i: int) -> None:
        with self._lock:
            self._watched.pop(i, None)
            self._watched[i] = None
            while len(self._watched) > _WATCHED_AT_MOST:
                del self._watched[next(iter(self._watched))]

    def _resync(self) -> None:
        with self._lock:
            if self._widget is not None:
                self._wants_keyframe = True
                self._send_frame(self._widget, [])

    def _ack(self, request: str, error: str, details: Message | None = None) -> None:
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
        self._tally.close()
        if self._handle is not None and self._view in {"board", "html"}:
            for record in self._tally.records:
                record.call_when_again(self._revive)

    def _revive(self) -> None:
        """A task that had failed was queued again: show it waiting now, and its new end then."""
        with self._lock:
            if not self._ended or self._handle is None:
                return
            self._tally = Tally(self._tally.records)
            self._tally.drain()
            self._ended, self._done_ms = False, None
            self._handle.update(_Bundle(self._static()))
        self._feed.add(self)


def _make_widget(look: "Callable[[], tuple[Message, bytes]]") -> "BoardWidget":
    """Load the widgets with the first board: they take a fifth of `%load_ext`."""
    found: BoardWidget = import_module("nbtasks.notebook.widget").BoardWidget(look)
    return found
