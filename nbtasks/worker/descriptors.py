"""Open files of a forked process: what belongs to its parent is closed there."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

FIRST_OWN: Final = 3
"""The first that is not standard input, output or error."""

_LIST: Final = Path("/dev/fd")
_USUAL_LIMIT: Final = 4096


def close_others(*kept: int) -> None:
    """Close all files but the standard ones and these, however many there are."""
    try:
        found = [int(name) for name in os.listdir(_LIST)]  # noqa: PTH208 - numbers, not paths
    except OSError:
        found = list(range(FIRST_OWN, _USUAL_LIMIT))
    for number in found:
        if number >= FIRST_OWN and number not in kept:
            with suppress(OSError):  # the list itself was open, too
                os.close(number)


def read_nothing() -> None:
    """Let standard input be empty.

    In a group of its own a process would be stopped if it read from the worker's terminal.
    """
    with suppress(OSError):
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.close(nothing)
