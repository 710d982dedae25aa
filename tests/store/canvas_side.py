"""Canvases for the store, by hand: nodes by name, and what each of them waits for."""

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from store_side import Hand, make_record

from nbtasks.edges import Edge, Edges
from nbtasks.record import Record, new_id
from nbtasks.store.canvases import CanvasRecords
from nbtasks.store.store import Store


class Canvas:
    """Records that are added one by one, each after those it waits for, and sent together."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.root = new_id()
        self.records: dict[str, Record] = {}
        self._edges: dict[str, dict[str, Any]] = {}
        self._out: dict[str, list[Edge]] = {}

    def add(
        self, name: str, *sources: str, n: int = 1, known: Sequence[str] = (), **more: Any
    ) -> str:
        """Add a record; a source is `w:name`, `1:name/index` or `e:name`. Returns its id."""
        record = make_record(n, **more.pop("fields", {}))
        self.records[name] = record
        texts = []
        for source in sources:
            span, rest = source.split(":")
            other, _, index = rest.partition("/")
            rid = self.records[other].rid
            texts.append(f"1{rid}/{index}" if span == "1" else span + rid)
            edge = Edge(span, record.rid, int(index or 0), more.get("is_chord", False))
            self._out[rid].append(edge)
        self._out[record.rid] = []
        self._edges[name] = {
            "delivered": len(sources) + len(known),
            **more,
            "sources": (*texts, *known),
            "known": tuple(known),
        }
        return record.rid

    def chain(self, *names: str) -> None:
        """Add records of one member, each after the one before it."""
        self.add(names[0])
        for before, name in pairwise(names):
            self.add(name, f"w:{before}")

    def with_edges(self) -> list[Record]:
        """All records, each with its place."""
        return [
            replace(
                record,
                edges=Edges(root=self.root, out=tuple(self._out[record.rid]), **self._edges[name]),
            )
            for name, record in self.records.items()
        ]

    def send(self) -> None:
        """Submit all."""
        records = self.with_edges()
        nodes = [{"rid": record.rid} for record in records]
        canvas = CanvasRecords(self.root, records, {"nodes": nodes, "edges": []})
        self.store.submit_canvas(canvas, {"c0de": lambda: b"code"})

    def rid(self, name: str) -> str:
        """The id of a record."""
        return self.records[name].rid

    def states(self) -> dict[str, str]:
        """The state bytes of each record; empty where it is not stored."""
        keys = self.store.keys
        return {
            name: (self.store.call("GET", f"{keys.prefix}s:{record.rid}") or b"").decode()
            for name, record in self.records.items()
        }


def names(canvas: Canvas, taken: Sequence[Any]) -> list[str]:
    """Which records these slices are of."""
    known = {record.rid: name for name, record in canvas.records.items()}
    return sorted(known[each.rid] for each in taken)


def failure(canvas: Canvas, name: str, index: int = 0) -> Any:
    """What the store has written of the failure of a member."""
    body = canvas.store.call("HGET", canvas.store.keys.record(canvas.rid(name)), f"e{index}")
    return json.loads(body[1:])


def run_all(worker: Hand, canvas: Canvas, fail: Collection[str] = ()) -> list[str]:
    """Take and finish all there is; those in `fail` fail. Returns the order."""
    order = []
    while taken := worker.take(slots=64):
        for each in taken:
            (name,) = names(canvas, [each])
            order.append(name)
            worker.finish(each, "F" * len(each.bodies) if name in fail else "")
    return order
