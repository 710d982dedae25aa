"""Results as ids, and made of them again: to be saved, or to travel as tuples.

The form that is saved is JSON and as short as a group allows: a whole record is one item of it.

    line    [result, ...]: a result, after all its parents, the first one first
    result  ["t", rid, n, index]  or  ["g", id, [part, ...]]
    part    ["w", rid, n]  or  ["l", line]
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

from nbtasks.live import LiveRecord
from nbtasks.record import split_id
from nbtasks.result.base import ResultBase
from nbtasks.result.eager import task_result
from nbtasks.result.group import GroupResult
from nbtasks.result.parts import Lone, Members, Part
from nbtasks.result.single import AsyncResult
from nbtasks.serializers import decode_json, encode_json
from nbtasks.waiting import ResultSource

Saved = list[Any]


def save(result: GroupResult[Any]) -> bytes:
    """A group, all that it holds and all before it, as JSON."""
    return encode_json(to_line(result))


def restore(source: ResultSource, data: bytes) -> GroupResult[Any]:
    """What `save` made of a group; what is not stored any more is `missing`."""
    return cast("GroupResult[Any]", of_line(source, decode_json(data)))


def of_line(source: ResultSource, line: Saved) -> ResultBase:
    """What `to_line` made of a result; what is not stored any more is `missing`."""
    return _Restorer(source, rids_in(line)).line(line)


def from_tuple(source: ResultSource, ids: Any) -> ResultBase:
    """What `as_tuple` made of a result; what is not stored any more is `missing`."""
    found = list(_ids(ids))
    rids = [rid for task_id in found for rid in (task_id, (split_id(task_id) or ("",))[0]) if rid]
    return _Restorer(source, rids).of_tuple(ids)


def to_line(result: ResultBase) -> Saved:
    """A result, all that it holds and all before it, as lists for JSON."""
    return [_one(each) for each in reversed([result, *result.parents()])]


def _one(result: ResultBase) -> Saved:
    if isinstance(result, AsyncResult):
        return ["t", result.record.rid, result.record.n, result.index]
    group = cast("GroupResult[Any]", result)
    return ["g", group.id, [_part(part) for part in group.parts]]


def _part(part: Part) -> Saved:
    if isinstance(part, Members):
        return ["w", part.record.rid, part.record.n]
    return ["l", to_line(part.result)]


def rids_in(line: Saved) -> Iterator[str]:
    """The ids of all records in it."""
    for kind, name, *rest in line:
        if kind == "t":
            yield name
            continue
        for which, *of in rest[0]:
            if which == "w":
                yield of[0]
            else:
                yield from rids_in(of[0])


def _ids(ids: Any) -> Iterator[str]:
    """The ids of all tasks in a tuple."""
    at = ids
    while at is not None:
        (name, parent), members = at
        if members is None:
            yield name
        for member in members or ():
            yield from _ids(member)
        at = parent


def _some(result: ResultBase | None) -> ResultBase:
    if result is None:
        raise ValueError("these are no ids of a result: give what as_tuple() has made")
    return result


class _Restorer:
    """Makes results of ids; the records are looked up first, many at a time."""

    def __init__(self, source: ResultSource, rids: Iterable[str]) -> None:
        self._source = source
        names = list(dict.fromkeys(rids))
        self._records = {
            rid: record
            for rid, record in zip(names, source.attach(names), strict=True)
            if record is not None
        }

    def line(self, line: Saved) -> ResultBase:
        parent: ResultBase | None = None
        for kind, name, *rest in line:
            if kind == "t":
                n, index = rest
                parent = AsyncResult[Any](self._source, self._record(name, n), index, parent=parent)
            else:
                parts = [self._part(part) for part in rest[0]]
                parent = GroupResult[Any](self._source, parts, group_id=name, parent=parent)
        return _some(parent)

    def of_tuple(self, ids: Any) -> ResultBase:
        above: list[Any] = []
        while ids is not None:
            above.append(ids)
            ids = ids[0][1]
        result: ResultBase | None = None
        for (name, _), members in reversed(above):
            if members is None:
                record, index = self._member(name)
                result = task_result(self._source, record, index, parent=result)
            else:
                parts: Sequence[Part] = [Lone(self.of_tuple(member)) for member in members]
                result = GroupResult[Any](self._source, parts, group_id=name, parent=result)
        return _some(result)

    def _part(self, part: Saved) -> Part:
        if part[0] == "w":
            return Members(self._source, self._record(part[1], part[2]))
        return Lone(self.line(part[1]))

    def _record(self, rid: str, n: int) -> LiveRecord:
        record = self._records.get(rid)
        if record is None or record.n != n:
            record = LiveRecord(rid, n, "")
            record.lose()
        return record

    def _member(self, task_id: str) -> tuple[LiveRecord, int]:
        for rid, index in ((task_id, 0), split_id(task_id) or ("", 0)):
            record = self._records.get(rid)
            if record is not None and index < record.n and record.task_id(index) == task_id:
                return record, index
        return self._record(task_id, 1), 0
