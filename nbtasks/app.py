"""The app: settings, connection, code cache and tasks of one program or notebook."""

import threading
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, ParamSpec, TypeVar, overload

from nbtasks import embedded
from nbtasks.canvas import Batch, Call, Plan
from nbtasks.clock import Clock, SystemClock
from nbtasks.config import ENV_KEY, ENV_KEY_FILE, Config, from_environment
from nbtasks.errors import BadSignature, ConfigError, TaskRevoked, TooBig, UnknownTask, Unsendable
from nbtasks.events import EventStream, apply_snapshot
from nbtasks.failure import read_exception, system_failure
from nbtasks.functions import Code, FunctionCache
from nbtasks.live import LiveRecord
from nbtasks.record import Header, Record, check_name, new_id, split_id
from nbtasks.result import AsyncResult, GroupResult
from nbtasks.serializers import PYTHON_TAG, culprit, decode, encode
from nbtasks.signing import SYSTEM, Seal, Signer
from nbtasks.states import REVOKED, SUCCESS
from nbtasks.store.fleet import WorkerFacts, live_workers
from nbtasks.store.store import Store
from nbtasks.task import Task, TaskOptions, duration_ms, merge_options, retry_policy, set_sender

P = ParamSpec("P")
R = TypeVar("R")

FLEET_CHECK_MS = 30_000.0


class NoWorkerWarning(UserWarning):
    """A task was sent, but no live worker can take it now: it waits."""


