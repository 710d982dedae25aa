"""When events come in a flow, they are read so much at a time: a read costs more than an event.

Boards look 15 times a second, and nobody looks oftener; but who waits for a task is told at once.
"""

from collections.abc import Callable
from math import inf
from typing import Final

CLOSE_MS: Final = 20.0
"""Reads that come closer than this are of a flow."""

REST_MS: Final = 20.0
"""How long the next read of a flow may wait."""

HURRY_MS: Final = 1000.0
"""Who has waited may soon wait again."""


class Flow:
    """Tells how long to let events come together."""

    def __init__(self) -> None:
        self._fed_ms = self._hurried_ms = -inf

    def rest_ms(self, now_ms: float, count: int, is_awaited: Callable[[], bool]) -> float:
        """How long to wait before the next read, in ms.

        Args:
            now_ms: The time, by any clock.
            count: What the last read has brought.
            is_awaited: Says whether somebody waits for one of the next events; only asked in a
                flow.
        """
        is_flow = count > 0 and now_ms - self._fed_ms < CLOSE_MS
        if count:
            self._fed_ms = now_ms
        if not is_flow:
            return 0.0
        if is_awaited():
            self._hurried_ms = now_ms
        if now_ms - self._hurried_ms < HURRY_MS:
            return 0.0
        self._fed_ms = now_ms + REST_MS
        return REST_MS
