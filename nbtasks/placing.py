"""Plan -> the place of each of its nodes among the records: ids, inputs and edges (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nbtasks.edges import Edge, Edges
from nbtasks.inputs import Inputs
from nbtasks.plan import Known, Node, One, Plan, Role, Rule, Source, Sources
from nbtasks.record import check_name, member_id, new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a record stands; alone, where it has no `edges`."""

    rid: str
    inputs: Inputs | None = None
    edges: Edges | None = None
    root_id: str = ""
    parent_id: str = ""
    group_id: str = ""
    stamps: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Placed:
    """The places of a plan's nodes, in its order; `root` is the id of the whole."""

    root: str
    places: Sequence[Place]
    drawing: Mapping[str, Any]


def place_nodes(
    plan: Plan, root_id: str = "", parent_id: str = "", *, is_held: bool = False
) -> Placed:
    """Give each node its id, and say in the store's words what it waits for.

    Args:
        plan: A plan of at least one node; its nodes get their `rid`.
        root_id: The root of the task that sends it, if one does.
        parent_id: That task.
        is_held: Whether a node alone is to be held, too, until it is committed.

    Raises:
        ConfigError: A node has a name that cannot be one.
    """
    taken: set[str] = set()
    for node in plan.nodes:
        _name(node, taken)
    root = plan.nodes[0].rid
    sources = [Sources(node) for node in plan.nodes]
    if len(plan.nodes) == 1 and not sources[0].all and not is_held:
        return Placed(root, [_place(plan.nodes[0], root_id, parent_id)], {})
    out: dict[Node, list[Edge]] = {node: [] for node in plan.nodes}
    for node, found in zip(plan.nodes, sources, strict=True):
        for source in found.all:
            if isinstance(source.of, Node):
                edge = Edge(source.span, node.rid, source.index, node.is_chord)
                out[source.of].append(edge)
    places = [
        replace(
            _place(node, root_id or root, _parent(node) or parent_id),
            inputs=_inputs(node, found),
            edges=_edges(node, found, root, out[node]),
        )
        for node, found in zip(plan.nodes, sources, strict=True)
    ]
    return Placed(root, places, _drawing(plan, sources))


def _place(node: Node, root_id: str, parent_id: str) -> Place:
    """The place of a node that waits for nothing."""
    return Place(
        rid=node.rid,
        root_id=root_id,
        parent_id=parent_id,
        group_id=node.group_id,
        stamps=node.stamps,
    )


def _name(node: Node, taken: set[str]) -> None:
    name = node.rid or node.options.get("task_id") or ""
    if name:
        check_name(name, "task_id")
    node.rid = new_id() if not name or name in taken else name
    taken.add(node.rid)


def _inputs(node: Node, sources: Sources) -> Inputs | None:
    is_errback = node.role is Role.ERRBACK
    taken = sources.all if is_errback else sources.all[: sources.delivered]
    if not taken or (is_errback and not node.takes):  # an immutable errback takes nothing
        return None
    return Inputs(
        sources=tuple(source.text for source in taken),
        take=sources.take,
        puts=sources.puts,
        is_errback=is_errback,
        counts=() if is_errback else tuple(source.count for source in taken),
        takes_errors=node.rule is not Rule.ALL_SUCCESS,
    )


def _edges(node: Node, sources: Sources, root: str, out: Sequence[Edge]) -> Edges:
    return Edges(
        root=root,
        sources=tuple(source.text for source in sources.all),
        delivered=sources.delivered,
        is_errback=node.role is Role.ERRBACK,
        rule=node.rule,
        is_chord=node.is_chord,
        known=tuple(source.text for source in sources.all if isinstance(source.of, Known)),
        out=tuple(out),
    )


def _parent(node: Node) -> str:
    if isinstance(node.after, One):
        return member_id(node.after.node.rid, node.after.index, len(node.after.node.calls))
    return ""


def _drawing(plan: Plan, sources: Sequence[Sources]) -> dict[str, Any]:
    """What is to be known of the canvas without its records: `nodes` and `edges` between them."""
    nodes = [
        {"rid": node.rid, "name": node.task.name, "n": len(node.calls), "role": node.role}
        for node in plan.nodes
    ]
    edges = [
        _drawn(source, node.rid)
        for node, found in zip(plan.nodes, sources, strict=True)
        for source in found.all
    ]
    return {"nodes": nodes, "edges": edges}


def _drawn(source: Source, rid: str) -> list[Any]:
    return [source.of.rid, source.span, source.index, rid]
