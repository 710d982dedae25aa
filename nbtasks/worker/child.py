"""A child: runs the members of slices, one after the other, and tells its parent how each ended.

It never talks to Redis, so it may be killed at any moment. It checks every signature before it
unpickles anything.
"""

import asyncio
import inspect
import logging
import math
import mmap
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from nbtasks.clock import SystemClock
from nbtasks.context import Request, TaskContext, current_task
from nbtasks.errors import BadSignature, NbTasksError, RemoteError, TooBig
from nbtasks.failure import encode_failure, register_source, system_body
from nbtasks.functions import CELL, Loaded, digest, load
from nbtasks.live import Progress
from nbtasks.record import SEPARATOR, STDERR, STDOUT, VALUE, Header
from nbtasks.serializers import CellValue, Codec, encode_json
from nbtasks.signing import HEAD, Seal, Signer, is_named
from nbtasks.states import FAILURE, SUCCESS
from nbtasks.worker.capture import CapturedStream
from nbtasks.worker.cells import CellFunction
from nbtasks.worker.frames import FrameReader
from nbtasks.worker.interrupt import SOFT, SOFT_MS, Interrupt
from nbtasks.worker.memory import MemoryWatch
from nbtasks.worker.outbox import Outbox
from nbtasks.worker.shelf import Shelf

RETRYABLE: Final = ord("E")
"""In place of FAILURE: the error is one that the task's policy would retry."""

MAX_PREVIEW: Final = 10_000
_HEADERS_KEPT = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSettings:
    """What a child must know: the worker's name, the key, and the limits of values and memory.

    Both are in bytes; `max_memory` is 0 where there is none.
    """

    worker: str
    signer: Signer
    max_value: int
    max_memory: int = 0
    codec: Codec = field(default_factory=Codec)
    max_age_ms: int = 0


class Cells:
    """Numbers shared with the parent: where the child is, and what it must not begin or go on with.

    Each member handed to a child has a sequence number. `now` is the one it runs; the parent takes
    [drop_from, drop_to) back from it, and may interrupt the one that runs.
    """

    def __init__(self) -> None:
        self._map = mmap.mmap(-1, mmap.PAGESIZE)
        self.numbers = memoryview(self._map).cast("Q")

    @property
    def now(self) -> int:
        """The number of the member that runs, or ran last."""
        return self.numbers[0]

    def drop(self, start: int, stop: int) -> None:
        """Tell the child not to begin [start, stop)."""
        self.numbers[2] = stop
        self.numbers[1] = start

    def interrupt(self, sequence: int, limit_ms: int) -> None:
        """Name the member that is to be interrupted: it is over its soft limit."""
        self.numbers[SOFT_MS] = limit_ms
        self.numbers[SOFT] = sequence

    def is_interrupted(self, sequence: int) -> bool:
        """Whether the child has seen to that."""
        return self.numbers[SOFT] != sequence


@dataclass(frozen=True, slots=True)
class Work:
    """A slice as the parent hands it over; `sequence` is the number of its first member."""

    sequence: int
    delivery: int
    rid: str
    members: int
    start: int
    header: bytes
    code: str
    retries: int
    bodies: list[bytes]
    blob: bytes | None