class App:
    """Tasks, and the Redis they go to.

    Args:
        name: The app; only clients and workers of the same name see each other.
        broker: URL of the Redis; by default NBTASKS_URL, else the embedded server.
        key: The signing key, as text or bytes; by default NBTASKS_KEY or NBTASKS_KEY_FILE, else the
            embedded server's own.
        **settings: Any other field of `nbtasks.config.Config`.

    Raises:
        ConfigError: A setting is unknown or wrong.
    """

    def __init__(
        self, name: str = "main", *, broker: str = "", key: str | bytes = b"", **settings: Any
    ) -> None:
        base = from_environment()
        secret = key.encode() if isinstance(key, str) else key
        settings = {**settings, "name": name, "url": broker or base.url, "key": secret or base.key}
        self.config = base.with_settings(settings)
        self.clock: Clock = SystemClock()
        self.revoke_on_interrupt = False
        self.on_waited: Callable[[Sequence[LiveRecord]], None] | None = None
        self._functions = FunctionCache()
        self._connection: Connection | None = None
        self._lock = threading.RLock()
        self._fleet_checked: dict[tuple[str, str], float] = {}
        set_current_app(self)

    @classmethod
    def from_config(cls, config: Config) -> "App":
        """An app with just these settings."""
        app = cls(config.name, broker=config.url, key=config.key)
        app.config = config
        return app

    def __repr__(self) -> str:
        return f"<App {self.config.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        # A task that mentions its app finds the worker's: settings and keys never travel.
        return current_app, ()

    # Connection

    @property
    def connection(self) -> "Connection":
        """Store, signer and events; made when first asked for.

        Raises:
            NoServer: There is no URL, and no server can be started.
            StoreUnavailable: Nobody answers at the URL.
            ConfigError: There is a URL, but no key.
        """
        with self._lock:
            if self._connection is None:
                self._connection = Connection.open(self.config, self.clock)
            return self._connection

    @property
    def is_connected(self) -> bool:
        """Whether `connection` was made."""
        return self._connection is not None

    @property
    def store(self) -> Store:
        """The store."""
        return self.connection.store

    @property
    def events(self) -> EventStream:
        """This client's events."""
        return self.connection.events

    def close(self) -> None:
        """Close the connection; the next use opens it again. Results made before stay as they are."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def workers(self) -> list[WorkerFacts]:
        """The live workers."""
        return live_workers(self.store)

    # Tasks

    @overload
    def task(self, function: Callable[P, R], /) -> Task[P, R]: ...
    @overload
    def task(self, **options: Any) -> Callable[[Callable[..., R]], Task[..., R]]: ...
    def task(self, function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        """Make a function a task: `@app.task`, or `@app.task(queue="gpu", max_retries=3)`.

        Args:
            function: The function.
            **options: `name` (default: the function's), `bind` (the function gets a `TaskContext`
                first), `queue`, `priority` 0-9, `expires` seconds, `max_retries`,
                `default_retry_delay` seconds, `autoretry_for` exception classes, `retry_backoff`,
                `retry_backoff_max` seconds, `retry_jitter`, `max_deliveries`. With `max_retries` and
                no `autoretry_for`, every `Exception` is retried.

        Raises:
            ConfigError: An option has a wrong value.
            TypeError: There is no such option.
        """
        if function is None:
            return partial(self._make_task, **options)
        return self._make_task(function, **options)

    def map(
        self, function: "Callable[..., R] | Task[..., R]", items: Iterable[Any], **options: Any
    ) -> GroupResult[R]:
        """Run a function or task on workers once for each item.

        Args:
            function: What to run.
            items: The first argument of each call.
            **options: As in `Task.apply_async`, for all.
        """
        task = function if isinstance(function, Task) else self._make_task(function)
        return task.map_async(items, **options)

    def AsyncResult(self, task_id: str) -> AsyncResult[Any]:  # noqa: N802 - Celery's name
        """A handle on a task by its id, from any client of the app.

        Raises:
            UnknownTask: No such task is stored.
        """
        for rid, index in ((task_id, 0), split_id(task_id) or ("", 0)):
            record = self._attach(rid) if rid else None
            if record is not None and index < record.n:
                return AsyncResult(self, record, index)
        raise UnknownTask(task_id)

    def send(self, plan: Plan) -> GroupResult[Any]:
        """Submit a plan: one record for each batch, in a few round trips each."""
        return GroupResult(self, [self.send_batch(batch) for batch in plan.batches])

    def send_batch(self, batch: Batch) -> LiveRecord:
        """Submit calls of one task as one record."""
        task = batch.task
        assert isinstance(task, Task)
        for args, kwargs in batch.calls:
            task.check_arguments(args, kwargs)
        code = self._functions.code(task.function, task.name, bind=task.options.bind)
        record = self.send_code(
            code, task.name, batch.calls, base=task.options, call=batch.options, task=task
        )
        record.labels = list(batch.labels) if batch.labels is not None else None
        return record

    def send_code(
        self,
        code: Code,
        name: str,
        calls: Sequence[Call],
        *,
        base: TaskOptions,
        call: Mapping[str, Any],
        task: "Task[..., Any] | None" = None,
    ) -> LiveRecord:
        """Submit calls of some code (a function or a notebook cell) as one record.

        Raises:
            ConfigError: An option has a wrong value.
            Unsendable: An argument cannot be pickled; the message names it.
            TooBig: An argument or the code is above `max_input`.
            StoreUnavailable: Redis does not answer.
        """
        options, delay_ms = merge_options(base, call, datetime.now(UTC))  # noqa: TID251 - eta is a date
        rid = check_name(call["task_id"], "task_id") if call.get("task_id") else new_id()
        connection = self.connection
        self._check_size(f"the code of {name!r}, with what it captures", len(code.blob))
        payloads, python = self._encode_calls(calls, name, task)
        header = Header(
            task=name,
            code=code.hash,
            python=code.python or python,
            fresh=code.fresh,
            key_id=connection.signer.key_id,
            retry=options.retry,
        )
        encoded = header.encode()
        seal = connection.signer.arguments(rid, encoded).seal
        record = Record(
            rid=rid,
            header=encoded,
            python=header.python,
            code=code.hash,
            name=name,
            queue=options.queue or self.config.default_queue,
            bodies=[seal(index, payload) for index, payload in enumerate(payloads)],
            priority=options.priority,
            delay_ms=delay_ms,
            expires_ms=options.expires_ms,
            keep_ms=self.config.result_expires_ms,
            max_deliveries=options.max_deliveries or self.config.max_deliveries,
        )
        live = LiveRecord(rid, len(calls), name, record.queue, self.clock.wall_ms())
        connection.events.follow(live)
        connection.store.submit(record, lambda: connection.signer.code().seal(0, code.blob))
        self._warn_without_worker(record.queue, record.python)
        return live

    # What results ask for (ResultSource)

    def check(self) -> None:
        """Raise StoreUnavailable where Redis is out of reach for too long."""
        self.events.check()

    def values(self, record: LiveRecord, indices: Sequence[int]) -> list[Any]:
        """The values of finished members; an exception object where one failed.

        Raises:
            BadSignature: A value is not signed by our key.
            UnknownTask: A value is no longer stored.
        """
        bodies = record.bodies
        missing = [index for index in indices if index not in bodies]
        if missing:
            states = bytes(record.states[index] for index in missing)
            fetched = self.store.bodies(record.rid, missing, states)
            bodies = {**bodies, **dict(zip(missing, fetched, strict=True))}
        seal = self.connection.signer.results(record.rid)
        return [self._open(record, index, bodies[index], seal) for index in indices]

    def revoke(self, record: LiveRecord, start: int, stop: int, *, terminate: bool) -> int:
        """End members that have not finished; returns how many."""
        return self.store.revoke(record.rid, start, stop, terminate=terminate)

    def forget(self, record: LiveRecord) -> bool:
        """Remove a finished record; False where a member has not finished."""
        return self.store.forget(record.rid)

    def log(self, record: LiveRecord, index: int) -> str:
        """What a member wrote to stdout and stderr so far."""
        return "".join(
            part.text for part in self.store.log(record.rid, index) if part.stream != "value"
        )

    def waited(self, records: Sequence[LiveRecord]) -> None:
        """A blocking wait for these records has ended."""
        if self.on_waited is not None:
            self.on_waited(records)

    # Inside

    def _make_task(
        self,
        function: Callable[..., R],
        /,
        *,
        name: str = "",
        bind: bool = False,
        queue: str = "",
        priority: int = 0,
        expires: float | None = None,
        max_retries: int | None = None,
        default_retry_delay: float | None = None,
        autoretry_for: Iterable[type[BaseException]] = (),
        retry_backoff: bool = False,
        retry_backoff_max: float | None = None,
        retry_jitter: bool = False,
        max_deliveries: int = 0,
    ) -> Task[..., R]:
        if not callable(function):
            raise ConfigError(f"{function!r} is not a function: only functions can be tasks")
        options = TaskOptions(
            queue=queue,
            priority=priority,
            retry=retry_policy(
                max_retries=max_retries,
                retry_delay=default_retry_delay,
                backoff=retry_backoff,
                backoff_max=retry_backoff_max,
                jitter=retry_jitter,
                retry_on=autoretry_for,
            ),
            expires_ms=0 if expires is None else max(1, duration_ms(expires, "expires")),
            max_deliveries=max_deliveries,
            bind=bind,
        )
        return Task(self, function, name or _default_name(function), options)

    def _encode_calls(
        self, calls: Sequence[Call], name: str, task: "Task[..., Any] | None"
    ) -> tuple[list[bytes], str]:
        """The payload of each call, and the Python they need, if they need one."""
        payloads: list[bytes] = []
        python = ""
        for args, kwargs in calls:
            try:
                payload, is_portable = encode(
                    (tuple(args), dict(kwargs)), f"the arguments of {name!r}"
                )
            except Unsendable as error:
                raise _name_culprit(error, name, task, args, kwargs) from error
            if not is_portable:
                python = PYTHON_TAG
            if len(payload) > self.config.max_input:
                self._check_each(name, task, args, kwargs)
                self._check_size(f"the arguments of {name!r}", len(payload))
            payloads.append(payload)
        return payloads, python

    def _check_each(
        self,
        name: str,
        task: "Task[..., Any] | None",
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> None:
        for argument, value in _named(task, args, kwargs).items():
            self._check_size(f"argument {argument!r} of {name!r}", len(encode(value, argument)[0]))

    def _check_size(self, what: str, size: int) -> None:
        if size > self.config.max_input:
            raise TooBig(what, size, self.config.max_input, "max_input")

    def _open(self, record: LiveRecord, index: int, body: bytes | None, seal: Seal) -> Any:
        task_id = record.task_id(index)
        state = record.states[index]
        if body is None:
            if state == REVOKED:
                return TaskRevoked(task_id)
            raise UnknownTask(task_id)
        if body[:1] == SYSTEM and state != SUCCESS:
            return system_failure(body, task_id)
        payload = seal.open(
            index, body, f"the result of task {record.name!r} ({task_id}) is refused"
        )
        return decode(payload) if state == SUCCESS else read_exception(payload)

    def _attach(self, rid: str) -> LiveRecord | None:
        followed = self.events.find(rid)
        if followed is not None:
            return followed
        snapshot = self.store.watch(rid)
        if snapshot is None:
            return None
        header = Header.decode(snapshot.header)
        record = LiveRecord(
            rid, len(snapshot.states), header.task, snapshot.queue, snapshot.submitted_ms
        )
        self.events.follow(record)
        # Followed first, read again after: what ended in between is in the one or the other.
        again = self.store.watch(rid)
        if again is not None:
            apply_snapshot(record, again, self.clock.wall_ms())
        return record

    def _warn_without_worker(self, queue: str, python: str) -> None:
        now = self.clock.tick_ms()
        if now - self._fleet_checked.get((queue, python), -FLEET_CHECK_MS) < FLEET_CHECK_MS:
            return
        self._fleet_checked[queue, python] = now
        there = [worker for worker in self.workers() if queue in worker.queues]
        if not there:
            text = f"no worker listens on queue {queue!r}: the task waits until one starts (nbtasks worker -Q {queue})"
        elif python and all(worker.python != python for worker in there):
            versions = ", ".join(sorted({worker.python for worker in there}))
            text = f"this function needs Python {python}, but the workers of queue {queue!r} run {versions}"
        else:
            return
        warnings.warn(text, NoWorkerWarning, stacklevel=5)


@dataclass(frozen=True, slots=True)
class Connection:
    """What an app holds once it is connected."""

    store: Store
    signer: Signer
    events: EventStream
    server: "embedded.EmbeddedServer | None"

    @classmethod
    def open(cls, config: Config, clock: Clock) -> "Connection":
        """Reach the Redis of these settings, or the embedded server where they name none.

        Raises:
            NoServer: There is no URL, and no server can be started.
            StoreUnavailable: Nobody answers at the URL.
            ConfigError: There is a URL, but no key.
        """
        config, server = resolve(config)
        store = Store(config.url, config.name, clock, config.patience_ms)
        store.connect()
        signer = Signer(config.key, config.name)
        return cls(store, signer, EventStream(store, signer), server)

    def close(self) -> None:
        """End the event thread and close the connection."""
        self.events.close()
        self.store.close()


def resolve(
    config: Config, *, as_worker: bool = False
) -> "tuple[Config, embedded.EmbeddedServer | None]":
    """The settings with URL and key filled in; starts or joins the embedded server for it.

    Raises:
        NoServer: There is no URL, and no server can be started.
        ConfigError: There is a URL, but no key.
    """
    if not config.url:
        server = embedded.join(as_worker=as_worker)
        return replace(config, url=server.url, key=config.key or server.key), server
    if not config.key:
        raise ConfigError(
            f"there is a URL, but no signing key: set {ENV_KEY} (or {ENV_KEY_FILE}, or App(key=...)) to"
            " the same secret on every client and worker, for example the output of"
            " `openssl rand -hex 32`"
        )
    return config, None


_current: App | None = None


def current_app() -> App:
    """The app made last in this process, or a new one with default settings."""
    return _current if _current is not None else App()


def set_current_app(app: App) -> None:
    """Make an app the current one; `App()` does so by itself."""
    global _current  # noqa: PLW0603 - one per process
    _current = app


set_sender(current_app)


def _default_name(function: Callable[..., Any]) -> str:
    qualname = getattr(function, "__qualname__", type(function).__name__).replace("<locals>.", "")
    module = getattr(function, "__module__", "__main__")
    return qualname if module == "__main__" else f"{module}.{qualname}"


def _named(
    task: "Task[..., Any] | None", args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    names = (
        task.parameter_names(len(args))
        if task is not None
        else [str(at) for at in range(len(args))]
    )
    return {**dict(zip(names, args, strict=True)), **kwargs}


def _name_culprit(
    error: Unsendable,
    name: str,
    task: "Task[..., Any] | None",
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> Unsendable:
    found = culprit(_named(task, args, kwargs))
    if found is None:
        return error
    argument, kind = found
    return Unsendable(
        f"argument {argument!r} of {name!r}", kind, error.args[2], "create it inside the task"
    )
