"""How quickly the tasks of a board end."""

from collections import deque
from typing import Final

_RATE_WINDOW_MS: Final = 5000.0
_RATE_AFTER_MS: Final = 250.0


class Pace:
    """How many members end per second: over the newer half of the time so far, at least 5 s."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()
        self._began_ms: float | None = None

    def note(self, now_ms: float, done: int) -> None:
        """Say how many are done by now."""
        if self._began_ms is None:
            self._began_ms = now_ms
        window = max(_RATE_WINDOW_MS, (now_ms - self._began_ms) / 2.0)
        samples = self._samples
        if not samples or now_ms - samples[-1][0] >= window / 50.0:
            samples.append((now_ms, done))
        oldest = None
        while samples and samples[0][0] <= now_ms - window:
            oldest = samples.popleft()
        if oldest is not None:
            samples.appendleft(oldest)

    def per_second(self, now_ms: float, done: int) -> float:
        """The rate now; 0 where too little is known."""
        if not self._samples:
            return 0.0
        then, before = self._samples[0]
        passed = now_ms - then
        return (done - before) * 1000.0 / passed if passed >= _RATE_AFTER_MS else 0.0
