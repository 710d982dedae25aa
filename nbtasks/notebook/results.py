"""Results: the tasks of a group as a table, a page at a time, sorted and filtered in the kernel."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from nbtasks.clock import Clock
from nbtasks.live import LiveRecord
from nbtasks.notebook.board import Cancel
from nbtasks.notebook.feed import CODE_PROGRESS, CODE_STARTED, Feed, Tally
from nbtasks.notebook.listing import View, count_of
from nbtasks.notebook.live_view import Answer, Message
from nbtasks.notebook.picture import Picture
from nbtasks.notebook.render import STATES, TITLE_LIMIT
from nbtasks.notebook.standing import Standing
from nbtasks.notebook.words import clean, duration
from nbtasks.states import is_finished

PAGE: Final = 200
KEPT: Final = 20
"""Rows that a saved notebook keeps."""

CSV_ROWS: Final = 20_000
_ANY: Final = -1

Retry = Callable[[Sequence[tuple[LiveRecord, int]]], None]


class Results(Standing):
    """Shows the tasks of a group, each in a row.

    Args:
        records: Whose members.
        title: What they are called.
        cancel: Called with the members to cancel.
        retry: Called with failed members, to queue them again.
        feed: The one feed of this kernel.
        clock: Where the time comes from.
    """

    kind = "results"
    caps = ("cancel", "retry", "csv")

    def __init__(
        self,
        records: Sequence[LiveRecord],
        *,
        title: str,
        cancel: Cancel,
        retry: Retry,
        feed: Feed,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(feed, clock)
        self.title = clean(title, TITLE_LIMIT)
        self._tally = Tally(records)
        self._tally.drain()
        self._picture = Picture(self._tally, self._clock, title=title, detail="", inputs=())
        self._cancel = cancel
        self._retry = retry
        self._is_seen = True
        self._turn = 0
        self._facts = self._read()

    def _read(self) -> Message:
        return {"n": self._tally.n, "counts": self._tally.counts(), "turn": self._turn}

    def _is_changed(self) -> bool:
        return self._is_seen and (self._tally.has_news() or super()._is_changed())

    def _refresh(self, now_ms: float) -> None:
        del now_ms
        if self._tally.drain():
            self._turn += 1
        self._note(self._read())

    def _set_looked_at(self, *, is_looked_at: bool) -> None:
        self._is_seen = is_looked_at

    def _let_go(self) -> None:
        self._tally.close()

    def _do(self, content: Mapping[str, Any]) -> Answer | None:
        match content:
            case {"t": "page", "from": int(first)} if first >= 0:
                chosen = self._chosen(content)
                rows = [self._row(i) for i in chosen[first : first + PAGE]]
                return "", {"rows": rows, "from": first, "of": len(chosen)}
            case {"t": "csv"}:
                return "", {"csv": self._csv(self._chosen(content)[:CSV_ROWS])}
            case {"t": "cancel", "members": given}:
                members = self._members(given)
                self._cancel([each for each in members if not is_finished(each[0].states[each[1]])])
            case {"t": "retry", "members": given}:
                self._retry([each for each in self._members(given) if each[0].has_failed(each[1])])
            case _:
                return None
        return "", None

    def _members(self, given: object) -> list[tuple[LiveRecord, int]]:
        listed = cast("Sequence[object]", given) if isinstance(given, list) else ()
        found = {i for i in listed if isinstance(i, int) and 0 <= i < self._tally.n}
        return [self._tally.locate(i) for i in sorted(found)]

    def _chosen(self, content: Mapping[str, Any]) -> list[int]:
        """The members that a filter lets through, in the order that is asked for."""
        tally, wanted = self._tally, content.get("state", _ANY)
        codes = {wanted, CODE_PROGRESS} if wanted == CODE_STARTED else {wanted}
        words = str(content.get("text", "")).lower()
        found = [
            i
            for i in range(tally.n)
            if (wanted == _ANY or tally.code(i) in codes)
            and (not words or words in self._searched(i))
        ]
        keys: dict[str, Callable[[int], Any]] = {
            "task": tally.label,
            "state": tally.code,
            "took": self._took,
        }
        key = keys.get(str(content.get("sort", "")))
        if key is not None:
            found.sort(key=key)
        return found[::-1] if content.get("down") is True else found

    def _searched(self, i: int) -> str:
        record, index = self._tally.locate(i)
        error = record.errors.get(index)
        return (
            f"{self._tally.label(i)} {error.type_name} {error.text}".lower()
            if error
            else (self._tally.label(i).lower())
        )

    def _took(self, i: int) -> int:
        record, index = self._tally.locate(i)
        start, end = record.started.get(index), record.ended.get(index, 0)
        return max(0, end - start.at_ms) if start and end else 0

    def _row(self, i: int) -> Message:
        return {**self._picture.row(i), "code": self._tally.code(i)}

    def _csv(self, members: Sequence[int]) -> str:
        file = io.StringIO()
        writer = csv.writer(file)
        writer.writerow(("number", *_COLUMNS))
        for i in members:
            writer.writerow((i, *(_harmless(cell) for cell in self._cells(i))))
        return file.getvalue()

    def _cells(self, i: int) -> tuple[str, ...]:
        row, took = self._picture.row(i), self._took(i)
        state = str(STATES[self._tally.code(i)])
        return row["label"], state, duration(took) if took else "", row["host"], row["err"]

    def _static(self) -> dict[str, Any]:
        n = self._tally.n
        more = f", the first {KEPT} of them" if n > KEPT else ""
        rows = [self._cells(i) for i in range(min(n, KEPT))]
        view = View(f"{self.title}: {count_of(n, 'task')}{more}", _COLUMNS, rows)
        return {"text/html": view.html(), "text/plain": repr(view)}

    def _text_start(self) -> str:
        return f"{self.title}: {count_of(self._tally.n, 'task')}"


_COLUMNS: Final = ("task", "state", "took", "worker", "error")


def _harmless(cell: str) -> str:
    """What a spreadsheet would take for a formula is text."""
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@"} else cell
