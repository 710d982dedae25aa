"""Plans in a short text, for tables of what canvases compile to.

A node is the name of its task, `×3` for three calls, `!` where it fails with a ChordError, `~` for
a callback, `?` for an errback; and what it waits for: `(a)` takes the value of a, `<a>` only waits
for it, `{a}` takes the value of the same member of a. A list of all members of a record of three is
written `a×3`.
"""

from types import SimpleNamespace
from typing import Any

from nbtasks.app import App
from nbtasks.plan import All, Known, Many, Node, One, Plan, Role, Value

MARKS = {Role.TASK: "", Role.CALLBACK: "~", Role.ERRBACK: "?"}


def make_tasks(names: str = "abcdestuxyz", **settings: Any) -> SimpleNamespace:
    """Tasks of an app that has no server, by their names; `app` is the app."""
    app = App("plans", broker="redis://127.0.0.1:1", key="k" * 32, **settings)
    found = {name: app.task(name=name)(_any) for name in names}
    return SimpleNamespace(app=app, **found)


def _any(*args: Any, **kwargs: Any) -> list[Any]:
    return [*args, kwargs]


def text(plan: Plan) -> str:
    """All nodes and the value: `a; b(a) = b`."""
    nodes = "; ".join(_node(node) for node in plan.nodes)
    return f"{nodes} = {_value(plan.value)}".strip()


def shape(value: Value | None) -> str:
    """Results and their parents, as in the table: `A<-G[A,A]`."""
    match value:
        case None:
            return "nothing"
        case Many(items):
            own = f"G[{','.join(_shapes(item) for item in items)}]"
        case One() | Known():
            own = "A"
    parent = value.parent if not isinstance(value, Known) else None
    return own if parent is None else f"{own}<-{shape(parent)}"


def calls(plan: Plan, name: str) -> list[tuple[Any, ...]]:
    """The arguments of the tasks of a name; keywords stand in a dict behind them."""
    found = [call for node in plan.nodes if node.task.name == name for call in node.calls]
    return [(*args, dict(kwargs)) if kwargs else tuple(args) for args, kwargs in found]


def options(plan: Plan) -> dict[str, dict[str, Any]]:
    """The options of each task, by its name."""
    return {node.task.name: dict(node.options) for node in plan.nodes}


def _shapes(item: Value | All) -> str:
    if not isinstance(item, All):
        return shape(item)
    own, before = "A", item.node.each
    while before is not None:
        own, before = f"{own}<-A", before.each
    return ",".join([own] * len(item.node.calls))


def _node(node: Node) -> str:
    count = f"×{len(node.calls)}" if len(node.calls) > 1 else ""
    name = f"{node.task.name}{count}{'!' if node.is_chord else ''}{MARKS[node.role]}"
    if node.each is not None:
        return (
            f"{name}{{{node.each.task.name}}}"
            if node.takes
            else f"{name}<{{{node.each.task.name}}}>"
        )
    if node.after is None:
        return name
    return f"{name}({_value(node.after)})" if node.takes else f"{name}<{_value(node.after)}>"


def _value(value: Value | All | None) -> str:
    match value:
        case None:
            return "nothing"
        case One(node, index):
            return node.task.name if len(node.calls) == 1 else f"{node.task.name}.{index}"
        case All(node):
            return f"{node.task.name}×{len(node.calls)}"
        case Known(rid, index, n):
            return rid if n == 1 else f"{rid}.{index}"
        case Many(items):
            return f"[{','.join(map(_value, items))}]"
