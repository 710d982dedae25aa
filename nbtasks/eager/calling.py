"""One call of a task in this process: its context, and its coroutine, if it is one."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from nbtasks.context import Replaced, TaskContext, current_task
from nbtasks.handlers import Told, is_told
from nbtasks.live import LiveRecord, Progress
from nbtasks.looping import drain, drain_async, run_to_end
from nbtasks.plan import Plan
from nbtasks.reporting import write_here
from nbtasks.request import Request
from nbtasks.task import Task


class Saved:
    """The checkpoint of a member and the parts it yields, encoded as they would be for Redis.

    Args:
        encode: Makes bytes of a value.
        decode: Makes the value of them.

    Attributes:
        parts: What it has yielded.
    """

    def __init__(self, encode: Callable[[Any], bytes], decode: Callable[[bytes], Any]) -> None:
        self._encode = encode
        self._decode = decode
        self._body: bytes | None = None
        self._before: list[bytes] = []
        self.parts: list[bytes] = []

    def begin(self) -> None:
        """A try begins, with no parts; with a checkpoint, those before it come back."""
        self.parts = []

    def save(self, value: Any) -> None:
        """Keep it in place of the last one."""
        self._body, self._before = self._encode(value), self.parts.copy()

    def load(self) -> Any:
        """The last one; None for none."""
        if self._body is None:
            return None
        self.parts = self.parts or self._before.copy()
        return self._decode(self._body)

    def run_to_end(self, value: Any) -> Any:
        """The value of a task that returned this: a coroutine or a generator ends first."""
        if inspect.iscoroutine(value):
            return run_to_end(value)
        if inspect.isgenerator(value):
            returned = drain(value, self._put)
        elif inspect.isasyncgen(value):
            returned = run_to_end(drain_async(value, self._put_async))
        else:
            return value
        return [self._decode(part) for part in self.parts] if returned is None else returned

    def _put(self, part: Any) -> None:
        self.parts.append(self._encode(part))

    async def _put_async(self, part: Any) -> None:
        self._put(part)


class EagerReporter:
    """What a running task talks to: its progress is kept, its canvases run after it.

    Args:
        record: The record it is a member of.
        index: Which one.
        request: What it may know of itself.
        send: Takes a canvas that is to run in its place, and returns the plan of it.
        add: Takes a canvas for the chord that the task is in.
        saved: Has what it keeps for its next try.
    """

    def __init__(
        self,
        record: LiveRecord,
        index: int,
        request: Request,
        send: Callable[[Any], Plan],
        add: Callable[[Any], None],
        *,
        saved: Saved,
    ) -> None:
        self._record = record
        self._index = index
        self._request = request
        self._send = send
        self._add = add
        self.saved = saved

    def request(self) -> Request:
        """The task that runs now."""
        return self._request

    def progress(self, progress: Progress) -> None:
        """Keep how far it is."""
        self._record.report(self._index, progress)

    def write(self, letter: str, text: str) -> None:
        """It is printed here."""
        write_here(letter, text)

    def send_event(self, data: bytes) -> None:
        """What runs here is in no stream of events."""

    def checkpoint(self, value: Any) -> None:
        """Keep this for its next try.

        Raises:
            Unsendable: It cannot be encoded.
        """
        self.saved.save(value)

    def last_checkpoint(self) -> Any:
        """What it has kept last."""
        return self.saved.load()

    def lend(self) -> None:
        """There is no place to lend."""

    def resume(self) -> None:
        """Nothing was lent."""

    def replace(self, signature: Any) -> NoReturn:
        """Take a canvas that goes on in the place of this task.

        Raises:
            ConfigError: It is no canvas, or there is nothing in it to run.
        """
        raise Replaced(self._send(signature))

    def add_to_chord(self, signature: Any) -> None:
        """Take a canvas whose value the chord's body gets, too.

        Raises:
            ConfigError: It is no canvas, there is nothing in it to run, or there is no chord.
        """
        self._add(signature)


def call(
    task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], reporter: EagerReporter
) -> Any:
    """Call a task: `track` has its context, and so has its function, if it asks for it."""
    context = TaskContext(reporter)
    token = current_task.set(context)
    try:
        me = task.own.bound_to(context)
        value = me.call(task.function, args, kwargs, bind=task.options.bind)
        return reporter.saved.run_to_end(value)
    finally:
        current_task.reset(token)


def told_of(
    task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], reporter: EagerReporter
) -> Told | None:
    """Who is to be told of a try of a task; None where that is nobody."""
    if not is_told(type(task.own)):
        return None
    me = task.own.bound_to(TaskContext(reporter))
    return Told(me, reporter.request().id, args, kwargs)
