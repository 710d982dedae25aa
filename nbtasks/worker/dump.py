"""The stack of a thread, wherever it is: also in C code that holds the interpreter's lock.

A signal lets Python write the stacks of a process down between two of its steps. Where none comes,
since the thread is in C code, another signal, to just that thread, lets faulthandler do it, which
needs no lock. It must not come first: between steps a stack may be half made, and what reads it
then crashes, or spoils the `errno` of a system call. Both write to a file without a name, which the
parent reads. Works where there is /proc, which is Linux.
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
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple

SIGNAL: Final = signal.SIGRTMIN + 11 if sys.platform == "linux" else 0
IN_C: Final = SIGNAL and SIGNAL + 1
"""Two that nobody else uses, for Python and for C: where nobody listens, they end a process."""

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
_HEAD: Final = b"Thread %d\n"
_TAIL: Final = b"End %d\n"
_named: dict[int, int] = {}
_PENDING: Final = re.compile(r"^ShdPnd:\s*(\w+)$", re.MULTILINE)
_CAUGHT: Final = re.compile(r"^SigCgt:\s*(\w+)$", re.MULTILINE)
_tgkill = getattr(ctypes.CDLL(None), "tgkill", None) if SIGNAL else None


class Place(NamedTuple):
    """A line that a thread is in, and the function it is of."""

    file: str
    line: int
    function: str


class Dump:
    """The stack of one thread that is being written."""

    def __init__(self, pid: int, numbers: "memoryview[int]", thread: int) -> None:
        """Have it written.

        Raises:
            OSError: Its process does not listen.
        """
        self._pid = pid
        self._thread = numbers[thread]
        self._file = _open(pid, numbers)
        self._is_native = False
        try:
            os.ftruncate(self._file, 0)
            os.kill(pid, SIGNAL)
        except OSError:
            self.close()
            raise

    def read(self) -> list[Place] | None:
        """All of it, outermost first; None while it is not there."""
        text = os.pread(self._file, _MOST, 0)
        head, tail = (word % self._thread for word in (_HEAD, _TAIL))
        if head in text and tail in text:
            return _parse(text.partition(head)[2].partition(tail)[0])
        found = _parse(text) if self._is_native else []
        is_whole = text.endswith(_TOO_DEEP) or any(_name(place) in _OUTER for place in found)
        return found if found and is_whole else None

    def ask_in_c(self) -> None:
        """No Python has run there since the signal came: have it written without.

        Raises:
            OSError: The thread has ended.
        """
        if not self._is_native and not _waits(self._pid):
            self._is_native = True
            if _tgkill is None or not self._thread or _tgkill(self._pid, self._thread, IN_C):
                raise OSError("there is no such thread")

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def listen(*cells: "memoryview[int]") -> None:
    """Let the parent see the stacks of this process, which has children with these cells."""
    if not SIGNAL:
        return
    file = os.memfd_create("nbtasks-stack")
    fcntl.fcntl(file, fcntl.F_SETFL, os.O_APPEND)
    faulthandler.register(IN_C, file=file, all_threads=False, chain=False)
    signal.signal(SIGNAL, partial(_write_all, file))
    interrupt_waits(is_on=len(cells) > 1)
    for numbers in cells:
        numbers[FILE] = file
        numbers[INODE] = os.fstat(file).st_ino


def interrupt_waits(*, is_on: bool) -> None:
    """Whether the signal ends a system call of the main thread early, as it must where that waits.

    Where it runs a task it must not: what calls from C may take that for an error.
    """
    if SIGNAL:
        signal.siginterrupt(SIGNAL, is_on)


def _write_all(file: int, _: int, interrupted: FrameType | None) -> None:
    """Write the stacks of all named threads down, as faulthandler would."""
    # There is no public way.
    frames = sys._current_frames()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    frames[threading.get_ident()] = interrupted or frames[threading.get_ident()]
    lines: list[bytes] = []
    for ident, native in _named.items():
        frame: FrameType | None = frames.get(ident)
        lines.append(_HEAD % native)
        while frame is not None:
            code = frame.f_code
            text = f'  File "{code.co_filename}", line {frame.f_lineno} in {code.co_name}\n'
            lines.append(text.encode("ascii", "backslashreplace"))
            frame = frame.f_back
        lines.append(_TAIL % native)
    os.write(file, b"".join(lines))


def name_thread(numbers: "memoryview[int]", place: int) -> None:
    """This thread runs tasks (THREAD), or coroutines (LOOP)."""
    numbers[place] = _named[threading.get_ident()] = threading.get_native_id()


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
        caught = int(found[1], 16) if found is not None else 0
        return all(caught >> (number - 1) & 1 for number in (SIGNAL, IN_C))
    return False


def _waits(pid: int) -> bool:
    """Whether the signal has not come there yet: the process does not get to run."""
    found = _PENDING.search(Path(f"/proc/{pid}/status").read_text())
    return found is None or bool(int(found[1], 16) >> (SIGNAL - 1) & 1)


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
