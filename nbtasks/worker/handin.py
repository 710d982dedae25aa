"""What has ended and what was told, on its way to Redis: kept until Redis has answered.

After a lost connection it is sent again; a chunk whose lease is gone by then is dropped by the
script.
"""

import os
from collections.abc import Iterable
from typing import Final

from nbtasks.states import FAILURE
from nbtasks.worker.delivery import Delivery, Slot
from nbtasks.worker.vitals import Tally
from nbtasks.worker.work import Cells

BATCH_BYTES: Final = 16_000_000
"""One exchange hands in no more than this, and one chunk: Redis closes on far larger requests."""

REPORT_BYTES: Final = 16_000_000
"""Reports that wait for Redis to come back; the oldest go first."""

CHECKPOINT: Final = "c"
PART: Final = "y"
"""Kinds of reports that must not be lost; of checkpoints only the newest of a member counts."""

_IS_LAST: Final = 2

Report = tuple[str, str, str, int, object]
"""Kind, lease, record, index and data, as report.lua has it."""


class Reports:
    """Items of reports, oldest first; the first `told` are on their way."""

    def __init__(self) -> None:
        self.items: list[Report] = []
        self.told = 0

    def confirm(self) -> None:
        """Those have arrived."""
        del self.items[: self.told]
        self.told = 0


class Talk(Reports):
    """Output and progress: where too much of it waits, the oldest goes."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = 0

    def add(self, item: Report) -> None:
        """One more."""
        self.items.append(item)
        self._bytes += size_of(item[-1])
        while self._bytes > REPORT_BYTES:
            self._bytes -= size_of(self.items.pop(0)[-1])
            self.told = max(0, self.told - 1)

    def confirm(self) -> None:
        """Those have arrived."""
        self._bytes -= sum(size_of(item[-1]) for item in self.items[: self.told])
        super().confirm()


class Keepsakes(Reports):
    """Checkpoints and parts; children hear how much of their parts has arrived."""

    def __init__(self) -> None:
        super().__init__()
        self._from: list[Cells | None] = []

    def add(self, item: Report, cells: Cells | None = None) -> None:
        """One more of this child; a checkpoint takes the place of one that still waits."""
        if item[0] == CHECKPOINT:
            for at in range(self.told, len(self.items)):
                if self.items[at][:4] == item[:4]:
                    del self.items[at], self._from[at]
                    break
        self.items.append(item)
        self._from.append(cells)

    def confirm(self) -> None:
        """Those have arrived."""
        for item, cells in zip(self.items[: self.told], self._from, strict=False):
            if item[0] == PART and cells is not None:
                cells.stored(size_of(item[-1]))
        del self._from[: self.told]
        super().confirm()


def size_of(data: object) -> int:
    """How many bytes it has."""
    return len(data) if isinstance(data, bytes) else 0


class HandIn:
    """Chunks for `exchange` and items for `report`, oldest first; what has ended is counted."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._chunks: list[list[object]] = []
        self._sizes: list[int] = []
        self._sent = 0
        self._id = ""
        self._kept = Keepsakes()
        self._talk = Talk()
        self._report_id = ""

    def __bool__(self) -> bool:
        return bool(self._chunks or self._kept.items or self._talk.items)

    def ended(
        self, slot: Slot, delivery: Delivery, start: int, states: bytes, *, each: int,
        bodies: list[bytes],
    ) -> None:  # fmt: skip
        """Members `start`.. of a delivery have these final states; each took about so many us."""
        self._tally.add(delivery.task, len(states), states.count(FAILURE))
        self._sizes.append(sum(map(len, bodies)))
        self._add("f", slot, delivery, len(states), [start, states, each, *bodies])

    def retry(self, slot: Slot, delivery: Delivery, index: int, delay_ms: int, body: bytes) -> None:
        """A member is to be tried again."""
        self._sizes.append(len(body))
        self._add("r", slot, delivery, 1, [index, delay_ms, body])

    def replaced(
        self, slot: Slot, delivery: Delivery, index: int, body: bytes, sources: bytes
    ) -> None:
        """A member waits for other records, and takes their values with new arguments."""
        self._sizes.append(len(body))
        self._add("w", slot, delivery, 1, [index, body, sources])

    def died(self, slot: Slot, delivery: Delivery, index: int, reason: str) -> None:
        """The process that ran a member is dead."""
        self._sizes.append(0)
        self._add("d", slot, delivery, 1, [index, reason])

    def back(self, slot: Slot, delivery: Delivery, start: int, stop: int, each: int = 0) -> None:
        """Members [start, stop) of a delivery wait again; see `each` in exchange.lua."""
        if start < stop:
            self._sizes.append(0)
            self._add("b", slot, delivery, stop - start, [start, stop, each])

    def lease_back(self, lease: str, rid: str, start: int, stop: int) -> None:
        """A whole lease that no child has seen goes back."""
        self._chunks.append(["b", lease, 1, rid, start, stop, 0])
        self._sizes.append(0)

    def hear(self, slot: Slot, number: int, reports: Iterable[tuple[str, int, object]]) -> None:
        """Members of a delivery tell something; where it is gone, nobody wants to know it."""
        delivery, cells = slot.deliveries.get(number), slot.child.cells
        for kind, index, data in reports:
            if delivery is None:
                cells.stored(size_of(data) if kind == PART else 0)
            elif kind in {CHECKPOINT, PART}:
                self._kept.add((kind, delivery.lease, delivery.rid, index, data), cells)
            else:
                self.report(delivery, [(kind, index, data)])

    def report(self, delivery: Delivery, reports: Iterable[tuple[str, int, object]]) -> None:
        """Say something of running members."""
        for kind, index, data in reports:
            self._talk.add((kind, delivery.lease, delivery.rid, index, data))

    def batch(self) -> tuple[str, list[object]]:
        """The next chunks to hand in: an id for them, and their arguments.

        Until they are confirmed it is the same chunks again: the reply may be lost after Redis has
        taken them. A chunk that ends its lease counts only once anyway; for the others Redis keeps
        the id.
        """
        if not self._sent:
            self._sent = self._fitting()
            is_safe = all(chunk[_IS_LAST] for chunk in self._chunks[: self._sent])
            self._id = "" if is_safe else os.urandom(8).hex()
        return self._id, [item for chunk in self._chunks[: self._sent] for item in chunk]

    def confirm(self) -> None:
        """Redis has the chunks of the last `batch`."""
        del self._chunks[: self._sent]
        del self._sizes[: self._sent]
        self._sent = 0

    def reports(self) -> list[object]:
        """The arguments of a report; empty where there is nothing to tell."""
        queues = self._kept, self._talk
        if not any(queue.told for queue in queues):
            for queue in queues:
                queue.told = len(queue.items)
            self._report_id = os.urandom(8).hex()
        told = [item for queue in queues for item in queue.items[: queue.told]]
        return [self._report_id, *(field for item in told for field in item)] if told else []

    def confirm_reports(self) -> None:
        """Redis has the last `reports`, or does not want them."""
        for queue in (self._kept, self._talk):
            queue.confirm()

    def _fitting(self) -> int:
        """How many chunks go together."""
        size = count = 0
        for size_here in self._sizes:
            size += size_here
            if count and size > BATCH_BYTES:
                break
            count += 1
        return count

    def _add(
        self, kind: str, slot: Slot, delivery: Delivery, count: int, rest: list[object]
    ) -> None:
        delivery.left -= count
        is_last = delivery.left == 0
        if is_last:
            del slot.deliveries[delivery.number]
        self._chunks.append([kind, delivery.lease, int(is_last), delivery.rid, *rest])
