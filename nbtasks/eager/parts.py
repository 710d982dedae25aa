"""What an eager run is made of: nodes with their records, checked and encoded before any runs."""

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from nbtasks.config import Config
from nbtasks.eager.source import EagerSource
from nbtasks.envelope import Envelope, check_headers
from nbtasks.live import LiveRecord
from nbtasks.options import merged
from nbtasks.placing import Place, place_nodes
from nbtasks.plan import Node, Plan, Source, Sources
from nbtasks.request import Request
from nbtasks.retry import RetryPolicy
from nbtasks.sending import encode_calls, envelope_of, task_of
from nbtasks.task import Task

_HERE: Final = f"eager@{platform.node()}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """A node that may run.

    Attributes:
        node: The node.
        task: What it calls.
        record: Its record.
        payloads: The encoded arguments of each member.
        policy: How it is retried.
        sources: What it waits for.
        place: Where it stands in its canvas.
        headers: What it is sent with.
        envelope: How it would be sent.
        chords: The bodies of the chords whose header it is in, and by which source.
        added: If it is such a body, what tasks of its header have added to the chord.
    """

    node: Node
    task: Task[..., Any]
    record: LiveRecord
    payloads: Sequence[bytes]
    policy: RetryPolicy
    sources: Sources
    place: Place
    headers: Mapping[str, Any]
    envelope: Envelope
    chords: list[tuple[Source, "Part"]] = field(default_factory=list[tuple[Source, "Part"]])
    added: list[Sources] = field(default_factory=list[Sources])

    def request(
        self, index: int, retries: int, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Request:
        """What a member may know of itself."""
        return Request(
            id=self.record.task_id(index),
            task=self.task.name,
            retries=retries,
            hostname=_HERE,
            root_id=self.place.root_id or self.record.task_id(index),
            parent_id=self.place.parent_id or None,
            group=self.place.group_id or None,
            stamps=self.place.stamps,
            headers=self.headers,
            max_retries=self.policy.max_retries,
            args=args,
            kwargs=kwargs,
            is_eager=True,
            eta=self.envelope.eta,
            expires=self.envelope.expires,
            delivery_info=self.envelope.delivery_info(is_again=False),
            shadow=self.envelope.shadow or None,
        )

    def all_sources(self) -> list[Source]:
        """What it waits for, also what was added."""
        return [*self.sources.all, *(source for more in self.added for source in more.all)]

    def chords_of(self, index: int) -> list["Part"]:
        """The bodies of the chords that a member is in the header of."""
        return [
            body
            for source, body in self.chords
            if source.span == "w" or (source.span == "1" and source.index == index)
        ]


class Parts:
    """The parts of one run, by their nodes.

    Args:
        config: The settings of the app.
        source: Says how arguments are encoded, and what time it is.
    """

    def __init__(self, config: Config, source: EagerSource) -> None:
        self._config = config
        self._source = source
        self._found: dict[Node, Part] = {}
        self._by_id: dict[str, Part] = {}

    def __getitem__(self, node: Node) -> Part:
        return self._found[node]

    def request(self, record: LiveRecord, index: int) -> Request:
        """What can be said of a member without running it: nothing more of one sent before."""
        part = self._by_id.get(record.rid)
        if part is None:
            return Request(record.task_id(index), record.name, 0, "", root_id=record.task_id(index))
        args, kwargs = self._source.codec.decode(part.payloads[index], record.name)
        return part.request(index, record.retries.get(index, 0), args, kwargs)

    def __iter__(self) -> Iterator[Part]:
        return iter(self._found.values())

    def lives(self) -> Mapping[Node, LiveRecord]:
        """The record of each node."""
        return {node: part.record for node, part in self._found.items()}

    def add(self, plan: Plan, root_id: str = "", parent_id: str = "") -> None:
        """Check and encode all of a plan.

        Raises:
            ConfigError: An option has a wrong value.
            TypeError: A function does not take its arguments.
            Unsendable: An argument cannot be encoded; the message names it.
            TooBig: An argument is above `max_input`.
        """
        if not plan.nodes:
            return
        now = datetime.now(UTC)  # noqa: TID251 - eta is a date
        placed = place_nodes(plan, root_id, parent_id)
        parts = [
            self._make(node, place, now)
            for node, place in zip(plan.nodes, placed.places, strict=True)
        ]
        for part in parts:  # not before all of them are good
            self._found[part.node] = self._by_id[part.record.rid] = part
            self._source.records[part.record.rid] = part.record
            for source in part.sources.all if part.node.is_chord else ():
                if isinstance(source.of, Node):
                    self._found[source.of].chords.append((source, part))

    def _make(self, node: Node, place: Place, now: datetime) -> Part:
        task = task_of(node)
        config = self._config
        options, delay_ms = merged(task.options, node.options, config, name=task.name, now=now)
        is_alone = place.edges is None
        envelope = envelope_of(
            node.options, options, config, now=now, delay_ms=delay_ms, is_alone=is_alone
        )
        source = self._source
        codec = source.codec.writing(options.serializer).packing(options.compression or "")
        limit = source.limit
        payloads, _ = encode_calls(node.calls, codec, limit, name=task.name, task=task)
        title = envelope.shadow or task.name
        record = LiveRecord(place.rid, len(payloads), title, envelope.queue, source.clock.wall_ms())
        record.labels = list(node.labels) if node.labels is not None else None
        return Part(
            node=node,
            task=task,
            record=record,
            place=place,
            payloads=payloads,
            policy=options.retry,
            sources=Sources(node),
            headers=check_headers(node.options.get("headers")),
            envelope=envelope,
        )
