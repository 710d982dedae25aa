"""Where tasks go, by rules: the settings `task_routes` and `task_queues` (pure)."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from importlib import import_module
from typing import Any, Final, Protocol, cast

from nbtasks.errors import ConfigError
from nbtasks.record import DIRECT, MAX_PRIORITY, check_name, check_queue
from nbtasks.spelling import nearest

_KEYS: Final = ("queue", "priority")
_OF_AMQP: Final = ("exchange", "exchange_type", "routing_key")
_GLOB: Final = re.compile(r"[*?\[]")
_PATH: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*[.:][A-Za-z_]\w*")
_PAIR: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a task goes: its queue, empty for any, and its priority, None for any."""

    queue: str = ""
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is looked for: what `Router` takes."""

    name: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    options: Mapping[str, Any]
    task: Any


class Router(Protocol):
    """One of the rules, in their order."""

    def find(self, call: Call) -> Route | None:
        """Where a call goes; None where this rule says nothing."""
        ...

    def queues(self) -> Iterable[str]:
        """The queues that it is known to name."""
        ...


@dataclass(frozen=True, slots=True)
class ByName:
    """Routes by the names of tasks; a whole name wins over patterns, of these the first."""

    names: Mapping[str, Route]
    patterns: Sequence[tuple[re.Pattern[str], Route]]

    def find(self, call: Call) -> Route | None:
        """Where a call goes; None where this rule says nothing."""
        found = self.names.get(call.name)
        if found is None:
            matches = (route for pattern, route in self.patterns if pattern.match(call.name))
            found = next(matches, None)
        return found

    def queues(self) -> Iterable[str]:
        """The queues that it names."""
        return [route.queue for route in (*self.names.values(), *(r for _, r in self.patterns))]


@dataclass(frozen=True, slots=True)
class ByCall:
    """A function that says where a call goes, or the path of one, imported when first needed."""

    function: Callable[..., Any] | str

    def find(self, call: Call) -> Route | None:
        """What the function says.

        Raises:
            ConfigError: It cannot be imported, or says no route.
        """
        function = self.function
        if isinstance(function, str):
            function = _imported(function)
        options = dict(call.options)
        said = function(call.name, tuple(call.args), dict(call.kwargs), options, task=call.task)
        return None if said is None else _route(said, f"of {call.name!r} by {_called(function)}")

    def queues(self) -> Iterable[str]:
        """Nobody knows before it is called."""
        return ()


@dataclass(frozen=True, slots=True)
class Routes:
    """All rules; the first that says something of a call wins.

    Attributes:
        routers: The rules.
        known: The queues that tasks may go to; nothing for any.
        reads_calls: Whether calls of one task may go to several queues, by their arguments.
    """

    routers: tuple[Router, ...] = ()
    known: tuple[str, ...] = ()
    reads_calls: bool = False

    def find(
        self,
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        options: Mapping[str, Any],
        task: Any = None,
    ) -> Route | None:
        """Where a call goes by these rules; None where none says anything.

        Args:
            name: The task's.
            args: Positional arguments.
            kwargs: Keyword arguments.
            options: Of the call.
            task: The task; None for a cell.

        Raises:
            ConfigError: What a function says is no route.
        """
        if not self.routers:
            return None
        call = Call(name, args, kwargs, options, task)
        found = (router.find(call) for router in self.routers)
        return next((route for route in found if route is not None), None)

    def check(self, queue: str) -> None:
        """Refuse a queue that is not among those that are declared, where others are missing.

        Raises:
            ConfigError: It is not; the message names the nearest one.
        """
        if self.known and queue not in self.known and not queue.startswith(DIRECT):
            raise ConfigError(
                f"there is no queue {queue!r}{nearest(queue, self.known)}: task_queues does not"
                " name it, and task_create_missing_queues is False"
            )


def read_routes(given: Any, known: Sequence[str] = ()) -> Routes:
    """The rules of the setting `task_routes`.

    Args:
        given: What it says: names, globs or regular expressions with routes, as a dict or in
            pairs; a function, or the path of one; or several of those.
        known: The queues that there are; nothing for any.

    Raises:
        ConfigError: That is no rule, or it names a queue that there is not.
    """
    several: Iterable[Any] = (given,) if given else ()
    if isinstance(given, (list, tuple)):
        several = cast("Iterable[Any]", given)
    routers = tuple(map(_router, several))
    reads_calls = any(isinstance(router, ByCall) for router in routers)
    routes = Routes(routers, tuple(known), reads_calls)
    for router in routers:
        for queue in filter(None, router.queues()):
            routes.check(queue)
    return routes


def check_queues(given: Any) -> tuple[str, ...]:
    """The setting `task_queues`.

    Raises:
        ConfigError: These are no names.
    """
    if not isinstance(given, (list, tuple, set, frozenset)):
        raise ConfigError(f"task_queues is {given!r}: give names, such as ['default', 'gpu']")
    names = [check_name(name, "task_queues:") for name in cast("Iterable[object]", given)]
    return tuple(dict.fromkeys(names))


def _router(given: Any) -> Router:
    if isinstance(given, Mapping):
        pairs = cast("Mapping[Any, Any]", given)  # type: ignore[redundant-cast] # pyright needs it
        return _by_name(pairs.items())
    if isinstance(given, str):
        if not _PATH.fullmatch(given):
            raise ConfigError(
                f"task_routes says {given!r}: a text alone is the path of a function, such as"
                " 'lab.routing.route'; to route by name, write {'name': {'queue': 'gpu'}}"
            )
        return ByCall(given)
    if isinstance(given, (list, tuple)):
        items = cast("Sequence[Any]", given)
        return _by_name([items] if _is_pair(items) else items)
    if callable(given):
        return ByCall(given)
    raise ConfigError(_wrong(given))


def _is_pair(given: Any) -> bool:
    if not isinstance(given, (list, tuple)):
        return False
    items = cast("Sequence[Any]", given)
    return len(items) == _PAIR and isinstance(items[0], (str, re.Pattern))


def _by_name(pairs: Iterable[Any]) -> ByName:
    names: dict[str, Route] = {}
    patterns: list[tuple[re.Pattern[str], Route]] = []
    for pair in pairs:
        if not _is_pair(pair):
            raise ConfigError(_wrong(pair))
        key, said = pair
        text = key if isinstance(key, str) else key.pattern
        route = _route(said, f"of {text!r}")
        if isinstance(key, re.Pattern):
            if not isinstance(text, str):
                raise ConfigError(
                    f"task_routes has the pattern {text!r}: names are text, not bytes"
                )
            patterns.append((cast("re.Pattern[str]", key), route))
        elif _GLOB.search(key):
            patterns.append((re.compile(translate(key)), route))
        else:
            names.setdefault(check_name(key, "task_routes: task"), route)
    return ByName(names, patterns)


def _route(said: Any, what: str) -> Route:
    if isinstance(said, Route):
        return said
    fields = {"queue": said} if isinstance(said, str) else said
    if not isinstance(fields, Mapping):
        raise ConfigError(
            f"the route {what} is {said!r}: give a queue, or {{'queue': …, 'priority': …}}"
        )
    known = cast("Mapping[str, Any]", fields)
    for name in known:
        if name in _OF_AMQP:
            raise ConfigError(
                f"the route {what} says {name!r}: a queue is all there is here, so write"
                " {'queue': …}"
            )
        if name not in _KEYS:
            raise ConfigError(f"the route {what} says {name!r}{nearest(str(name), _KEYS)}")
    queue, priority = known.get("queue"), known.get("priority")
    is_whole = isinstance(priority, int) and not isinstance(priority, bool)
    if priority is not None and not (is_whole and 0 <= priority <= MAX_PRIORITY):
        raise ConfigError(
            f"the route {what} has priority {priority!r}: it must be a whole number from 0 to 9"
        )
    return Route(queue="" if queue is None else check_queue(queue), priority=priority)


@lru_cache(maxsize=64)
def _imported(path: str) -> Callable[..., Any]:
    module, _, name = path.replace(":", ".").rpartition(".")
    try:
        found: Any = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"task_routes says {path!r}, which cannot be imported: {error}"
        ) from error
    if not callable(found):
        raise ConfigError(f"task_routes says {path!r}, which is no function but {found!r}")
    return cast("Callable[..., Any]", found)


def _called(function: Any) -> str:
    return str(getattr(function, "__qualname__", None) or repr(function))


def _wrong(given: object) -> str:
    return (
        f"task_routes says {given!r}: give routes by the names of tasks, such as"
        " {'tasks.*': {'queue': 'gpu'}}, or a function"
    )
