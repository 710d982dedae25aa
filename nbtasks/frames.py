"""The frames of a traceback as plain data, and a traceback made of them where they never ran."""

import os
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple

MAX_FRAMES: Final = 100
"""More frames are a recursion without end: the first and the last of them say it all."""

_NO_COLUMNS: Final = 0xE8
_MOST_UNITS: Final = 8
_CHUNK: Final = 64
_PACKAGE = f"{Path(__file__).parent}{os.sep}"


class Frame(NamedTuple):
    """A line of a traceback, the function it is in, and the line that function begins with."""

    file: str
    line: int
    function: str
    first: int


def frames_of(error: BaseException) -> list[Frame]:
    """The frames of the task itself, without ours around and behind it."""
    return [
        Frame(code.co_filename, at.tb_lineno, code.co_name, code.co_firstlineno)
        for at in _own_part(error)
        for code in [at.tb_frame.f_code]
    ]


def own_traceback(error: BaseException) -> TracebackType | None:
    """The traceback through these frames."""
    chain: TracebackType | None = None
    for at in reversed(_own_part(error)):
        chain = TracebackType(chain, at.tb_frame, at.tb_lasti, at.tb_lineno)
    return chain


def _own_part(error: BaseException) -> list[TracebackType]:
    found: list[TracebackType] = []
    at = error.__traceback__
    while at is not None:
        if not at.tb_frame.f_code.co_filename.startswith(_PACKAGE):
            found.append(at)
        at = at.tb_next
    if len(found) > MAX_FRAMES:
        found[MAX_FRAMES // 2 : -MAX_FRAMES // 2] = []
    return found


def rebuild(frames: tuple[Frame, ...]) -> TracebackType | None:
    """A traceback through frames that never ran here: each line raises at its place in its file."""
    chain: TracebackType | None = None
    for frame in reversed(frames):
        first = min(frame.first, frame.line) or 1
        code = compile("raise _Placed", frame.file, "exec")
        table = _lines_only(frame.line - first, len(code.co_code) // 2)
        code = code.replace(co_name=frame.function, co_firstlineno=first, co_linetable=table)
        try:
            exec(code, {"_Placed": _Placed})  # noqa: S102 - a line of our own
        except _Placed as placed:
            here = placed.__traceback__
            if here is None or here.tb_next is None:
                continue
            chain = TracebackType(chain, here.tb_next.tb_frame, here.tb_next.tb_lasti, frame.line)
    return chain


def _lines_only(offset: int, units: int) -> bytes:
    """A table for so many units of code, all in one line: columns would mark what is not there.

    It is made as Objects/locations.md of CPython says: an entry stands for up to eight units.
    """
    table = bytearray()
    for start in range(0, units, _MOST_UNITS):
        table.append(_NO_COLUMNS | (min(_MOST_UNITS, units - start) - 1))
        number, offset = offset << 1, 0
        while number >= _CHUNK:
            table.append(_CHUNK | (number % _CHUNK))
            number //= _CHUNK
        table.append(number)
    return bytes(table)


class _Placed(Exception):
    """Raised and caught to get a frame."""
