"""A name, an id, `@last` or `@failed` -> what was sent."""

from collections.abc import Sequence
from typing import Any

from IPython.core.error import UsageError

from nbtasks.app import App
from nbtasks.errors import UnknownTask
from nbtasks.notebook.sent import Result, Sent
from nbtasks.notebook.session import Session
from nbtasks.notebook.vocabulary import REFERENCES
from nbtasks.result import GroupResult
from nbtasks.spelling import nearest


def find(session: Session, names: Sequence[str]) -> list[Sent]:
    """What these names mean, each once: what this notebook has sent, and ids of anybody's tasks.

    Raises:
        UsageError: One means nothing; with the nearest one.
    """
    found = [sent for name in names for sent in _of_name(session, name)]
    return list({id(sent): sent for sent in found}.values())


def _of_name(session: Session, name: str) -> list[Sent]:
    known = _known(session, name)
    if name == "@failed":
        failed = [sent for sent in known if _has_failed(sent)]
        if not failed:
            raise UsageError("no task of this notebook has failed")
        return failed
    if name == "@last":
        if not known:
            raise UsageError("no task was sent from this notebook yet")
        return [known[-1]]
    for sent in reversed(known):
        ids = {sent.result.id, *(record.rid for record in sent.result.records)}
        if sent.name == name or name in ids:
            return [sent]
    result = _of_id(session.app, name)
    if result is None:
        names = [*REFERENCES, *dict.fromkeys(sent.name for sent in known)]
        raise UsageError(f"{name!r} is no task of this notebook, and no id{nearest(name, names)}")
    return [Sent(result.records[0].name, result, is_past=True)]


def _known(session: Session, name: str) -> list[Sent]:
    """What this notebook has sent; what kernels before this one have, where that matters."""
    sent = session.sent
    if not (sent and name == "@last") and not any(each.name == name for each in sent):
        session.recall()
    return session.sent


def _of_id(app: App, task_id: str) -> Result | None:
    """The task, the tasks that were sent together, or the saved group of an id."""
    try:
        return app.AsyncResult(task_id)
    except UnknownTask:
        (record,) = app.attach([task_id])
    if record is not None:
        return GroupResult[Any](app, [record])
    return app.restore_group(task_id)


def _has_failed(sent: Sent) -> bool:
    return any(record.has_failed(None) for record in sent.result.records)
