"""The app: settings, connection, code cache and tasks of one program or notebook."""

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast
from weakref import WeakSet, WeakValueDictionary

from nbtasks import keyring
from nbtasks.clock import Clock, SystemClock
from nbtasks.compiling import compile_canvas
from nbtasks.config import Config, from_environment
from nbtasks.connection import Connection
from nbtasks.context import sending_task
from nbtasks.displayed import Displayed
from nbtasks.eager import EagerRun, EagerSource, ended_records
from nbtasks.errors import UnknownTask
from nbtasks.functions import FunctionCache, digest
from nbtasks.live import LiveRecord
from nbtasks.packing import Packed, pack
from nbtasks.plan import Plan
from nbtasks.presence import Presence
from nbtasks.record import KILL, split_id
from nbtasks.redrive import Redrive
from nbtasks.result import AsyncResult, GroupResult, make_result, set_restorer, task_result
from nbtasks.roster import Roster, check_base, own_tasks
from nbtasks.sender import find_task, set_sender
from nbtasks.serializers import Codec, make_codec
from nbtasks.signature import Signature
from nbtasks.signing import PACKAGE
from nbtasks.states import STARTED
from nbtasks.store.dead import DeadTask, dead_tasks
from nbtasks.store.ended import store_ended
from nbtasks.store.fleet import WorkerFacts, live_workers
from nbtasks.store.packages import store_package
from nbtasks.task import Task

P = ParamSpec("P")
R = TypeVar("R")

Handle = AsyncResult[Any]
"""In the class below, `AsyncResult` is the method of that name."""


