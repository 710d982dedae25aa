"""A function that can be sent to workers."""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, Self, cast

from nbtasks.attributes import name_of_class, options_of
from nbtasks.bound import Bound, P, R
from nbtasks.compiling import compile_call, compile_calls
from nbtasks.errors import ConfigError
from nbtasks.functions import Named, Owner
from nbtasks.mapping import chunks, xmap, xstarmap
from nbtasks.options import TaskOptions, task_options
from nbtasks.overlist import over_list
from nbtasks.plan import Plan
from nbtasks.record import check_name
from nbtasks.result import AsyncResult, EagerResult, GroupResult
from nbtasks.sender import Sender, current_sender
from nbtasks.signature import Signature, check_options
from nbtasks.validating import MARK, check_models


class Task(Bound[P, R]):
    """A function and how to send it. Calling it runs it here; `delay` runs it on a worker.

    It is also the class of tasks of your own: one with a method `run` is a task by itself, any
    other is the `base` of functions (`@app.task(base=...)`). What it says of options in its
    attributes holds for them. It is made once in each process, without arguments.

    Attributes:
        home: Of a class, the app that its tasks are sent by; None for the current one.
    """

    home: ClassVar[Sender | None] = None

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """A task of a class of one's own is whole before its `__init__`, which need not call us."""
        task = object.__new__(cls)
        task._reporter = None
        task._sender, task.name = cls.home, ""
        own: Any = cls.run
        if own is not _RUN:
            name = name_of_class(cls, Task) or default_name(cls)
            task.become(own, name, task_options(**options_of(cls, Task), bind=True))
        return task

    def __init__(
        self,
        sender: Sender | None = None,
        function: Callable[..., R] | None = None,
        name: str = "",
        options: TaskOptions | None = None,
    ) -> None:
        if function is not None:
            self._sender = sender
            self.become(function, name or default_name(function), options or task_options())

    def become(self, function: Callable[..., R], name: str, options: TaskOptions) -> None:
        """Be the task of this function."""
        self.name = check_name(name, "task name")
        self.options = options
        self._set_function(function)

    def __repr__(self) -> str:
        return f"<Task {self.name}>"

    @property
    def sender(self) -> Sender:
        """The app it is sent by: its own, or else the current one."""
        return current_sender() if self._sender is None else self._sender

    @sender.setter
    def sender(self, sender: Sender) -> None:
        self._sender = sender

    @property
    def app(self) -> Any:
        """The app it is sent by."""
        return self.sender

    @property
    def own(self) -> "Task[..., Any]":
        """What its function gets as `self`."""
        return self

    def owner(self) -> Owner | None:
        """What has to be known of it where its function runs; None where that is nothing."""
        task = self.own
        kind: type = type(task)
        if vars(kind).get("home") is not None:  # what `App.Task` has made
            kind = kind.__mro__[1]
        if kind in _OURS:
            if not self.options.bind:
                return None
            return Owner(name=task.name, options=task.options, task=task)
        return Owner(name=task.name, kind=kind, options=task.options, task=task)

    # Sending

    def delay(self, *args: P.args, **kwargs: P.kwargs) -> AsyncResult[R]:
        """Run it on a worker.

        Raises:
            TypeError: The function does not take these arguments.
            Unsendable: An argument cannot be pickled; the message names it.
            StoreUnavailable: Redis does not answer.
        """
        return self.apply_async(args, kwargs)

    def apply_async(
        self, args: Iterable[Any] = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> AsyncResult[R]:
        """Run it on a worker, with options.

        Args:
            args: Positional arguments.
            kwargs: Keyword arguments.
            **options: `countdown` seconds or `eta` datetime before it starts; `expires` seconds or
                datetime after which it no longer starts; `queue`; `priority` 0-9; `task_id`, a
                name of your own (sending it again is then a no-op); `retries`, how many more tries
                after an error, `retry_delay` seconds, `backoff`, `retry_on` exception classes;
                `max_deliveries`, dead workers allowed; `acks_late`, False for at most once: what
                may have begun when its process died is given up as `WorkerLost`; `time_limit`
                seconds, after which it is killed; `soft_time_limit` seconds, after which
                `SoftTimeLimitExceeded` is raised in it; `rate_limit`, `concurrency`, `rate_key`:
                how often and how many at a time; `redrive`, False for what must not be sent
                again where Redis has lost it; `durable`, "replica" to wait until one has it;
                `serializer`, what arguments, value and error travel as;
                `compression`, such as "zstd", how arguments and value are; `unique`,
                `unique_for` and `cache`, as of `App.task`; `link` and `link_error`, signatures
                that run after it; `on_upstream`, how the tasks among its arguments must have ended;
                `stamps`, headers as of `Signature.stamp`; `headers`, for its request;
                `shadow`, what people are shown as its name; `retry`, False to fail at once where
                Redis cannot be reached, and `retry_policy`, for how long to try.

        Raises:
            ConfigError: An option is unknown or has a wrong value.
            TypeError: The function does not take these arguments.
            Unsendable: An argument cannot be pickled; the message names it.
            StoreUnavailable: Redis does not answer.
        """
        return cast("AsyncResult[R]", self.sender.send(self._compile(args, kwargs, options)))

    def apply(
        self,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        throw: bool | None = None,
        **options: Any,
    ) -> EagerResult[R]:
        """Run it here and now, as a worker would: with its retries, callbacks and errbacks.

        Arguments and value are encoded as if they travelled. Nothing waits, no time limit holds,
        and nothing is sent to Redis.

        Args:
            args: Positional arguments.
            kwargs: Keyword arguments.
            throw: Raise what the task raises; by default the setting `task_eager_propagates`.
            **options: As in `apply_async`.

        Raises:
            ConfigError: An option is unknown or has a wrong value.
            TypeError: The function does not take these arguments.
            Unsendable: An argument cannot be pickled; the message names it.
        """
        plan = self._compile(args, kwargs, options)
        return cast("EagerResult[R]", self.sender.run_here(plan, throw=throw))

    def map_async(self, items: Iterable[Any], **options: Any) -> GroupResult[R]:
        """Run it on workers once for each item.

        Args:
            items: The first argument of each call.
            **options: As in `apply_async`, for all.
        """
        calls = [((item,), _NO_KEYWORDS) for item in items]
        if not calls:
            raise ConfigError(f"nothing to map {self.name!r} over: the iterable is empty")
        plan = compile_calls(self, calls, check_options(options))
        return cast("GroupResult[R]", self.sender.send(plan))

    def s(self, *args: Any, **kwargs: Any) -> Signature:
        """A signature: this task with arguments, to be sent later or put into a canvas."""
        return Signature(self, args, kwargs)

    def si(self, *args: Any, **kwargs: Any) -> Signature:
        """A signature that takes no more arguments: not the value of what is before it either."""
        return Signature(self, args, kwargs, immutable=True)

    def signature(
        self,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        immutable: bool = False,
        **options: Any,
    ) -> Signature:
        """As `s`, with options as `apply_async` takes them."""
        return Signature(self, args, kwargs, options, immutable=immutable)

    def map(self, it: Any) -> xmap:
        """A signature of one task that applies this one to each item; it returns a list."""
        return xmap(self, it)

    def starmap(self, it: Any) -> xstarmap:
        """As `map`, where each item is a tuple of arguments."""
        return xstarmap(self, it)

    def chunks(self, it: Iterable[Any], n: int) -> chunks:
        """A group of tasks that each do `n` calls; `it` gives tuples of arguments."""
        return chunks(self, it, n)

    def over_list(self, *, star: bool) -> "Task[..., list[R]]":
        """The task that applies this one to each item of a list; with its options."""
        found = self._over_list.get(star)
        if found is None:
            found = self._over_list[star] = _TaskOverList(self, star=star)
        return found

    def check_arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Raise TypeError where the function does not take these."""
        signature = self._signature
        if signature is None or not self.options.typing:
            return
        shape = (len(args), *kwargs)
        if shape not in self._good_shapes:
            try:
                signature.bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(f"task {self.name!r}{signature}: {error}") from None
            self._good_shapes.add(shape)

    def check_models(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Raise pydantic.ValidationError where a dict among these is not what a model of it is."""
        signature = self._signature
        if hasattr(self.function, MARK) and signature is not None and self.options.typing:
            check_models(self.function, signature.bind(*args, **kwargs).arguments)

    def parameter_names(self, count: int) -> list[str]:
        """What the first `count` positional arguments are called."""
        known = list(self._signature.parameters) if self._signature is not None else []
        return [
            known[at] if at < len(known) else f"{known[-1] if known else ''}[{at}]"
            for at in range(count)
        ]

    def named_arguments(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arguments of a call by their names, with defaults; `*args` are what has no name."""
        unnamed = {"*args": tuple(args), **kwargs} if args else kwargs
        if self._signature is None:
            return unnamed
        try:
            bound = self._signature.bind_partial(*args, **kwargs)
        except TypeError:  # an errback, which is called with what it takes of a failure
            return unnamed
        bound.apply_defaults()
        return {**bound.arguments, **kwargs}

    def __reduce__(self) -> tuple[Any, ...]:
        # In two steps, so that a task that calls itself is met again as itself, and never with its
        # app: on a worker it belongs to the worker's own.
        kind = type(self.own)
        kind = Task if kind in _OURS else kind
        return _blank_task, (self.name, kind), (self.function, self.options)

    def __setstate__(self, state: tuple[Callable[..., R], TaskOptions]) -> None:
        function, options = state
        self.become(function, self.name, options)

    def _compile(
        self, args: Iterable[Any], kwargs: Mapping[str, Any] | None, options: Mapping[str, Any]
    ) -> Plan:
        call = (tuple(args), kwargs or _NO_KEYWORDS)
        return compile_call(self, call, check_options(options) if options else _NO_KEYWORDS)

    def _set_function(self, function: Callable[..., R]) -> None:
        self.function = function
        self.is_async = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(
            function
        )
        # Its name and text, not its attributes: one that is called like ours would take its place.
        functools.update_wrapper(self, function, updated=())
        self._good_shapes: set[tuple[Any, ...]] = set()
        self._over_list: dict[bool, Task[..., list[R]]] = {}
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):
            self._signature = None
            return
        parameters = list(signature.parameters.values())
        if self.options.bind and parameters and parameters[0].kind is not _REST:
            signature = signature.replace(parameters=parameters[1:])
        self._signature = signature


class NamedTask(Task[..., Any]):
    """A task that only the worker has: what is sent is its name."""

    def __init__(self, sender: Sender, name: str, options: TaskOptions) -> None:
        super().__init__(sender, Named(check_name(name, "task name")), name, options)

    def check_arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Nothing: nobody here knows what it takes."""

    def named_arguments(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Those that are given by their names."""
        del args
        return kwargs


class _TaskOverList(Task[..., Any]):
    """Applies a task to each item of a list."""

    def __init__(self, task: Task[..., Any], *, star: bool) -> None:
        function = over_list(task.function, star=star)
        name = f"{task.name}.{'starmap' if star else 'map'}"
        super().__init__(task.sender, function, name, task.options)
        self._task = task
        self._star = star

    @property
    def own(self) -> Task[..., Any]:
        """The task itself."""
        return self._task.own

    def check_arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Raise TypeError where the task does not take an item."""
        super().check_arguments(args, kwargs)
        (items,) = args
        for item in items or ():  # None, where they are not known yet
            self._task.check_arguments(tuple(item) if self._star else (item,), _NO_KEYWORDS)


_BOUND: Final[Any] = Bound
_RUN: Final = _BOUND.run
_OURS: Final = (Task, NamedTask, _TaskOverList)
_REST: Final = inspect.Parameter.VAR_POSITIONAL
_NO_KEYWORDS: Final[Mapping[str, Any]] = {}
_MOST_KEPT: Final = 1000
_kept: Final[dict[tuple[type, str], Task[..., Any]]] = {}


def make_task(
    kind: type[Task[..., Any]],
    sender: Sender | None,
    function: Callable[..., Any],
    name: str,
    options: Mapping[str, Any],
) -> Task[..., Any]:
    """The task of a function, of a class of one's own.

    Args:
        kind: The class.
        sender: The app; None for the current one, whichever that is.
        function: The function.
        name: Its name; by default what the class says, or that of the function.
        options: As of `App.task`, over those of the class.

    Raises:
        ConfigError: An option has a wrong value.
        TypeError: There is no such option; or the class cannot be made without arguments.
    """
    task = kind.__new__(kind)
    said = task_options(**{**options_of(kind, Task), **options})
    task.become(function, name or name_of_class(kind, Task) or default_name(function), said)
    if sender is not None:
        task.sender = sender
    task.__init__()  # type: ignore[misc] # a user's: it must need nothing
    return task


def kept_task(kind: type[Task[..., Any]], name: str) -> Task[..., Any]:
    """The task of a class and a name in this process: made at the first call, for good."""
    task = _kept.get((kind, name))
    if task is None:
        if len(_kept) >= _MOST_KEPT:  # of classes that a notebook has made again and again
            del _kept[next(iter(_kept))]
        task = _kept[kind, name] = kind.__new__(kind)
        task.name = name
        task.__init__()  # type: ignore[misc] # a user's: it must need nothing
    return task


def _blank_task(name: str, kind: type[Task[..., Any]]) -> Task[..., Any]:
    make: Any = kind
    task: Task[..., Any] = make.__new__(kind) if make is Task else kept_task(kind, name)
    task.name = name
    return task


def default_name(function: Callable[..., Any]) -> str:
    """The name of a task that was given none: its function's, with its module if imported."""
    qualname = getattr(function, "__qualname__", type(function).__name__).replace("<locals>.", "")
    module = getattr(function, "__module__", "__main__")
    return qualname if module == "__main__" else f"{module}.{qualname}"
