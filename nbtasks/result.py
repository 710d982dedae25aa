"""What a submit returns: handles on tasks that wait for events and raise what failed."""

from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any, Generic, TypeVar, cast, overload

from nbtasks.errors import UnknownTask, WaitTimeout
from nbtasks.live import EVERY, LiveRecord, Progress
from nbtasks.record import KILL, check_signal
from nbtasks.serializers import CellValue
from nbtasks.states import SUCCESS, TaskState, is_finished
from nbtasks.waiting import (
    ResultSource,
    end_ms_of,
    progress_of,
    receive_next,
    revoking,
    wait_async,
    wait_for,
)

R = TypeVar("R")


class AsyncResult(Generic[R]):
    """One task: its state, and its value once it is there.

    Not made by hand: `Task.delay`, `Task.apply_async`, `App.AsyncResult(id)`.
    """

    def __init__(self, source: ResultSource, record: LiveRecord, index: int = 0) -> None:
        self._source = source
        self._record = record
        self._index = index

    def __repr__(self) -> str:
        return f"<AsyncResult {self.name} {self.id} {self.state}>"

    @property
    def id(self) -> str:
        """The task's id: `<record>`, or `<record>-<i>` for a member of a group."""
        return self._record.task_id(self._index)

    @property
    def records(self) -> list[LiveRecord]:
        """The record behind it, for a board."""
        return [self._record]

    @property
    def name(self) -> str:
        """The task's name."""
        return self._record.name

    @property
    def queue(self) -> str:
        """The queue it was sent to."""
        return self._record.queue

    @property
    def state(self) -> TaskState:
        """Its state as this client knows it.

        Raises:
            UnknownTask: Its record is no longer stored.
        """
        if self._record.missing:
            raise UnknownTask(self.id)
        return self._record.state(self._index)

    status = state

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
        if error is None:
            error = self._source.error_text(self._record, self._index)
        return error.traceback or None

    @property
    def result(self) -> Any:
        """The value of a finished task or its exception object; None before."""
        return self._value() if self.ready() else None

    info = result

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

    def ready(self) -> bool:
        """Whether it has finished, in whatever way."""
        return self._record.is_done(self._index)

    def successful(self) -> bool:
        """Whether it has returned a value."""
        return self._record.states[self._index] == SUCCESS

    def failed(self) -> bool:
        """Whether it ended in an error, revoked ones included."""
        code = self._record.states[self._index]
        return is_finished(code) and code != SUCCESS

    def get(self, timeout: float | None = None, *, propagate: bool = True) -> R:
        """Wait for the task and return its value.

        Args:
            timeout: Seconds to wait at most; None waits for as long as it takes.
            propagate: Raise the task's exception; with False, return it.

        Raises:
            WaitTimeout: It took longer. The task goes on.
            StoreUnavailable: Redis went away while waiting, and stayed away.
            UnknownTask: Its record is no longer stored.
            Exception: What the task raised, with a traceback through its own code.
        """
        __tracebackhide__ = True  # IPython leaves this frame out of the traceback
        self._wait(timeout)
        value = self._value()
        if propagate and isinstance(value, BaseException) and not self.successful():
            raise value
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

        Raises:
            UnknownTask: Its record is no longer stored.
            StoreRefused: Its code has expired, or Redis is full.
        """
        return self._source.run_again(self._record, self._index)

    def forget(self) -> bool:
        """Remove the finished task's record (of a group: the whole record) from the store."""
        return self._source.forget(self._record)

    def _wait(self, timeout: float | None) -> None:
        with revoking(self._source, lambda: self.revoke(terminate=True)):
            wait_for(self._source, [(self._record, self._index)], timeout)
        self._source.waited([self._record])

    async def _get_async(self) -> R:
        await wait_async(
            self._source, [(self._record, self._index)], lambda: self.revoke(terminate=True)
        )
        return self.get()

    def _raw(self) -> Any:
        if self._record.missing:
            raise UnknownTask(self.id)
        return self._source.values(self._record, [self._index])[0]

    def _value(self) -> Any:
        value = self._raw()
        return value.value if isinstance(value, CellValue) else value