class App(Roster, Displayed):
    """Tasks, and the Redis they go to.

    Args:
        name: The app; only clients and workers of the same name see each other. By default
            NBTASKS_NAME, else `main`.
        broker: URL of the Redis; by default NBTASKS_URL, else the embedded server.
        backend: The same URL, if given: tasks and results are in one Redis.
        key: The signing key, as text or bytes, or several: the first one signs, all are accepted.
            By default NBTASKS_KEY or NBTASKS_KEY_FILE, else the user's key file, or the embedded
            server's own.
        task_cls: The class of the tasks that name no `base`.
        **settings: Any other setting, under its own or Celery's name.

    Raises:
        ConfigError: A setting is unknown or wrong.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        broker: str = "",
        backend: str = "",
        key: str | bytes | Sequence[str | bytes] = b"",
        task_cls: type[Task[..., Any]] = Task,
        **settings: Any,
    ) -> None:
        base = from_environment()
        secret = keyring.join(key)
        given = {"url": broker, "result_backend": backend, "key": secret}
        settings |= {word: value for word, value in given.items() if value}
        settings["name"] = base.name if name is None else name
        self.config = base.with_settings(settings)
        self.clock: Clock = SystemClock()
        self.revoke_on_interrupt = False
        self.name_places: Callable[[str], str] = str
        self.says_where = True
        self.on_waited: Callable[[Sequence[LiveRecord]], None] | None = None
        self.on_sent: Callable[[AsyncResult[Any] | GroupResult[Any]], None] | None = None
        self.packages: dict[str, str] = {}
        self._functions = FunctionCache()
        self._connection: Connection | None = None
        self._redrive = Redrive(self.clock)
        self._records: WeakValueDictionary[str, LiveRecord] = WeakValueDictionary()
        self._eager: WeakValueDictionary[str, EagerSource] = WeakValueDictionary()
        self.tasks = own_tasks()
        self.task_cls = check_base(task_cls)
        self._lock = threading.RLock()
        self._presence = Presence(self.clock)
        _apps.add(self)
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

    # Settings

    def set_default(self) -> None:
        """Be the current app: of `shared_task`, and of tasks that are unpickled here."""
        set_current_app(self)

    # Connection

    @property
    def connection(self) -> Connection:
        """Store, signer and events; made when first asked for.

        Raises:
            NoServer: There is no URL, and no server can be started.
            StoreUnavailable: Nobody answers at the URL.
            ConfigError: There is a URL, but no key.
        """
        with self._lock:
            if self._connection is None:
                self._connection = Connection.open(
                    self.config, self.clock, self._redrive, self._records
                )
            return self._connection

    @property
    def is_connected(self) -> bool:
        """Whether `connection` was made."""
        return self._connection is not None

    @property
    def codec(self) -> Codec:
        """What values travel as."""
        config = self.config
        return make_codec(config.serializer, config.accept_content, config.max_input)

    def close(self) -> None:
        """Close the connection; the next use opens it again, also a wait for an older result."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def forget_connection(self) -> None:
        """Let go of a connection that belongs to the process this one was forked from."""
        self._lock = threading.RLock()
        self._connection = None
        # Its parent's tasks are its parent's to look after.
        self._redrive = Redrive(self.clock)
        self._records = WeakValueDictionary()

    def workers(self) -> list[WorkerFacts]:
        """The live workers."""
        return live_workers(self.store)

    def sync(self, path: str | Path) -> Packed:
        """Send a module or package along with all tasks from now on; workers import it from there.

        What is sent is source: `.py` files, and text that lies beside them. After an edit, `sync`
        again: tasks that are sent then have the new code, those sent before keep theirs.

        Args:
            path: A `.py` file, or the folder of a package.

        Raises:
            ConfigError: It is not there, nothing can be imported from it, or it is too large.
            StoreUnavailable: Redis does not answer.
        """
        packed = pack(Path(path))
        signer = self.connection.signer
        name = signer.code_name(digest(packed.blob))
        blob = signer.code().seal(PACKAGE, packed.blob)
        store_package(self.store, name, blob, self.packages.get(packed.name, ""))
        self.packages[packed.name] = name
        return packed

    def dead(self) -> list[DeadTask]:
        """The tasks that were given up because their processes died too often, the oldest first."""
        return [task for task, _ in dead_tasks(self.store)]

    def requeue(self, tasks: Iterable[str | DeadTask | Handle]) -> int:
        """Run failed tasks again, under the same ids; returns how many had failed.

        Args:
            tasks: Ids, handles, or what `dead` lists.

        Raises:
            UnknownTask: One of them is not stored.
            StoreRefused: The code of one is no longer stored; or Redis is full.
        """
        return sum(self._handle(task).requeue() for task in tasks)

    def revoke_by_stamped_headers(
        self, headers: Mapping[str, Any], *, terminate: bool = False, signal: str = KILL
    ) -> int:
        """The same as `app.control.revoke_by_stamped_headers`."""
        return self.control.revoke_by_stamped_headers(headers, terminate=terminate, signal=signal)

    # Tasks

    def map(
        self, function: "Callable[..., R] | Task[..., R]", items: Iterable[Any], **options: Any
    ) -> GroupResult[R]:
        """Run a function or task on workers once for each item.

        Args:
            function: What to run.
            items: The first argument of each call.
            **options: As in `Task.apply_async`, for all.
        """
        if not isinstance(function, Task):
            function = self._make_task(function)
        return cast("Task[..., R]", function).map_async(items, **options)

    def run_here(
        self, plan: Plan, *, throw: bool | None = None
    ) -> Handle | GroupResult[Any] | None:
        """Run a plan in this process, one task after the other, and send nothing.

        Args:
            plan: What a canvas compiles to.
            throw: Raise what it fails of; by default the setting `task_eager_propagates`.

        Raises:
            ConfigError: An option has a wrong value.
            Unsendable: An argument cannot be pickled; the message names it.
            TooBig: An argument is above `max_input`.
        """
        config, source = self.config, EagerSource(self.codec, self.config.max_input, self.clock)
        throw = config.task_eager_propagates if throw is None else throw
        run = EagerRun(config, source, self.AsyncResult, self.compile, keeps_errors=throw)
        run.run(plan, *sending_task())
        self._eager.update(dict.fromkeys(source.records, source))
        if config.task_store_eager_result:
            for record in ended_records(run.parts, source, config, self.connection.signer):
                store_ended(self.store, record)
        if throw:
            run.raise_first(plan)
        return make_result(source, plan.value, run.parts.lives())

    def AsyncResult(self, task_id: str) -> AsyncResult[Any]:  # noqa: N802 - Celery's name
        """A handle on a task by its id, from any client of the app.

        Raises:
            UnknownTask: No such task is stored.
        """
        places = ((task_id, 0), split_id(task_id) or ("", 0))
        # What ran here is looked for first: that needs no Redis.
        for rid, index in sorted(places, key=lambda place: place[0] not in self._eager):
            source = self._eager.get(rid, self)
            (record,) = source.attach([rid]) if rid else (None,)
            if record is not None and index < record.n and record.task_id(index) == task_id:
                if record.states[index] == STARTED and index not in record.progress:
                    self.recall(record)
                return task_result(source, record, index, by_id=True)
        raise UnknownTask(task_id)

    def signature(
        self,
        name: str,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        immutable: bool = False,
        **options: Any,
    ) -> Signature:
        """A signature of the task of a name.

        Raises:
            ConfigError: There is no such task, or no such option; the message names the nearest.
        """
        return Signature(find_task(name, self), args, kwargs, options, immutable=immutable)

    def compile(
        self,
        signature: Signature,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Plan:
        """What a signature comes to: records, and what each of them waits for.

        Raises:
            ConfigError: It cannot be sent as it is.
        """
        is_wide, routes = self.config.task_allow_error_cb_on_chord_header, self.routes
        return compile_canvas(
            signature, args, kwargs, options, app=self, header_errbacks=is_wide, routes=routes
        )

    # Inside

    def _handle(self, task: str | DeadTask | Handle) -> Handle:
        if isinstance(task, AsyncResult):
            return task
        return self.AsyncResult(task.id if isinstance(task, DeadTask) else task)


_current: App | None = None
_apps: WeakSet[App] = WeakSet()


def current_app() -> App:
    """The app made last in this process, or a new one with default settings."""
    return _current if _current is not None else App()


def set_current_app(app: App) -> None:
    """Make an app the current one; `App()` does so by itself."""
    global _current  # noqa: PLW0603 - one per process
    _current = app


def known_apps() -> list[App]:
    """The apps of this process, the current one first."""
    first = current_app()
    return [first, *(app for app in _apps if app is not first)]


def _disconnect_after_fork() -> None:
    """A forked process makes a connection of its own: two on one socket would mix their replies."""
    for app in _apps:
        app.forget_connection()


set_sender(current_app)
set_restorer(current_app)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_disconnect_after_fork)
