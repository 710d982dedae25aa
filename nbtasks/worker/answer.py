"""What a member says in the end: its value or its error, encoded and signed."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from nbtasks.context import Replaced
from nbtasks.errors import BadSignature, TooBig
from nbtasks.failure import encode_within, encode_words, system_body
from nbtasks.handlers import Told
from nbtasks.inputs import make
from nbtasks.record import IGNORES_ALL
from nbtasks.replacing import inputs_of
from nbtasks.serializers import head_of
from nbtasks.states import SUCCESS
from nbtasks.worker.upstream import replaced_by
from nbtasks.worker.work import REPLACED

if TYPE_CHECKING:
    from nbtasks.worker.library import SliceRun


class Answer:
    """How a member's value or error is encoded: signed or encrypted, and in a form, as it came."""

    __slots__ = (
        "_began",
        "_index",
        "_payload",
        "_run",
        "_seal",
        "codec",
        "may_retry",
        "question",
        "told",
    )

    def __init__(self, run: "SliceRun", index: int) -> None:
        self._run = run
        self._index = index
        self._seal = run.results
        self.question, self._payload = b"", memoryview(b"")
        self._began = run.clock.tick_ms()
        self.codec = run.settings.codec
        self.may_retry = True
        self.told: Told | None = None

    @property
    def task_id(self) -> str:
        """Whose it is."""
        return self._run.work.task_id(self._index)

    def be_like(self, body: bytes, payload: memoryview, packs: str) -> None:
        """Answer in the way that this was sent, compressed as its header asks for."""
        self._seal = self._run.results.like(body)
        self.question, self._payload = body, payload
        self.codec = self.codec.like(payload).packing(packs)

    def value(self, value: object) -> bytes:
        """The body of a member that returned this.

        Raises:
            TooBig: It is larger than a value may be.
            Unsendable: It cannot be encoded.
        """
        run = self._run
        payload, _ = self.codec.encode(None if run.ignores else value, run.what)
        if len(payload) > run.settings.max_value:
            raise TooBig(run.what, len(payload), run.settings.max_value, "max_input")
        return self._seal.seal(self._index, self.codec.pack(payload))

    def returned(self, value: object) -> bytes:
        """The same of one that has just returned; its handlers are called.

        Raises:
            TooBig: It is larger than a value may be.
            Unsendable: It cannot be encoded.
        """
        body = self.value(value)
        if self.told is not None:
            self.told.succeeded(value)
        return body

    def replaced(self, replaced: Replaced) -> tuple[int, bytes]:
        """What becomes of a member in whose place another canvas goes on: state and body."""
        run = self._run
        if self.told is not None:
            self.told.replaced()
        inputs = inputs_of(replaced.plan)
        if not inputs.sources:
            return SUCCESS, self.value(make(inputs.take or [], ()))  # a group of none
        seal = run.arguments.like(self.question)
        body = seal.seal(self._index, replaced_by(inputs, head_of(self._payload)))
        return REPLACED, b"%b\n%b" % (" ".join(inputs.sources).encode(), body)

    def tell(
        self, error: BaseException, guard: AbstractContextManager[None], *, is_retried: bool
    ) -> None:
        """Call the handlers of a task that has failed, if it has begun and has any."""
        if self.told is not None:
            self.told.failed(error, guard, is_retried=is_retried)

    def refusal(self, error: BaseException) -> bytes:
        """The body of a member that ended with this error."""
        if isinstance(error, BadSignature):
            return system_body("BadSignature", what=error.args[0])
        run = self._run
        seconds = (run.clock.tick_ms() - self._began) / 1000
        tries = run.work.retries + 1
        note = f"on worker {run.settings.worker}, try {tries}, after {seconds:.2f} s"
        if isinstance(error, MemoryError) and (most := run.settings.limit_memory):
            note += f"; --limit-memory allows {most / 1e6:,.0f} MB"
        if run.ignores == IGNORES_ALL:
            payload = encode_words(error, note)
        else:
            payload = encode_within(error, note, self.codec, run.settings.max_value)
        return self._seal.seal(self._index, payload)
