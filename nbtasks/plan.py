"""What a canvas compiles to: nodes, and what each of them waits for (pure).

A node becomes one record: 1..n calls of one task with the same options. Edges are what nodes say of
others: `after` (the node waits for all that a value is made of, and by default takes that value as
its first argument), `each` (its member i follows member i of another node) and `puts` (a value
stands in its arguments). Nodes of a plan stand after those they wait for.
"""

import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from nbtasks.inputs import Path, Shape
from nbtasks.sender import Sendable
from nbtasks.tree import draw

Call = tuple[tuple[Any, ...], Mapping[str, Any]]


class Rule(StrEnum):
    """When a node runs, by how those before it ended: the option `on_upstream`."""

    ALL_SUCCESS = "all_success"
    ALL_DONE = "all_done"
    ONE_FAILED = "one_failed"


class Role(StrEnum):
    """What a node is for: a callback and an errback hang on others, and nobody waits for them."""

    TASK = "task"
    CALLBACK = "callback"
    ERRBACK = "errback"


@dataclass(slots=True, kw_only=True, eq=False)
class Node:
    """Calls that become the members of one record.

    Attributes:
        task: What is called.
        calls: The arguments of each member, without what it takes from others.
        options: As in `apply_async`, for all members.
        labels: What a board calls the members.
        rid: The record's id; empty until it is sent, unless somebody has named it.
        after: What it waits for.
        each: The node whose member i its member i waits for, and whose value it takes; then
            `after` is None.
        takes: Whether the value of `after` or `each` becomes the first argument.
        puts: Values at places in the arguments of its only call, which holds None there.
        rule: When it runs.
        role: What it is for. An errback watches what is in `after` or `each`, and takes nothing.
        is_chord: Whether it fails with a `ChordError` where what it waits for has failed; otherwise
            with the same error.
        group_id: The id of the group it is in, empty for none.
        stamps: Headers that stamping has put on it.
    """

    task: Sendable
    calls: Sequence[Call]
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    labels: Sequence[str] | None = None
    rid: str = ""
    after: "Value | None" = None
    each: "Node | None" = None
    takes: bool = True
    puts: Sequence[tuple[Path, "Value"]] = ()
    rule: Rule = Rule.ALL_SUCCESS
    role: Role = Role.TASK
    is_chord: bool = False
    group_id: str = ""
    stamps: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, eq=False)
class One:
    """The value of one member of a node; `parent` is what came before it."""

    node: Node
    index: int = 0
    parent: "Value | None" = None


