"""What becomes of tasks, and what is refused of them."""

from datetime import datetime, timedelta

from nbtasks.errors.base import NbTasksError


class TaskError(NbTasksError):
    """Something is wrong with one task."""


class UnknownEntry(NbTasksError, KeyError):
    """There is no schedule entry of that name.

    Args:
        name: What was asked for.
        hint: What there is.
    """

    def __init__(self, name: str, hint: str = "") -> None:
        super().__init__(name, hint)

    def __str__(self) -> str:
        return f"there is no schedule entry {self.args[0]!r}{self.args[1]}"


class UnknownTask(TaskError, LookupError):
    """No record of that id is stored.

    Args:
        task_id: The id that was asked for.
    """

    def __init__(self, task_id: str) -> None:
        super().__init__(task_id)

    def __str__(self) -> str:
        return (
            f"no task {self.args[0]!r} is stored: it was never sent to this Redis, or its record"
            " has expired"
        )


class Unsendable(TaskError):
    """An input, a function or a value cannot be pickled.

    Args:
        what: What was to be sent, for example ``argument 'lock' of fit``.
        kind: The type that cannot be pickled.
        reason: The pickler's own words.
        advice: What to do.
    """

    def __init__(self, what: str, kind: str, reason: str, advice: str = "") -> None:
        super().__init__(what, kind, reason, advice)

    def __str__(self) -> str:
        what, kind, reason, advice = self.args
        return f"cannot send {what} ({kind}): {reason}" + (f"; {advice}" if advice else "")


class TooBig(TaskError):
    """An input or a value is above the size limit.

    Args:
        what: What is too big.
        size: Its size in bytes.
        limit: The limit in bytes.
        option: The setting that raises the limit.
    """

    def __init__(self, what: str, size: int, limit: int, option: str) -> None:
        super().__init__(what, size, limit, option)

    def __str__(self) -> str:
        what, size, limit, option = self.args
        return (
            f"{what} is {size / 1e6:,.1f} MB, above the limit of {limit / 1e6:,.1f} MB: send a path"
            f" or load it inside the task, or raise {option}"
        )


class TooOld(TaskError):
    """A message was signed longer ago than is allowed.

    Args:
        what: What was refused, and by whom.
        seconds: How long ago; below 0 where it does not say when.
        limit: How long is allowed, in seconds.
    """

    def __init__(self, what: str, seconds: float, limit: float) -> None:
        super().__init__(what, seconds, limit)

    def __str__(self) -> str:
        what, seconds, limit = self.args
        when = f"it was signed {seconds:,.0f} s ago" if seconds >= 0 else "it does not say when"
        return (
            f"{what}: {when}, and max_age_ms allows {limit:,.0f} s. Submit it again; set the same"
            " max_age_ms on clients and workers, and look whether their clocks agree"
        )


class ContentRefused(TaskError):
    """A message has a form that this side does not take, so nothing of it was decoded.

    Args:
        what: What was refused, and by whom.
        form: What it is, for example ``pickle`` or ``encrypted``.
        advice: Why it is not taken here, and what to do.
    """

    def __init__(self, what: str, form: str, advice: str) -> None:
        super().__init__(what, form, advice)

    def __str__(self) -> str:
        what, form, advice = self.args
        return f"{what}: it is {form}, and that is not taken here: {advice}"


class NotRunning(TaskError):
    """A task was to be looked at while it runs, and it does not run.

    Args:
        task_id: Its id.
        state: Its state, or what is known of it.
    """

    def __init__(self, task_id: str, state: str) -> None:
        super().__init__(task_id, str(state))

    def __str__(self) -> str:
        task_id, state = self.args
        return f"task {task_id!r} does not run now ({state}): only what runs has a stack"


class TaskRevoked(TaskError):
    """The task was revoked or purged, or it expired, before it finished.

    Args:
        task_id: Whose.
        reason: ``revoked``, ``expired`` or ``purged``.
    """

    def __init__(self, task_id: str, reason: str = "revoked") -> None:
        super().__init__(task_id, reason)

    def __str__(self) -> str:
        return f"task {self.args[0]!r} was not finished: {self.args[1]}"


class TimeLimitExceeded(TaskError):
    """The task ran longer than its time limit, and its process was killed.

    Args:
        task_id: Whose.
        seconds: The limit.
    """

    def __init__(self, task_id: str, seconds: float) -> None:
        super().__init__(task_id, seconds)

    def __str__(self) -> str:
        return (
            f"task {self.args[0]!r} ran longer than its time limit of {self.args[1]:g} s, and was"
            " killed: make it shorter, or raise time_limit"
        )


