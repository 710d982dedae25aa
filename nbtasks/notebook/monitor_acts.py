"""What the buttons of a monitor do: to queues, tasks, their limits, and workers. On any thread."""

from collections.abc import Mapping
from typing import Any, Final

from nbtasks.app import App
from nbtasks.clock import SystemClock
from nbtasks.monitor.control import Control
from nbtasks.notebook.listing import count_of
from nbtasks.orders import PING, POOL_GROW, POOL_SHRINK, SHUTDOWN

ACTS: Final = ("pause", "resume", "purge", "limit", "revoke", "ping", "grow", "shrink", "drain")
ANSWER_S: Final = 2.0
"""How long a worker is waited for."""

_ORDERS: Final = {"ping": PING, "grow": POOL_GROW, "shrink": POOL_SHRINK, "drain": SHUTDOWN}
_GIVEN: Final = {"grow": {"n": 1}, "shrink": {"n": 1}}


def act(app: App, content: Mapping[str, Any]) -> str | None:
    """Do what a click asks for.

    Args:
        app: On which app.
        content: What is asked for: `t`, and of whom or what.

    Returns:
        What there is to say of it; None where nothing of that kind can be asked for.

    Raises:
        NbTasksError: It cannot be done.
    """
    control = app.control
    said = ""
    match content:
        case {"t": "pause", "queue": str(queue)}:
            control.pause(queue)
        case {"t": "resume", "queue": str(queue)}:
            control.resume(queue)
        case {"t": "purge", "queue": str(queue)}:
            said = f"{count_of(control.purge(queue), 'task')} ended in {queue}"
        case {"t": "pause", "task": str(task)}:
            control.pause(task=task)
        case {"t": "resume", "task": str(task)}:
            control.resume(task=task)
        case {"t": "limit", "task": str(task), "rate": str(rate)}:
            control.rate_limit(task, rate.strip() or None)
        case {"t": "revoke", "task_id": str(task_id)}:
            ended = control.revoke(task_id, terminate=True)
            said = "" if ended else "it had ended already"
        case {"t": str(what), "worker": str(worker)} if what in _ORDERS:
            said = _order(control, what, worker)
        case _:
            return None
    return said


def _order(control: Control, what: str, worker: str) -> str:
    """Tell a worker what to do; its answer in words."""
    began = SystemClock().tick_ms()
    answers = control.broadcast(
        _ORDERS[what], _GIVEN.get(what), worker, reply=True, timeout=ANSWER_S
    )
    short = worker.partition("@")[0]
    for answer in answers:
        if "error" in answer.get(worker, {}):
            return f"{short}: {answer[worker]['error']}"
        if what == "ping":
            return f"{short} answered in {SystemClock().tick_ms() - began:.0f} ms"
        return ""
    return f"{short} has not answered within {ANSWER_S:.0f} s"
