"""Board: the tasks of one cell, live under it, as one widget; afterwards as static HTML."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from nbtasks.clock import Clock
from nbtasks.live import LiveRecord
from nbtasks.notebook import render
from nbtasks.notebook.feed import Feed, Tally
from nbtasks.notebook.live_view import Answer, LiveView, Message
from nbtasks.notebook.picture import Picture
from nbtasks.notebook.text import text_end, text_start
from nbtasks.states import is_finished

if TYPE_CHECKING:
    from nbtasks.notebook.widget import LiveWidget

_KEYFRAME_MS: Final = 5_000.0
_WATCHED_AT_MOST: Final = 4

Cancel = Callable[[Sequence[tuple[LiveRecord, int]] | None], None]


class Board(LiveView):
    """Many tasks, one widget.

    Args:
        records: What it follows; their members are numbered through.
        title: A line above all.
        cancel: Called with the members to cancel, or None for all that have not finished.
        feed: The one feed of this kernel.
        inputs: Names and sizes in bytes of what was captured for these tasks.
        detail: A few words beside the title.
        clock: Where the time comes from.
    """

    kind = "board"

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
        super().__init__(feed, clock)
        self._tally = Tally(records)
        self._title = title
        self._detail = detail
        self._inputs = tuple(inputs)
        self._cancel = cancel
        self._picture = Picture(self._tally, self._clock, title=title, detail=detail, inputs=inputs)
        self._changed: list[int] = []
        self._keyframe_ms = 0.0
        self._watched: dict[int, None] = {0: None} if self._tally.n == 1 else {}
        self._to_detail: set[int] = set(self._watched)

    def _is_done(self) -> bool:
        return self._tally.is_done()

    def _is_changed(self) -> bool:
        return bool(self._to_detail) or self._tally.has_news()

    def _refresh(self, now_ms: float) -> None:
        self._changed = self._tally.drain()
        self._picture.note_speed(now_ms)
        if self._widget is None:
            self._to_detail.clear()

    def _whole(self) -> tuple[Message, bytes]:
        return self._picture.whole(self._seq, tuple(self._watched)), self._picture.snapshot()

    def _frame(self, widget: "LiveWidget", now_ms: float) -> None:
        picture, changed = self._picture, self._changed
        details = sorted(self._to_detail | (self._watched.keys() & set(changed)))
        self._to_detail.clear()
        frame = picture.frame(self._seq, details)
        if (
            self._wants_whole
            or picture.is_cheaper_whole(len(changed))
            or now_ms - self._keyframe_ms >= _KEYFRAME_MS
        ):
            self._wants_whole = False
            self._keyframe_ms = now_ms
            widget.send({"t": "s", **frame}, [picture.snapshot()])
        else:
            widget.send({"t": "d", **frame}, [picture.changes(changed)])
        self.least_gap_ms = picture.take_pause_ms()

    def _static(self) -> dict[str, Any]:
        view = render.html_view(self._tally, self._title, detail=self._detail, inputs=self._inputs)
        return {"text/html": view, "text/plain": text_end(self._tally, self._title)}

    def _text_start(self) -> str:
        return text_start(self._tally, self._title)

    def _is_worth_a_place(self) -> bool:
        return any(record.has_failed(None) for record in self._tally.records)

    def _act(self, content: Mapping[str, object]) -> Answer | None:
        match content:
            case {"t": "cancel", "i": None}:
                self._cancel(None)
            case {"t": "cancel", "i": int(i)} if 0 <= i < self._tally.n:
                record, index = self._tally.locate(i)
                if not is_finished(record.states[index]):
                    self._cancel([(record, index)])
            case {"t": "detail", "i": int(i)} if 0 <= i < self._tally.n:
                self._watch(i)
                return "", self._picture.details(i)
            case _:
                return None
        return "", None

    def _watch(self, i: int) -> None:
        with self._lock:
            self._watched.pop(i, None)
            self._watched[i] = None
            while len(self._watched) > _WATCHED_AT_MOST:
                del self._watched[next(iter(self._watched))]

    def _let_go(self) -> None:
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
            self._begin_again()
