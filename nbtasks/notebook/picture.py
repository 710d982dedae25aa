"""What a board tells a browser: plain data made from a tally, every text cleaned and shortened."""

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Final

from nbtasks.clock import Clock
from nbtasks.notebook import facts, render
from nbtasks.notebook.graph import critical_members, syntax
from nbtasks.notebook.heard import Message
from nbtasks.notebook.pace import Pace
from nbtasks.notebook.places import in_cells
from nbtasks.notebook.shown import (
    SHOWN,
    Node,
    dropped_words,
    output_runs,
    shown,
    value_runs,
    without_values,
)
from nbtasks.notebook.tally import CODE_PROGRESS, CODE_STARTED, CODE_SUCCESS, UNKNOWN_SHARE, Tally
from nbtasks.notebook.words import Run, clean, first_line, runs, size
from nbtasks.result.canvas import Canvas

PROTOCOL: Final = 1
_NAMES_UP_TO: Final = 2_500
_GROUPS: Final = 8
_OUTPUT_TAIL: Final = 8_000
_TRACEBACK_TAIL: Final = 12_000
_SHOWS_AT_ONCE: Final = 300_000
"""Characters of displays in one message, and for one task."""
_SHOWS_PER_MS: Final = 500.0

_CHANGE_BYTES: Final = 6
_MOVING: Final = frozenset((CODE_STARTED, CODE_PROGRESS))


