"""Which code a child keeps: parent and child follow the same rule, so they always agree."""

from typing import Final

MOST: Final = 256
MOST_BYTES: Final = 64_000_000
"""Code may capture data; the newest is kept however large it is."""


class Shelf:
    """Names of code, oldest first, as many as fit."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}
        self._bytes = 0

    def __contains__(self, name: str) -> bool:
        return name in self._sizes

    def add(self, name: str, size: int) -> list[str]:
        """Put one more on it; which ones had to go."""
        self._bytes += size - self._sizes.pop(name, 0)
        self._sizes[name] = size
        gone: list[str] = []
        for old in self._sizes:
            if old == name or (len(self._sizes) - len(gone) <= MOST and self._bytes <= MOST_BYTES):
                break
            self._bytes -= self._sizes[old]
            gone.append(old)
        for old in gone:
            del self._sizes[old]
        return gone
