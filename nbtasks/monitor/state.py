"""A model of tasks and workers in memory, made of events (pure)."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from nbtasks.states import TaskState

Event = Mapping[str, Any]

ALIVE_S: Final = 60.0
"""A worker that was heard of within this time, by the newest event of all, counts as alive."""

STATES: Final = {
    "task-sent": TaskState.PENDING,
    "task-received": "RECEIVED",
    "task-started": TaskState.STARTED,
    "task-progress": TaskState.PROGRESS,
    "task-succeeded": TaskState.SUCCESS,
    "task-failed": TaskState.FAILURE,
    "task-retried": TaskState.RETRY,
    "task-revoked": TaskState.REVOKED,
    "task-rejected": TaskState.PENDING,
    "task-requeued": TaskState.PENDING,
    "task-ignored": TaskState.IGNORED,
}
"""Types of events, and the state that a task is in behind them."""

_READY: Final = frozenset((
    TaskState.SUCCESS, TaskState.FAILURE, TaskState.REVOKED, TaskState.IGNORED,
))  # fmt: skip
_INFO: Final = (
    "args", "kwargs", "retries", "result", "eta", "runtime", "expires", "exception", "exchange",
    "routing_key", "root_id", "parent_id",
)  # fmt: skip
_FIELDS: Final = (
    "name", *_INFO, "traceback", "queue", "priority", "current", "total", "message", "meta",
    "reason", "terminated", "signum", "expired",
)  # fmt: skip
_TIMES: Final = (
    "sent", "received", "started", "succeeded", "failed", "retried", "revoked", "rejected",
)  # fmt: skip
_OF_WORKER: Final = (
    "pid", "freq", "active", "processed", "loadavg", "sw_ident", "sw_ver", "sw_sys", "host",
    "queues", "concurrency",
)  # fmt: skip

_T = TypeVar("_T")


class Task:
    """What events have told of a task; what none has told is None.

    Attributes:
        uuid: Its id.
        name: The name.
        state: As in `AsyncResult.state`.
        worker: Where it is or was; None where it has not been anywhere.
        timestamp: Of the newest event, in s.
    """

    def __init__(self, uuid: str) -> None:
        self.uuid = uuid
        self.state: str = TaskState.PENDING
        self.worker: Worker | None = None
        self.timestamp = 0.0
        for name in (*_FIELDS, *_TIMES):
            setattr(self, name, None)

    def __repr__(self) -> str:
        return f"<Task: {self.__dict__.get('name')}({self.uuid}) {self.state}>"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"events tell no {name!r} of a task")

    @property
    def id(self) -> str:
        """The same as `uuid`."""
        return self.uuid

    @property
    def ready(self) -> bool:
        """Whether it has ended."""
        return self.state in _READY

    def event(self, event: Event, worker: "Worker | None") -> None:
        """Take in what an event tells."""
        kind = str(event["type"])
        self.timestamp = max(self.timestamp, float(event["timestamp"]))
        self.worker = worker or self.worker
        if kind in STATES:
            self.state = event.get("state") or STATES[kind]
        if (time := kind.removeprefix("task-")) in _TIMES:
            setattr(self, time, event["timestamp"])
        for name in _FIELDS:
            if event.get(name) is not None:
                setattr(self, name, event[name])

    def info(self, fields: Sequence[str] | None = None) -> dict[str, Any]:
        """What is known of these fields; by default of all that say something of the call."""
        found = {name: getattr(self, name, None) for name in fields or _INFO}
        return {name: value for name, value in found.items() if value is not None}

    def as_dict(self) -> dict[str, Any]:
        """All that is known of it."""
        found = {name: value for name, value in vars(self).items() if value is not None}
        return {**found, "worker": self.worker.hostname if self.worker is not None else None}


class Worker:
    """What events have told of a worker.

    Attributes:
        hostname: Its name.
        heartbeat: When it was heard of last, in s.
        is_online: False once it has said that it goes.
    """

    def __init__(self, hostname: str) -> None:
        self.hostname = hostname
        self.heartbeat = 0.0
        self.is_online = True
        self.newest: Callable[[], float] = lambda: self.heartbeat
        for name in _OF_WORKER:
            setattr(self, name, None)

    def __repr__(self) -> str:
        return f"<Worker: {self.hostname} ({self.status_string})>"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"events tell no {name!r} of a worker")

    @property
    def alive(self) -> bool:
        """Whether it was heard of a short while ago."""
        return self.is_online and self.newest() - self.heartbeat < ALIVE_S

    @property
    def status_string(self) -> str:
        """`ONLINE` or `OFFLINE`."""
        return "ONLINE" if self.alive else "OFFLINE"

    def event(self, event: Event) -> None:
        """Take in what an event tells, be it of one of its tasks."""
        self.heartbeat = max(self.heartbeat, float(event["timestamp"]))
        kind = str(event["type"])
        if kind.startswith("worker-"):
            self.is_online = kind != "worker-offline"
        for name in _OF_WORKER:
            if kind.startswith("worker-") and event.get(name) is not None:
                setattr(self, name, event[name])


class State:
    """What tasks and workers there are, as the events say that it was given.

    Attributes:
        tasks: By their ids, those that were heard of last behind the others.
        workers: By their names.
        event_count: How many events it was given.
        task_count: How many of them were the first of a task.
    """

    def __init__(
        self,
        callback: Callable[["State", Any], Any] | None = None,
        *,
        max_tasks_in_memory: int,
        max_workers_in_memory: int,
    ) -> None:
        self.tasks: OrderedDict[str, Task] = OrderedDict()
        self.workers: OrderedDict[str, Worker] = OrderedDict()
        self.event_count = self.task_count = 0
        self._callback = callback
        self._most = max_tasks_in_memory, max_workers_in_memory
        self._newest = 0.0

    def event(self, event: Event) -> None:
        """Take in an event."""
        self.event_count += 1
        self._newest = max(self._newest, float(event["timestamp"]))
        hostname, worker = str(event.get("hostname") or ""), None
        # A task is sent by a client, which is no worker.
        if hostname and event["type"] != "task-sent":
            worker = _kept(self.workers, hostname, self._new_worker, self._most[1])
            worker.event(event)
        if (uuid := event.get("uuid")) is not None:
            self.task_count += uuid not in self.tasks
            task = _kept(self.tasks, str(uuid), Task, self._most[0])
            task.event(event, worker)
        if self._callback is not None:
            self._callback(self, event)

    def task_types(self) -> list[str]:
        """The names of tasks."""
        return sorted({task.name for task in self.tasks.values() if task.name})

    def tasks_by_time(self, limit: int | None = None) -> Iterator[tuple[str, Task]]:
        """Tasks and their ids, those that were heard of last first."""
        for at, uuid in enumerate(reversed(self.tasks)):
            if limit is not None and at >= limit:
                return
            yield uuid, self.tasks[uuid]

    def tasks_by_type(self, name: str, limit: int | None = None) -> Iterator[tuple[str, Task]]:
        """The same of those of a name."""
        return self._limited(lambda task: task.name == name, limit)

    def tasks_by_worker(
        self, hostname: str, limit: int | None = None
    ) -> Iterator[tuple[str, Task]]:
        """The same of those that are or were on a worker."""
        return self._limited(
            lambda task: task.worker is not None and task.worker.hostname == hostname, limit
        )

    def alive_workers(self) -> Iterator[Worker]:
        """The workers that are there."""
        return (worker for worker in self.workers.values() if worker.alive)

    def clear(self, *, ready: bool = True) -> None:
        """Forget all tasks; with `ready=False` only those that have ended."""
        for uuid in [uuid for uuid, task in self.tasks.items() if ready or task.ready]:
            del self.tasks[uuid]

    def _limited(
        self, wanted: Callable[[Task], bool], limit: int | None
    ) -> Iterator[tuple[str, Task]]:
        left = len(self.tasks) if limit is None else limit
        for uuid, task in self.tasks_by_time():
            if left <= 0:
                return
            if wanted(task):
                left -= 1
                yield uuid, task

    def _new_worker(self, hostname: str) -> Worker:
        worker = Worker(hostname)
        worker.newest = lambda: self._newest
        return worker


def _kept(found: OrderedDict[str, _T], key: str, make: Callable[[str], _T], most: int) -> _T:
    """What stands under a key, now behind all others; the first goes if there are too many."""
    if key not in found:
        found[key] = make(key)
        if len(found) > most:
            found.popitem(last=False)
    found.move_to_end(key)
    return found[key]
