"""The stack of a thread, wherever it is: also in C code that holds the interpreter's lock.

A signal that is sent to just that thread lets faulthandler write it down, in C and without the
lock, into a file without a name. The parent reads that: no Python runs for it in the child, and a
system call that it interrupts goes on. Works where there is /proc, which is Linux.
"""

import ctypes
import faulthandler
import fcntl
import os
import re
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple

SIGNAL: Final = signal.SIGRTMIN + 11 if sys.platform == "linux" else 0
"""One that nobody else uses: where nobody listens, it would end the process."""

FILE: Final = 6
INODE: Final = 7
THREAD: Final = 8
LOOP: Final = 9
"""Where in the cells: the file and its inode, the thread that runs tasks, the event loop's."""

MOST_AWAITED: Final = 100

_MOST: Final = 1_000_000
_TOO_DEEP: Final = b"\n  ...\n"
_FRAME: Final = re.compile(r'  File "(.*)", line (\d+) in (.*)')
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")
_HERE: Final = f"{Path(__file__).parent}{os.sep}"
_PACKAGE: Final = f"{Path(__file__).parents[1]}{os.sep}"
_OUTER: Final = {("child.py", "_run_slice"), ("coroutines.py", "_run")}
_INNER: Final = {("child.py", "_call"), ("coroutines.py", "drive")}
_CAUGHT: Final = re.compile(r"^SigCgt:\s*(\w+)$", re.MULTILINE)
_tgkill = getattr(ctypes.CDLL(None), "tgkill", None) if SIGNAL else None


class Place(NamedTuple):
    """A line that a thread is in, and the function it is of."""

    file: str
    line: int
    function: str


class Dump:
    """One stack that is being written; `text` is what there is of it."""

    def __init__(self, pid: int, numbers: "memoryview[int]", thread: int) -> None:
        """Have it written.

        Raises:
            OSError: The thread has ended, or its process does not listen.
        """
        self._file = _open(pid, numbers)
        try:
            os.ftruncate(self._file, 0)
            _send(pid, numbers[thread])
        except OSError:
            self.close()
            raise

    def read(self) -> list[Place] | None:
        """All of it, outermost first; None while it is not there."""
        text = os.pread(self._file, _MOST, 0)
        places = _parse(text)
        is_whole = text.endswith(_TOO_DEEP) or any(_name(place) in _OUTER for place in places)
        return places if is_whole else None

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def listen(*cells: "memoryview[int]") -> None:
    """Let the parent see the stacks of this process, which has children with these cells."""
    if not SIGNAL:
        return
    file = os.memfd_create("nbtasks-stack")
    fcntl.fcntl(file, fcntl.F_SETFL, os.O_APPEND)
    faulthandler.register(SIGNAL, file=file, all_threads=False, chain=False)
    for numbers in cells:
        numbers[FILE] = file
        numbers[INODE] = os.fstat(file).st_ino


def name_thread(numbers: "memoryview[int]", place: int) -> None:
    """This thread runs tasks (THREAD), or coroutines (LOOP)."""
    numbers[place] = threading.get_native_id()


def awaited(steps: object) -> list[Place]:
    """Where a coroutine that is not running waits, and all it awaits, outermost first."""
    found: list[Place] = []
    while steps is not None and len(found) < MOST_AWAITED:
        frame = _first(steps, "cr_frame", "gi_frame", "ag_frame")
        if isinstance(frame, FrameType):
            code = frame.f_code
            found.append(Place(code.co_filename, frame.f_lineno, code.co_name))
        steps = _first(steps, "cr_await", "gi_yieldfrom", "ag_await")
    return found


def _first(value: object, *names: str) -> object:
    return next((found for name in names if (found := getattr(value, name, None))), None)


def own(places: Sequence[Place]) -> list[Place]:
    """What is the task's, without ours around it; all, where it is not the task that runs."""
    start = 0
    for at, place in enumerate(places):
        if _name(place) in _INNER:
            start = at + 1
    while 0 < start < len(places) and places[start].file.startswith(_PACKAGE):
        start += 1
    return list(places[start:])


def _open(pid: int, numbers: "memoryview[int]") -> int:
    """The file, where it is still the one that the child has named, and somebody writes to it."""
    if not (SIGNAL and numbers[INODE] and _listens(pid)):
        raise OSError("nobody listens there")
    file = os.open(f"/proc/{pid}/fd/{numbers[FILE]}", os.O_RDWR | os.O_CLOEXEC)
    if os.fstat(file).st_ino != numbers[INODE]:
        os.close(file)  # a task has closed all files, and opened others
        raise OSError("its file is closed")
    return file


def _listens(pid: int) -> bool:
    with suppress(OSError):
        found = re.search(
            r"^SigCgt:\s*(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE
        )
        return found is not None and bool(int(found[1], 16) >> (SIGNAL - 1) & 1)
    return False


def _send(pid: int, thread: int) -> None:
    if _tgkill is None or not thread or _tgkill(pid, thread, SIGNAL):
        raise OSError("there is no such thread")


def _parse(text: bytes) -> list[Place]:
    """The places in faulthandler's words, outermost first."""
    found = [
        Place(_unescape(match[1]), int(match[2]), _unescape(match[3]))
        for line in text.decode("ascii", "replace").splitlines()
        if (match := _FRAME.fullmatch(line))
    ]
    return found[::-1]


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1] or found[2] or found[3], 16)), text)


def _name(place: Place) -> tuple[str, str]:
    return place.file.removeprefix(_HERE), place.function
