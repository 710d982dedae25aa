"""The task that is running here, if any: what `track` and bound tasks talk to."""

from collections.abc import Generator, Iterable, Iterator, Sized
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any, NoReturn, TypeVar

from nbtasks.asking import refused
from nbtasks.errors import Retry
from nbtasks.live import Progress
from nbtasks.plan import Plan
from nbtasks.record import STDOUT
from nbtasks.reporting import Reporter
from nbtasks.request import Request
from nbtasks.retry import RetryPolicy
from nbtasks.saying import said_event, said_state

T = TypeVar("T")


class Replaced(BaseException):
    """Ends a task in whose place another goes on: what runs tasks catches it, a task must not.

    Args:
        plan: What has been sent in its place; its value becomes the task's.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.plan = plan


class TaskContext:
    """The call of a task that runs: what `track` talks to, and what `Task` is as `self`."""

    __slots__ = ("_reporter",)

    _reporter: Reporter | None

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    @property
    def reporter(self) -> Reporter:
        """Whom it tells how it goes on."""
        if self._reporter is None:
            raise RuntimeError("no task runs here now")
        return self._reporter

    @property
    def request(self) -> Request:
        """The task that runs now."""
        return self.reporter.request()

    def progress(self, current: float, total: float | None = None, message: str = "") -> None:
        """Tell how far the task is.

        Args:
            current: What is done, in any unit.
            total: All there is to do in the same unit; None where that is unknown.
            message: A word about it, shown beside the bar.
        """
        self.reporter.progress(
            Progress(_number(current), None if total is None else _number(total), str(message))
        )

    def update_state(self, state: str = "PROGRESS", meta: Any = None) -> None:
        """Be in a state of one's own, with something to say: `result.state` and `result.info`.

        It holds until the next one, or the end of this try. Of a mapping the numbers `current` and
        `total` are shown as a bar. What is said is not encrypted.

        Args:
            state: A word in capital letters; none that says how a task has ended.
            meta: Values of JSON.

        Raises:
            ConfigError: It is no such word, or these are no such values.
        """
        self.reporter.progress(said_state(state, meta))

    def send_event(self, type: str, **fields: Any) -> None:  # noqa: A002 - Celery's
        """Tell those who listen to `app.events` something; nobody else ever hears of it.

        Args:
            type: What kind of event it is, such as `task-lost-a-page`; none of ours.
            **fields: Values of JSON. They are not encrypted.

        Raises:
            ConfigError: It is no such type, or these are no such values, or too long.
        """
        self.reporter.send_event(said_event(type, fields))

    def log(self, *values: object) -> None:
        """Write a line to the log of this task, as `print` does; from any of its threads.

        Args:
            *values: What it says, with a space between.
        """
        self.reporter.write(STDOUT, f"{' '.join(map(str, values))}\n")

    def checkpoint(self, value: Any) -> None:
        """Keep a value for the next try of this task: `last_checkpoint` has it there.

        The newest counts. It is there after an error that is tried again, after the death of the
        process, the worker or its host, and when the task is queued again after it failed; it goes
        when the task succeeds or is revoked.

        Args:
            value: Anything that a task may return, up to `max_input`.

        Raises:
            TooBig: It is larger than a value may be.
            Unsendable: It cannot be encoded.
        """
        self.reporter.checkpoint(value)

    @property
    def last_checkpoint(self) -> Any:
        """What this task, in this try or an earlier one, has kept last; None for nothing.

        Raises:
            BadSignature: What is stored is not signed by our key.
        """
        return self.reporter.last_checkpoint()

    @property
    def max_retries(self) -> int:
        """How often this task may be tried again."""
        return self.reporter.request().max_retries

    def retry(
        self,
        *,
        exc: BaseException | None = None,
        countdown: float | timedelta | None = None,
        eta: datetime | None = None,
        max_retries: int | None = None,
        throw: bool = True,
    ) -> Retry:
        """End this try here, and have the task tried again: same id, same arguments.

        Args:
            exc: What the task fails of where it may not be tried again; by default
                `MaxRetriesExceededError`.
            countdown: Seconds until then; by default what the task's options say.
            eta: The moment, in place of `countdown`.
            max_retries: How often it may be tried again; by default what its options say.
            throw: False to return what would be raised.

        Returns:
            What is to be raised, so that `raise self.retry()` reads well.

        Raises:
            Retry: Always, unless one of the next; not with `throw=False`.
            MaxRetriesExceededError: It was tried again as often as is allowed, and `exc` is None.
            BaseException: Likewise, and `exc` itself; or this task was called as a function.
        """
        asked = Retry(countdown if eta is None else eta, exc, max_retries)
        request = self.reporter.request()
        if request.called_directly:  # nobody would try it again
            raise exc or asked
        policy = RetryPolicy(max_retries=request.max_retries)
        if (end := refused(asked, policy, request.retries, request.id)) is not None:
            raise end
        if throw:
            raise asked
        return asked

    def replace(self, signature: Any) -> NoReturn:
        """End this task here, and let a canvas go on in its place.

        What waits for this task waits for the canvas then, and gets its value: of a chain the last
        one, of a group a list. If that fails, this task fails with the same error.

        Args:
            signature: A signature, chain, group or chord.

        Raises:
            ConfigError: It is none of those, or there is nothing in it to run.
        """
        self.reporter.replace(signature)

    def add_to_chord(self, signature: Any) -> None:
        """Add a canvas to the chord that this task is in the header of.

        The chord's body waits for it, too, and gets its value behind those of the declared tasks,
        in the order in which they were added.

        Args:
            signature: A signature, chain, group or chord.

        Raises:
            ConfigError: It is none of those, or this task is not declared in the header of one.
        """
        self.reporter.add_to_chord(signature)

    def lend(self) -> None:
        """Say that the task waits for others; `lent` does so for each wait on a result."""
        self.reporter.lend()

    def resume(self) -> None:
        """Say that it goes on."""
        self.reporter.resume()


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


def _number(value: float) -> float:
    """A number of Python's own; numpy's are not JSON."""
    return value if type(value) in {int, float} else float(value)


current_task: ContextVar[TaskContext | None] = ContextVar("current_task", default=None)


def sending_task() -> tuple[str, str]:
    """The root and the id of the task that runs here, for what it sends; empty for none."""
    context = current_task.get()
    if context is None:
        return "", ""
    with suppress(RuntimeError):  # it has ended, and left something running
        request = context.request
        return request.root_id, request.id
    return "", ""


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


def checkpoint(value: Any) -> None:
    """Keep a value for the next try of the task that runs here; outside a task, do nothing.

    The same as `self.checkpoint` of a bound task, for cells and functions that have no `self`.

    Args:
        value: Anything that a task may return, up to `max_input`.

    Raises:
        TooBig: It is larger than a value may be.
        Unsendable: It cannot be encoded.
    """
    context = current_task.get()
    if context is not None:
        context.checkpoint(value)


def last_checkpoint() -> Any:
    """What the task that runs here has kept last, in an earlier try, too; None for nothing.

    Raises:
        BadSignature: What is stored is not signed by our key.
    """
    context = current_task.get()
    return None if context is None else context.last_checkpoint
