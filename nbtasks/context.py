"""The task that is running here, if any: what `track` and bound tasks talk to."""

from collections.abc import Iterable, Iterator, Sized
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol, TypeVar

from nbtasks.live import Progress

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """Which task runs: its id and name, how many retries came before, and on which worker."""

    id: str
    task: str
    retries: int
    hostname: str


class Reporter(Protocol):
    """Knows the running task, and takes its progress."""

    def request(self) -> Request:
        """The task that runs now."""
        ...

    def progress(self, progress: Progress) -> None:
        """Tell how far the task is; merged to about ten reports a second."""
        ...


class TaskContext:
    """What a bound task (`@app.task(bind=True)`) gets as `self`."""

    __slots__ = ("_reporter",)

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    @property
    def request(self) -> Request:
        """The task that runs now."""
        return self._reporter.request()

    def progress(self, current: float, total: float | None = None, message: str = "") -> None:
        """Tell how far the task is.

        Args:
            current: What is done, in any unit.
            total: All there is to do in the same unit; None where that is unknown.
            message: A word about it, shown beside the bar.
        """
        self._reporter.progress(
            Progress(_number(current), None if total is None else _number(total), str(message))
        )


def _number(value: float) -> float:
    """A number of Python's own; numpy's are not JSON."""
    return value if type(value) in {int, float} else float(value)


current_task: ContextVar[TaskContext | None] = ContextVar("current_task", default=None)


def track(iterable: Iterable[T], total: int | None = None, message: str = "") -> Iterator[T]:
    """Go through an iterable and report progress after each item; outside a task, just go through.

    Args:
        iterable: What to go through.
        total: How many items there are; by default `len(iterable)` where it has one.
        message: A word about it, shown beside the bar.
    """
    context = current_task.get()
    if context is None:
        yield from iterable
        return
    if total is None:
        total = len(iterable) if isinstance(iterable, Sized) else None
    context.progress(0, total, message)
    for done, item in enumerate(iterable, 1):
        yield item
        context.progress(done, total, message)
