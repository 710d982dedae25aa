"""A canvas that was sent: its tasks, how they hang together, how far they are."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from nbtasks.drawing import Drawing
from nbtasks.errors import UnknownTask
from nbtasks.live import LiveRecord
from nbtasks.plan import Node, Role, Sources
from nbtasks.record import KILL, check_signal, split_id
from nbtasks.result.base import ResultBase
from nbtasks.result.eager import task_result
from nbtasks.result.forecast import Forecast, forecast
from nbtasks.result.group import GroupResult
from nbtasks.result.parts import Lone, Members, Part
from nbtasks.result.picture import picture, table
from nbtasks.result.single import AsyncResult
from nbtasks.result.steps import Link, Step
from nbtasks.result.writing import to_code, to_mermaid
from nbtasks.waiting import ResultSource


class Canvas:
    """The tasks of a canvas, each after those it waits for.

    Not made by hand: `AsyncResult.canvas`, `GroupResult.canvas`. In a notebook it is drawn.

    Args:
        source: What results ask.
        steps: Its tasks.
        knows_parents: Whether results that have no parent get the one that their links tell: those
            of a canvas that this client has not sent.
    """

    def __init__(
        self, source: ResultSource, steps: Sequence[Step], *, knows_parents: bool = False
    ) -> None:
        self._source = source
        self._steps = steps
        self._knows_parents = knows_parents

    def __repr__(self) -> str:
        return f"<Canvas of {self.forecast.total} tasks, {self.forecast.done} done>"

    def __str__(self) -> str:
        return table(self._steps)

    def _repr_svg_(self) -> str:
        return self.visualize().svg

    @classmethod
    def of_plan(cls, source: ResultSource, lives: Mapping[Node, LiveRecord]) -> "Canvas":
        """The canvas of a plan that is sent; of the plan itself nothing is kept."""
        places = {node: at for at, node in enumerate(lives)}
        steps: list[Step] = []
        for node, record in lives.items():
            links = [
                Link(places[each.of], each.span, each.index)
                for each in Sources(node).all
                if isinstance(each.of, Node)
            ]
            steps.append(Step(record, node.role, tuple(links), node.group_id))
        return cls(source, steps)

    @classmethod
    def of_drawing(cls, source: ResultSource, drawing: Mapping[str, Any]) -> "Canvas":
        """The canvas that the store describes; what is not stored any more is left out."""
        nodes = drawing["nodes"]
        places = {node["rid"]: at for at, node in enumerate(nodes)}
        links: defaultdict[str, list[Link]] = defaultdict(list)
        for before, span, index, rid in drawing["edges"]:
            if before in places:  # the others were submitted before it
                links[rid].append(Link(places[before], span, index))
        records = source.attach([node["rid"] for node in nodes])
        steps: list[Step] = []
        for node, found in zip(nodes, records, strict=True):
            record = found or LiveRecord(node["rid"], node["n"], node["name"])
            if found is None:
                record.lose()
            role = Role(node["role"])
            steps.append(Step(record, role, tuple(links[record.rid]), record.group_id))
        return cls(source, steps, knows_parents=True)

    @property
    def steps(self) -> Sequence[Step]:
        """Its tasks, each after those it waits for."""
        return self._steps

    @property
    def records(self) -> list[LiveRecord]:
        """The records of all its tasks, for a board."""
        return [step.record for step in self._steps]

    @property
    def forecast(self) -> Forecast:
        """How far it is, what holds it up, and how long it will take, as far as is known."""
        return forecast(self._steps, self._source.clock.wall_ms())

    def visualize(self) -> Drawing:
        """A drawing of it as it is now, which a notebook shows; `save` writes it to a file."""
        return picture(self._steps)

    def to_code(self) -> str:
        """Python that sends tasks of the same names, which wait for each other in the same way.

        What they were called with besides is not known here: `...` stands for it.
        """
        return to_code(self._steps)

    def to_mermaid(self) -> str:
        """A flowchart for Mermaid, as GitHub and many others draw it."""
        return to_mermaid(self._steps)

    def revoke(self, *, terminate: bool = False, signal: str = KILL) -> int:
        """End all that has not finished; returns how many tasks that were.

        Args:
            terminate: End what runs; otherwise it runs out, and its value is dropped.
            signal: What the processes of running ones get then, as in `AsyncResult.revoke`.

        Raises:
            ConfigError: There is no such signal.
        """
        name = check_signal(signal)
        # What comes after first: it is revoked by itself, and no errback runs.
        return sum(
            self._source.revoke(step.record, 0, step.record.n, terminate=terminate, signal=name)
            for step in reversed(self._steps)
            if step.record.left and not step.record.missing
        )

    def retry(self) -> int:
        """Run what has failed again, and all that was not run because of it; keep what succeeded.

        Returns:
            How many failed tasks are queued again.

        Raises:
            UnknownTask: A record is no longer stored.
            StoreRefused: The code of a task has expired, or Redis is full.
        """
        return sum(
            self._source.run_again(step.record, index)
            for step in self._steps
            for index in range(step.record.n)
            if step.record.has_failed(index)
        )

    def retry_from(self, task: "AsyncResult[Any] | str") -> bool:
        """Run one failed task again, as `AsyncResult.requeue` does, and what hangs on it.

        Args:
            task: Its result, or its id.

        Raises:
            UnknownTask: It is no task of this canvas, or no longer stored.
            StoreRefused: Its code has expired, or Redis is full.
        """
        task_id = task if isinstance(task, str) else task.id
        for rid, index in ((task_id, 0), split_id(task_id) or ("", 0)):
            at = self._places.get(rid)
            if at is not None and self._steps[at].record.task_id(index) == task_id:
                return self._handle(at, index).requeue()
        raise UnknownTask(task_id)

    # What results ask

    def parent_of(self, record: LiveRecord, index: int) -> ResultBase | None:
        """What comes before a member; None where nothing does, or where it is its group's."""
        links = self._steps[self._places[record.rid]].links
        each = [link for link in links if link.span == "e"]
        if each:
            return self._handle(each[0].before, index)
        if not self._knows_parents or not links:
            return None
        if len(links) == 1 and (links[0].span == "1" or self._count(links[0].before) == 1):
            return self._handle(links[0].before, links[0].index)
        parts: list[LiveRecord | Part] = [
            Lone(self._handle(link.before, link.index)) if link.span == "1"
            else Members(self._source, self._steps[link.before].record, self)
            for link in links
        ]  # fmt: skip
        return GroupResult[Any](self._source, parts, canvas=self)

    def parent_of_group(self, first: LiveRecord) -> ResultBase | None:
        """What comes before a group whose first member is in a record, if only the links tell."""
        if not self._knows_parents:
            return None
        step = self._steps[self._places[first.rid]]
        while step.links and step.links[0].span == "e":
            step = self._steps[step.links[0].before]
        return self.parent_of(step.record, 0)

    def children_of(self, record: LiveRecord, index: int) -> list[ResultBase]:
        """What comes after a member: tasks, groups and callbacks, but no errbacks."""
        grouped: dict[str, list[Part]] = {}
        for after, link in self._after[self._places[record.rid]]:
            step = self._steps[after]
            if step.role is Role.ERRBACK or (link.span == "1" and link.index != index):
                continue
            part: Part = Members(self._source, step.record, self)
            if link.span == "e":
                part = Lone(self._handle(after, index))
            elif step.record.n == 1:
                part = Lone(self._handle(after, 0))
            is_group = step.group_id and link.span != "e"
            name = step.group_id if is_group else step.record.rid
            grouped.setdefault(name, []).append(part)
        return [self._child(name, parts) for name, parts in grouped.items()]

    def _child(self, name: str, parts: list[Part]) -> ResultBase:
        if len(parts) == 1 and isinstance(parts[0], Lone):
            return parts[0].result
        return GroupResult[Any](self._source, parts, group_id=name, canvas=self)

    def _handle(self, at: int, index: int) -> AsyncResult[Any]:
        return task_result(self._source, self._steps[at].record, index, canvas=self)

    def _count(self, at: int) -> int:
        return self._steps[at].record.n

    @cached_property
    def _places(self) -> dict[str, int]:
        return {step.record.rid: at for at, step in enumerate(self._steps)}

    @cached_property
    def _after(self) -> list[list[tuple[int, Link]]]:
        """For each step those that wait for it, and how."""
        found: list[list[tuple[int, Link]]] = [[] for _ in self._steps]
        for at, step in enumerate(self._steps):
            seen: set[Link] = set()
            for link in step.links:
                if link not in seen:
                    seen.add(link)
                    found[link.before].append((at, link))
        return found