class Child:
    """One process that runs tasks."""

    def __init__(self, sock: socket.socket, cells: Cells, settings: ChildSettings) -> None:
        self._reader = FrameReader(sock)
        self._numbers = cells.numbers
        self._settings = settings
        self._clock = SystemClock()
        self._outbox = Outbox(sock, self._clock)
        self._context = TaskContext(self)
        self._interrupt = Interrupt(cells.numbers, lambda: self.request().id)
        self._code: dict[str, bytes] = {}
        self._shelf = Shelf()
        self._memory = MemoryWatch(settings.max_memory, self._clock)
        self._retires = False
        self._may_show = not settings.signer.encrypts
        self._functions: dict[str, tuple[Callable[..., Any], Loaded]] = {}
        self._headers: dict[bytes, Header] = {}
        self._work: Work | None = None
        self._index = 0
        self._task_began = 0.0

    def run(self) -> None:
        """Work until the parent closes the socket."""
        self._capture()
        interrupt = self._interrupt
        os.register_at_fork(
            before=interrupt.before_fork,
            after_in_parent=interrupt.after_fork,
            after_in_child=self._leave,
        )
        interrupt.listen()
        current_task.set(self._context)
        while (message := self._reader.wait()) is not None:
            self._run_slice(Work(*message))
            del message  # its arguments may be large, and the next wait long

    def request(self) -> Request:
        """The task that runs now."""
        work = self._work
        if work is None:
            raise RuntimeError("no task runs here now")
        return Request(
            id=_task_id(work, self._index),
            task=self._header(work.header).task,
            retries=work.retries,
            hostname=self._settings.worker,
        )

    def progress(self, progress: Progress) -> None:
        """Tell how far the running task is."""
        fields = [_number(progress.current), _number(progress.total), str(progress.message)]
        self._outbox.progress(self._index, encode_json(fields))

    def _capture(self) -> None:
        before = sys.stderr
        sys.stdout = CapturedStream(STDOUT, self._write)
        sys.stderr = CapturedStream(STDERR, self._write)
        for handler in logging.getLogger().handlers:
            if getattr(handler, "stream", None) is before:
                setattr(handler, "stream", sys.stderr)  # noqa: B010 - only some handlers have one

    def _leave(self) -> None:
        """In a process that the task forks: it is no child of the worker, nor must act as one."""
        self._outbox.leave()
        self._interrupt.leave()

    def _write(self, letter: str, text: str) -> None:
        if self._work is None:
            os.write(2, text.encode("utf-8", "backslashreplace"))
        else:
            self._outbox.write(self._index, letter, text)

    def _run_slice(self, work: Work) -> None:
        if work.blob is not None:
            self._keep_code(work.code, work.blob)
        numbers = self._numbers
        outbox = self._outbox
        outbox.begin(work.delivery, work.start, len(work.bodies))
        self._work = work
        run_member = None
        for offset, body in enumerate(work.bodies):
            sequence = work.sequence + offset
            numbers[0] = sequence
            if self._retires or numbers[1] <= sequence < numbers[2]:
                numbers[0] = sequence - 1  # not begun: it is not to blame if this process dies now
                outbox.dropped(work.start + offset)
                break
            self._index = work.start + offset
            self._task_began = self._clock.tick_ms()
            if run_member is None:
                run_member = self._prepare(work)
            outbox.result(*run_member(self._index, body))
            self._look_at_memory()
        self._work = None
        outbox.flush()

    def _look_at_memory(self) -> None:
        excess = self._memory.excess()
        if excess and not self._retires:
            self._retires = True
            self._outbox.retire(f"it holds {excess / 1e6:,.0f} MB")

    def _prepare(self, work: Work) -> Callable[[int, bytes], tuple[int, bytes]]:
        """A function that runs one member; where the slice cannot run, one that says why."""
        signer = self._settings.signer
        answers = signer.results(work.rid)
        try:
            header = self._header(work.header)
            header.check_python(_task_id(work, work.start))
        except NbTasksError as error:
            refused = self._refusal(error, answers, work, self._settings.codec)
            return lambda index, _: (FAILURE, refused(index))
        arguments = signer.arguments(work.rid, work.header, header.key_id)
        whose = self._whose(work, header)

        def run(index: int, body: bytes) -> tuple[int, bytes]:
            codec, results = self._settings.codec, answers
            try:
                self._check_size(body, whose)
                payload = arguments.open(index, body, whose)
                results = answers.like(body)
                codec = codec.like(payload)
                header.check_age(whose, self._clock.wall_ms(), self._settings.max_age_ms)
                codec.check(payload, whose)
                function, loaded = self._load(work.code, header)
            except BaseException as error:  # noqa: BLE001 - loading runs the user's imports
                return FAILURE, self._refusal(error, results, work, codec)(index)
            try:
                with self._interrupt:
                    args, kwargs = codec.decode(payload, whose)
                    value = self._call(function, loaded, args, kwargs)
                    return SUCCESS, results.seal(index, self._encode_value(value, header, codec))
            except BaseException as error:  # noqa: BLE001 - this is where user code runs
                state = RETRYABLE if header.retry.matches(error) else FAILURE
                return state, self._refusal(error, results, work, codec)(index)

        return run

    def _call(
        self,
        function: Callable[..., Any],
        loaded: Loaded,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        if loaded.bind:
            args = (self._context, *args)
        value = function(*args, **kwargs)
        if inspect.iscoroutine(value):
            value = asyncio.run(value)
        if isinstance(value, CellValue) and value.value is not None and self._may_show:
            # What is printed is not encrypted, so no value is printed where values are.
            self._outbox.write(self._index, VALUE, _preview(value.value))
        return value

    def _check_size(self, body: bytes, whose: str) -> None:
        """A digest of what nobody may send would only cost time."""
        if len(body) > self._settings.max_value + HEAD:
            raise TooBig(whose, len(body), self._settings.max_value, "max_input")

    def _encode_value(self, value: object, header: Header, codec: Codec) -> bytes:
        payload, _ = codec.encode(value, f"the value of {header.task!r}")
        if len(payload) > self._settings.max_value:
            what = f"the value of {header.task!r}"
            raise TooBig(what, len(payload), self._settings.max_value, "max_input")
        return payload

    def _load(self, code: str, header: Header) -> tuple[Callable[..., Any], Loaded]:
        """The function of some code; code with mutable state is loaded anew for each task.

        The arguments are signed together with the header, and that names the code: signed code of
        another task cannot be put in its place.
        """
        what = f"worker {self._settings.worker!r} refused the code of task {header.task!r}"
        if code != header.code:
            raise BadSignature(what)
        found = self._functions.get(code)
        if found is not None and not header.fresh:
            return found
        blob = self._code.get(code)
        if blob is None:
            raise RemoteError("CodeLost", f"the code of task {header.task!r} is no longer stored")
        opened = self._settings.signer.code().open(0, blob, what)
        if not is_named(code, digest(opened)):
            raise BadSignature(what)
        loaded = load(opened, self._settings.codec)
        register_source(loaded.filename, loaded.source)
        function = CellFunction(loaded) if loaded.kind == CELL else loaded.value
        self._functions[code] = function, loaded
        return function, loaded

    def _keep_code(self, code: str, blob: bytes) -> None:
        self._code[code] = blob
        for old in self._shelf.add(code, len(blob)):
            del self._code[old]
            self._functions.pop(old, None)

    def _header(self, data: bytes) -> Header:
        header = self._headers.get(data)
        if header is None:
            if len(self._headers) > _HEADERS_KEPT:
                self._headers.clear()
            header = self._headers[data] = Header.decode(data)
        return header

    def _whose(self, work: Work, header: Header) -> str:
        return f"worker {self._settings.worker!r} refused task {header.task!r} ({work.rid})"

    def _refusal(
        self, error: BaseException, results: Seal, work: Work, codec: Codec
    ) -> Callable[[int], bytes]:
        """The body of a member that ended with this error."""
        if isinstance(error, BadSignature):
            body = system_body("BadSignature", what=error.args[0])
            return lambda _: body
        seconds = (self._clock.tick_ms() - self._task_began) / 1000
        note = f"on worker {self._settings.worker}, try {work.retries + 1}, after {seconds:.2f} s"
        payload = encode_failure(error, note, codec)
        if len(payload) > self._settings.max_value:
            words = RemoteError(type(error).__name__, f"it carries {len(payload) / 1e6:,.0f} MB")
            payload = encode_failure(words, note, codec)
        return lambda index: results.seal(index, payload)


def _task_id(work: Work, index: int) -> str:
    return work.rid if work.members == 1 else f"{work.rid}-{index}"


def _preview(value: object) -> str:
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - a user's __repr__ may raise anything
        text = f"<its repr raised {type(error).__name__}>"
    text = text.replace(SEPARATOR, " ")
    return text if len(text) <= MAX_PREVIEW else text[:MAX_PREVIEW] + " …"


def _number(value: Any) -> float | None:
    """A number as JSON has it: counts are often numpy's."""
    number = value if value is None or isinstance(value, (int, float)) else float(value)
    return number if number is None or math.isfinite(number) else None


def run_child(sock: socket.socket, cells: Cells, settings: ChildSettings) -> None:
    """What a forked process does instead of returning; ends the process."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    code = 1
    try:
        Child(sock, cells, settings).run()
        code = 0
    except OSError:
        code = 0  # the parent is gone, and with it whoever could be told
    finally:
        os._exit(code)
