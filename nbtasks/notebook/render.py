"""The static HTML of a tally: what a saved notebook, nbconvert or GitHub shows.

The HTML has inline styles only (sanitizers drop `<style>` and `<svg>`), reads well without them
too, and every text in it went through `escape`.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from nbtasks.notebook.places import in_cells, linked
from nbtasks.notebook.png import paletted_png
from nbtasks.notebook.shown import (
    SHOWN,
    dropped_words,
    output_runs,
    shown,
    value_runs,
    without_values,
)
from nbtasks.notebook.tally import (
    CODE_FAILURE,
    CODE_IGNORED,
    CODE_PENDING,
    CODE_REVOKED,
    CODE_SUCCESS,
    N_CODES,
    Failures,
    Tally,
)
from nbtasks.notebook.words import Run, clean, duration, escape, first_line, runs, size
from nbtasks.output import SHOWN as SHOWN_STREAMS
from nbtasks.states import TaskState

HTML_LIMIT: Final = 64_000
"""Bytes of HTML that one frozen board may add to a notebook, without what its tasks displayed."""
SHOWN_LIMIT: Final = 1_000_000
"""Characters of that; while tasks run, a fifth."""
_MARK: Final = "\x00"
"""Around the key of a display; `escape` lets no text have it."""
ROWS: Final = 12
"""Up to so many members each have a row of their own."""
TITLE_LIMIT: Final = 120
LABEL_LIMIT: Final = 80
_SHORT: Final = 28
_INPUTS: Final = 20

GLYPHS: Final = ("·", "▶", "◐", "✓", "✕", "↻", "⊘", "○")
STATES: Final = (
    TaskState.PENDING,
    TaskState.STARTED,
    TaskState.PROGRESS,
    TaskState.SUCCESS,
    TaskState.FAILURE,
    TaskState.RETRY,
    TaskState.REVOKED,
    TaskState.IGNORED,
)
_COLOURS: Final = (
    "#c9cdd2",
    "#2457c5",
    "#9ecbff",
    "#009e73",
    "#d55e00",
    "#f0c808",
    "#5b4b6e",
    "#aab1ba",
)
_ENDS: Final = (CODE_SUCCESS, CODE_FAILURE, CODE_REVOKED, CODE_IGNORED)
_TRACK: Final = "rgba(128,128,128,0.25)"
_BAR_SIGNS: Final = 40
_BAR_ORDER: Final = (3, 7, 6, 4, 2, 1, 5, 0)
_ANSI: Final = ("#808080", "#e5484d", "#30a46c", "#c08a00", "#3e8eed", "#b45bcf", "#0e9aa7", "")
FONT: Final = "font-family:system-ui,sans-serif;font-size:13px;line-height:1.5"
_MONO: Final = (
    "margin:4px 0 0;padding:8px 10px;border-radius:4px;background-color:rgba(128,128,128,0.1);"
    "font-family:monospace;font-size:12px;line-height:1.45;white-space:pre-wrap;overflow:auto;"
    "max-height:320px"
)
_CELL: Final = "text-align:left;padding:2px 14px 2px 0;border:0;vertical-align:top;font-size:13px"
_CELL_SIZES: Final = ((600, 14), (2_500, 8), (12_000, 4), (60_000, 3), (250_000, 2))
_CELL_GAPS: Final = {14: 2, 8: 2, 4: 1, 3: 1, 2: 0}
_GRID_WIDTH: Final = 720


@dataclass(frozen=True, slots=True)
class Room:
    """How much text of each kind fits."""

    output: int
    traceback: int
    groups: int
    grid: int


ROOMS: Final = (
    Room(12_000, 5_000, 6, 28_000),
    Room(5_000, 1_500, 6, 16_000),
    Room(1_000, 300, 3, 0),
    Room(0, 0, 1, 0),
)


def html_view(
    tally: Tally,
    title: str,
    *,
    detail: str = "",
    inputs: Sequence[tuple[str, int]] = (),
    graph: str = "",
) -> str:
    """The whole board as static HTML of at most `HTML_LIMIT` bytes.

    Args:
        tally: What is shown.
        title: A line above all.
        detail: A few words beside it.
        inputs: Names and sizes in bytes of what was captured.
        graph: HTML of how the tasks hang together; it comes first.
    """
    page = ""
    for room in ROOMS:
        page = _page(tally, title, detail, inputs, room, graph=graph)
        if len(page.encode()) <= HTML_LIMIT:
            break
    return fill(page, tally)


def _page(
    tally: Tally,
    title: str,
    detail: str,
    inputs: Sequence[tuple[str, int]],
    room: Room,
    *,
    graph: str,
) -> str:
    counts = tally.counts()
    pieces = [(code, 100.0 * counts[code] / max(1, tally.n)) for code in _BAR_ORDER]
    parts = [_head(tally, title, detail, counts), bar(pieces), graph]
    parts.append(captured(inputs))
    if tally.n > ROWS:
        parts.append(_legend(counts))
        parts.append(_grid(tally, room.grid))
        parts.extend(_failures(tally, group, room) for group in tally.by_frequency()[: room.groups])
    else:
        parts.append(_table(tally, room))
    return f'<div style="{FONT};max-width:760px;padding:4px 0">{"".join(parts)}</div>'


def captured(inputs: Sequence[tuple[str, int]]) -> str:
    """Names and sizes of what was captured; empty for nothing."""
    if not inputs:
        return ""
    listed = ", ".join(f"{clean(name, 40)} ({size(n)})" for name, n in inputs[:_INPUTS])
    more = f" and {len(inputs) - _INPUTS} more" if len(inputs) > _INPUTS else ""
    return f'<div style="opacity:0.75">inputs: {escape(listed + more)}</div>'


def _head(tally: Tally, title: str, detail: str, counts: Sequence[int]) -> str:
    name = f"<b>{escape(clean(title, TITLE_LIMIT))}</b>"
    done = sum(counts[code] for code in _ENDS)
    facts = [f"{done:,} / {tally.n:,}"]
    if tally.n <= ROWS or not tally.is_done():
        facts += [
            f"{counts[code]:,} {STATES[code].lower()}"
            for code in _BAR_ORDER
            if counts[code] and code not in (CODE_SUCCESS, CODE_PENDING)
        ]
    if tally.ended_ms() and tally.began_ms():
        facts.append(escape(duration(tally.ended_ms() - tally.began_ms())))
    if tally.missing:
        facts.append("no longer stored")
    if detail:
        facts.append(f'<span style="opacity:0.75">{escape(clean(detail))}</span>')
    return f"<div>{name} &nbsp;{' · '.join(facts)}</div>"


def bar(pieces: Sequence[tuple[int, float]]) -> str:
    """States, and how many per cent are in each."""
    spans = "".join(
        f'<span style="display:inline-block;height:8px;vertical-align:top;'
        f'width:{percent:.3f}%;background-color:{_COLOURS[code]}">{_signs(code, percent)}</span>'
        for code, percent in pieces
        if percent and code != CODE_PENDING
    )
    rest = "".join(_signs(*piece) for piece in pieces if piece[0] == CODE_PENDING)
    return (
        f'<div aria-hidden="true" style="height:8px;margin:6px 0;border-radius:4px;overflow:hidden;'
        f'white-space:nowrap;line-height:8px;font-size:0;background-color:{_TRACK}">'
        f"{spans}{rest}</div>"
    )


def _signs(code: int, percent: float) -> str:
    """A part of a bar as text: where styles are taken away, it is all that is left of it."""
    return GLYPHS[code] * max(percent > 0, round(percent * _BAR_SIGNS / 100.0))


def mark(code: int) -> str:
    """Glyph and word of a state."""
    return (
        f'<span style="white-space:nowrap"><b style="color:{_ink(code)}">{GLYPHS[code]}</b> '
        f"{STATES[code].lower()}</span>"
    )


def sign(code: int) -> str:
    """The sign of a state in its colour."""
    return f'<b style="color:{_ink(code)}">{GLYPHS[code]}</b>'


def _ink(code: int) -> str:
    """A colour that shows as a glyph on light and on dark."""
    return {0: "#808890", 1: "#3f7cf3", 2: "#3f7cf3", 5: "#b89500", 6: "#8d7aa8", 7: "#808890"}.get(
        code, _COLOURS[code]
    )


def _legend(counts: Sequence[int]) -> str:
    parts = [f"{mark(code)} {counts[code]:,}" for code in range(N_CODES) if counts[code]]
    return f"<div>{' &nbsp; '.join(parts)}</div>"


def _table(tally: Tally, room: Room) -> str:
    names = [escape(clean(tally.label(i), LABEL_LIMIT)) for i in range(tally.n)]
    rows = [
        f'<tr style="background-color:transparent"><td style="{_CELL};max-width:220px;'
        f'{_wrap(names[i])};unicode-bidi:isolate">{names[i]}'
        f'</td><td style="{_CELL}">{mark(tally.code(i))}</td>'
        f'<td style="{_CELL};text-align:right;white-space:nowrap">{escape(elapsed(tally, i))}</td>'
        f'<td style="{_CELL};width:100%">{escape(note(tally, i))}'
        f"{body(tally, i, _share_of(room, tally.n), opened=False)}</td></tr>"
        for i in range(tally.n)
    ]
    # Jupyter makes tables fixed, narrow and striped.
    style = "table-layout:auto;border-collapse:collapse;border:0;margin:4px 0 0;width:100%"
    return f'<table style="{style}"><tbody>{"".join(rows)}</tbody></table>'


def _wrap(name: str) -> str:
    return "overflow-wrap:break-word" if len(name) > _SHORT else "white-space:nowrap"


def _share_of(room: Room, n: int) -> Room:
    return Room(room.output // n * 2, room.traceback // n * 2, room.groups, room.grid)


def elapsed(tally: Tally, i: int) -> str:
    """How long a member took; empty where that is not known."""
    record, index = tally.locate(i)
    start, end = record.started.get(index), record.ended.get(index)
    return "" if start is None or end is None else duration(end - start.at_ms)


def note(tally: Tally, i: int) -> str:
    """A member's error, or how far it is."""
    record, index = tally.locate(i)
    error = record.errors.get(index)
    if error is not None and tally.code(i) != CODE_SUCCESS:
        return first_line(error)
    return progress_words(tally, i)


