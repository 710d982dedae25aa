"""The part of an app that has tasks: those made here, shared ones, and those sent by name."""

from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Concatenate, Final, Literal, ParamSpec, TypeVar, cast, overload

from nbtasks.errors import ConfigError
from nbtasks.options import task_options
from nbtasks.planner import Planner
from nbtasks.result import AsyncResult
from nbtasks.sender import Sender
from nbtasks.task import NamedTask, Task, default_name, make_task
from nbtasks.validating import take_rules, with_models

P = ParamSpec("P")
R = TypeVar("R")

_shared: Final[dict[str, Task[..., Any]]] = {}


class Roster(Planner):
    """What an app can run.

    Attributes:
        tasks: Its tasks by their names, shared ones among them.
        task_cls: The class of the tasks that name no `base`.
    """

    tasks: MutableMapping[str, Task[..., Any]]
    task_cls: "type[Task[..., Any]]"

    @overload
    def task(
        self, function: Callable[Concatenate[Any, P], R], /, *, bind: Literal[True], **options: Any
    ) -> Task[P, R]: ...
    @overload
    def task(
        self, function: Callable[P, R], /, *, bind: Literal[False] = False, **options: Any
    ) -> Task[P, R]: ...
    @overload
    def task(
        self, function: None = None, /, *, bind: Literal[True], **options: Any
    ) -> Callable[[Callable[Concatenate[Any, P], R]], Task[P, R]]: ...
    @overload
    def task(
        self, function: None = None, /, *, bind: Literal[False] = False, **options: Any
    ) -> Callable[[Callable[P, R]], Task[P, R]]: ...
    def task(self, function: Any = None, /, **options: Any) -> Any:
        """Make a function a task: `@app.task`, or `@app.task(queue="gpu", max_retries=3)`.

        Args:
            function: The function.
            **options: `name` (default: the function's), `bind` (the function gets a `TaskContext`
                first), `queue`, `priority` 0-9, `expires` seconds, `max_retries`,
                `default_retry_delay` seconds, `autoretry_for` and `dont_autoretry_for` exception
                classes, `retry_kwargs`, `retry_backoff`, `retry_backoff_max` seconds,
                `retry_jitter`, `max_deliveries`, `acks_late`, `reject_on_worker_lost`,
                `time_limit` seconds, `soft_time_limit` seconds, `rate_limit` ("10/s": how often
                they begin, over all workers), `concurrency` (how many run at a time), `rate_key`
                (an argument or a function: each value has limits of its own),
                `redrive` (False for what must not be sent again where Redis has lost it),
                `durable` ("replica": a submit waits until one has it),
                `ignore_result` (its value is not kept), `store_errors_even_if_ignored`,
                `serializer` (in place of the app's: `pickle`, `json`, `yaml`, `msgpack` or one of
                your own), `compression` (of arguments and value, such as "zstd"),
                `unique` (True, names of arguments or a function of them: while one of the calls
                that are the same has not ended, another one gives a handle on it, and nothing is
                sent), `unique_for` seconds, for which that holds after its end, too, `cache`
                seconds, for which its value is that of all calls that are the same,
                `typing` (False: arguments are not checked when it is called), `throws`
                (errors that are expected: workers log no traceback of any), `track_started` (True),
                `pydantic` (True: dicts become models), with `pydantic_strict`, `pydantic_context`
                and `pydantic_dump_kwargs`.
                With `max_retries` and no `autoretry_for`, every `Exception` is retried.

        Raises:
            ConfigError: An option has a wrong value.
            TypeError: There is no such option.
        """
        if function is None:
            return partial(self._add_task, **options)
        return self._add_task(function, **options)

    def register_task(self, task: Task[P, R]) -> Task[P, R]:
        """Have a task that was made elsewhere; it is sent by this app then.

        Raises:
            ConfigError: It is no task.
        """
        found = _instance(task)
        if not (_is_task(found) and found.name):
            raise ConfigError(f"{found!r} is not a task: make it one with @app.task, or with run()")
        found.sender = self
        self.tasks[found.name] = found
        return cast("Task[P, R]", found)

    def send_task(
        self,
        name: str,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> AsyncResult[Any]:
        """Send a task by its name; the worker has it, this process need not.

        The worker finds it among the tasks of the program it runs (`nbtasks worker -A`), of the
        modules in `imports`, or in the module that its name begins with.

        Args:
            name: The task's.
            args: Positional arguments; nobody checks them here.
            kwargs: Keyword arguments.
            **options: As in `Task.apply_async`, over those of the task, where this app has it.

        Raises:
            ConfigError: An option is unknown or has a wrong value.
            Unsendable: An argument cannot be pickled; the message names it.
            StoreUnavailable: Redis does not answer.
        """
        known = self.tasks.get(name)
        if known is not None and self.config.task_always_eager:
            return known.apply_async(args, kwargs, **options)
        base = task_options() if known is None else known.options
        return NamedTask(self, name, base).apply_async(args, kwargs, **options)

    def autodiscover_tasks(self, packages: Iterable[str], related_name: str = "tasks") -> list[str]:
        """Import the module `tasks` of each package that has one; returns their names.

        Args:
            packages: The packages.
            related_name: What the modules are called; empty for the packages themselves.

        Raises:
            ImportError: There is no such package, or a module cannot be imported.
        """
        found: list[str] = []
        for package in packages:
            name = f"{package}.{related_name}" if related_name else package
            import_module(package)
            if find_spec(name) is not None:
                import_module(name)
                found.append(name)
        return found

    def _add_task(self, function: Any, /, **options: Any) -> Task[..., Any]:
        task = self._make_task(function, **options)
        self.tasks[task.name] = task
        return task

    def _make_task(self, function: Any, /, **options: Any) -> Task[..., Any]:
        return _make(self.task_cls, self, function, **options)

    @property
    def Task(self) -> Any:  # noqa: N802 - Celery's name
        """The class of this app's tasks, for classes of one's own: `class Fetch(app.Task): ...`."""
        return type("Task", (self.task_cls,), {"home": self, "__doc__": self.task_cls.__doc__})


def own_tasks() -> MutableMapping[str, Task[..., Any]]:
    """The tasks of a new app: none of its own yet, and all shared ones."""
    return ChainMap({}, _shared)


@overload
def shared_task(
    function: Callable[Concatenate[Any, P], R], /, *, bind: Literal[True], **options: Any
) -> Task[P, R]: ...
@overload
def shared_task(
    function: Callable[P, R], /, *, bind: Literal[False] = False, **options: Any
) -> Task[P, R]: ...
@overload
def shared_task(
    function: None = None, /, *, bind: Literal[True], **options: Any
) -> Callable[[Callable[Concatenate[Any, P], R]], Task[P, R]]: ...
@overload
def shared_task(
    function: None = None, /, *, bind: Literal[False] = False, **options: Any
) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def shared_task(function: Any = None, /, **options: Any) -> Any:
    """Make a function a task of every app: a library needs none. The current app sends it.

    Args:
        function: The function.
        **options: As in `App.task`.

    Raises:
        ConfigError: An option has a wrong value.
        TypeError: There is no such option.
    """
    if function is None:
        return partial(_share, **options)
    return _share(function, **options)


def _share(function: Any, /, **options: Any) -> Task[..., Any]:
    task = _make(Task, None, function, **options)
    _shared[task.name] = task
    return task


def _make(
    kind: type[Task[..., Any]],
    sender: Sender | None,
    function: Any,
    /,
    *,
    name: str = "",
    base: type[Task[..., Any]] | None = None,
    **options: Any,
) -> Task[..., Any]:
    plain, kind = _plain(function), check_base(base or kind)
    rules = take_rules(options, name or getattr(plain, "__name__", ""))
    if rules is not None:
        plain = with_models(plain, rules)
    if kind is Task:
        return Task(sender, plain, name or default_name(plain), task_options(**options))
    return make_task(kind, sender, plain, name, options)


def _instance(task: object) -> Any:
    """A task, where this is the class of one."""
    made: Any = task
    return made() if isinstance(task, type) and issubclass(task, Task) else made


def _is_task(found: object) -> bool:
    return isinstance(found, Task)


def check_base(base: object) -> type[Task[..., Any]]:
    """The same, if it is a class of tasks.

    Raises:
        ConfigError: It is not.
    """
    if not (isinstance(base, type) and issubclass(base, Task)):
        raise ConfigError(f"base is {base!r}: it must be a class that is made of nbtasks.Task")
    return cast("type[Task[..., Any]]", base)


def _plain(function: Any) -> Callable[..., Any]:
    found: Any = (
        cast("Task[..., Any]", function).function if isinstance(function, Task) else function
    )
    if not callable(found):
        raise ConfigError(f"{found!r} is not a function: only functions can be tasks")
    return cast("Callable[..., Any]", found)
