"""Results among the arguments of a canvas's own tasks: found by their names once all is compiled.

A result is of a task that was sent before, or of one of the same canvas that was frozen. The latter
may stand anywhere in it, so nodes are put in order afterwards.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from nbtasks.dependencies import find_results, is_result
from nbtasks.errors import ConfigError
from nbtasks.frozen import Frozen, FrozenId
from nbtasks.inputs import Path, place
from nbtasks.plan import All, Held, Known, Many, Node, One, Value


class Names:
    """The ids that somebody has given to tasks and groups of a canvas, and who asks for them."""

    def __init__(self) -> None:
        self._values: dict[str, Value] = {}
        self._waiting: list[tuple[Node, list[tuple[Path, Any]]]] = []
        self._is_ordered = True

    def take(self, name: str | None) -> str:
        """The name, if it is still free: a signature that is used twice runs twice."""
        was_sent = isinstance(name, FrozenId) and name.is_sent
        return "" if name is None or was_sent or name in self._values else name

    def add(self, name: str | None, value: Value) -> None:
        """What has this name, or had it when it was sent before."""
        if name:
            self._values.setdefault(name, value)

    def ask(self, node: Node) -> None:
        """Remember where results stand in the arguments of a node's only call."""
        args, kwargs = node.calls[0]
        found = list(find_results(args, kwargs))
        if found:
            self._waiting.append((node, found))

    def settle(self, nodes: list[Node]) -> list[Node]:
        """Put values where results stand; returns the nodes, each after those it waits for.

        Raises:
            ConfigError: Tasks wait for each other in a circle, or for what is not known.
        """
        for node, found in self._waiting:
            self._settle(node, found)
        return nodes if self._is_ordered else _in_order(nodes)

    def _settle(self, node: Node, found: Iterable[tuple[Path, Any]]) -> None:
        call: Any = node.calls[0]
        puts: list[tuple[Path, Value]] = []
        for path, item in self._spread(found):
            value = self._value(item)
            if isinstance(value, Held):
                call = place(call, path, value.value)
            else:
                call = place(call, path, None)
                puts.append((path, value))
        node.calls, node.puts = [(tuple(call[0]), call[1])], puts

    def _spread(self, found: Iterable[tuple[Path, Any]]) -> Iterator[tuple[Path, Any]]:
        """Lists of results as they are, but where the values of some of them are there already."""
        for path, item in found:
            several = _several(item)
            if any(isinstance(self._value(each), Held) for each in several):
                for at, each in enumerate(several):
                    yield (*path, at), each
            else:
                yield path, item

    def _value(self, item: Any) -> Any:
        if isinstance(item, list):
            return Many(tuple(self._value(each) for each in _several(item)))
        found: Any = item.as_value()
        if not isinstance(found, Frozen):
            value: Value | Held = found
            return value
        if found.id in self._values:
            self._is_ordered = False
            return self._values[found.id]
        return Known(found.id, 0, 1)


def _several(item: Any) -> Sequence[Any]:
    """What a list holds; nothing for a result."""
    return () if is_result(item) else item


def nodes_of(value: Value | All | None) -> Iterator[Node]:
    """The nodes of a plan that a value is made of."""
    if isinstance(value, Many):
        for item in value.items:
            yield from nodes_of(item)
    elif isinstance(value, (One, All)):
        yield value.node


def waits_for(node: Node) -> Iterator[Node]:
    """The nodes that one comes after."""
    if node.each is not None:
        yield node.each
    yield from nodes_of(node.after)
    for _, value in node.puts:
        yield from nodes_of(value)


def _in_order(nodes: Sequence[Node]) -> list[Node]:
    """Nodes, each after those it waits for; otherwise in the order they had."""
    before = {id(node): {id(other): other for other in waits_for(node)} for node in nodes}
    ordered: list[Node] = []
    done: set[int] = set()
    for root in nodes:
        stack = [root]
        while stack:
            node = stack[-1]
            left = [other for key, other in before[id(node)].items() if key not in done]
            if id(node) in done or not left:
                stack.pop()
                if id(node) not in done:
                    done.add(id(node))
                    ordered.append(node)
            elif any(left[0] is other for other in stack):
                circle = [*stack[_index(stack, left[0]) :], left[0]]
                names = " -> ".join(other.task.name for other in reversed(circle))
                raise ConfigError(f"tasks wait for each other in a circle: {names}")
            else:
                stack.append(left[0])
    return ordered


def _index(stack: Sequence[Node], node: Node) -> int:
    return next(at for at, other in enumerate(stack) if other is node)
