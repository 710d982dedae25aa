"""Results: many tasks as a table, a page at a time, sorted and filtered in the kernel."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, cast

from nbtasks.clock import Clock
from nbtasks.errors import StoreError
from nbtasks.live import LiveRecord
from nbtasks.notebook.board import Cancel
from nbtasks.notebook.bundle import Bundle
from nbtasks.notebook.feed import Feed
from nbtasks.notebook.graph import members_in, read_spans
from nbtasks.notebook.heard import Answer, Message
from nbtasks.notebook.inquiry import Inquiry
from nbtasks.notebook.listing import count_of
from nbtasks.notebook.order import Orders, Wish
from nbtasks.notebook.picture import Picture
from nbtasks.notebook.render import STATES, TITLE_LIMIT
from nbtasks.notebook.sheet import KEPT, Sheet
from nbtasks.notebook.standing import Standing
from nbtasks.notebook.tally import Tally
from nbtasks.notebook.values import Glances
from nbtasks.notebook.words import clean
from nbtasks.states import is_finished

PAGE: Final = 200
IN_VIEW: Final = 100
"""Values that are read at once: those of as many rows as a browser shows."""

CSV_ROWS: Final = 20_000
GROW_MS: Final = 250.0
Retry = Callable[[Sequence[tuple[LiveRecord, int]]], None]


class Results(Standing):
    """Shows tasks, each in a row.

    Args:
        tally: The tasks.
        title: What they are called.
        cancel: Called with the members to cancel.
        retry: Called with failed members, to queue them again.
        glances: What reads values.
        feed: The one feed of this kernel.
        name: The variable that is their group; empty where there is none.
        shown: The numbers of those that are shown, all by default; more may be added to it.
        inquiry: What is asked about a task that somebody opens.
        clock: Where the time comes from.
    """

    kind = "results"
    caps = ("cancel", "retry", "csv")
    least_gap_ms = 500.0
    """A browser asks for rows that have changed once a second."""

    def __init__(
        self,
        tally: Tally,
        *,
        title: str,
        cancel: Cancel,
        retry: Retry,
        glances: Glances,
        feed: Feed,
        name: str = "",
        shown: Sequence[int] | None = None,
        inquiry: Inquiry | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(feed, clock)
        self.title = clean(title, TITLE_LIMIT)
        self._name = name
        self._tally = tally
        self._tally.drain()
        self._all = range(tally.n) if shown is None else shown
        self._orders = Orders(tally, self._all)
        self._picture = Picture(tally, self._clock, title=title, detail="", inputs=())
        self._cancel = cancel
        self._retry = retry
        self._inquiry = inquiry
        self._glances = glances
        # What is encrypted in Redis is not kept in a notebook unasked.
        self._is_secret = inquiry is not None and inquiry.is_secret
        self._sheet = Sheet(tally, self._picture, None if self._is_secret else glances)
        self._is_seen = True
        self._turn = 0
        self._grown_ms = 0.0
        self._watched: int | None = None
        self._is_moved = False
        self._facts = self._read()

    def _read(self) -> Message:
        return {"n": len(self._all), "counts": self._counts(), "turn": self._turn}

    def _counts(self) -> list[int]:
        if len(self._all) == self._tally.n:
            return self._tally.counts()
        # In this order: what a loop adds meanwhile is in the tally first.
        shown = self._all[:]
        codes = self._tally.codes()
        found = bytes(codes[i] for i in shown)
        return [found.count(code) for code in range(len(STATES))]

    def show(self, view: str = "auto", after_ms: float = 0.0) -> None:
        """Display it under the current cell, once, with the values of the rows that are kept."""
        self._read_kept()
        super().show(view, after_ms)

    def stop(self) -> None:
        """Leave it as it is now, as static HTML."""
        self._read_kept()
        super().stop()

    def grow(self, *, is_soon: bool = False) -> None:
        """More is shown than before.

        Args:
            is_soon: It is enough to tell it now and then: this is called for each of many.
        """
        now_ms = self._clock.tick_ms()
        if not is_soon or now_ms - self._grown_ms > GROW_MS:
            self._grown_ms = now_ms
            self._read_kept()
            with self._lock:
                self._turn += 1
                self._note(self._read())
                if self._is_over and self._handle is not None:
                    self._handle.update(Bundle(self._static()))  # a program takes what it gets
            self._feed.push(self)

    def _read_kept(self) -> None:
        if self._is_secret:
            return
        try:
            self._glances.read([self._tally.locate(i) for i in self._all[:KEPT]])
        except StoreError:  # without Redis there are rows without values
            return

    def _is_changed(self) -> bool:
        return self._is_seen and (self._tally.has_news() or super()._is_changed())

    def _refresh(self, now_ms: float) -> None:
        del now_ms
        changed = self._tally.drain()
        if changed:
            self._turn += 1
            self._is_moved = self._is_moved or self._watched in changed
        self._note(self._read())

    def _more(self, *, is_whole: bool) -> Message:
        """What changed of the task that is open; a browser keeps it as one does of a board."""
        told: Message = {"eta": None, "details": []}
        if self._watched is not None and (is_whole or self._is_moved):
            told["details"] = [self._picture.details(self._watched, fresh=is_whole)]
        self._is_moved = False
        return {**told, "names": []} if is_whole else told

    def _set_looked_at(self, *, is_looked_at: bool) -> None:
        self._is_seen = is_looked_at

    def _let_go(self) -> None:
        self._tally.close()

    def _do(self, content: Mapping[str, Any]) -> Answer | None:
        match content:
            case {"t": "cancel" | "retry" as what, "spans": given}:
                spans = read_spans(given)
                if spans is None:
                    return None
                self._end_or_retry(what, spans)
                return "", None
            case {"t": "detail", "i": int(i)} if 0 <= i < self._tally.n:
                self._watched = i
                call = self._inquiry.call(*self._tally.locate(i)) if self._inquiry else None
                return "", {**self._picture.details(i), **({"call": call} if call else {})}
            case {"t": "place" | "stack" | "value" as what, "i": int(i)} if (
                self._inquiry is not None and 0 <= i < self._tally.n
            ):
                return self._inquiry.answer(what, *self._tally.locate(i))
            case _:
                told = self._tell_of(content)
                return None if told is None else ("", told)

    def _tell_of(self, content: Mapping[str, Any]) -> Message | None:
        match content:
            case {"t": "page", "from": int(first), "to": int(stop)} if first >= 0:
                return self._page(content, first, min(stop, first + PAGE))
            case {"t": "values", "members": given}:
                return {"values": self._values(given)}
            case {"t": "members", "from": int(first), "to": int(stop)} if first >= 0:
                chosen = self._orders.of(Wish.read(content), is_fresh=False)[first:stop]
                return {"spans": spans_of(chosen)}
            case {"t": "csv"}:
                return {"csv": self._sheet.csv(self._orders.of(Wish.read(content))[:CSV_ROWS])}
            case {"t": "write", "spans": given}:
                return {"text": self._sheet.code(self._name, self._numbers(given), self._all)}
            case _:
                return None

    def _end_or_retry(self, what: str, spans: Sequence[tuple[int, int]]) -> None:
        members = list(members_in(spans, self._tally.records))
        if what == "retry":
            self._retry([(record, at) for record, at in members if record.has_failed(at)])
        else:
            self._cancel([(rec, at) for rec, at in members if not is_finished(rec.states[at])])

    def _page(self, content: Mapping[str, Any], first: int, stop: int) -> Message:
        """Rows of an order, and where in it the one is that is open."""
        opened = content.get("open")
        chosen = self._orders.of(Wish.read(content), is_fresh=content.get("fresh") is True)
        return {
            "from": first,
            "of": len(chosen),
            "n": len(self._all),
            "counts": self._counts(),
            "open": chosen.index(opened) if opened in chosen else -1,
            "rows": [self._row(i) for i in chosen[first:stop]],
        }

    def _row(self, i: int) -> Message:
        return {**self._picture.row(i), "code": self._tally.code(i)}

    def _values(self, given: object) -> list[tuple[int, str]]:
        listed = cast("list[object]", given)[:IN_VIEW] if isinstance(given, list) else ()
        members = [i for i in listed if isinstance(i, int) and 0 <= i < self._tally.n]
        found = self._glances.read([self._tally.locate(i) for i in members])
        return list(zip(members, found, strict=True))

    def _numbers(self, given: object) -> list[int] | None:
        """The members in spans; None for no spans."""
        n = self._tally.n
        spans = read_spans(given) or ()
        return [i for first, stop in spans for i in range(max(0, first), min(n, stop))] or None

    def _static(self) -> dict[str, Any]:
        return self._sheet.formats(self.title, self._all)

    def _again(self) -> str:
        return f"%tasks table {self.title}"

    def _text_start(self) -> str:
        return f"{self.title}: {count_of(len(self._all), 'task')}"


def spans_of(members: Iterable[int]) -> list[tuple[int, int]]:
    """Numbers as runs of neighbours: (first, stop)."""
    found: list[tuple[int, int]] = []
    for i in sorted(members):
        if found and found[-1][1] == i:
            found[-1] = found[-1][0], i + 1
        else:
            found.append((i, i + 1))
    return found
