"""A plan that was sent -> the result that is handed to who sent it."""

from collections.abc import Mapping
from typing import Any

from nbtasks.live import LiveRecord
from nbtasks.plan import All, Known, Many, Node, One, Value
from nbtasks.result.base import ResultBase
from nbtasks.result.canvas import Canvas
from nbtasks.result.eager import task_result
from nbtasks.result.group import GroupResult
from nbtasks.result.parts import Lone, Part
from nbtasks.result.single import AsyncResult
from nbtasks.waiting import ResultSource


def make_result(
    source: ResultSource, value: Value | None, lives: Mapping[Node, LiveRecord]
) -> AsyncResult[Any] | GroupResult[Any] | None:
    """The result of a plan.

    Args:
        source: What results ask.
        value: What the plan returns; None for nothing to run.
        lives: The record of each node.
    """
    return None if value is None else _Maker(source, lives).make(value)


def follow(source: ResultSource, rid: str, n: int) -> LiveRecord:
    """The record of what was submitted before; where it is not stored, one that is missing."""
    (record,) = source.attach([rid])
    if record is None or record.n != n:
        record = LiveRecord(rid, n, "")
        record.lose()
    return record


class _Maker:
    def __init__(self, source: ResultSource, lives: Mapping[Node, LiveRecord]) -> None:
        self._source = source
        self._lives = lives
        self._canvas = Canvas.of_plan(source, lives) if len(lives) > 1 else None
        self._made: dict[Value, AsyncResult[Any] | GroupResult[Any]] = {}

    def make(self, value: Value) -> AsyncResult[Any] | GroupResult[Any]:
        """The result of a value; the same for the same one, as a parent that many have."""
        line: list[Value] = []
        at: Value | None = value
        while at is not None and at not in self._made:  # a chain may be longer than any stack
            line.append(at)
            at = None if isinstance(at, Known) else at.parent
        for each in reversed(line):
            self._made[each] = self._new(each)
        return self._made[value]

    def _new(self, value: Value) -> AsyncResult[Any] | GroupResult[Any]:
        match value:
            case One(node, index, parent):
                return task_result(
                    self._source,
                    self._lives[node],
                    index,
                    parent=self._before(parent),
                    canvas=self._canvas,
                )
            case Known(rid, index, n):
                return task_result(self._source, follow(self._source, rid, n), index)
            case Many(items, group_id, parent):
                parts: list[LiveRecord | Part] = [self._part(item) for item in items]
                return GroupResult(
                    self._source,
                    parts,
                    group_id=group_id,
                    parent=self._before(parent),
                    canvas=self._canvas,
                )

    def _before(self, value: Value | None) -> ResultBase | None:
        return self.make(value) if value is not None else None

    def _part(self, item: Value | All) -> LiveRecord | Part:
        if isinstance(item, All):
            return self._lives[item.node]
        return Lone(self.make(item))
