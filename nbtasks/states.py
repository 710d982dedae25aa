"""The life of a task: the only place that says which states there are and which end it.

    PENDING ──> STARTED ──> SUCCESS
       ^           │  ├───> FAILURE
       │           │  └───> RETRY ──> STARTED
       └───────────┘ (its worker was lost)          any unfinished state ──> REVOKED
    waiting ──> PENDING, FAILURE, IGNORED           FAILURE ──> PENDING (queued again on request)

Redis keeps one byte a member. Lower case is unfinished, upper case is finished, so the Lua scripts
and Python judge by the same rule (`is_finished`). PROGRESS is STARTED with a progress report.
WAITING is PENDING for tasks before it in a canvas; it is IGNORED where it turns out not to be
needed, as an errback is after a success.
"""

from enum import StrEnum


class TaskState(StrEnum):
    """A state, by Celery's name for it."""

    PENDING = "PENDING"
    STARTED = "STARTED"
    PROGRESS = "PROGRESS"
    RETRY = "RETRY"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    REVOKED = "REVOKED"
    IGNORED = "IGNORED"


PENDING = ord("p")
WAITING = ord("w")
STARTED = ord("s")
RETRY = ord("r")
SUCCESS = ord("S")
FAILURE = ord("F")
REVOKED = ord("R")
IGNORED = ord("I")

STATES: dict[int, TaskState] = {
    PENDING: TaskState.PENDING,
    WAITING: TaskState.PENDING,
    STARTED: TaskState.STARTED,
    RETRY: TaskState.RETRY,
    SUCCESS: TaskState.SUCCESS,
    FAILURE: TaskState.FAILURE,
    REVOKED: TaskState.REVOKED,
    IGNORED: TaskState.IGNORED,
}

_FIRST_UNFINISHED = ord("a")


def is_finished(code: int) -> bool:
    """Whether a state byte is an end: only a request to queue it again changes it."""
    return code < _FIRST_UNFINISHED
