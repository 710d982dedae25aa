"""What parent and child have in common: the work that is handed over, and some shared numbers."""

import mmap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from nbtasks.config import Config
from nbtasks.serializers import Codec, make_codec
from nbtasks.signing import Signer
from nbtasks.worker.interrupt import END, SOFT, SOFT_MS
from nbtasks.worker.kinds import SOLO, PoolOptions

RETRYABLE: Final = ord("E")
"""In place of FAILURE: the error is one that the task's policy would retry."""

LATER: Final = ord("L")
"""The task asks to be tried again: the body is after how many ms, and the error."""

REPLACED: Final = ord("W")
"""Another canvas goes on in its place: the body is the sources of that, and new arguments."""

WORK: Final = "work"
CANCEL: Final = "cancel"
INTERRUPT: Final = "interrupt"
WHERE: Final = "where"
"""What a parent tells a child: the fields of a `Work`; the delivery and index of a member that is
to be cancelled; the same and the soft limit in ms that it is over; or a question, which is answered
with where the member is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSettings:
    """What a child must know: the worker's name, the keys, what it is to refuse and to import.

    Values and memory are in bytes. 0 is no limit: for `max_memory`, above which it retires, for
    `limit_memory`, above which there is a MemoryError, and for `max_age_ms`.
    """

    worker: str
    signer: Signer
    max_value: int
    max_memory: int = 0
    limit_memory: int = 0
    codec: Codec = field(default_factory=Codec)
    max_age_ms: int = 0
    imports: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: Config, worker: str, pool: PoolOptions) -> "ChildSettings":
        """What a worker with these settings tells its children."""
        return cls(
            worker=worker,
            signer=Signer(config.key, config.name, encrypt=config.encrypt),
            max_value=config.max_input,
            max_memory=0 if pool.kind == SOLO else pool.max_memory,
            limit_memory=pool.limit_memory,
            codec=make_codec(config.serializer, config.accept_content, config.max_input),
            max_age_ms=config.max_age_ms,
            imports=config.imports,
        )


@dataclass(frozen=True, slots=True)
class Work:
    """A slice as the parent hands it over.

    `sequence` is the number of its first member; members that run on the event loop have none.
    `inputs` is what it takes from other records: for each source states, and then bodies. `kept` is
    what earlier tries have: index, checkpoint, parts, for each member with a checkpoint.
    `is_again` where a worker is lost that had it before.
    """

    sequence: int
    delivery: int
    rid: str
    members: int
    start: int
    header: bytes
    code: str
    retries: int
    is_async: bool
    bodies: list[bytes]
    blob: bytes | None
    inputs: Sequence[Sequence[bytes]] = ()
    kept: Sequence[Sequence[Any]] = ()
    is_again: bool = False

    def kept_of(self, index: int) -> Sequence[bytes]:
        """What earlier tries of a member have kept: checkpoint, parts; nothing where none has."""
        for found in self.kept:
            if found[0] == index:
                return found[1:]
        return ()

    def task_id(self, index: int) -> str:
        """The id of a member."""
        return self.rid if self.members == 1 else f"{self.rid}-{index}"


STORED: Final = 10
"""Where in the cells: how many bytes of parts have arrived in Redis, of all that were ever sent."""


class Cells:
    """Numbers shared with the parent: where the child is, and what it must not begin or go on with.

    Each member handed to a child has a sequence number. `now` is the one it runs; the parent takes
    [drop_from, drop_to) back from it, and may interrupt the one that runs. Page `place` of a file
    holds the numbers of a child that is not forked from here.
    """

    def __init__(self, file: int = -1, place: int = 0) -> None:
        self._map = mmap.mmap(file, mmap.PAGESIZE, offset=place * mmap.PAGESIZE)
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

    def end(self, sequence: int) -> None:
        """Name the member that is to end when a signal comes: it is revoked."""
        self.numbers[END] = sequence

    def stored(self, size: int) -> None:
        """So many bytes of parts have arrived, or are not wanted any more."""
        self.numbers[STORED] += size

    def is_interrupted(self, sequence: int) -> bool:
        """Whether the child has seen to that."""
        return self.numbers[SOFT] != sequence
