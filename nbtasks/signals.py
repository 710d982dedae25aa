"""Signals: what a program may be told of as it happens, in the process where it happens.

They have Celery's names, senders and arguments. A receiver is called at once and in place, so it
should be quick; what it raises is logged, and stops nothing else. Where nobody listens, a signal
costs a look at an empty tuple.
"""

import inspect
import logging
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast, overload

from nbtasks.errors import ConfigError, SoftTimeLimitExceeded

logger = logging.getLogger(__name__)

Receiver = Callable[..., Any]
_Find = Callable[[], Receiver | None]

_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class _Connected:
    """A receiver, and whom it wants to hear."""

    find: _Find
    sender: Any
    uid: object


class Signal:
    """Something that receivers may be connected to.

    Args:
        name: What it is called.

    Attributes:
        receivers: Who is connected; empty where nobody is.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.receivers: tuple[_Connected, ...] = ()

    def __repr__(self) -> str:
        return f"<Signal {self.name or hex(id(self))}>"

    @overload
    def connect(
        self, receiver: Receiver, sender: Any = None, *, weak: bool = True, dispatch_uid: Any = None
    ) -> Receiver: ...
    @overload
    def connect(
        self,
        receiver: None = None,
        sender: Any = None,
        *,
        weak: bool = True,
        dispatch_uid: Any = None,
    ) -> Callable[[Receiver], Receiver]: ...
    def connect(
        self,
        receiver: Receiver | None = None,
        sender: Any = None,
        *,
        weak: bool = True,
        dispatch_uid: Any = None,
    ) -> Any:
        """Have a function called whenever this is sent: `@task_failure.connect`.

        Args:
            receiver: The function; it must take `**kwargs`, since later versions may tell more.
            sender: Whom to hear alone: a task or its name, a worker's name; None for all.
            weak: Whether the function may go as soon as nothing else holds it, as one that was
                made inside of another function.
            dispatch_uid: A name for it: where one of this name is connected already, it takes the
                place of that.

        Raises:
            ConfigError: It is no function, does not take `**kwargs`, or is a coroutine function.
        """
        if receiver is None:
            return partial(self.connect, sender=sender, weak=weak, dispatch_uid=dispatch_uid)
        _check(self.name, receiver)
        uid = _key(receiver) if dispatch_uid is None else dispatch_uid
        entry = _Connected(_finder(receiver, is_weak=weak), sender, uid)
        with _lock:
            self.receivers = (*self._without(uid, sender), entry)
        return receiver

    def disconnect(
        self, receiver: Receiver | None = None, sender: Any = None, *, dispatch_uid: Any = None
    ) -> bool:
        """Call a function no more; whether it was connected, for this sender."""
        uid = _key(receiver) if dispatch_uid is None else dispatch_uid
        with _lock:
            before, self.receivers = self.receivers, self._without(uid, sender)
        return len(before) > len(self.receivers)

    def has_listeners(self, sender: Any = None) -> bool:
        """Whether anybody hears what is sent by this sender."""
        return any(_hears(entry, sender) and entry.find() for entry in self.receivers)

    def send(self, sender: Any = None, **named: Any) -> list[tuple[Receiver, Any]]:
        """Call who is connected.

        Args:
            sender: Whose signal it is.
            **named: What is told.

        Returns:
            Each receiver, and what it has returned or raised.
        """
        answers: list[tuple[Receiver, Any]] = []
        for entry in self.receivers:
            if not _hears(entry, sender):
                continue
            receiver = entry.find()
            if receiver is None:
                self._forget(entry)
                continue
            try:
                answer = receiver(signal=self, sender=sender, **named)
            except SoftTimeLimitExceeded:
                raise  # it is meant for the task
            except Exception as error:
                logger.exception("receiver %s of signal %s failed", _words(receiver), self.name)
                answer = error
            answers.append((receiver, answer))
        return answers

    def _without(self, uid: object, sender: Any) -> tuple[_Connected, ...]:
        wanted = _name(sender)
        return tuple(
            entry
            for entry in self.receivers
            if not (entry.uid == uid and _is_same(_name(entry.sender), wanted))
        )

    def _forget(self, gone: _Connected) -> None:
        with _lock:
            self.receivers = tuple(entry for entry in self.receivers if entry is not gone)


def _check(name: str, receiver: object) -> None:
    what = f"receiver {_words(receiver)} of signal {name or 'of your own'}"
    if not callable(receiver):
        raise ConfigError(f"{receiver!r} is no function: only functions can receive {name}")
    if inspect.iscoroutinefunction(receiver):
        raise ConfigError(f"{what} is a coroutine function, and nobody would await it")
    try:
        parameters = inspect.signature(receiver).parameters.values()
    except (TypeError, ValueError):  # one of C says nothing
        return
    if not any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters):
        raise ConfigError(f"{what} must take **kwargs, since later versions may tell more")


def _finder(receiver: Receiver, *, is_weak: bool) -> _Find:
    if not is_weak:
        return lambda: receiver
    if inspect.ismethod(receiver):
        return cast("_Find", weakref.WeakMethod(receiver))
    return weakref.ref(receiver)


def _key(receiver: Receiver | None) -> object:
    """What makes a receiver that one: a bound method is made anew at each look."""
    if inspect.ismethod(receiver):
        return id(receiver.__self__), id(receiver.__func__)
    return id(receiver)


def _hears(entry: _Connected, sender: Any) -> bool:
    return entry.sender is None or _is_same(_name(entry.sender), _name(sender))


def _name(sender: Any) -> Any:
    """What a sender is known by: a task is another object in each process, its name is the same."""
    name = getattr(sender, "name", None)
    return name if isinstance(name, str) else sender


def _is_same(one: Any, other: Any) -> bool:
    return one is other or (isinstance(one, str) and isinstance(other, str) and one == other)


def _words(receiver: object) -> str:
    return str(getattr(receiver, "__qualname__", None) or repr(receiver))


before_task_publish: Final = Signal("before_task_publish")
after_task_publish: Final = Signal("after_task_publish")

task_prerun: Final = Signal("task_prerun")
task_postrun: Final = Signal("task_postrun")
task_success: Final = Signal("task_success")
task_failure: Final = Signal("task_failure")
task_retry: Final = Signal("task_retry")
task_internal_error: Final = Signal("task_internal_error")
task_rejected: Final = Signal("task_rejected")
task_unknown: Final = Signal("task_unknown")
task_received: Final = Signal("task_received")
task_revoked: Final = Signal("task_revoked")

celeryd_init: Final = Signal("celeryd_init")
setup_logging: Final = Signal("setup_logging")
after_setup_logger: Final = Signal("after_setup_logger")
after_setup_task_logger: Final = Signal("after_setup_task_logger")

import_modules: Final = Signal("import_modules")
worker_init: Final = Signal("worker_init")
worker_ready: Final = Signal("worker_ready")
worker_shutting_down: Final = Signal("worker_shutting_down")
worker_shutdown: Final = Signal("worker_shutdown")
heartbeat_sent: Final = Signal("heartbeat_sent")
worker_process_init: Final = Signal("worker_process_init")
worker_process_shutdown: Final = Signal("worker_process_shutdown")

beat_init: Final = Signal("beat_init")
beat_embedded_init: Final = Signal("beat_embedded_init")

__all__ = [
    "Signal",
    "after_setup_logger",
    "after_setup_task_logger",
    "after_task_publish",
    "beat_embedded_init",
    "beat_init",
    "before_task_publish",
    "celeryd_init",
    "heartbeat_sent",
    "import_modules",
    "setup_logging",
    "task_failure",
    "task_internal_error",
    "task_postrun",
    "task_prerun",
    "task_received",
    "task_rejected",
    "task_retry",
    "task_revoked",
    "task_success",
    "task_unknown",
    "worker_init",
    "worker_process_init",
    "worker_process_shutdown",
    "worker_ready",
    "worker_shutdown",
    "worker_shutting_down",
]
