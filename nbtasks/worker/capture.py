"""What a running task prints, sent to its card instead of the worker's terminal."""

import io
import logging
import os
import sys
from collections.abc import Callable
from contextvars import ContextVar

from nbtasks.record import SEPARATOR, STDERR, STDOUT

Write = Callable[[str, str], None]
"""Takes the letter of a stream, and text."""

sink: ContextVar[Write | None] = ContextVar("sink", default=None)
"""Takes what is written in this context: every thread and every coroutine has one of its own."""


class CapturedStream(io.TextIOBase):
    """A text stream that hands every write to the task in whose context it is.

    What a thread of a task's own writes belongs to no context: that goes `elsewhere`.
    """

    encoding = "utf-8"

    def __init__(self, letter: str, elsewhere: Write) -> None:
        super().__init__()
        self._letter = letter
        self._elsewhere = elsewhere

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, text: str) -> int:
        """Hand over text."""
        plain = str.replace(text, SEPARATOR, " ")  # refuses what is no text; no subclass comes out
        if plain:
            (sink.get() or self._elsewhere)(self._letter, plain)
        return len(text)


def redirect(elsewhere: Write) -> None:
    """Take the place of this process's stdout and stderr, also in the handlers of its loggers."""
    before = sys.stderr
    sys.stdout = CapturedStream(STDOUT, elsewhere)
    sys.stderr = CapturedStream(STDERR, elsewhere)
    for handler in logging.getLogger().handlers:
        if getattr(handler, "stream", None) is before:
            setattr(handler, "stream", sys.stderr)  # noqa: B010 - only some handlers have one


def write_to_terminal(_: str, text: str) -> None:
    """Where the worker's own messages go: what belongs to no task."""
    os.write(2, text.encode("utf-8", "backslashreplace"))