@dataclass(frozen=True, slots=True, eq=False)
class All:
    """In a `Many`: all members of a node, one after the other."""

    node: Node


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """The value of a member of a record of `n` that was submitted before."""

    rid: str
    index: int
    n: int


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A value that is there already, as that of a task that was run in this process."""

    value: Any


@dataclass(frozen=True, slots=True, eq=False)
class Many:
    """A list of values: what a group returns."""

    items: "tuple[Value | All, ...]"
    group_id: str = ""
    parent: "Value | None" = None


Value = One | Many | Known


@dataclass(frozen=True, slots=True)
class Plan:
    """Nodes, each after those it waits for, and what the whole returns.

    `value` is None for a canvas of nothing (`chain()`).
    """

    nodes: Sequence[Node]
    value: Value | None

    def __str__(self) -> str:
        return plan_tree(self)

    @classmethod
    def of_calls(
        cls,
        task: Sendable,
        calls: Sequence[Call],
        options: Mapping[str, Any],
        *,
        labels: Sequence[str] | None = None,
        one: bool = False,
    ) -> "Plan":
        """Calls of one task, side by side; `one`: a single call, whose result is no list."""
        node = Node(task=task, calls=calls, options=options, labels=labels)
        return cls([node], One(node) if one else Many((All(node),)))


Parent = Node | Known
"""What a source is of."""


@dataclass(frozen=True, slots=True)
class Source:
    """A part of another record that a node waits for: `w` whole, `1` one member, `e` each."""

    span: str
    of: Parent
    index: int = 0

    @property
    def count(self) -> int:
        """How many values it delivers to a member."""
        if self.span != "w":
            return 1
        return len(self.of.calls) if isinstance(self.of, Node) else self.of.n

    @property
    def text(self) -> str:
        """As `Inputs` and Redis have it; the other node must have its id."""
        rid = self.of.rid
        return f"1{rid}/{self.index}" if self.span == "1" else self.span + rid


class Sources:
    """All that a node waits for, each once, and shapes over it: what is delivered stands first."""

    def __init__(self, node: Node) -> None:
        self.all: list[Source] = []
        self._places: dict[tuple[str, Any, int], int] = {}
        self.take: Shape | None = None
        self.puts = tuple((path, self._shape(value)) for path, value in node.puts)
        is_errback = node.role is Role.ERRBACK
        if node.takes and not is_errback:
            if node.each is not None:
                self.take = ["v", self._add("e", node.each, 0)]
            elif node.after is not None:
                self.take = self._shape(node.after)
        self.delivered = len(self.all)
        if node.each is not None:
            self._add("e", node.each, 0)
        elif node.after is not None:
            self._shape(node.after)

    def _shape(self, value: Value) -> Shape:
        match value:
            case One(node, index):
                return ["v", self._leaf(node, index, len(node.calls))]
            case Known(_, index, n):
                return ["v", self._leaf(value, index, n)]
            case Many(items):
                return ["l", list(self._items(items))]

    def _items(self, items: "Sequence[Value | All]") -> Iterator[Shape]:
        at = 0
        while at < len(items):
            item, count = items[at], 1
            if isinstance(item, All):
                yield ["a", self._add("w", item.node, 0)]
            elif (
                isinstance(item, Known)
                and item.index == 0
                and _is_whole(items[at : at + item.n], item)
            ):
                yield ["a", self._add("w", item, 0)]
                count = item.n
            else:
                yield self._shape(item)
            at += count

    def _leaf(self, of: Parent, index: int, n: int) -> int:
        return self._add("w", of, 0) if n == 1 else self._add("1", of, index)

    def _add(self, span: str, of: Parent, index: int) -> int:
        name = of if isinstance(of, Node) else of.rid
        key = (span, name, index)
        found = self._places.get(key)
        if found is None:
            found = self._places[key] = len(self.all)
            self.all.append(Source(span, of, index))
        return found


def plan_tree(plan: Plan, note: Callable[[Node], str] = str) -> str:
    """A plan as text: a line for each node, below what it waits for.

    Args:
        plan: The plan.
        note: What is said of a node behind its name; by default nothing is.
    """
    places = {node: at for at, node in enumerate(plan.nodes)}
    labels: list[str] = []
    before: list[list[int]] = []
    for node in plan.nodes:
        known = [source.of for source in Sources(node).all]
        before.append(list(dict.fromkeys(places[of] for of in known if isinstance(of, Node))))
        labels.append(_label(node) + ("" if note is str else note(node)))
    side = {at for node, at in places.items() if node.role is not Role.TASK}
    return draw(labels, before, side) or "nothing to run"


def _label(node: Node) -> str:
    """A line for a node: what is called how often, and what is not as usual."""
    count = len(node.calls)
    parts = [node.task.name + (f" × {count:,}" if count > 1 else _call_text(node))]
    if node.each is not None:
        parts.append("(one for each)")
    if node.role is not Role.TASK:
        parts.append(node.role.value)
    elif node.rule is not Rule.ALL_SUCCESS:
        parts.append(node.rule.value)
    parts += [f"{name}={value!r}" for name, value in node.options.items()]
    return " ".join(parts)


def _call_text(node: Node) -> str:
    """The arguments of the only call; dots for what comes from others."""
    args, kwargs = node.calls[0]
    put = {tuple(path[:2]) for path, _ in node.puts}
    takes = node.takes and node.after is not None
    shown = ["…"] if takes else []
    shown += ["…" if (0, at) in put else _short(value) for at, value in enumerate(args)]
    shown += [
        f"{name}={'…' if (1, at) in put else _short(value)}"
        for at, (name, value) in enumerate(kwargs.items())
    ]
    return f"({', '.join(shown)})"


def _short(value: object) -> str:
    text = reprlib.repr(value)
    return text if text.isprintable() else ascii(text)


def _is_whole(items: "Sequence[Value | All]", first: Known) -> bool:
    """Whether these are all members of a record that was submitted before, in order."""
    places = [(item.rid, item.index) for item in items if isinstance(item, Known)]
    return 1 < first.n == len(places) and places == [(first.rid, at) for at in range(first.n)]
