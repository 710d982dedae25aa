"""The handle on one task."""

from collections.abc import Callable, Generator, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from nbtasks.errors import ChordError, UnknownTask
from nbtasks.live import LiveRecord, Progress
from nbtasks.plan import Held, Known, Value
from nbtasks.record import KILL, check_signal
from nbtasks.result.base import ResultBase
from nbtasks.result.stream import Stream
from nbtasks.sender import current_sender
from nbtasks.serializers import CellValue
from nbtasks.states import SUCCESS, TaskState
from nbtasks.waiting import ResultSource, Waits, revoking, wait_async, wait_for

if TYPE_CHECKING:
    from nbtasks.result.canvas import Canvas

R = TypeVar("R")


class AsyncResult(ResultBase, Generic[R]):
    """One task: its state, and its value once it is there.

    Made by `Task.delay` and `Task.apply_async`; `AsyncResult(id)` and `AsyncResult(id, app=app)`
    are the same as `app.AsyncResult(id)`.
    """

    def __init__(
        self,
        source: ResultSource | str,
        record: LiveRecord | None = None,
        index: int = 0,
        *,
        app: Any = None,
        parent: ResultBase | None = None,
        canvas: "Canvas | None" = None,
        by_id: bool = False,
    ) -> None:
        if record is None or isinstance(source, str):
            found: AsyncResult[R] = cast("Any", app or current_sender()).AsyncResult(source)
            vars(self).update(vars(found))
            return
        self.source = self._source = source
        self._record = record
        self._index = index
        self._parent = parent
        self._canvas = canvas
        self._by_id = by_id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AsyncResult) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<AsyncResult {self.name} {self.id} {self.state}>"

    @property
    def id(self) -> str:
        """The task's id: `<record>`, or `<record>-<i>` for a member of a group."""
        return self._record.task_id(self._index)

    task_id = id  # noqa: A003 - the property above it is meant

    @property
    def record(self) -> LiveRecord:
        """The record it is a member of."""
        return self._record

    @property
    def index(self) -> int:
        """Which member of its record it is."""
        return self._index

    def as_value(self) -> Value | Held:
        """What it stands for among the arguments of a call: the task there waits for this one."""
        return Known(self._record.rid, self._index, self._record.n)

    @property
    def records(self) -> list[LiveRecord]:
        """The record behind it, for a board."""
        return [self._record]

    @property
    def parent(self) -> ResultBase | None:
        """What came before it in its chain or chord; None for the first."""
        if self._parent is None and (self._by_id or self._canvas is not None):
            return self.canvas.parent_of(self._record, self._index)
        return self._parent

    @property
    def name(self) -> str:
        """The task's name."""
        return self._record.name

    @property
    def queue(self) -> str:
        """The queue it was sent to."""
        return self._record.queue

    @property
    def state(self) -> str:
        """Its state as this client knows it: a `TaskState`, or one that it has given itself.

        Raises:
            UnknownTask: Its record is no longer stored.
        """
        if self._record.missing:
            raise UnknownTask(self.id)
        state, progress = self._record.state(self._index), self.progress
        return progress.state or state if progress and state == TaskState.PROGRESS else state

    status = state

    @property
    def canvas(self) -> "Canvas":
        """All tasks that were sent with it, and how far they are."""
        if self._canvas is None:
            self._canvas = self._source.canvas_of([self._record])
        return self._canvas

    @property
    def children(self) -> list[ResultBase]:
        """What comes after it in its canvas: tasks, groups and callbacks, but no errbacks."""
        return self.canvas.children_of(self._record, self._index)

    @property
    def progress(self) -> Progress | None:
        """How far it is, as it told last; None when it told nothing."""
        return self._record.progress.get(self._index)

    @property
    def worker(self) -> str | None:
        """Where it runs or ran; None for a task that took less than about 20 ms."""
        start = self._record.started.get(self._index)
        return start.worker if start else None

    @property
    def retries(self) -> int:
        """How often it was tried again, as far as this client has seen."""
        return self._record.retries.get(self._index, 0)

    @property
    def traceback(self) -> str | None:
        """The formatted traceback of a failed task, else None."""
        if not self.failed():
            return None
        error = self._record.errors.get(self._index)
        if error is None or not error.traceback:
            error = self._source.error_text(self._record, self._index)
        return error.traceback or None

    @property
    def result(self) -> Any:
        """The value of a finished task or its exception object.

        Before that what it says with the state that it has given itself; None for nothing.
        """
        if self.ready():
            return self.outcome()
        return self.progress.meta if self.progress is not None else None

    info = result

    @property
    def args(self) -> Sequence[Any] | None:
        """The positional arguments of the call; None where they are not kept.

        The value of a task takes their place: after that they are only in an `App.archive`.

        Raises:
            BadSignature: They are not signed by our key.
        """
        found = self._source.arguments(self._record, self._index)
        return None if found is None else found[0]

    @property
    def kwargs(self) -> dict[str, Any] | None:
        """The keyword arguments of the call; None likewise."""
        found = self._source.arguments(self._record, self._index)
        return None if found is None else found[1]

    @property
    def date_done(self) -> datetime | None:
        """When it has ended, in UTC.

        None where it has not; of a member of a group also where it took less than about 20 ms, or
        where this client has come too late to hear of it.
        """
        at_ms = self._source.ended_ms(self._record, self._index) if self.ready() else None
        return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC)

    @property
    def position(self) -> int | None:
        """How many tasks of its queue are taken before it.

        None where it is in no queue: it runs or has ended, is not due, or waits for other tasks or
        for a limit. Of a queue with more than 1,000 entries before it this is a good guess.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        outlook = self._source.outlook(self._record, self._index)
        return outlook.position() if outlook is not None else None

    @property
    def eta(self) -> datetime | None:
        """When it will probably have ended, in UTC; None where there is nothing to tell it from.

        As far as it has come, where it runs and says so; as fast as the workers of its queue are,
        where it waits there; where it is not due yet, when it will be.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        outlook = self._source.outlook(self._record, self._index)
        at_ms = outlook.end_ms() if outlook is not None else None
        return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC)

    @property
    def outputs(self) -> SimpleNamespace:
        """The outputs that a cell task was asked for (`-o x,y`), as attributes; waits for them."""
        self._wait(None)
        value = self._raw()
        return SimpleNamespace(**value.outputs if isinstance(value, CellValue) else {})

    @property
    def log(self) -> str:
        """What it wrote to stdout and stderr so far, in order."""
        return self._source.log(self._record, self._index)

    def stream(self, timeout: float | None = None) -> Stream[Any]:
        """What it yields, as it comes, from its first part on: for `for` and `async for`.

        Each place is given once. Where a try has died, the next one begins with the first part
        again, or goes on from its checkpoint: of that, what this reader has had is left out. The
        exception of a task that fails comes behind its parts. A task that yields nothing has none.

        Args:
            timeout: Seconds to wait for each part at most.

        Raises:
            WaitTimeout: It took longer. The task goes on.
            BadSignature: A part is not signed by our key.
            Exception: What the task raised.
        """
        return Stream(self._source, self, timeout)

    def stack(self, timeout: float = 5.0) -> str:
        """Where it is right now: the stack of its thread, or what its coroutine awaits, in words.

        It is not disturbed by that, and may be in native code that lets no other Python run.

        Args:
            timeout: Seconds to wait for its worker at most; it usually answers within 20 ms.

        Raises:
            NotRunning: It does not run: it waits, or has ended.
            WaitTimeout: Its worker has not answered.
            BadSignature: The answer is not signed by our key.
        """
        return self._source.stack(self._record, self._index, timeout)

    def ready(self) -> bool:
        """Whether it has finished, in whatever way."""
        return self._record.is_done(self._index)

    def successful(self) -> bool:
        """Whether it has returned a value."""
        return self._record.states[self._index] == SUCCESS

    def failed(self) -> bool:
        """Whether it ended in an error, revoked ones included."""
        return self._record.has_failed(self._index)

    def get(
        self,
        timeout: float | None = None,
        *,
        propagate: bool = True,
        callback: Callable[[str, Any], object] | None = None,
    ) -> R:
        """Wait for the task and return its value; None for one that turned out not to be needed.

        Args:
            timeout: Seconds to wait at most; None waits for as long as it takes.
            propagate: Raise the task's exception; with False, return it. Where it was not run
                because a task before it failed, the exception of that one is raised.
            callback: Is called with its id and its value, or the exception that is returned.

        Raises:
            WaitTimeout: It took longer. The task goes on.
            StoreUnavailable: Redis went away while waiting, and stayed away.
            UnknownTask: Its record is no longer stored.
            Exception: What the task raised, with a traceback through its own code.
        """
        __tracebackhide__ = True  # IPython leaves this frame out of the traceback
        self._wait(timeout)
        value = self.outcome()
        if propagate and isinstance(value, BaseException) and not self.successful():
            raise culprit(value)
        if callback is not None:
            callback(self.id, value)
        return cast("R", value)

    wait = get

    def __await__(self) -> Generator[Any, None, R]:
        return self._get_async().__await__()

    def revoke(self, *, terminate: bool = False, signal: str = KILL) -> bool:
        """End the task for good; False where it had finished already.

        Args:
            terminate: End it if it runs; otherwise it runs out, and its value is dropped.
            signal: What its process gets then. SIGTERM is raised in the task as SystemExit, SIGINT
                as KeyboardInterrupt; one that has not ended after 2 seconds is killed.

        Raises:
            ConfigError: There is no such signal.
        """
        name, index = check_signal(signal), self._index
        return bool(
            self._source.revoke(self._record, index, index + 1, terminate=terminate, signal=name)
        )

    def requeue(self) -> bool:
        """Run a failed task again, under the same id; False where it has not failed.

        What was not run because of it waits for it again. Where it was not run itself, because a
        task before it has failed, that one runs again.

        Raises:
            UnknownTask: Its record is no longer stored.
            StoreRefused: Its code has expired, or Redis is full.
        """
        return self._source.run_again(self._record, self._index)

    def forget(self) -> bool:
        """Remove the finished task's record (of a group: the whole record) from the store."""
        return self._source.forget(self._record)

    def waits(self) -> Waits:
        """What `get` waits for."""
        return [(self._record, self._index)]

    def outcome(self) -> Any:
        """Its value once it is ready, or its exception."""
        value = self._raw()
        return value.value if isinstance(value, CellValue) else value

    def maybe_throw(
        self, callback: Callable[[str, Any], object] | None = None, *, propagate: bool = True
    ) -> Any:
        """Its value as far as it is known by now, and its exception raised.

        Args:
            callback: Is called with its id and its value, where it has succeeded.
            propagate: With False, an exception is returned.

        Raises:
            Exception: What the task raised.
        """
        __tracebackhide__ = True
        error = self.failure()
        if error is not None and propagate:
            raise error
        if error is None and callback is not None and self.ready():
            callback(self.id, self.outcome())
        return self.result if error is None else error

    def failure(self) -> BaseException | None:
        """What `get` raises as far as is known now; None for nothing."""
        return culprit(self.outcome()) if self.failed() else None

    def _wait(self, timeout: float | None) -> None:
        with revoking(self._source, self.give_up):
            wait_for(self._source, self.waits(), timeout)
        self._source.waited([self._record])

    async def _get_async(self) -> R:
        await wait_async(self._source, self.waits(), self.give_up)
        return self.get()

    def _raw(self) -> Any:
        if self._record.missing:
            raise UnknownTask(self.id)
        return self._source.values(self._record, [self._index])[0]


def culprit(error: BaseException) -> BaseException:
    """Of a chord that was not run, what ended the task it needed."""
    if isinstance(error, ChordError) and error.__cause__ is not None:
        return error.__cause__
    return error