class Picture:
    """Makes the messages of one board. Its `tally` is drained by the board, which holds a lock."""

    def __init__(
        self,
        tally: Tally,
        clock: Clock,
        *,
        title: str,
        detail: str,
        inputs: Sequence[tuple[str, int]],
        canvas: Canvas | None = None,
        caps: Sequence[str] = (),
        kind: str = "board",
    ) -> None:
        self._canvas = canvas
        self._tally = tally
        self._clock = clock
        self._fixed: Message = {
            "v": PROTOCOL,
            "kind": kind,
            "title": clean(title, render.TITLE_LIMIT),
            "detail": clean(detail),
            "inputs": [(clean(name, 40), size(amount)) for name, amount in inputs],
            "n": tally.n,
            "caps": list(caps),
        }
        if canvas is not None:
            self._fixed["ast"] = syntax(canvas)
        self._pace = Pace()
        self._sent: set[str] = set()
        self._spent = 0
        self._rate = 0.0
        self._eta: float | None = None

    def whole(self, seq: int, watched: Iterable[int]) -> Message:
        """All but the states, for a browser that has just come."""
        n = self._tally.n
        names = [self._label(i) for i in range(n)] if n <= _NAMES_UP_TO else []
        began = self._tally.began_ms()
        return {**self._fixed, "t0": began, "names": names, **self.frame(seq, watched, fresh=True)}

    def snapshot(self) -> bytes:
        """The states of all members, then how far each is: one byte for each."""
        return bytes(self._tally.codes() + self._tally.shares())

    def changes(self, members: Iterable[int]) -> bytes:
        """The same of some members: `u32 index | u8 state | u8 progress`, little-endian."""
        tally, codes = self._tally, self._tally.codes()
        told: list[int] = []
        for i in members:
            told += (i, codes[i], tally.share(i) if codes[i] in _MOVING else UNKNOWN_SHARE)
        return Struct("<" + "IBB" * (len(told) // 3)).pack(*told)

    def is_cheaper_whole(self, k: int) -> bool:
        """Whether a snapshot is smaller than k changes."""
        return k * _CHANGE_BYTES > 2 * self._tally.n

    def frame(self, seq: int, details: Iterable[int], *, fresh: bool = False) -> Message:
        """What every message says beside the states; a fresh browser knows no displays yet."""
        tally = self._tally
        shown = range(tally.n) if tally.n <= render.ROWS else tally.longest_running(render.ROWS)
        groups = tally.by_frequency()
        # Redis stamps the starts; where its clock is ahead of ours, none began in the future.
        now = max([self._clock.wall_ms(), *(tally.running.get(i, 0) for i in shown)])
        is_done = tally.is_done()
        path = critical_members(self._canvas) if is_done and self._canvas is not None else []
        return {
            "seq": seq,
            "now": now,
            "counts": tally.counts(),
            "rows": [self.row(i) for i in shown],
            "fails": [
                {
                    "type": clean(group.type_name, render.LABEL_LIMIT),
                    "count": group.count,
                    "first": group.first,
                    "label": self._label(group.first),
                    "text": clean(group.error.text),
                    "tb": runs([("", in_cells(group.error.traceback))], _TRACEBACK_TAIL // 2),
                }
                for group in (groups[:_GROUPS] if tally.n > render.ROWS else [])
            ],
            "details": [self.details(i, fresh=fresh) for i in details],
            "rate": round(self._rate, 3),
            "eta": self._eta,
            "done": is_done,
            "path": path,
            "missing": tally.missing,
            "took": self._took(),
            "value": facts.short_value(tally, 0) if tally.n == 1 else "",
            "place": facts.place(tally, 0) if tally.n == 1 else "",
        }

    def take_pause_ms(self) -> float:
        """How long to wait after the displays sent since the last time: a server drops floods."""
        spent, self._spent = self._spent, 0
        return spent / _SHOWS_PER_MS

    def details(self, i: int, *, fresh: bool = True) -> Message:
        """What is shown of one member that somebody looks at; `fresh`: with all its displays."""
        record, index = self._tally.locate(i)
        error, output = record.errors.get(index), record.output.get(index)
        parts = list(output.parts) if output else []
        row = self.row(i)
        traceback = error.traceback if error and row["err"] else ""
        found = output_runs(without_values(parts), _OUTPUT_TAIL)
        value = value_runs(parts, _OUTPUT_TAIL)
        return {
            **row,
            "id": facts.task_id(self._tally, i),
            "place": facts.place(self._tally, i),
            "way": facts.way(self._tally, i),
            "code": self._tally.code(i),
            "share": self._tally.share(i),
            "tb": runs([("", in_cells(traceback))], _TRACEBACK_TAIL),
            "out": _with_keys(found),
            "value": _with_keys(value),
            "shows": self._shows([text for s, text in found + value if s == SHOWN], fresh=fresh),
            "dropped": dropped_words(output) if output else "",
        }

    def _shows(self, texts: Sequence[str], *, fresh: bool) -> dict[str, list[Node]]:
        """The displays that a browser does not know yet, the newest first."""
        found: dict[str, list[Node]] = {}
        left = _SHOWS_AT_ONCE
        for each in map(shown, reversed(texts)):
            if (fresh or each.key not in self._sent) and len(each.html) <= left:
                found[each.key] = each.nodes
                left -= len(each.html)
                self._spent += len(each.html)
        self._sent.update(found)
        return found

    def note_speed(self, now_ms: float) -> None:
        """Bring the members ended per second, and the seconds that remain, up to date."""
        tally = self._tally
        left = sum(record.left for record in tally.records)
        if tally.n == 1:
            self._eta = self._eta_of_one()
            return
        self._pace.note(now_ms, tally.n - left)
        self._rate = self._pace.per_second(now_ms, tally.n - left)
        self._eta = round(left / self._rate, 1) if self._rate and left else None

    def _eta_of_one(self) -> float | None:
        progress, began = self._tally.progress(0), self._tally.running.get(0, 0)
        fraction = progress.fraction if progress else None
        if not fraction or not began:
            return None
        passed = max(0, self._clock.wall_ms() - began) / 1000.0
        return round(passed * (1.0 - fraction) / fraction, 1)

    def row(self, i: int) -> Message:
        """One member in a line."""
        record, index = self._tally.locate(i)
        start = record.started.get(index)
        error = None if self._tally.code(i) == CODE_SUCCESS else record.errors.get(index)
        return {
            "i": i,
            "label": self._label(i),
            "a": start.at_ms if start else 0,
            "e": record.ended.get(index, 0),
            "host": clean(start.worker, render.LABEL_LIMIT) if start else "",
            "msg": render.progress_words(self._tally, i),
            "err": first_line(error) if error else "",
            "retries": record.retries.get(index, 0),
        }

    def _label(self, i: int) -> str:
        return clean(self._tally.label(i), render.LABEL_LIMIT)

    def _took(self) -> int | None:
        began, ended = self._tally.began_ms(), self._tally.ended_ms()
        return max(0, ended - began) if began and ended else None


def _with_keys(found: Sequence[Run]) -> list[Run]:
    """With the key of each display in its place."""
    return [(style, shown(text).key if style == SHOWN else text) for style, text in found]
