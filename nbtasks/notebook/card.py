"""Card: one task in one line, which opens."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from nbtasks.clock import Clock
from nbtasks.live import LiveRecord
from nbtasks.notebook.board import Board, Cancel, Retry
from nbtasks.notebook.card_page import card_text, card_view
from nbtasks.notebook.facts import short_id, short_value
from nbtasks.notebook.feed import Feed
from nbtasks.notebook.frontend import resolve_view
from nbtasks.notebook.heard import Answer, Message
from nbtasks.notebook.inquiry import Inquiry
from nbtasks.notebook.text import text_end, written
from nbtasks.states import SUCCESS

SHOWN_FOR_MS: Final = 30_000.0
"""How long a card stays live whose value is not shown yet."""


class Card(Board):
    """One task, in one line; what is told of it besides is below, where it is opened.

    Args:
        records: Its record.
        title: What it is called.
        cancel: Called to end it.
        retry: Called with it, to queue it again.
        feed: The one feed of this kernel.
        inputs: Names and sizes in bytes of what was captured for it.
        inquiry: What is asked about it.
        opened: Whether it is open from the start.
        clock: Where the time comes from.
    """

    kind = "card"

    def __init__(
        self,
        records: Sequence[LiveRecord],
        *,
        title: str,
        cancel: Cancel,
        retry: Retry | None = None,
        feed: Feed,
        inputs: Sequence[tuple[str, int]] = (),
        inquiry: Inquiry | None = None,
        opened: bool = True,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(
            records,
            title=title,
            cancel=cancel,
            retry=retry,
            feed=feed,
            inputs=inputs,
            inquiry=inquiry,
            clock=clock,
        )
        self._opened = opened
        self._call: Message = {}
        if opened:
            self._watch(0)
            self._to_detail.add(0)

    def show(self, view: str = "auto", after_ms: float = 0.0) -> None:
        """Display it under the current cell, once; of what has ended with its value."""
        record, index = self._tally.locate(0)
        is_silent = record.states[index] == SUCCESS and not short_value(self._tally, 0)
        if is_silent and self._inquiry and resolve_view(view) in {"board", "html"}:
            self._inquiry.read_value(record, index)
        super().show(view, after_ms)

    def _stays_ms(self) -> float:
        record, index = self._tally.locate(0)
        is_silent = record.states[index] == SUCCESS and not short_value(self._tally, 0)
        if is_silent and self._inquiry is not None and not self._tally.missing:
            return SHOWN_FOR_MS  # somebody may want to see its value
        return super()._stays_ms()

    def _whole(self) -> tuple[Message, bytes]:
        whole, snapshot = super()._whole()
        return {**whole, "open": self._opened, "id": short_id(self._tally, 0)}, snapshot

    def _act(self, content: Mapping[str, object]) -> Answer | None:
        match content:
            case {"t": "fold", "open": bool(is_open)}:
                with self._lock:
                    self._opened = is_open
                    if not is_open:
                        self._watched.clear()
                return "", None
            case _:
                return super()._act(content)

    def _ask_call(self, i: int) -> Message:
        found = super()._ask_call(i)
        self._call = found.get("call", self._call)
        return found

    def _static(self) -> dict[str, Any]:
        is_secret = self._inquiry is not None and self._inquiry.is_secret
        view = card_view(
            self._tally,
            self._title,
            inputs=self._inputs,
            call={} if is_secret else self._call,
            opened=self._opened,
        )
        text = "\n".join([card_text(self._tally, self._title), *written(self._tally)])
        if self._view == "text":
            text = text_end(self._tally, self._title)
        return {"text/html": view, "text/plain": text}
