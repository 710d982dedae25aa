"""The task that a function belongs to, in the process that runs it: one for all of its calls."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

from nbtasks.attributes import options_of
from nbtasks.context import TaskContext, current_task
from nbtasks.functions import NAMED, Loaded, Owner
from nbtasks.handlers import Told, is_told
from nbtasks.importing import is_importable
from nbtasks.options import task_options
from nbtasks.registry import find_registered, known_task
from nbtasks.task import Task, kept_task

AnyTask = Task[..., Any]

_PLAIN: Final[Any] = Task
_MOST_PLAIN: Final = 100
_plain: Final[dict[str, AnyTask]] = {}


def with_task(loaded: Loaded, imports: Sequence[str]) -> Loaded:
    """Code with the task that its function belongs to, where it matters.

    Raises:
        ConfigError: It is a name, and no task here has that.
    """
    if loaded.kind == NAMED:
        task = find_registered(loaded.name, imports)
        owner = task.owner()
        loaded = replace(loaded, value=task.function, bind=task.options.bind, owner=owner)
    if loaded.owner is None:
        return loaded
    found = _task_of(loaded, loaded.owner)
    return replace(loaded, owner=replace(loaded.owner, task=found))


def call_as(
    loaded: Loaded,
    context: TaskContext,
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> Any:
    """Call a function as the task it belongs to, if it has to be known."""
    if loaded.owner is None:
        return function(*args, **kwargs)
    me = loaded.owner.task.bound_to(context)
    return me.call(function, args, kwargs, bind=loaded.bind)


def told_of(
    loaded: Loaded,
    name: str,
    function: Callable[..., Any],
    call: tuple[str, Sequence[Any], Mapping[str, Any]],
) -> Told | None:
    """Who is to be told of a try of a task; None where that is nobody.

    Args:
        loaded: Its code.
        name: Its name.
        function: Its function.
        call: Its id and its arguments.
    """
    owner, context = loaded.owner, current_task.get()
    task: Any = None if owner is None else owner.task
    if context is None or not is_told(_PLAIN if task is None else task.__class__):
        return None
    if task is None:
        task = _plain_task(name, function)
    return Told(task.bound_to(context), *call)


def _plain_task(name: str, function: Callable[..., Any]) -> AnyTask:
    """The task that whoever is told of a plain function or a cell gets as the sender."""
    known = _plain.get(name)
    if known is None or known.function is not function:
        if len(_plain) >= _MOST_PLAIN:
            _plain.clear()
        known = _plain[name] = Task(None, function, "plain")
        known.name = name
    return known


def _task_of(loaded: Loaded, owner: Owner) -> AnyTask:
    here: Any = owner.task
    if isinstance(here, Task):
        return cast("AnyTask", here)
    if owner.kind is None:
        return Task(None, loaded.value, owner.name, _options(owner, Task, bind=loaded.bind))
    kind = cast("type[AnyTask]", owner.kind)
    known = known_task(owner.name) if is_importable(kind) else None
    if isinstance(known, kind):
        return known
    task = kept_task(kind, owner.name)
    task.become(loaded.value, owner.name, _options(owner, kind, bind=loaded.bind))
    return task


def _options(owner: Owner, kind: type[AnyTask], *, bind: bool) -> Any:
    if owner.options is not None:
        return owner.options
    said: dict[str, Any] = {**options_of(kind, Task), "bind": bind}
    return task_options(**said)
