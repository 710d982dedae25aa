"""Records as an archive has them, in the form that results know: for ids that Redis has no more."""

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import select

from nbtasks.archive.database import PAGE, Database
from nbtasks.archive.schema import RECORDS, TASKS
from nbtasks.live import LiveRecord
from nbtasks.states import STATES, is_finished

_CODES: Final = {str(state): code for code, state in STATES.items() if is_finished(code)}
"""Of the states that are an end."""


def recall_record(database: Database, rid: str) -> LiveRecord | None:
    """A record all members of which have ended; None where it has none of this id."""
    about = RECORDS.c.members, RECORDS.c.group_id
    where = RECORDS.c.app == database.app, RECORDS.c.rid == rid
    told = (
        TASKS.c.member,
        TASKS.c.state,
        TASKS.c.name,
        TASKS.c.queue,
        TASKS.c.worker,
        TASKS.c.retries,
        TASKS.c.sent_ms,
        TASKS.c.started_ms,
        TASKS.c.done_ms,
    )
    ended = TASKS.c.app == database.app, TASKS.c.rid == rid, TASKS.c.state.in_(_CODES)
    with database.begin() as connection:
        record = connection.execute(select(*about).where(*where)).one_or_none()
        rows = connection.execute(select(*told).where(*ended)).all()
    if record is None or not rows or record.members != len(rows):
        return None
    first = rows[0]
    live = LiveRecord(rid, len(rows), first.name or "", first.queue or "", first.sent_ms or 0)
    live.group_id = record.group_id or ""
    for row in rows:
        worker, done_ms = row.worker or "", row.done_ms or 0
        live.finish(row.member, bytes([_CODES[row.state]]), [], worker, done_ms)
        if worker:
            live.place(row.member, worker, row.started_ms or 0, None)
        if row.retries:
            live.retries[row.member] = row.retries
    return live


def recall_bodies(
    database: Database, rid: str, indices: Sequence[int]
) -> Iterator[tuple[int, bytes]]:
    """The signed values or errors of members, as far as it has any."""
    for at in range(0, len(indices), PAGE):
        part = TASKS.c.member.in_(indices[at : at + PAGE])
        where = TASKS.c.app == database.app, TASKS.c.rid == rid, part
        query = select(TASKS.c.member, TASKS.c.result).where(*where)
        with database.begin() as connection:
            rows = connection.execute(query).all()
        yield from ((member, body) for member, body in rows if body)


def recall_call(database: Database, rid: str, index: int) -> tuple[bytes, bytes] | None:
    """The header of a record and the signed arguments of a member; None where it has none."""
    where = TASKS.c.app == database.app, TASKS.c.rid == rid, TASKS.c.member == index
    both = RECORDS.c.app == TASKS.c.app, RECORDS.c.rid == TASKS.c.rid
    query = select(RECORDS.c.header, TASKS.c.args).where(*where, *both)
    with database.begin() as connection:
        found = connection.execute(query).one_or_none()
    return (found.header, found.args) if found and found.header and found.args else None
