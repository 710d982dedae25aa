"""What a running task prints, sent to its card instead of the worker's terminal."""

import io
from collections.abc import Callable

from nbtasks.record import SEPARATOR


class CapturedStream(io.TextIOBase):
    """A text stream that hands every write to the task that runs now."""

    encoding = "utf-8"

    def __init__(self, letter: str, write: Callable[[str, str], None]) -> None:
        super().__init__()
        self._letter = letter
        self._write = write

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, text: str) -> int:
        """Hand over text."""
        plain = str.replace(text, SEPARATOR, " ")  # refuses what is no text; no subclass comes out
        if plain:
            self._write(self._letter, plain)
        return len(text)
