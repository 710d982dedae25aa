"""What members of an eager run get from those before them, and whether they run at all."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from nbtasks.callee import Callee
from nbtasks.eager.parts import Part, Parts
from nbtasks.eager.source import EagerSource, Fall
from nbtasks.failure import encode_failure
from nbtasks.inputs import PLAIN, make, place
from nbtasks.live import LiveRecord
from nbtasks.plan import Known, Node, Parent, Role, Rule, Source, Sources
from nbtasks.record import member_id
from nbtasks.result import AsyncResult
from nbtasks.states import IGNORED

Arguments = tuple[Sequence[Any], Mapping[str, Any]]

Find = Callable[[str], AsyncResult[Any]]
"""Gives the result of a task that was sent before."""


class Upstream:
    """Looks at the records that others wait for.

    Args:
        source: Has their values and failures.
        parts: The parts of the run.
        find: Gives the results of what was sent before.
    """

    def __init__(self, source: EagerSource, parts: Parts, find: Find) -> None:
        self._source = source
        self._parts = parts
        self._find = find
        self._known: dict[tuple[str, int], LiveRecord] = {}
        self._shared: tuple[LiveRecord, Sequence[Any]] | None = None

    def judge(self, part: Part, index: int) -> tuple[bool, Fall | None]:
        """Whether a member runs, and the first failure before it; without one it is not needed."""
        node, sources = part.node, part.all_sources()
        if not sources:
            return True, None
        fall = self.first_fall(sources, index, is_heard=node.role is Role.ERRBACK)
        match node.rule:
            case Rule.ALL_DONE:
                return True, fall
            case Rule.ONE_FAILED:
                return fall is not None, fall
            case Rule.ALL_SUCCESS:
                return fall is None and not self.is_ignored(sources, index), fall

    def first_fall(
        self, sources: Iterable[Source], index: int, *, is_heard: bool = False
    ) -> Fall | None:
        """The first failure that member `index` meets; `is_heard`: that an errback is told of."""
        falls = (
            self._source.fall(self._record(source.of), _member(source, index), is_heard=is_heard)
            for source in sources
        )
        return min((fall for fall in falls if fall is not None), key=_number, default=None)

    def is_ignored(self, sources: Iterable[Source], index: int) -> bool:
        """Whether one of these turned out not to be needed."""
        return any(
            self._record(source.of).states.find(IGNORED, *_range(source, index)) >= 0
            for source in sources
        )

    def arguments(
        self, part: Part, index: int, fall: Fall | None, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> Arguments:
        """The arguments of a member, with all that it takes from others, decoded anew."""
        sources = part.sources
        if part.node.role is Role.ERRBACK and fall is not None and part.node.takes:
            return self._of_errback(part, fall, args, kwargs), kwargs
        values = self._values(sources, index)
        whole: Any = (args, kwargs)
        for path, shape in sources.puts:
            whole = place(whole, path, make(shape, values))
        args, kwargs = whole
        if sources.take is not None:
            first: Any = make(sources.take, values)
            if part.added:  # a chord's body takes a list
                first = [*first, *(self.value(more) for more in part.added)]
            args = (first, *args)
        return args, kwargs

    def value(self, sources: Sources) -> Any:
        """The value of what has ended, decoded anew."""
        return make(sources.take or ["l", []], self._values(sources, 0))

    def _values(self, sources: Sources, index: int) -> list[Sequence[Any]]:
        return [
            self._all(self._record(source.of))
            if source.span == "w"
            else self._source.values(self._record(source.of), range(*_range(source, index)))
            for source in sources.all[: sources.delivered]
        ]

    def _all(self, record: LiveRecord) -> Sequence[Any]:
        """The values of a record; all members of a group may take the same long list of them."""
        if self._shared is not None and self._shared[0] is record:
            return self._shared[1]
        values = self._source.values(record, range(record.n))
        if PLAIN.issuperset(map(type, values)):  # others are decoded anew for each
            self._shared = record, values
        return values

    def _record(self, of: Parent) -> LiveRecord:
        if isinstance(of, Node):
            return self._parts[of].record
        record = self._known.get((of.rid, of.index))
        if record is None:
            record = self._known[of.rid, of.index] = self._fetch(of)
        return record

    def _fetch(self, known: Known) -> LiveRecord:
        """A copy of what was sent before, once it has ended."""
        result = self._find(member_id(known.rid, known.index, known.n))
        record = LiveRecord(known.rid, known.n, result.name, result.queue)
        value = result.get(propagate=False)
        source, error = self._source, result.failure()
        if error is not None:
            source.fail(record, known.index, encode_failure(error, "", source.codec))
        elif result.successful():
            source.succeed(record, known.index, source.encode(value, result.name))
        else:
            source.ignore(record, known.index)
        return record

    def _of_errback(
        self, part: Part, fall: Fall, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Any, ...]:
        callee = Callee(part.task.function, args, kwargs, bind=part.task.options.bind)
        if not callee.takes_all:
            return (fall.task_id, *args)
        error = self._source.error(fall)
        request = self._parts.request(fall.record, fall.index)
        return request, error, self._source.traceback(fall, error), *args


def _member(source: Source, index: int) -> int | None:
    """Which member of a source member `index` waits for; None for all."""
    return {"w": None, "1": source.index, "e": index}[source.span]


def _range(source: Source, index: int) -> tuple[int, int]:
    member = _member(source, index)
    if member is not None:
        return member, member + 1
    return 0, len(source.of.calls) if isinstance(source.of, Node) else source.of.n


def _number(fall: Fall) -> int:
    return fall.at
