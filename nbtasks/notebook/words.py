"""Text from tasks made safe to show: one line, or a terminal's colours; durations and sizes."""

import html
import re
from collections.abc import Iterable
from itertools import groupby
from typing import Final

from nbtasks.live import ErrorText

LINE_LIMIT: Final = 240
_TAIL_LINES: Final = 400
_SHORT_TENTHS: Final = 100
"""Below ten of a unit, words have a tenth."""
_STEP: Final = 1000

_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_ESCAPE: Final = re.compile(
    "\x1b\\[([0-9;:]*)[ -/]*([@-~])|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|\x1b[^\\[\\]]?"
)
_STYLES: Final = {"stderr": "err", "dropped": "err"}
Run = tuple[str, str]
"""A style and a text: see `runs`."""


def escape(text: str) -> str:
    """Any text, safe between tags and in quoted attributes."""
    return html.escape(_CONTROL.sub("\ufffd", text), quote=True)


def clean(text: str, limit: int = LINE_LIMIT) -> str:
    """One line of plain text: no colour codes, no control characters, not longer than `limit`."""
    plain = _CONTROL.sub("", _ESCAPE.sub("", text[: 4 * limit]))
    line = " ".join(plain.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def first_line(error: ErrorText, limit: int = LINE_LIMIT) -> str:
    """An error in one line: its type and the first line of what it says."""
    text = error.text.strip().partition("\n")[0]
    return clean(f"{error.type_name}: {text}" if text else error.type_name, limit)


def runs(parts: Iterable[tuple[str, str]], limit: int) -> list[Run]:
    """The newest `limit` characters as a terminal shows them: (style, text), colours as styles.

    A style is a set of words: `err` (stderr), `b` (bold), `c1`..`c6` (the ANSI colours).
    """
    found: list[Run] = []
    for stream, group in groupby(parts, key=lambda part: part[0]):
        text = "".join(text for _, text in group)[-8 * limit :]
        lines = [_overwritten(line) for line in text.split("\n")[-_TAIL_LINES:]]
        found.extend(_coloured("\n".join(lines), _STYLES.get(stream, "")))
    return _tail(found, limit)


def tell(text: str) -> None:
    """Answer what was typed, in its own cell."""
    print(text)  # noqa: T201 - this is where it is to be read


def duration(ms: float) -> str:
    """A time span in words: `1.3 s`, `42 s`, `3 min 20 s`, `1 h 05 min`."""
    tenths = round(max(0.0, ms) / 100.0)
    if tenths < _SHORT_TENTHS:
        return f"{tenths / 10:.1f} s"
    minutes, seconds = divmod(round(max(0.0, ms) / 1000.0), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"


def size(n_bytes: int) -> str:
    """A number of bytes in words: `812 B`, `2.1 MB`, `34 GB`."""
    if n_bytes < _STEP:
        return f"{n_bytes} B"
    amount = n_bytes / _STEP
    units = iter(("kB", "MB", "GB"))
    unit = next(units)
    while amount >= _STEP - 0.5 and unit != "GB":
        amount /= _STEP
        unit = next(units)
    return (
        f"{amount:.1f} {unit}" if round(amount, 1) < _SHORT_TENTHS / 10 else f"{amount:,.0f} {unit}"
    )


def _overwritten(line: str) -> str:
    """What remains of a line whose writer went back to its start, as progress bars do."""
    return line.rstrip("\r").rpartition("\r")[2]


def _coloured(text: str, base: str) -> list[Run]:
    found: list[Run] = []
    bold, colour, at = False, "", 0
    for match in _ESCAPE.finditer(text):
        _append(found, text[at : match.start()], base, colour, bold=bold)
        at = match.end()
        if match[2] == "m":
            bold, colour = _sgr(match[1] or "0", colour, bold=bold)
    _append(found, text[at:], base, colour, bold=bold)
    return found


def _append(found: list[Run], text: str, base: str, colour: str, *, bold: bool) -> None:
    text = _CONTROL.sub("", text)
    if text:
        words = (base, colour, "b" if bold else "")
        found.append((" ".join(word for word in words if word), text))


def _sgr(codes: str, colour: str, *, bold: bool) -> tuple[bool, str]:
    """Bold and colour after one `ESC [ … m`; backgrounds and the rest are left out."""
    numbers = [int(part) if part.isdigit() else 0 for part in re.split("[;:]", codes)]
    while numbers:
        match numbers.pop(0):
            case 0:
                bold, colour = False, ""
            case 1 | 22 as number:
                bold = number == 1
            case 38:
                colour = _wide(numbers)
            case 48:
                _wide(numbers)
            case 39:
                colour = ""
            case number if number // 10 in (3, 9):
                colour = _named(number % 10)
            case _:
                pass
    return bold, colour


def _wide(numbers: list[int]) -> str:
    """The nearest named colour of `5;n` or `2;r;g;b`, which it takes from the list."""
    match numbers:
        case [5, n, *_]:
            del numbers[:2]
            return _of_256(n)
        case [2, r, g, b, *_]:
            del numbers[:4]
            return _nearest((r, g, b))
        case _:
            numbers.clear()
            return ""


def _of_256(n: int) -> str:
    """The terminal's 256: 16 named ones, a cube of 6 levels, and greys."""
    if n in range(16):
        return _named(n % 8)
    cube = n - 16
    return _nearest((cube // 36, cube // 6 % 6, cube % 6)) if cube in range(216) else ""


def _nearest(rgb: tuple[int, int, int]) -> str:
    half = max(rgb) / 2
    return _named(sum(1 << bit for bit, level in enumerate(rgb) if level > half))


def _named(number: int) -> str:
    """Black and white are left to the theme."""
    return f"c{number}" if number in range(1, 7) else ""


def _tail(found: list[Run], limit: int) -> list[Run]:
    kept: list[Run] = []
    for style, text in reversed(found):
        if limit <= 0:
            break
        kept.append((style, text[-limit:]))
        limit -= len(text)
    return kept[::-1]
