"""What an archive is asked: tasks by their ids, states, names and times; and to let old ones go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, exists, func, or_, select

from nbtasks.archive.database import FINAL, Database
from nbtasks.archive.schema import RECORDS, TASKS
from nbtasks.states import TaskState

PURGED: Final = 1000
"""Tasks in one transaction: who writes must not wait for all of them."""

_BODIES: Final = frozenset(("args", "result"))
_SHOWN: Final = [column for column in TASKS.columns if column.name not in _BODIES]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedTask:
    """A task as an archive has it. What was not told is None.

    Attributes:
        id: Its id.
        name: Its name.
        state: As it was told last.
        queue: Where it was sent to.
        priority: 0 to 9.
        worker: Where it ran, or was to run, last.
        retries: How often it was tried again.
        sent: When it began to wait; in UTC, by the clock of Redis, as the other times.
        received: When a worker took it.
        started: When it began to run.
        done: When it ended.
        runtime: Seconds; of a short one the mean of those that were handed in with it.
        args: Its arguments as in a call, cut to 1,000 characters; None where they were encrypted.
        result: Its value, likewise.
        error_type: The class of the error that it has ended with, or was tried again for.
        error: What that error says.
        traceback: Where it came from.
        is_missing: Whether Redis has lost it before it had ended.
        root_id: The id of its canvas.
        parent_id: The task before it, or the one that sent it.
        group_id: The group it is in.
    """

    id: str
    name: str | None
    state: TaskState
    queue: str | None
    priority: int | None
    worker: str | None
    retries: int
    sent: datetime | None
    received: datetime | None
    started: datetime | None
    done: datetime | None
    runtime: float | None
    args: str | None
    result: str | None
    error_type: str | None
    error: str | None
    traceback: str | None
    is_missing: bool
    root_id: str | None
    parent_id: str | None
    group_id: str | None


def find_tasks(
    database: Database,
    *,
    state: str = "",
    name: str = "",
    since: datetime | None = None,
    limit: int = 100,
    task_id: str = "",
    rid: str = "",
) -> list[ArchivedTask]:
    """Tasks, those sent last first; see `Archive.tasks`."""
    wanted: list[ColumnElement[bool]] = [TASKS.c.app == database.app]
    if state:
        wanted.append(TASKS.c.state == str(TaskState(state)))
    if name:
        wanted.append(TASKS.c.name == name)
    if since is not None:
        wanted.append(TASKS.c.sent_ms >= since.timestamp() * 1000)
    if task_id:
        wanted += [TASKS.c.rid == rid, TASKS.c.id == task_id]  # an id alone has no index
    both = and_(RECORDS.c.app == TASKS.c.app, RECORDS.c.rid == TASKS.c.rid)
    columns = *_SHOWN, RECORDS.c.root_id, RECORDS.c.parent_id, RECORDS.c.group_id
    query = select(*columns).outerjoin(RECORDS, both).where(*wanted)
    order = TASKS.c.sent_ms.desc(), TASKS.c.rid, TASKS.c.member
    with database.begin() as connection:
        found = connection.execute(query.order_by(*order).limit(limit))
        return [_task(row) for row in found.mappings()]


def _task(row: Mapping[Any, Any]) -> ArchivedTask:
    runtime = row["runtime_us"]
    return ArchivedTask(
        id=row["id"] or row["rid"],
        name=row["name"],
        state=TaskState(row["state"]),
        queue=row["queue"],
        priority=row["priority"],
        worker=row["worker"] or None,
        retries=row["retries"] or 0,
        sent=_time(row["sent_ms"]),
        received=_time(row["received_ms"]),
        started=_time(row["started_ms"]),
        done=_time(row["done_ms"]),
        runtime=runtime / 1e6 if runtime else None,
        args=row["args_text"],
        result=row["result_text"] or None,
        error_type=row["error_type"] or None,
        error=row["error_text"] or None,
        traceback=row["traceback"] or None,
        is_missing=bool(row["missing_ms"]),
        root_id=row["root_id"] or None,
        parent_id=row["parent_id"] or None,
        group_id=row["group_id"] or None,
    )


def _time(ms: int | None) -> datetime | None:
    return datetime.fromtimestamp(ms / 1000, UTC) if ms else None


def count_states(database: Database, *, name: str = "") -> dict[TaskState, int]:
    """How many tasks are in each state."""
    wanted = [TASKS.c.app == database.app, *([TASKS.c.name == name] if name else [])]
    query = select(TASKS.c.state, func.count()).where(*wanted).group_by(TASKS.c.state)
    with database.begin() as connection:
        return {TaskState(state): count for state, count in connection.execute(query)}


def remove_old(database: Database, before_ms: int) -> int:
    """Remove what ended, or went missing, before this; returns how many tasks that were."""
    ends = func.nullif(TASKS.c.done_ms, 0), func.nullif(TASKS.c.missing_ms, 0), TASKS.c.sent_ms
    is_over = or_(TASKS.c.state.in_(FINAL), TASKS.c.missing_ms > 0)
    where = TASKS.c.app == database.app, is_over, func.coalesce(*ends) < before_ms
    query = select(TASKS.c.rid, TASKS.c.member).where(*where).limit(PURGED)
    count = 0
    while True:
        with database.begin() as connection:
            found = connection.execute(query).all()
            if found:
                _remove(connection, database.app, [tuple(row) for row in found])
        count += len(found)
        if len(found) < PURGED:
            return count


def _remove(connection: Connection, app: str, keys: Sequence[tuple[str, int]]) -> None:
    one = TASKS.c.rid == bindparam("r"), TASKS.c.member == bindparam("m")
    rows = [{"r": rid, "m": member} for rid, member in keys]
    connection.execute(delete(TASKS).where(TASKS.c.app == app, *one), rows)
    left = exists().where(TASKS.c.app == app, TASKS.c.rid == RECORDS.c.rid)
    empty = RECORDS.c.app == app, RECORDS.c.rid == bindparam("r"), ~left
    connection.execute(
        delete(RECORDS).where(*empty), [{"r": rid} for rid in {rid for rid, _ in keys}]
    )
