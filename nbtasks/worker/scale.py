"""How many tasks a worker runs at a time, as work comes and goes (pure)."""

from typing import Final

REST_MS: Final = 5000.0
"""What was not needed for so long is given up."""


class Scale:
    """A number between two bounds: it grows with the work, and shrinks to the most of a while.

    Args:
        least: It never falls below this.
        most: It never rises above this.
    """

    def __init__(self, least: int, most: int) -> None:
        self.least = least
        self.most = most
        self._peak = 0
        self._since = 0.0
        self.target = least

    @property
    def may_grow(self) -> bool:
        """Whether there is room for more."""
        return self.target < self.most

    def bound(self, least: int, most: int) -> None:
        """Have other bounds from now on."""
        self.least, self.most = least, most
        self.target = max(least, min(self.target, most))

    def look(self, now: float, running: int, *, has_more: bool) -> bool:
        """See what is needed at the time `now`, in ms; whether it has grown.

        Args:
            now: The time, in ms.
            running: How many tasks run.
            has_more: Whether others wait that nobody takes.
        """
        if has_more and running >= self.target and self.may_grow:
            self.target += 1
            self._begin(now, self.target)
            return True
        self._peak = max(self._peak, running)
        if now - self._since >= REST_MS:
            self.target = max(self.least, min(self.target, self._peak))
            self._begin(now, running)
        return False

    def _begin(self, now: float, running: int) -> None:
        self._since, self._peak = now, running
