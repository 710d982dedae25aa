"""The frames of a traceback as plain data, and a traceback made of them where they never ran."""

import os
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple

MAX_FRAMES: Final = 100
"""More frames are a recursion without end: the first and the last of them say it all."""

_PACKAGE = f"{Path(__file__).parent}{os.sep}"


class Frame(NamedTuple):
    """A line of a traceback, the function it is in, and the line that function begins with."""

    file: str
    line: int
    function: str
    first: int


def frames_of(error: BaseException) -> list[Frame]:
    """The frames of the task itself, without ours around and behind it."""
    found: list[Frame] = []
    at = error.__traceback__
    while at is not None:
        code = at.tb_frame.f_code
        if not code.co_filename.startswith(_PACKAGE):
            found.append(Frame(code.co_filename, at.tb_lineno, code.co_name, code.co_firstlineno))
        at = at.tb_next
    if len(found) > MAX_FRAMES:
        found[MAX_FRAMES // 2 : -MAX_FRAMES // 2] = []
    return found


def rebuild(frames: tuple[Frame, ...]) -> TracebackType | None:
    """A traceback through frames that never ran here: each line raises at its place in its file."""
    chain: TracebackType | None = None
    for frame in reversed(frames):
        first = min(frame.first, frame.line) or 1
        source = "\n" * (frame.line - first) + "raise _Placed"
        code = compile(source, frame.file, "exec").replace(
            co_name=frame.function, co_firstlineno=first
        )
        try:
            exec(code, {"_Placed": _Placed})  # noqa: S102 - a line of our own
        except _Placed as placed:
            here = placed.__traceback__
            if here is None or here.tb_next is None:
                continue
            chain = TracebackType(chain, here.tb_next.tb_frame, here.tb_next.tb_lasti, frame.line)
    return chain


class _Placed(Exception):
    """Raised and caught to get a frame."""
