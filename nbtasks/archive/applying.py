"""Events of the monitoring stream -> rows, one kind of event after the other."""

import logging
from collections.abc import Iterable
from typing import Final, assert_never

from nbtasks.archive.rows import MAX_MEMBERS, Rows
from nbtasks.archive.schema import Row
from nbtasks.record import member_id
from nbtasks.states import STATES, TaskState, is_finished
from nbtasks.store.facts import RecordFacts
from nbtasks.store.tidings import (
    Began,
    Ended,
    Item,
    Progressed,
    Requeued,
    Retried,
    Returned,
    Said,
    Sent,
    Taken,
    WorkerSaid,
)
from nbtasks.wording import clean

logger = logging.getLogger(__name__)

_BACK: Final[Row] = {
    "state": str(TaskState.PENDING),
    "worker": "",
    "received_ms": 0,
    "started_ms": 0,
}


def apply(rows: Rows, items: Iterable[Item]) -> None:
    """Put what these tell into rows, in their order."""
    for item in items:
        try:
            _apply(rows, item)
        except ValueError as error:  # who writes nonsense there must not end all that comes after
            logger.warning("an event is not archived: %s", error)


def _apply(rows: Rows, item: Item) -> None:
    match item:
        case Sent():
            _send(rows, item)
        case Taken() | Began():
            _begin(rows, item)
        case Ended():
            _end(rows, item)
        case Retried() | Returned() | Requeued():
            _wait_again(rows, item)
        case Progressed() | Said() | WorkerSaid():
            pass
        case _:
            assert_never(item)


def _send(rows: Rows, item: Sent) -> None:
    members = _range(item.start, item.stop)
    facts = RecordFacts(
        header=item.header,
        members=item.n,
        queue=item.queue,
        sent_ms=item.at_ms,
        priority=item.priority,
        expires_ms=item.expires_ms,
        states=b"",
    )
    bodies = item.bodies if len(item.bodies) == len(members) else [b""] * len(members)
    rows.send(item.rid, item.start, bodies, facts)
    if item.due_ms:
        for index in members:
            rows.tell(item.rid, index, {"due_ms": item.due_ms})


def _begin(rows: Rows, item: Taken | Began) -> None:
    row: Row = {"state": str(TaskState.STARTED), "worker": clean(item.worker)}
    if isinstance(item, Began):
        rows.tell(item.rid, item.index, row | {"started_ms": item.began_ms})
        return
    row |= {"received_ms": item.at_ms, "retries": item.retries}
    for index in _range(item.start, item.stop):
        rows.tell(item.rid, index, row)


def _wait_again(rows: Rows, item: Retried | Returned | Requeued) -> None:
    match item:
        case Retried(_, rid, index, due_ms, _, error):
            rows.retry(rid, index, error, due_ms)
        case Returned(_, rid, start, stop):
            for index in _range(start, stop):
                rows.tell(rid, index, _BACK)
        case Requeued(_, rid, index):
            rows.again(rid, index)


def _end(rows: Rows, item: Ended) -> None:
    told: Row = {"done_ms": item.at_ms}
    if item.worker:
        told["worker"] = clean(item.worker)
        told["runtime_us"] = item.each_us
        told["started_ms"] = item.at_ms - item.each_us // 1000
    for at, code in enumerate(item.states):
        if code not in STATES or not is_finished(code):
            raise ValueError(f"{code} is no final state")
        began = item.began_ms[at] if at < len(item.began_ms) else 0
        body = item.bodies[at] if at < len(item.bodies) else b""
        index = item.start + at
        row = told | ({"started_ms": began} if began else {})
        if item.n:
            row["id"] = member_id(item.rid, index, item.n)
        rows.end(item.rid, index, code, body, row)


def _range(start: int, stop: int) -> range:
    if not 0 <= start < stop <= MAX_MEMBERS:
        raise ValueError(f"there are no members from {start} to {stop}")
    return range(start, stop)
