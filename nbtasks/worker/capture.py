"""What a running task prints, sent to its card instead of the worker's terminal."""

import io
import logging
import os
import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import TextIO

from nbtasks.loglines import LOG_FORMAT
from nbtasks.record import SEPARATOR, STDERR, STDOUT, TEXT

Write = Callable[[str, str], None]
"""Takes the letter of a stream, and text."""

sink: ContextVar[Write | None] = ContextVar("sink", default=None)
"""Takes what is written in this context: every thread and every coroutine has one of its own."""


class _Elsewhere:
    """Takes what belongs to no context of a task."""

    write: Write | None = None
    terminal = 2


def hand_over(letter: str, text: str) -> None:
    """Give the running task something that is no text of a stream."""
    write = sink.get() or _Elsewhere.write
    if write is not None:
        write(letter, text)


class CapturedStream(io.TextIOBase):
    """A text stream that hands every write to the task in whose context it is.

    What a thread of a task's own writes belongs to no context: that goes `elsewhere`. With a stream
    `behind`, all is written there, too, and a debugger may take this one for a terminal.
    """

    encoding = "utf-8"

    def __init__(self, letter: str, elsewhere: Write, behind: TextIO | None = None) -> None:
        super().__init__()
        self._letter = letter
        self._elsewhere = elsewhere
        self._behind = behind

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, text: str) -> int:
        """Hand over text."""
        plain = str.replace(text, SEPARATOR, " ")  # refuses what is no text; no subclass comes out
        if plain:
            (sink.get() or self._elsewhere)(self._letter, plain)
        if self._behind is not None:
            self._behind.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush what is behind; what is handed over is merged, and never held for long."""
        if self._behind is not None:
            self._behind.flush()

    def isatty(self) -> bool:
        """Whether a terminal is behind."""
        return self._behind is not None and self._behind.isatty()

    def fileno(self) -> int:
        """The file that a process gets to which this stream is given."""
        return TEXT[self._letter] if self._behind is None else self._behind.fileno()


def redirect(elsewhere: Write) -> None:
    """Take the place of this process's stdout and stderr, also in the handlers of its loggers.

    The worker's own handler is the last resort from now on: so `basicConfig` works for a task as it
    does in a notebook, and a logger that has a handler does not write twice.
    """
    _Elsewhere.write = elsewhere
    before = sys.stderr
    sys.stdout = CapturedStream(STDOUT, elsewhere)
    sys.stderr = CapturedStream(STDERR, elsewhere)
    root = logging.getLogger()
    for handler in root.handlers.copy():
        in_tasks = getattr(handler, "in_tasks", None)
        if in_tasks is not None:
            root.removeHandler(handler)
            logging.lastResort = in_tasks(sys.stderr)
            continue
        if getattr(handler, "stream", None) is before:
            setattr(handler, "stream", sys.stderr)  # noqa: B010 - only some handlers have one
            root.removeHandler(handler)
            logging.lastResort = handler


def echo() -> None:
    """Let tasks hear themselves: what they write goes to their cards and to where it went before.

    The handlers of loggers stay as they are. They belong to the worker as well, which must not wait
    for a task that is just writing; records of a task take a handler of their own to its card.
    """
    if not isinstance(sys.stdout, CapturedStream):
        sys.stdout = CapturedStream(STDOUT, _write_nowhere, sys.stdout)
        sys.stderr = CapturedStream(STDERR, _write_nowhere, sys.stderr)
        logging.getLogger().addHandler(_CardHandler())


class _CardHandler(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(LOG_FORMAT))
        # A filter, because it is asked before the handler is locked.
        self.addFilter(lambda _: sink.get() is not None)

    def emit(self, record: logging.LogRecord) -> None:
        write = sink.get()
        if write is not None:
            write(STDERR, self.format(record) + "\n")


def _write_nowhere(_: str, __: str) -> None:
    """It belongs to no task."""


def write_to_terminal(letter: str, text: str) -> None:
    """Where the worker's own messages go: what belongs to no task."""
    if letter in TEXT:
        os.write(_Elsewhere.terminal, text.encode("utf-8", "backslashreplace"))


def keep_terminal() -> int:
    """Keep the file that standard error is now: it may become another.

    Raises:
        OSError: No more files can be open.
    """
    _Elsewhere.terminal = os.dup(2)
    return _Elsewhere.terminal
