"""What all errors of nbtasks are, and those that belong to no room."""


class NbTasksError(Exception):
    """The root of every error that nbtasks raises on purpose."""


class ConfigError(NbTasksError, ValueError):
    """A setting, an option or a key is missing or wrong."""


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
