"""What a running task prints, sent to its card instead of the worker's terminal."""

import io
from collections.abc import Callable
from typing import Final

STDOUT: Final = "1"
STDERR: Final = "2"
VALUE: Final = "v"
SEPARATOR: Final = "\x1e"
"""Stands between the parts of a stored log, so it is taken out of the text."""


class CapturedStream(io.TextIOBase):
    """A text stream that hands every write to the task that runs now."""

    def __init__(self, letter: str, write: Callable[[str, str], None]) -> None:
        super().__init__()
        self._letter = letter
        self._write = write

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a property there, a variable here
        """Always UTF-8."""
        return "utf-8"

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, text: str) -> int:
        """Hand over text."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:
            self._write(self._letter, text.replace(SEPARATOR, " "))
        return len(text)
