"""A task in a worker's hands as Celery shows it: a dict of plain values."""

from collections.abc import Iterator
from typing import Any

from nbtasks.envelope import delivery_info
from nbtasks.errors import NbTasksError
from nbtasks.record import Header, member_id
from nbtasks.store.described import Described, Member
from nbtasks.store.fleet import WorkerFacts
from nbtasks.submitting import Submitter

Info = dict[str, Any]


def infos(app: Submitter, slice_: Described, worker: WorkerFacts) -> Iterator[tuple[bool, Info]]:
    """The unfinished tasks of a slice, each with whether it runs."""
    for is_active, member, header in members_of(slice_):
        yield is_active, _info(app, slice_, member, worker, header)


def members_of(slice_: Described) -> Iterator[tuple[bool, Member, Header | None]]:
    """The unfinished members of a slice, each with whether it runs, and the header of them all.

    Of a slice that is taken the first one runs, and of coroutines all.
    """
    header = _header(slice_)
    for at, member in enumerate(slice_.members):
        yield at == 0 or (header is not None and header.is_async), member, header


def _info(
    app: Submitter, slice_: Described, member: Member, worker: WorkerFacts, header: Header | None
) -> Info:
    name, title = (header.task, header.title) if header is not None else ("?", "?")
    args, kwargs = _arguments(app, slice_, member, header)
    return {
        "id": member_id(slice_.rid, member.index, slice_.n),
        "name": title,
        "type": name,
        "args": args,
        "kwargs": kwargs,
        "hostname": worker.name,
        "time_start": member.began_ms / 1000 if member.began_ms else None,
        "acknowledged": header is not None and header.once,
        "delivery_info": delivery_info(slice_.queue, slice_.priority, is_again=slice_.deaths > 0),
        "retries": slice_.retries,
        "worker_pid": member.pid or None,
    }


def _header(slice_: Described) -> Header | None:
    try:
        return Header.decode(slice_.header)
    except NbTasksError:  # whoever writes to Redis may write anything
        return None


def _arguments(
    app: Submitter, slice_: Described, member: Member, header: Header | None
) -> tuple[list[Any] | None, dict[str, Any] | None]:
    """What it is called with; None for what is long, not signed by our key, or not of this side."""
    if header is None or not member.body:
        return None, None
    try:
        seal = app.connection.signer.arguments(slice_.rid, slice_.header, header.key_id)
        payload = seal.open(member.index, member.body, "the arguments")
        args, kwargs = app.codec.decode(payload, "the arguments")
        return list(args), dict(kwargs)
    except Exception:  # noqa: BLE001 - to decode may import what is not there, or raise anything
        return None, None