class SoftTimeLimitExceeded(TaskError):
    """Raised inside a task that has run longer than its soft time limit, so that it can clean up.

    Args:
        task_id: Whose.
        seconds: The limit.
    """

    def __init__(self, task_id: str, seconds: float) -> None:
        super().__init__(task_id, seconds)

    def __str__(self) -> str:
        return (
            f"task {self.args[0]!r} ran longer than its soft time limit of {self.args[1]:g} s: make"
            " it shorter, or raise soft_time_limit"
        )


class Retry(TaskError):
    """Raised in a task to be tried again: `raise Retry(30)`, after 30 seconds.

    Args:
        delay: Seconds until then, or the moment; None for what the task's options say.
        error: What the task fails of where it may not be tried again; by default
            `MaxRetriesExceededError`.
        max_retries: How often it may be tried again; None for what its options say.
    """

    def __init__(
        self,
        delay: float | timedelta | datetime | None = None,
        error: BaseException | None = None,
        max_retries: int | None = None,
    ) -> None:
        super().__init__(delay, error, max_retries)

    def __str__(self) -> str:
        delay, error, _ = self.args
        when = "" if delay is None else f" at {delay}" if isinstance(delay, datetime) else ""
        if delay is not None and not when:
            when = f" in {delay}" if isinstance(delay, timedelta) else f" in {delay} s"
        return f"the task is to be tried again{when}" + (f": {error!r}" if error else "")


class MaxRetriesExceededError(TaskError):
    """A task that asks to be tried again was, as often as is allowed.

    Args:
        task_id: Whose.
        retries: How often that is.
    """

    def __init__(self, task_id: str, retries: int) -> None:
        super().__init__(task_id, retries)

    def __str__(self) -> str:
        return (
            f"task {self.args[0]!r} asks to be tried again, and was {self.args[1]} times already:"
            " raise max_retries, or let it fail of something else"
        )


class WorkerLost(TaskError):
    """The process that ran the task died, as often as is allowed.

    Args:
        task_id: Whose.
        reason: What was seen, for example ``its process died 3 times (signal 9)``.
    """

    def __init__(self, task_id: str, reason: str) -> None:
        super().__init__(task_id, reason)

    def __str__(self) -> str:
        return (
            f"task {self.args[0]!r} is given up: {self.args[1]}. A crash in native code, too little"
            " memory (signal 9) or os._exit are the usual causes"
        )


class ChordError(TaskError):
    """A task was not run, because one of the group before it did not succeed.

    Its ``__cause__`` is what ended that one, and what ``get()`` raises.

    Args:
        task_id: The task of the group that failed first.
        reason: What ended it, in words; empty where this client does not know.
    """

    def __init__(self, task_id: str, reason: str = "") -> None:
        super().__init__(task_id, reason)

    def __str__(self) -> str:
        reason = f" {self.args[1]}" if self.args[1] else " an error"
        return f"Dependency {self.args[0]} raised{reason}"


class VersionMismatch(TaskError):
    """A function pickled on one Python cannot be loaded on another.

    Args:
        task_id: Whose.
        sent: The Python version it was pickled on.
        found: The versions of the workers that are there.
    """

    def __init__(self, task_id: str, sent: str, found: str) -> None:
        super().__init__(task_id, sent, found)

    def __str__(self) -> str:
        task_id, sent, found = self.args
        return (
            f"task {task_id!r} was pickled on Python {sent}, but the workers of its queue run"
            f" {found}: start a worker with Python {sent}, put the function in a module that both"
            " sides import, or use a %%task cell, which travels as source"
        )


class BadSignature(TaskError):
    """A message or a result is not signed by our key, so it was not unpickled.

    Args:
        what: What was refused, and by whom.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)

    def __str__(self) -> str:
        return (
            f"{self.args[0]}: it is not signed by this side's key. Give every client and worker the"
            " same NBTASKS_KEY (or NBTASKS_KEY_FILE); otherwise somebody else writes to this Redis"
        )


class RemoteError(TaskError):
    """A task's exception that could not be brought here as an object.

    Args:
        type_name: The name of its class on the worker.
        text: Its text.
        traceback: Its formatted traceback.
    """

    def __init__(self, type_name: str, text: str, traceback: str = "") -> None:
        super().__init__(type_name, text, traceback)

    def __str__(self) -> str:
        return f"{self.args[0]}: {self.args[1]}" if self.args[1] else str(self.args[0])
