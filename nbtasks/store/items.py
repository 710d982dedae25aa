"""The items of the monitoring stream (store/lua/_monitor.lua), as readers get them.

An entry is a flat list: its number, as `#`, `1`, number; then for each item its kind, how many
fields it has, and these.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

logger = logging.getLogger(__name__)

_NUMBER: Final = 2


@dataclass(frozen=True, slots=True)
class Sent:
    """Members [start, stop) of a record are queued, or will be.

    Attributes:
        at_ms: When, by Redis' time, in ms since 1970; so in all of these classes.
        rid: The record.
        start: The first of its members.
        stop: The one after the last.
        n: How many members the record has in all.
        queue: Where they wait.
        client: Who sent them.
        priority: 0 to 9.
        due_ms: When they join the queue; 0: at once.
        expires_ms: When they are given up; 0: never.
        header: The record's header; empty where it is very long.
        bodies: Their signed arguments, each empty where it is large; nothing where none is told.
    """

    at_ms: int
    rid: str
    start: int
    stop: int
    n: int
    queue: str
    client: str
    priority: int
    due_ms: int
    expires_ms: int
    header: bytes
    bodies: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Taken:
    """A worker has taken members [start, stop); `retries` of the first came before."""

    at_ms: int
    rid: str
    start: int
    stop: int
    n: int
    worker: str
    retries: int


@dataclass(frozen=True, slots=True)
class Began:
    """A member has been running for a while, since `began_ms`; of short ones nothing is told."""

    at_ms: int
    rid: str
    index: int
    worker: str
    began_ms: int


@dataclass(frozen=True, slots=True)
class Progressed:
    """A member has told how far it is (JSON)."""

    at_ms: int
    rid: str
    index: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Retried:
    """A member has failed, and is tried again at `due_ms`; `error` is its signed body."""

    at_ms: int
    rid: str
    index: int
    due_ms: int
    worker: str
    error: bytes


@dataclass(frozen=True, slots=True)
class Returned:
    """Members [start, stop) wait again: not begun, where there is no `reason`, or lost."""

    at_ms: int
    rid: str
    start: int
    stop: int
    worker: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Members from `start` on have ended.

    Attributes:
        states: How, a byte for each (`nbtasks.states`).
        n: How many members the record has in all; 0 where that is not known.
        worker: Which has handed them in; empty where none has.
        each_us: How long each has run, where a worker has handed them in.
        began_ms: When each began, 0 where that was not told.
        signals: The signal that each that was revoked while it ran is to get, or empty.
        bodies: The signed value or error of each, empty where it is large or there is none;
            nothing where none is told.
    """

    at_ms: int
    rid: str
    start: int
    states: bytes
    n: int
    worker: str
    each_us: int
    began_ms: Sequence[int]
    signals: Sequence[str]
    bodies: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Requeued:
    """A member that had ended waits again, for the `number`-th time."""

    at_ms: int
    rid: str
    index: int
    number: int


@dataclass(frozen=True, slots=True)
class Said:
    """A running member says something of its own: `fields` is JSON."""

    at_ms: int
    rid: str
    index: int
    worker: str
    type: str
    fields: bytes


@dataclass(frozen=True, slots=True)
class WorkerSaid:
    """A worker is `online`, still there (`heartbeat`), or `offline`; with its own facts."""

    at_ms: int
    worker: str
    kind: str
    facts: Mapping[str, str]


Item = Sent | Taken | Began | Progressed | Retried | Returned | Ended | Requeued | Said | WorkerSaid


def read_number(fields: Sequence[bytes]) -> int:
    """The number of an entry; -1 where it has none that can be read."""
    number = fields[_NUMBER] if len(fields) > _NUMBER else b""
    return int(number) if number.isdigit() else -1


def read_items(at_ms: int, fields: Sequence[bytes]) -> Iterator[Item]:
    """The items of an entry; what cannot be read is left out."""
    at = 3
    while at + 1 < len(fields) and fields[at] and fields[at + 1].isdigit():
        stop = at + 2 + int(fields[at + 1])
        read = _READERS.get(fields[at])
        try:
            if read is not None:  # else a newer nbtasks has written it
                yield read(at_ms, fields[at + 2 : stop])
        except (ValueError, IndexError):  # whoever writes to Redis may write anything
            logger.warning("an item of the monitoring stream cannot be read")
        at = stop


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _sent(at_ms: int, item: Sequence[bytes]) -> Sent:
    start, stop, n, priority, due_ms, expires_ms = map(int, (*item[1:4], *item[6:9]))
    return Sent(
        at_ms=at_ms,
        rid=_text(item[0]),
        start=start,
        stop=stop,
        n=n,
        queue=_text(item[4]),
        client=_text(item[5]),
        priority=priority,
        due_ms=due_ms,
        expires_ms=expires_ms,
        header=item[9],
        bodies=item[10:],
    )


def _taken(at_ms: int, item: Sequence[bytes]) -> Taken:
    start, stop, n = map(int, item[1:4])
    return Taken(at_ms, _text(item[0]), start, stop, n, _text(item[4]), int(item[5]))


def _began(at_ms: int, item: Sequence[bytes]) -> Began:
    return Began(at_ms, _text(item[0]), int(item[1]), _text(item[2]), int(item[3]))


def _progressed(at_ms: int, item: Sequence[bytes]) -> Progressed:
    return Progressed(at_ms, _text(item[0]), int(item[1]), item[2])


def _retried(at_ms: int, item: Sequence[bytes]) -> Retried:
    return Retried(at_ms, _text(item[0]), int(item[1]), int(item[2]), _text(item[3]), item[4])


def _returned(at_ms: int, item: Sequence[bytes]) -> Returned:
    return Returned(
        at_ms, _text(item[0]), int(item[1]), int(item[2]), _text(item[3]), _text(item[4])
    )


def _ended(at_ms: int, item: Sequence[bytes]) -> Ended:
    count = len(item[2])
    facts = [fact.partition(b" ") for fact in item[6 : 6 + count]]
    return Ended(
        at_ms,
        _text(item[0]),
        int(item[1]),
        item[2],
        int(item[3] or 0),
        _text(item[4]),
        int(item[5]),
        [int(began) for began, _, _ in facts],
        [_text(signal) for _, _, signal in facts],
        item[6 + count :],
    )


def _requeued(at_ms: int, item: Sequence[bytes]) -> Requeued:
    return Requeued(at_ms, _text(item[0]), int(item[1]), int(item[2]))


def _said(at_ms: int, item: Sequence[bytes]) -> Said:
    return Said(at_ms, _text(item[0]), int(item[1]), _text(item[2]), _text(item[3]), item[4])


def _worker_said(at_ms: int, item: Sequence[bytes]) -> WorkerSaid:
    facts = list(map(_text, item[2:]))
    return WorkerSaid(
        at_ms, _text(item[0]), _text(item[1]), dict(zip(facts[::2], facts[1::2], strict=False))
    )


_READERS: Final[Mapping[bytes, Callable[[int, Sequence[bytes]], Item]]] = {
    b"q": _sent,
    b"t": _taken,
    b"s": _began,
    b"p": _progressed,
    b"r": _retried,
    b"b": _returned,
    b"f": _ended,
    b"a": _requeued,
    b"e": _said,
    b"w": _worker_said,
}
