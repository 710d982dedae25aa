"""Who looks at something shown: each browser tab says so for itself."""

from typing import Final

from nbtasks.clock import Clock

LOOKED_MS: Final = 180_000.0
"""A tab that shows it says so each minute; after so long without a word it is gone."""


class Looks:
    """What the tabs have said; before the first word somebody does look.

    Args:
        clock: Where the time comes from.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard_ms = {"": clock.tick_ms()}
        self.is_met = False
        """Whether a browser has ever said something."""

    def say(self, who: str, *, is_on: bool) -> None:
        """A tab looks, or looks no more."""
        self.is_met = True
        self._heard_ms.pop("", None)
        if is_on:
            self._heard_ms[who or "?"] = self._clock.tick_ms()
        else:
            self._heard_ms.pop(who or "?", None)

    def are_any(self) -> bool:
        """Whether somebody looks."""
        since = self._clock.tick_ms() - LOOKED_MS
        return any(heard > since for heard in tuple(self._heard_ms.values()))
