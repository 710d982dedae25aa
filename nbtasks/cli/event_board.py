"""The live table of `nbtasks events`."""

import shutil
import threading
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from nbtasks.cli.tables import Part, live, make_table, time_of_day
from nbtasks.notebook.words import clean, duration

if TYPE_CHECKING:
    from nbtasks.app import App

COLUMNS: Final = ("time", "state", "task", "id", "worker", "took", "what")
RARE: Final = ("id", "worker", "took", "time")
LOOK_S: Final = 0.2
CALL: Final = 40
"""Characters of what a task is called with, and of what is said of it."""

_HEAD: Final = 5
"""Lines that are no rows."""


def watch(app: "App", limit: int | None = None, timeout: float | None = None) -> None:
    """Draw what is heard until Ctrl-C, or until so many events have come.

    Raises:
        TimeoutError: Nothing came for so many seconds.
        StoreUnavailable: Redis does not answer.
    """
    board = _Board(app)
    thread = threading.Thread(target=board.listen, args=(limit, timeout), daemon=True)
    with live() as draw:
        thread.start()
        while not board.has_ended.wait(LOOK_S):
            draw(board.parts(shutil.get_terminal_size().lines))
        draw(board.parts(shutil.get_terminal_size().lines))
    board.stop()
    thread.join()
    if board.error is not None:
        raise board.error


class _Board:
    """Hears events in one thread, and tells in another what is to be shown."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._lock = threading.Lock()
        self._state = app.events.State()
        self._receiver = app.events.Receiver(handlers={"*": self._hear})
        self.has_ended = threading.Event()
        self.error: Exception | None = None

    def listen(self, limit: int | None, timeout: float | None) -> None:
        """Hear events until told to stop."""
        try:
            self._receiver.capture(limit, timeout)
        except Exception as error:  # noqa: BLE001 - it is raised by who waits for this thread
            self.error = error
        finally:
            self.has_ended.set()

    def stop(self) -> None:
        """Hear no more."""
        self._receiver.should_stop = True

    def parts(self, lines: int) -> Sequence[Part]:
        """What is known now, in so many lines."""
        now = self._app.clock.wall_ms()
        with self._lock:
            newest = self._state.tasks_by_time(max(1, lines - _HEAD))
            rows = [_row(task, now) for _, task in newest]
            states = Counter(str(task.state) for task in self._state.tasks.values())
            workers = sum(1 for _ in self._state.alive_workers())
            heard = self._state.event_count
        counts = [f"{count:,} {state}" for state, count in states.most_common()]
        lost = f", events lost {self._receiver.missed} times" if self._receiver.missed else ""
        head = f"app {self._app.config.name}, {_count(workers)} live, {heard:,} events{lost}"
        if not rows:
            return [head, "no task was heard of yet"]
        return [head, ", ".join(counts), make_table(COLUMNS, rows, numbers=("took",), rare=RARE)]

    def _hear(self, event: dict[str, Any]) -> None:
        with self._lock:
            self._state.event(event)


def _count(workers: int) -> str:
    return f"{workers} worker{'s' * (workers != 1)}"


def _row(task: Any, now_ms: float) -> Sequence[object]:
    when, worker = time_of_day(task.timestamp), task.worker.hostname if task.worker else ""
    call = f"{task.name or '?'}{_call(task)}"
    return when, task.state, call, task.uuid, worker, _took(task, now_ms), clean(_what(task), CALL)


def _call(task: Any) -> str:
    """What it is called with, as far as events tell it."""
    args = str(task.args or "").strip("()[]").rstrip(",")
    kwargs = "" if task.kwargs in {None, "", "{}"} else f"**{task.kwargs}"
    return f"({clean(', '.join(part for part in (args, kwargs) if part), CALL)})"


def _took(task: Any, now_ms: float) -> str:
    if task.runtime is not None:
        return duration(task.runtime * 1000)
    if task.started and not task.ready:
        return duration(max(0.0, now_ms - task.started * 1000))
    return ""


def _what(task: Any) -> str:
    """What is most worth to know of a task in its state."""
    match str(task.state):
        case "SUCCESS":
            return str(task.result if task.result is not None else "")
        case "FAILURE" | "RETRY":
            return str(task.exception or "")
        case "REVOKED":
            return "expired" if task.expired else "terminated" if task.terminated else ""
        case _ if task.current is not None:
            total = f"/{task.total}" if task.total else ""
            return f"{task.current}{total} {task.message or ''}".strip()
        case _:
            return str(task.message or "")