def progress_words(tally: Tally, i: int) -> str:
    """How far a running member is, in words: `3 / 10 · epoch 3`."""
    progress = tally.progress(i)
    if progress is None:
        return ""
    if progress.total == 1 and progress.fraction is not None:
        amount = f"{progress.fraction * 100:.0f} %"
    elif progress.total is not None:
        amount = f"{progress.current:,g} / {progress.total:,g}"
    else:
        amount = f"{progress.current:,g}" if progress.current else ""
    return " · ".join(part for part in (amount, clean(progress.message)) if part)


def body(tally: Tally, i: int, room: Room, *, opened: bool) -> str:
    """What a member wrote, its value and its traceback; displays as marks, see `fill`."""
    record, index = tally.locate(i)
    error = record.errors.get(index) if tally.code(i) != CODE_SUCCESS else None
    output = record.output.get(index)
    blocks: list[str] = []
    if error is not None and error.traceback and room.traceback:
        text = _traceback(error.traceback, room.traceback)
        blocks.append(fold("traceback", text, opened=False))
    if output is not None and room.output:
        parts = output.parts.copy()
        written = _written(output_runs(without_values(parts), room.output))
        dropped = dropped_words(output)
        name = f"output ({dropped} dropped)" if dropped else "output"
        value = _written(value_runs(parts, room.output // 2))
        if written:
            blocks.append(fold(name, written, opened=opened))
        if value:
            blocks.append(fold("value", value, opened=opened))
    return "".join(blocks)


def _written(found: Sequence[Run]) -> str:
    """Text, and in their places the displays: as marks, for which `fill` puts them in."""
    blocks: list[str] = []
    for is_shown, group in groupby(found, key=lambda run: run[0] == SHOWN):
        if is_shown:
            blocks += [
                f'<div style="overflow:auto;margin:4px 0">{_MARK}{shown(text).key}{_MARK}</div>'
                for _, text in group
            ]
        else:
            blocks.append(f'<pre style="{_MONO}">{_spans(group)}</pre>')
    return "".join(blocks)


def fill(page: str, tally: Tally) -> str:
    """The page with its displays, of which the newest that have room are kept."""
    pieces = page.split(_MARK)
    if len(pieces) == 1:
        return page
    outputs = [output for record in tally.records for output in record.output.copy().values()]
    parts = [part for output in outputs for part in output.parts.copy()]
    displays = [shown(text) for stream, text in parts if stream in SHOWN_STREAMS]
    known = {each.key: each.html for each in displays}
    left = SHOWN_LIMIT if tally.is_done() else SHOWN_LIMIT // 5
    for at in range(len(pieces) - 2, 0, -2):
        found = known.get(pieces[at], "")
        pieces[at] = found if len(found) <= left else "<i>a display, too large to keep</i>"
        left -= len(found) if len(found) <= left else 0
    return "".join(pieces)


def _failures(tally: Tally, group: Failures, room: Room) -> str:
    name = escape(clean(group.type_name, LABEL_LIMIT))
    summary = (
        f'<b style="color:{_COLOURS[CODE_FAILURE]}">{GLYPHS[CODE_FAILURE]}</b> {name} '
        f"({group.count:,}): {escape(clean(group.error.text))}"
    )
    first = escape(clean(tally.label(group.first), LABEL_LIMIT))
    text = _traceback(group.error.traceback or group.error.text, room.traceback)
    inner = f'<div style="opacity:0.75">first: {first}</div>'
    return fold(summary, f"{inner}{text}", opened=False)


def _traceback(words: str, limit: int) -> str:
    return f'<pre style="{_MONO}">{linked(_spans(runs([("", in_cells(words))], limit)))}</pre>'


def fold(summary: str, inner: str, *, opened: bool) -> str:
    """Foldable; both arguments are HTML already."""
    attribute = " open" if opened else ""
    return (
        f'<details{attribute} style="margin:4px 0 0"><summary style="cursor:pointer">'
        f"{summary}</summary>{inner}</details>"
    )


def _grid(tally: Tally, limit: int) -> str:
    cell = next((px for most, px in _CELL_SIZES if tally.n <= most), 0)
    if not cell or not limit:
        return ""
    picture = b64encode(grid_png(tally.codes(), cell)).decode()
    if len(picture) > limit:
        return ""
    columns = min(_GRID_WIDTH // cell, tally.n)
    size = f'width="{columns * cell}" height="{-(-tally.n // columns) * cell}"'
    return (
        f'<img alt="{tally.n:,} tasks, one cell each" {size} style="display:block;margin:6px 0;'
        f'max-width:100%;height:auto" src="data:image/png;base64,{picture}">'
    )


def grid_png(codes: bytes | bytearray, cell: int) -> bytes:
    """One square per member, in rows of `_GRID_WIDTH` pixels; the gaps are transparent."""
    columns = min(_GRID_WIDTH // cell, max(1, len(codes)))
    gap = _CELL_GAPS[cell]
    lines: list[bytes] = []
    for start in range(0, len(codes), columns):
        row = codes[start : start + columns]
        line = b"".join(bytes([code + 1]) * (cell - gap) + bytes(gap) for code in row)
        lines += [line.ljust(columns * cell, b"\0")] * (cell - gap)
        lines += [bytes(columns * cell)] * gap
    return paletted_png(lines, _COLOURS)


def _spans(found: Iterable[Run]) -> str:
    return "".join(f"<span{_run_style(style)}>{escape(text)}</span>" for style, text in found)


def _run_style(style: str) -> str:
    words = style.split()
    rules = [f"color:{_ANSI[int(word[1])]}" for word in words if word[0] == "c"]
    if "b" in words:
        rules.append("font-weight:bold")
    if "err" in words and not rules:
        rules.append("color:#d1605e")
    return f' style="{";".join(rules)}"' if rules else ""
