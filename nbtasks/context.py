"""The task that is running here, if any: what `track` and bound tasks talk to."""

from collections.abc import Generator, Iterable, Iterator, Sized
from contextlib import contextmanager
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

    def lend(self) -> None:
        """The task waits for others: one of them may run in its place."""
        ...

    def resume(self) -> None:
        """It goes on."""
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

    def lend(self) -> None:
        """Say that the task waits for others; `lent` does so for each wait on a result."""
        self._reporter.lend()

    def resume(self) -> None:
        """Say that it goes on."""
        self._reporter.resume()


@contextmanager
def lent() -> Generator[None]:
    """Inside, the task that runs here, if any, waits for others, and needs no place of its own.

    A worker would otherwise stand still for ever when all of its tasks wait for tasks.
    """
    context = current_task.get()
    if context is None:
        yield
        return
    try:
        context.lend()
        yield
    finally:
        context.resume()


class Here:
    """The reporter of a bound task that is called as a plain function: there is nobody to tell."""

    def request(self) -> Request:
        """There is no request.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError("this task was called as a plain function: there is no request")

    def progress(self, progress: object) -> None:
        """Nothing to do."""

    def lend(self) -> None:
        """Nothing to do."""

    def resume(self) -> None:
        """Nothing to do."""


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
