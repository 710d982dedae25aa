"""Who is told that a task could not even begin: it was refused, is unknown, or cannot be loaded."""

from nbtasks.errors import (
    BadSignature,
    ConfigError,
    ContentRefused,
    TooBig,
    TooOld,
    VersionMismatch,
)
from nbtasks.handlers import ExceptionInfo
from nbtasks.registry import known_task
from nbtasks.signals import task_internal_error, task_rejected, task_unknown

_REFUSED = BadSignature, ContentRefused, TooBig, TooOld, VersionMismatch


def tell_refused(error: BaseException, name: str, task_id: str) -> None:
    """Say why a task does not begin.

    Args:
        error: What it fails of.
        name: Its name; empty where its header cannot be read.
        task_id: Its id.
    """
    if isinstance(error, _REFUSED):
        task_rejected.send(name, message=task_id, exc=error)
    elif isinstance(error, ConfigError) and known_task(name) is None:
        task_unknown.send(name, message=task_id, exc=error, name=name, id=task_id)
    elif task_internal_error.receivers:
        named = {"task_id": task_id, "args": None, "kwargs": None, "request": None}
        info = ExceptionInfo.of(error)
        task_internal_error.send(
            name, **named, exception=error, traceback=error.__traceback__, einfo=info
        )
