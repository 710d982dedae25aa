"""What a class of tasks may do around each try: handlers, called where the task runs."""

import logging
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final

from nbtasks.errors import Retry
from nbtasks.frames import own_traceback
from nbtasks.serializers import CellValue
from nbtasks.signals import (
    Signal,
    task_failure,
    task_postrun,
    task_prerun,
    task_retry,
    task_success,
)
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


@cache
def _has_handlers(kind: Any) -> bool:
    return any(getattr(kind, name, None) is not getattr(Handlers, name) for name in _NAMES)


def is_told(kind: type) -> bool:
    """Whether there is anybody to tell of a try of a task of this class."""
    return bool(
        task_prerun.receivers
        or task_postrun.receivers
        or task_success.receivers
        or task_failure.receivers
        or task_retry.receivers
        or _has_handlers(kind)
    )


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told of one try of a task: its own handlers, and whoever is connected to a signal.

    Args:
        task: The task, as its function has it.
        task_id: Its id.
        args: What it is called with.
        kwargs: Likewise, by name.
    """

    task: Any
    task_id: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any]

    def begins(self) -> None:
        """It is about to be called; what its handler raises is an error of the task."""
        if task_prerun.receivers:
            task_prerun.send(self.task, task=self.task, **self._call())
        self.task.before_start(self.task_id, self.args, self.kwargs)

    def succeeded(self, value: Any) -> None:
        """It has returned, and its value can be sent."""
        call, value = (self.task_id, self.args, self.kwargs), _plain(value)
        self._tell(self.task.on_success, value, *call)
        self._send(task_success, result=value)
        self._tell(self.task.after_return, TaskState.SUCCESS, value, *call, None)
        self._ended(TaskState.SUCCESS, value)

    def failed(
        self, error: BaseException, guard: AbstractContextManager[None], *, is_retried: bool
    ) -> None:
        """It has raised; inside of the guard it may be interrupted."""
        if isinstance(error, Retry) and error.args[1] is not None:
            error = error.args[1]
        call, info = (self.task_id, self.args, self.kwargs), ExceptionInfo.of(error)
        with guard:
            if is_retried:
                self._tell(self.task.on_retry, error, *call, info)
                if task_retry.receivers:
                    self._send(task_retry, request=self.task.request, reason=error, einfo=info)
                self._ended(TaskState.RETRY, error)
                return
            self._tell(self.task.on_failure, error, *call, info)
            self._send(
                task_failure,
                exception=error,
                traceback=error.__traceback__,
                einfo=info,
                **self._call(),
            )
            self._tell(self.task.after_return, TaskState.FAILURE, error, *call, info)
            self._ended(TaskState.FAILURE, error)

    def replaced(self) -> None:
        """Something else goes on in its place."""
        self._ended(TaskState.IGNORED, None)

    def _ended(self, state: str, value: Any) -> None:
        self._send(task_postrun, task=self.task, retval=value, state=state, **self._call())

    def _call(self) -> dict[str, Any]:
        return {"task_id": self.task_id, "args": self.args, "kwargs": self.kwargs}

    def _send(self, signal: Signal, **named: Any) -> None:
        if signal.receivers:
            self._tell(partial(signal.send, self.task, **named))

    def _tell(self, handler: Callable[..., Any], *args: Any) -> None:
        try:
            handler(*args)
        except BaseException:
            name = getattr(handler, "__name__", "receiver")
            logger.exception("%s of task %s failed", name, self.task_id)


def _plain(value: Any) -> Any:
    """What a cell or a function has returned."""
    return value.value if isinstance(value, CellValue) else value
