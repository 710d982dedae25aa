"""Whom a task tells how it goes on: its worker, or nobody where it is a plain call."""

import sys
from typing import Any, Final, NoReturn, Protocol

from nbtasks.live import Progress
from nbtasks.record import STDERR
from nbtasks.request import Request

_PLAIN: Final = "this task was called as a plain function"


class Reporter(Protocol):
    """Knows the running task, and takes its progress."""

    def request(self) -> Request:
        """The task that runs now."""
        ...

    def progress(self, progress: Progress) -> None:
        """Tell how far the task is; merged to about ten reports a second."""
        ...

    def write(self, letter: str, text: str) -> None:
        """Pass on what the task has written to a stream."""
        ...

    def send_event(self, data: bytes) -> None:
        """Tell monitors something."""
        ...

    def checkpoint(self, value: Any) -> None:
        """Keep this for the next try."""
        ...

    def last_checkpoint(self) -> Any:
        """What was kept last; None for nothing."""
        ...

    def lend(self) -> None:
        """The task waits for others: one of them may run in its place."""
        ...

    def resume(self) -> None:
        """It goes on."""
        ...

    def replace(self, signature: Any) -> NoReturn:
        """Send this, and raise `Replaced`."""
        ...

    def add_to_chord(self, signature: Any) -> None:
        """Send this, and let the body of the task's chord wait for it and take its value."""
        ...


def write_here(letter: str, text: str) -> None:
    """Print what a task has written that runs in this process."""
    stream = sys.stderr if letter == STDERR else sys.stdout
    stream.write(text)


class Here:
    """The reporter of a bound task that is called as a plain function: there is nobody to tell."""

    def request(self) -> Request:
        """One that says so."""
        return _CALLED_DIRECTLY

    def progress(self, progress: object) -> None:
        """Nothing to do."""

    def write(self, letter: str, text: str) -> None:
        """It is printed here."""
        write_here(letter, text)

    def send_event(self, data: bytes) -> None:
        """Nobody listens to a plain call."""

    def checkpoint(self, value: object) -> None:
        """There is no other try."""

    def last_checkpoint(self) -> None:
        """There was no other try."""

    def lend(self) -> None:
        """Nothing to do."""

    def resume(self) -> None:
        """Nothing to do."""

    def replace(self, signature: object) -> NoReturn:
        """There is nothing to replace.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError(f"{_PLAIN}: {signature!r} cannot go on in its place")

    def add_to_chord(self, signature: object) -> None:
        """There is no chord.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError(f"{_PLAIN}: there is no chord to add {signature!r} to")


HERE: Final = Here()
_CALLED_DIRECTLY: Final = Request("", "", 0, "", called_directly=True)
