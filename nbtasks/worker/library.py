"""The code that a child has been given, and one slice of calls to it.

Every signature is checked before anything is unpickled.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from nbtasks.asking import USUAL, refused, wait_ms
from nbtasks.callee import Callee
from nbtasks.cells import CellFunction
from nbtasks.clock import Clock
from nbtasks.context import Replaced
from nbtasks.errors import BadSignature, NbTasksError, RemoteError, Retry, TooBig
from nbtasks.failure import register_source
from nbtasks.functions import CELL, FUNCTION, Loaded, digest, load
from nbtasks.inputs import Inputs
from nbtasks.record import Header
from nbtasks.request import Request
from nbtasks.serializers import encode_json
from nbtasks.signing import HEAD, is_named
from nbtasks.states import FAILURE, SUCCESS
from nbtasks.worker.answer import Answer
from nbtasks.worker.errback import Errback
from nbtasks.worker.kept import Kept, Place
from nbtasks.worker.owners import told_of, with_task
from nbtasks.worker.packages import Imports
from nbtasks.worker.refusing import tell_refused
from nbtasks.worker.shelf import Shelf
from nbtasks.worker.upstream import (
    JOINED,
    REPLACED_BY,
    Arguments,
    Upstream,
    Upstreams,
    read_replaced_by,
)
from nbtasks.worker.work import LATER, RETRYABLE, ChildSettings, Work

_HEADERS_KEPT: Final = 256

imports: Final = Imports()
"""Of this process: its threads import the same modules."""

Function = Callable[..., Any]
Call = Callable[[Function, Loaded, tuple[Any, ...], dict[str, Any]], Any]
AsyncCall = Callable[[Function, Loaded, tuple[Any, ...], dict[str, Any]], Awaitable[Any]]


_REPLACED_BY: Final = REPLACED_BY[0]
_NO_CALL: Final[Arguments] = ((), {})


def _same(value: object) -> object:
    """What a task that was replaced does in the end: it returns what went on in its place."""
    return value


_SAME: Final = Loaded(
    kind=FUNCTION, name="", filename="", source="", outputs=(), bind=False, imports={}, value=_same
)


def _seconds(limit_ms: int) -> float | None:
    """A time limit as a task is told of it; None for none."""
    return limit_ms / 1000 if limit_ms else None


class Opened(NamedTuple):
    """A member that may run: its arguments (None for none of its own), and what it takes."""

    payload: memoryview | None
    function: Function
    loaded: Loaded
    inputs: Inputs | None


@dataclass(slots=True)
class Book:
    """Some code as it was sent, and as it was loaded, in which generation of imports."""

    blob: bytes
    generation: int = 0
    found: tuple[Function, Loaded] | None = None


class Library:
    """Keeps code and headers for the slices that come after."""

    def __init__(self, settings: ChildSettings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self._books: dict[str, Book] = {}
        self._shelf = Shelf()
        self.upstreams = Upstreams(settings)
        self._headers: dict[bytes, Header] = {}

    def slice(self, work: Work) -> "SliceRun":
        """A slice that is ready to run. Slices must come in the order that the parent sent them."""
        if work.blob is not None:
            self._books[work.code] = Book(work.blob)
            for old in self._shelf.add(work.code, len(work.blob)):
                del self._books[old]
        return SliceRun(self, work, self._books.get(work.code))

    def header(self, data: bytes) -> Header:
        """A header, decoded.

        Raises:
            ConfigError: A newer nbtasks wrote it.
            BadSignature: No nbtasks wrote it.
        """
        header = self._headers.get(data)
        if header is None:
            if len(self._headers) > _HEADERS_KEPT:
                self._headers.clear()
            header = self._headers[data] = Header.decode(data)
        return header


class SliceRun:
    """A slice in the hands of a child: opens what its members are called with, seals what they say.

    Its code is its own, also where the library lets it go in the meantime.
    """

    def __init__(self, library: Library, work: Work, book: Book | None) -> None:
        self.work = work
        self._book = book
        self.clock = library.clock
        self.settings = library.settings
        signer = self.settings.signer
        self.results = signer.results(work.rid)
        self.whose = self.what = ""
        self._upstreams = library.upstreams
        self._upstream: Upstream | None = None
        self._calls: dict[int, Arguments] = {}
        self._added: dict[int, int] = {}
        self._answers: dict[int, Answer] = {}
        self._kept: dict[int, Kept] = {}
        self._header: Header | None = None
        self._error: NbTasksError | None = None
        try:
            header = library.header(work.header)
            self._header = header
            self.arguments = signer.arguments(work.rid, work.header, header.key_id)
            self.whose = (
                f"worker {self.settings.worker!r} refused task {header.task!r} ({work.rid})"
            )
            self.what = f"the value of {header.task!r}"
        except NbTasksError as error:
            self._error = error

    @property
    def ignores(self) -> str:
        """What is not kept of how its members end: see `Header`."""
        return self._header.ignores if self._header is not None else ""

    def request(self, index: int) -> Request:
        """What a member may know of itself."""
        header, task_id = self._known(), self.work.task_id(index)
        args, kwargs = self._calls.get(index, _NO_CALL)
        return Request(
            id=task_id,
            task=header.task,
            retries=self.work.retries,
            hostname=self.settings.worker,
            root_id=header.root_id or task_id,
            parent_id=header.parent_id or None,
            group=header.group_id or None,
            stamps=header.stamps,
            headers=header.headers,
            max_retries=header.retry.max_retries,
            args=args,
            kwargs=kwargs,
            timelimit=(_seconds(header.limit_ms), _seconds(header.soft_ms)),
            ignore_result=bool(header.ignores),
            eta=header.envelope.eta,
            expires=header.envelope.expires,
            delivery_info=header.envelope.delivery_info(is_again=self.work.is_again),
            shadow=header.envelope.shadow or None,
        )

    def note(self, index: int, inputs: Inputs) -> tuple[int, bytes]:
        """A signed note of what a member adds to its chord, and how many it has added before."""
        number = self._added.get(index, 0)
        self._added[index] = number + 1
        seal = self.settings.signer.results(JOINED + self.work.rid)
        return number, seal.seal(index, encode_json({**inputs.to_header(), "number": number}))

    def run(
        self, index: int, body: bytes, call: Call, guard: AbstractContextManager[None]
    ) -> tuple[int, bytes]:
        """Run a member: its state and body. What is the user's own runs inside of the guard."""
        answer = self._answers[index] = Answer(self, index)
        try:
            opened = self._open(index, body, answer)
        except BaseException as error:  # noqa: BLE001 - loading runs the user's imports
            return self._refuse(error, answer)
        try:
            with guard:
                args, kwargs = self._arguments_of(index, opened, answer)
                self._begin(opened, answer, args, kwargs)
                value = call(opened.function, opened.loaded, args, kwargs)
                return SUCCESS, answer.returned(value)
        except BaseException as error:  # noqa: BLE001 - this is where user code runs
            return self._end(error, answer, guard)
        finally:
            self._forget(index)

    async def run_async(self, index: int, body: bytes, call: AsyncCall) -> tuple[int, bytes]:
        """The same for a coroutine function."""
        answer = self._answers[index] = Answer(self, index)
        try:
            opened = self._open(index, body, answer)
        except BaseException as error:  # noqa: BLE001 - loading runs the user's imports
            return self._refuse(error, answer)
        try:
            args, kwargs = self._arguments_of(index, opened, answer)
            self._begin(opened, answer, args, kwargs)
            value = await call(opened.function, opened.loaded, args, kwargs)
            return SUCCESS, answer.returned(value)
        except BaseException as error:  # noqa: BLE001 - this is where user code runs
            return self._end(error, answer, nullcontext())
        finally:
            self._forget(index)

    def kept(self, index: int) -> Kept:
        """What a running member keeps for its next try.

        Raises:
            RuntimeError: It has ended.
        """
        kept = self._kept.get(index)
        if kept is None:
            answer = self._answers.get(index)
            if answer is None:
                raise RuntimeError("the task has ended, and left this running")
            found = self.work.kept_of(index)
            place = Place(self.work.rid, index, self.what, self.whose)
            kept = self._kept[index] = Kept(
                place, self.settings, answer.codec, answer.question, found
            )
        return kept

    def _refuse(self, error: BaseException, answer: Answer) -> tuple[int, bytes]:
        name = self._header.task if self._header is not None else ""
        tell_refused(error, name, answer.task_id)
        return FAILURE, answer.refusal(error)

    def _begin(
        self, opened: Opened, answer: Answer, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Say that a member is about to be called, if anybody wants to know."""
        if opened.payload is None:
            return  # it was called before, and replaced
        call = answer.task_id, args, kwargs
        answer.told = told_of(opened.loaded, self._known().task, opened.function, call)
        if answer.told is not None:
            answer.told.begins()

    def _forget(self, index: int) -> None:
        for known in (self._calls, self._answers, self._kept):
            known.pop(index, None)

    def _known(self) -> Header:
        if self._header is None:
            raise self._error or RuntimeError("no header")
        return self._header

    def _open(self, index: int, body: bytes, answer: "Answer") -> "Opened":
        header, settings, whose = self._known(), self.settings, self.whose
        if len(body) > settings.max_value + HEAD:
            # A digest of what nobody may send would only cost time.
            raise TooBig(whose, len(body), settings.max_value, "max_input")
        payload = self.arguments.open(index, body, whose)
        if payload and payload[0] == _REPLACED_BY:
            inputs, form = read_replaced_by(payload)
            answer.be_like(body, form, header.packs)
            return Opened(None, _same, _SAME, inputs)
        answer.be_like(body, payload, header.packs)
        header.check_python(self.work.task_id(index))
        header.check_age(whose, self.clock.wall_ms(), settings.max_age_ms)
        answer.codec.check(payload, whose)
        return Opened(payload, *self._load(header), header.inputs)

    def _arguments_of(self, index: int, opened: "Opened", answer: "Answer") -> Arguments:
        """What a member is called with: its own arguments, and what it takes from others."""
        codec = answer.codec
        args: tuple[Any, ...] = ()
        kwargs: dict[str, Any] = {}
        inputs = opened.inputs
        if opened.payload is not None:
            args, kwargs = codec.decode(opened.payload, self.whose)
            args = tuple(args)
        if inputs is not None:
            answer.may_retry = False  # what was delivered is the same at the next try
            upstream = self._upstream
            if upstream is None:
                is_shared = self.work.members > 1 and opened.payload is not None
                upstream = self._upstream = self._upstreams.of(
                    self.work, inputs, self.whose, is_shared=is_shared
                )
            if inputs.is_errback:
                errback = Errback(self.work, self.settings, upstream, self.whose)
                callee = Callee(opened.function, args, kwargs, bind=opened.loaded.bind)
                args = errback.arguments(inputs, index, callee, codec)
            else:
                args, kwargs = upstream.arguments(inputs, index, (args, kwargs), codec)
            answer.may_retry = True
        self._calls[index] = args, kwargs
        return args, kwargs

    def _load(self, header: Header) -> tuple[Function, Loaded]:
        """The function; code with mutable state is loaded anew for each task.

        The arguments are signed together with the header, and that names the code: signed code of
        another task cannot be put in its place.
        """
        what = f"worker {self.settings.worker!r} refused the code of task {header.task!r}"
        book, code = self._book, self.work.code
        if code != header.code:
            raise BadSignature(what)
        if book is None:
            raise RemoteError("CodeLost", f"the code of task {header.task!r} is no longer stored")
        generation = imports.use(header, self.settings.signer)
        if book.found is not None and not header.fresh and book.generation == generation:
            return book.found
        if len(book.blob) > self.settings.max_value + HEAD:
            raise TooBig(what, len(book.blob), self.settings.max_value, "max_input")
        opened = self.settings.signer.code().open(0, book.blob, what)
        if not is_named(code, digest(opened)):
            raise BadSignature(what)
        loaded = load(opened, self.settings.codec)
        loaded = with_task(loaded, self.settings.imports)
        register_source(loaded.filename, loaded.source)
        function = CellFunction(loaded) if loaded.kind == CELL else loaded.value
        book.found, book.generation = (function, loaded), generation
        return book.found

    def _end(
        self, error: BaseException, answer: Answer, guard: AbstractContextManager[None]
    ) -> tuple[int, bytes]:
        if isinstance(error, Replaced):
            try:
                return answer.replaced(error)
            except Exception as broken:  # noqa: BLE001 - what goes on is what the user has made
                error = broken
        policy, retries = self._known().retry, self.work.retries
        if isinstance(error, Retry):
            wait = USUAL
            try:
                wait = wait_ms(error, self.clock.wall_ms())
                end = refused(error, policy, retries, answer.task_id)
            except Exception as broken:  # noqa: BLE001 - what it asks for is the user's
                end = broken
            if end is None:
                answer.tell(error, guard, is_retried=True)
                return LATER, b"%d\n%b" % (wait, answer.refusal(error.args[1] or error))
            answer.tell(end, guard, is_retried=False)
            return FAILURE, answer.refusal(end)
        is_retryable = answer.may_retry and policy.matches(error)
        answer.tell(error, guard, is_retried=is_retryable and retries < policy.max_retries)
        return RETRYABLE if is_retryable else FAILURE, answer.refusal(error)