class GroupResult(Generic[R]):
    """Many tasks submitted together: values in the order they were defined."""

    def __init__(self, source: ResultSource, records: Sequence[LiveRecord]) -> None:
        self._source = source
        self._records = list(records)

    def __repr__(self) -> str:
        return f"<GroupResult {self.completed_count()} of {len(self)} done>"

    def __len__(self) -> int:
        return sum(record.n for record in self._records)

    def __iter__(self) -> Iterator[AsyncResult[R]]:
        for record in self._records:
            for index in range(record.n):
                yield AsyncResult(self._source, record, index)

    @overload
    def __getitem__(self, at: int) -> AsyncResult[R]: ...
    @overload
    def __getitem__(self, at: slice) -> list[AsyncResult[R]]: ...
    def __getitem__(self, at: int | slice) -> AsyncResult[R] | list[AsyncResult[R]]:
        if isinstance(at, slice):
            return list(self)[at]
        index = at + len(self) if at < 0 else at
        for record in self._records:
            if 0 <= index < record.n:
                return AsyncResult(self._source, record, index)
            index -= record.n
        raise IndexError(f"no task {at}: the group has {len(self)}")

    @property
    def records(self) -> list[LiveRecord]:
        """The records behind it, for a board."""
        return self._records

    @property
    def results(self) -> list[AsyncResult[R]]:
        """A handle for each task."""
        return list(self)

    def completed_count(self) -> int:
        """How many have finished, in whatever way."""
        return sum(record.n - record.left for record in self._records)

    def ready(self) -> bool:
        """Whether all have finished."""
        return all(record.is_done(None) for record in self._records)

    def successful(self) -> bool:
        """Whether all have returned a value."""
        return all(record.states.count(SUCCESS) == record.n for record in self._records)

    def failed(self) -> bool:
        """Whether one has failed or was revoked."""
        return any(record.first_failure is not None for record in self._records)

    def get(self, timeout: float | None = None, *, propagate: bool = True) -> list[R]:
        """Wait for all and return their values in definition order.

        Args:
            timeout: Seconds to wait at most, for all together.
            propagate: Raise the first failure as soon as it is known; with False, wait for all and
                leave the exceptions in their places.

        Raises:
            WaitTimeout: It took longer. The tasks go on.
            StoreUnavailable: Redis went away while waiting, and stayed away.
            Exception: What the first failed task raised.
        """
        __tracebackhide__ = True
        with revoking(self._source, lambda: self.revoke(terminate=True)):
            self._wait(timeout, propagate=propagate)
        self._source.waited(self._records)
        values: list[Any] = []
        for record in self._records:
            if record.missing:
                raise UnknownTask(record.rid)
            found = self._source.values(record, range(record.n))
            values += (value.value if isinstance(value, CellValue) else value for value in found)
        return values

    join = get

    def __await__(self) -> Generator[Any, None, list[R]]:
        return self._get_async().__await__()

    def as_completed(self, timeout: float | None = None) -> Iterator[AsyncResult[R]]:
        """Go through the tasks in the order they finish.

        Args:
            timeout: Seconds to wait for the next one.

        Raises:
            WaitTimeout: None finished in that time.
        """
        ended: SimpleQueue[tuple[LiveRecord, range]] = SimpleQueue()
        calls: list[tuple[LiveRecord, Callable[[range], None]]] = []
        left = len(self)
        for record in self._records:

            def put(members: range, record: LiveRecord = record) -> None:
                ended.put((record, members))

            record.observe(put)
            calls.append((record, put))
            ended.put((record, range(record.n)))
        seen: set[tuple[str, int]] = set()
        try:
            while left:
                end_ms = end_ms_of(self._source, timeout)
                late = partial(self._late, timeout)
                record, members = receive_next(self._source, ended, end_ms, late)
                for index in members:
                    if (record.rid, index) not in seen and record.is_done(index):
                        seen.add((record.rid, index))
                        left -= 1
                        yield AsyncResult(self._source, record, index)
        finally:
            for record, call in calls:
                record.drop_observer(call)

    def revoke(self, *, terminate: bool = False, signal: str = KILL) -> int:
        """End all that have not finished, as `AsyncResult.revoke` does; returns how many."""
        name = check_signal(signal)
        return sum(
            self._source.revoke(record, 0, record.n, terminate=terminate, signal=name)
            for record in self._records
            if record.left
        )

    def forget(self) -> bool:
        """Remove the finished records from the store; False where one is unfinished."""
        gone = [self._source.forget(record) for record in self._records]
        return all(gone)

    def _late(self, timeout: float | None) -> WaitTimeout:
        return WaitTimeout(self._records[0].rid, timeout or 0.0, progress_of(self._records))

    def _wait(self, timeout: float | None, *, propagate: bool) -> None:
        __tracebackhide__ = True
        index = None if propagate else EVERY
        wait_for(self._source, [(record, index) for record in self._records], timeout)
        for record in self._records if propagate else ():
            if record.first_failure is not None:
                self._source.waited(self._records)
                raise self._source.values(record, [record.first_failure])[0]

    async def _get_async(self) -> list[R]:
        waits: list[tuple[LiveRecord, int | None]] = [(record, None) for record in self._records]
        await wait_async(self._source, waits, lambda: self.revoke(terminate=True))
        return self.get()
