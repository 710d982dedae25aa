"""What a class of tasks may do around each try: handlers, called where the task runs."""

import logging
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from nbtasks.errors import Retry
from nbtasks.frames import own_traceback
from nbtasks.states import TaskState

logger = logging.getLogger(__name__)

_NAMES: Final = ("before_start", "on_success", "on_failure", "on_retry", "after_return")


@dataclass(frozen=True, slots=True)
class ExceptionInfo:
    """An exception, as handlers get it.

    Attributes:
        exception: The exception.
        traceback: It and where it was raised, in words.
    """

    exception: BaseException
    traceback: str

    @classmethod
    def of(cls, error: BaseException) -> "ExceptionInfo":
        """The same of an exception that was raised."""
        lines = traceback.format_exception(type(error), error, own_traceback(error))
        return cls(error, "".join(lines))

    @property
    def type(self) -> type[BaseException]:
        """Its class."""
        return type(self.exception)

    def __str__(self) -> str:
        return self.traceback


class Handlers:
    """What may be overridden in a class of tasks; none of it does anything by itself.

    They run where the task runs, before its end is told to anybody. What `before_start` raises
    fails the task; what the others raise is logged.
    """

    __slots__ = ()

    def before_start(self, task_id: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """A try is about to begin."""

    def on_success(
        self, retval: Any, task_id: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        """It has returned a value."""

    def on_failure(
        self,
        exc: BaseException,
        task_id: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        einfo: ExceptionInfo,
    ) -> None:
        """It has failed for good."""

    def on_retry(
        self,
        exc: BaseException,
        task_id: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        einfo: ExceptionInfo,
    ) -> None:
        """It has failed, and will be tried again."""

    def after_return(  # noqa: PLR0917 - Celery's
        self,
        status: str,
        retval: Any,
        task_id: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        einfo: ExceptionInfo | None,
    ) -> None:
        """It has ended, as SUCCESS with its value or as FAILURE with its exception."""


def has_handlers(kind: type) -> bool:
    """Whether a class of tasks overrides any."""
    return _has_handlers(kind)


@cache
def _has_handlers(kind: Any) -> bool:
    return any(getattr(kind, name, None) is not getattr(Handlers, name) for name in _NAMES)


@dataclass(frozen=True, slots=True)
class Told:
    """The handlers of one try of a task.

    Args:
        task: The task, as its function has it.
        task_id: Its id.
        args: What it is called with.
        kwargs: Likewise, by name.
    """

    task: Handlers
    task_id: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any]

    def begins(self) -> None:
        """It is about to be called; what is raised is an error of the task."""
        self.task.before_start(self.task_id, self.args, self.kwargs)

    def succeeded(self, value: Any) -> None:
        """It has returned, and its value can be sent."""
        call = self.task_id, self.args, self.kwargs
        self._call(self.task.on_success, value, *call)
        self._call(self.task.after_return, TaskState.SUCCESS, value, *call, None)

    def failed(
        self, error: BaseException, guard: AbstractContextManager[None], *, is_retried: bool
    ) -> None:
        """It has raised; inside of the guard it may be interrupted."""
        if isinstance(error, Retry) and error.args[1] is not None:
            error = error.args[1]
        call, info = (self.task_id, self.args, self.kwargs), ExceptionInfo.of(error)
        with guard:
            if is_retried:
                self._call(self.task.on_retry, error, *call, info)
                return
            self._call(self.task.on_failure, error, *call, info)
            self._call(self.task.after_return, TaskState.FAILURE, error, *call, info)

    def _call(self, handler: Callable[..., Any], *args: Any) -> None:
        try:
            handler(*args)
        except BaseException:
            name = getattr(handler, "__name__", "handler")
            logger.exception("%s of task %s failed", name, self.task_id)
