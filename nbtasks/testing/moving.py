"""A clock that a test moves."""

from datetime import UTC, datetime, timedelta

from nbtasks.app import App
from nbtasks.clock import SystemClock
from nbtasks.errors import ConfigError
from nbtasks.store.testbed import let_time_move, move


class FakeClock:
    """The time of an app: what is due, expired, and when schedule entries fire, goes by it.

    It runs on as time does, from where it was set. It is heeded by this process alone: by the app
    and by `drain`, not by workers in other processes, nor by Redis itself, which removes what is
    kept for some time when that time has really passed. What a task asks Python is the real time.

    Args:
        app: Whose time it is.
        start: What time it is to be; None for the real one.

    Raises:
        ConfigError: `start` has no time zone, or the app is eager: there nothing waits.
        StoreUnavailable: Redis does not answer.
    """

    def __init__(self, app: App, start: datetime | None = None) -> None:
        if app.config.task_always_eager:
            raise ConfigError("an eager app waits for no time: give FakeClock another one")
        if start is not None and start.tzinfo is None:
            raise ConfigError(f"start is {start!r}: give it a time zone, such as tzinfo=UTC")
        let_time_move()
        self._real = SystemClock()
        self._store = app.store
        self._ms = 0
        self._set(0 if start is None else _ms(start) - self._store.now_ms())
        app.clock = self

    def now(self) -> datetime:
        """The time that it is, in UTC: `eta=clock.now() + timedelta(hours=1)`."""
        return datetime.fromtimestamp(self.wall_ms() / 1000, UTC)

    def advance(self, seconds: float | timedelta) -> None:
        """Let it be later; nothing runs before the next `drain`.

        Args:
            seconds: By how much.

        Raises:
            ConfigError: It is below 0.
        """
        whole = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
        if whole < 0:
            raise ConfigError(f"a clock does not go back: it cannot be moved by {whole} s")
        self._set(self._ms + round(whole * 1000))

    def wall_ms(self) -> int:
        """Milliseconds since 1970, by this clock."""
        return self._real.wall_ms() + self._ms

    def tick_ms(self) -> float:
        """Milliseconds since some fixed moment, really passed: what waits for Redis goes by it."""
        return self._real.tick_ms()

    def pause(self, ms: float) -> None:
        """Do nothing for so many milliseconds: only ever between tries to reach a server."""
        self._real.pause(ms)

    def _set(self, ms: int) -> None:
        self._ms = ms
        move(self._store, ms)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
