"""The tries of tasks that others came after: where each began, and what ended it."""

from dataclasses import dataclass
from typing import Final

MOST: Final = 20
"""Of one member the newest are kept."""


@dataclass(frozen=True, slots=True)
class Try:
    """One that another try came after.

    Attributes:
        worker: Where it ran; empty for one that was too short to be reported.
        start_ms: When it began, Redis' time, in ms since 1970; 0 likewise.
        end_ms: When it ended, likewise; 0 where that is not known.
        why: What ended it, the name of an exception; empty where its worker was lost.
    """

    worker: str
    start_ms: int
    end_ms: int
    why: str


class Tries:
    """The tries that others came after, as far as this client has heard of them."""

    def __init__(self) -> None:
        self._of: dict[int, list[Try]] = {}

    def of(self, index: int) -> list[Try]:
        """Those of a member, the oldest first."""
        return list(self._of.get(index, ()))

    def note(self, index: int, one: Try) -> None:
        """A try of a member has ended, and another one is to come."""
        tries = self._of.setdefault(index, [])
        tries.append(one)
        del tries[:-MOST]
