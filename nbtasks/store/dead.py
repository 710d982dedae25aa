"""The tasks that were given up: what they are, how they are queued again, how they are dropped."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from nbtasks.errors import NbTasksError, StoreRefused, UnknownTask
from nbtasks.failure import system_failure
from nbtasks.record import Header, member_id
from nbtasks.signing import SYSTEM
from nbtasks.store.store import Store

PAGE: Final = 200
"""Entries looked at by one script."""
NOT_STORED: Final = -1

Again = tuple[str, int, int]
"""A member that waits again: its record, its index, and for the how-many-eth time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadTask:
    """A task that was given up, because the processes that ran it died as often as allowed.

    Attributes:
        id: Its id.
        name: The task's name.
        queue: Where it was sent, and will be sent again.
        at_ms: When it was given up, in ms since 1970, by Redis' clock.
        deaths: How many processes it left behind.
        reason: What was seen of the last one.
    """

    id: str
    name: str
    queue: str
    at_ms: int
    deaths: int
    reason: str


def dead_tasks(store: Store) -> Iterator[tuple[DeadTask, str]]:
    """Each task of the dead set and its slice, the oldest first."""
    first = 0
    while True:
        looked_at, gone, *rows = store.run_script("dead", first, PAGE)
        for row in rows:
            yield _read(row)
        if looked_at < PAGE:
            return
        first += looked_at - gone


def requeue(store: Store, rid: str, indices: Sequence[int]) -> list[int]:
    """As `run_again`, for who does not follow the others."""
    return run_again(store, rid, indices)[0]


def run_again(store: Store, rid: str, indices: Sequence[int]) -> tuple[list[int], list[Again]]:
    """Queue failed members again, and what has failed only because of them.

    Returns:
        For each of them how often that was done, 0 where it has not failed; and all others that
        wait again.

    Raises:
        UnknownTask: The record is not stored.
        StoreRefused: Its code is no longer stored; or Redis is full.
    """
    numbers: list[int] = []
    others: list[Again] = []
    for at in range(0, len(indices), PAGE):
        # One name for the request, however often it must be sent.
        page = indices[at : at + PAGE]
        found = store.run_script("requeue", os.urandom(8).hex(), rid, *page)
        if found == NOT_STORED:
            raise UnknownTask(rid)
        if isinstance(found, int):
            raise StoreRefused(store.url, f"the code of task {rid!r} has expired: submit it anew")
        numbers += found[: len(page)]
        others += [
            (name.decode(), index, number)
            for name, index, number in zip(*[iter(found[len(page) :])] * 3, strict=True)
        ]
    return numbers, others


def drop(store: Store, slices: Sequence[str]) -> int:
    """Take slices off the dead set; returns how many were there."""
    return sum(
        int(store.run_script("drop", *slices[at : at + PAGE])) for at in range(0, len(slices), PAGE)
    )


def by_record(slices: Iterable[str]) -> dict[str, list[int]]:
    """The members of each record among some slices."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for name in slices:
        rid, start, _ = name.rsplit(":", 2)
        found[rid].append(int(start))
    return dict(found)


def _read(row: Sequence[bytes]) -> tuple[DeadTask, str]:
    name, at_ms, header, queue, count, deaths, error = row
    rid, start, _ = name.decode().rsplit(":", 2)
    task_id = member_id(rid, int(start), int(count))
    task = DeadTask(
        id=task_id,
        name=_name(header),
        queue=queue.decode(),
        at_ms=int(float(at_ms)),
        deaths=int(deaths or 0),
        reason=_reason(error, task_id),
    )
    return task, name.decode()


def _name(header: bytes) -> str:
    try:
        return Header.decode(header).title
    except NbTasksError as error:  # written by a newer version, or by somebody else
        return f"<{type(error).__name__}>"


def _reason(error: bytes | None, task_id: str) -> str:
    """What the store or a worker wrote about the end; unpickles nothing."""
    if not error or error[:1] != SYSTEM:
        return ""
    failure = system_failure(error, task_id)
    return str(failure.args[-1]) if len(failure.args) > 1 else str(failure)
