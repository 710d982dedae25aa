"""Board: the tasks of one cell, live under it, as one widget; afterwards as static HTML."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from nbtasks.clock import Clock
from nbtasks.live import LiveRecord
from nbtasks.notebook import render
from nbtasks.notebook.feed import Feed
from nbtasks.notebook.graph import drawn, lines, members_in, read_spans
from nbtasks.notebook.heard import Answer, Message
from nbtasks.notebook.inquiry import Inquiry
from nbtasks.notebook.live_view import LiveView
from nbtasks.notebook.picture import Picture
from nbtasks.notebook.tally import Tally
from nbtasks.notebook.text import text_end, text_start
from nbtasks.notebook.words import clean
from nbtasks.result.canvas import Canvas
from nbtasks.states import FAILURE, is_finished

if TYPE_CHECKING:
    from nbtasks.notebook.widget import LiveWidget

_KEYFRAME_MS: Final = 5_000.0
_WATCHED_AT_MOST: Final = 4
_PAGE: Final = 100
_IDS: Final = 10_000
"""So many are copied at once."""

FAILED_FOR_MS: Final = 30_000.0
"""How long a board with failures stays live: its buttons can still do something about them."""

Members = Sequence[tuple[LiveRecord, int]]
Cancel = Callable[[Members | None], None]
CancelWaiting = Callable[[], None]
Retry = Callable[[Members], None]


class Board(LiveView):
    """Many tasks, one widget.

    Args:
        records: What it follows; their members are numbered through.
        title: A line above all.
        cancel: Called with the members to cancel, or None for all that have not finished.
        cancel_waiting: Called to cancel those that no worker has begun.
        retry: Called with failed members, to queue them again.
        feed: The one feed of this kernel.
        inputs: Names and sizes in bytes of what was captured for these tasks.
        detail: A few words beside the title.
        canvas: How they hang together, to be drawn as well; its records are `records`.
        inquiry: What is asked about a task that somebody opens.
        clock: Where the time comes from.
    """

    kind = "board"

    def __init__(
        self,
        records: Sequence[LiveRecord],
        *,
        title: str,
        cancel: Cancel,
        cancel_waiting: CancelWaiting | None = None,
        retry: Retry | None = None,
        feed: Feed,
        inputs: Sequence[tuple[str, int]] = (),
        detail: str = "",
        canvas: Canvas | None = None,
        inquiry: Inquiry | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(feed, clock)
        if canvas is not None:
            self.kind = "graph"
        self._inquiry = inquiry
        self._canvas = canvas
        self._tally = Tally(records)
        self._title = title
        self._detail = detail
        self._inputs = tuple(inputs)
        self._cancel = cancel
        self._cancel_waiting = cancel_waiting
        self._retry = retry
        self._picture = self._paint()
        self._changed: list[int] = []
        self._keyframe_ms = 0.0
        self._watched: dict[int, None] = {}
        self._to_detail: set[int] = set()

    def _paint(self) -> Picture:
        return Picture(
            self._tally,
            self._clock,
            title=self._title,
            detail=self._detail,
            inputs=self._inputs,
            canvas=self._canvas,
            caps=self._caps(),
            kind=self.kind,
        )

    def _caps(self) -> list[str]:
        asked = {"waiting": self._cancel_waiting, "retry": self._retry}
        return ["cancel", *(name for name, does in asked.items() if does is not None)]

    def _is_done(self) -> bool:
        return self._tally.is_done()

    def _stays_ms(self) -> float:
        if self._retry is None or self._tally.missing:
            return super()._stays_ms()
        # What was revoked was so by somebody, who does not want it again.
        has_failed = any(FAILURE in record.states for record in self._tally.records)
        return FAILED_FOR_MS if has_failed else super()._stays_ms()

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
        canvas = self._canvas
        text = text_end(self._tally, self._title)
        view = render.html_view(
            self._tally,
            self._title,
            detail=self._detail,
            inputs=self._inputs,
            graph="" if canvas is None else drawn(canvas),
        )
        if canvas is not None:
            text = f"{text}\n{lines(canvas)}"
        return {"text/html": view, "text/plain": text}

    def _again(self) -> str:
        return f"%tasks show {clean(self._title, render.TITLE_LIMIT)}"

    def _text_start(self) -> str:
        return text_start(self._tally, self._title)

    def _is_worth_a_place(self) -> bool:
        return any(record.has_failed(None) for record in self._tally.records)

    def _act(self, content: Mapping[str, object]) -> Answer | None:
        match content:
            case {"t": "cancel"}:
                return self._end_some(content)
            case {"t": "retry"} if self._retry is not None:
                return self._run_again(content, self._retry)
            case {"t": ("place" | "stack" | "value") as what, "i": int(i)} if (
                self._inquiry is not None and 0 <= i < self._tally.n
            ):
                error, told = self._inquiry.answer(str(what), *self._tally.locate(i))
                # With the answer: after its end a widget that stays one is sent no changes.
                is_there = what == "value" and not error
                return error, self._tell({"t": "detail", "i": i}) if is_there else told
            case _:
                told = self._tell(content)
                return None if told is None else ("", told)

    def _tell(self, content: Mapping[str, object]) -> Message | None:
        match content:
            case {"t": "ids"}:
                ids = [record.task_id(index) for record, index in self._tally.failed()]
                return {"text": "\n".join(ids[:_IDS])}
            case {"t": "page", "of": given}:
                listed = cast("list[object]", given) if isinstance(given, list) else []
                known = [i for i in listed[:_PAGE] if isinstance(i, int) and 0 <= i < self._tally.n]
                return {"rows": [self._picture.row(i) for i in known]}
            case {"t": "write", "as": "code" | "mermaid" as form} if self._canvas is not None:
                canvas = self._canvas
                return {"text": canvas.to_code() if form == "code" else canvas.to_mermaid()}
            case {"t": "detail", "i": int(i)} if 0 <= i < self._tally.n:
                self._watch(i)
                return {**self._picture.details(i), **self._ask_call(i)}
            case _:
                return None

    def _end_some(self, content: Mapping[str, object]) -> Answer | None:
        match content:
            case {"i": None}:
                self._cancel(None)
            case {"waiting": True} if self._cancel_waiting is not None:
                self._cancel_waiting()
            case {"i": int(i)} if 0 <= i < self._tally.n:
                record, index = self._tally.locate(i)
                if not is_finished(record.states[index]):
                    self._cancel([(record, index)])
            case {"spans": given} if (members := self._members(given)) is not None:
                self._cancel([each for each in members if not _is_over(each)])
            case _:
                return None
        return "", None

    def _run_again(self, content: Mapping[str, object], retry: Retry) -> Answer | None:
        match content:
            case {"i": None}:
                retry(self._tally.failed())
            case {"spans": given} if (members := self._members(given)) is not None:
                retry([each for each in members if _has_failed(each)])
            case _:
                return None
        return "", None

    def _ask_call(self, i: int) -> Message:
        if self._inquiry is None:
            return {}
        return {"call": self._inquiry.call(*self._tally.locate(i))}

    def _members(self, given: object) -> Sequence[tuple[LiveRecord, int]] | None:
        spans = read_spans(given)
        return None if spans is None else list(members_in(spans, self._tally.records))

    def _watch(self, i: int) -> None:
        with self._lock:
            self._watched.pop(i, None)
            self._watched[i] = None
            while len(self._watched) > _WATCHED_AT_MOST:
                del self._watched[next(iter(self._watched))]

    def _let_go(self) -> None:
        self._tally.close()
        if self._is_placed:
            for record in self._tally.records:
                record.call_when_again(self._revive)

    def _revive(self) -> None:
        """A task that had failed was queued again: show it waiting now, and its new end then."""
        with self._lock:
            if not self._ended or not self._is_placed:
                return
            self._tally = Tally(self._tally.records)
            self._tally.drain()
            self._picture = self._paint()
            self._begin_again()


def _is_over(member: tuple[LiveRecord, int]) -> bool:
    record, index = member
    return is_finished(record.states[index])


def _has_failed(member: tuple[LiveRecord, int]) -> bool:
    record, index = member
    return record.has_failed(index)
