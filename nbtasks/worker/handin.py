"""What has ended and what was told, on its way to Redis: kept until Redis has answered.

After a lost connection it is sent again; a chunk whose lease is gone by then is dropped by the
script.
"""

from collections.abc import Iterable
from typing import Final

from nbtasks.worker.delivery import Delivery, Slot

BATCH_BYTES: Final = 16_000_000
"""One exchange hands in no more than this, and one chunk: Redis closes on far larger requests."""

REPORT_BYTES: Final = 16_000_000
"""Reports that wait for Redis to come back; the oldest go first."""


class HandIn:
    """Chunks for `exchange` and items for `report`, oldest first."""

    def __init__(self) -> None:
        self._chunks: list[list[object]] = []
        self._sizes: list[int] = []
        self._reports: list[tuple[object, ...]] = []
        self._report_bytes = 0

    def __bool__(self) -> bool:
        return bool(self._chunks or self._reports)

    def ended(
        self, slot: Slot, delivery: Delivery, start: int, states: bytes, *, each: int,
        bodies: list[bytes],
    ) -> None:  # fmt: skip
        """Members `start`.. of a delivery have these final states; each took about so many us."""
        self._sizes.append(sum(map(len, bodies)))
        self._add("f", slot, delivery, len(states), [start, states, each, *bodies])

    def retry(self, slot: Slot, delivery: Delivery, index: int, delay_ms: int, body: bytes) -> None:
        """A member is to be tried again."""
        self._sizes.append(len(body))
        self._add("r", slot, delivery, 1, [index, delay_ms, body])

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

    def report(self, delivery: Delivery, reports: Iterable[tuple[str, int, object]]) -> None:
        """Running members tell something."""
        for kind, index, data in reports:
            self._reports.append((kind, delivery.lease, delivery.rid, index, data))
            self._report_bytes += len(data) if isinstance(data, bytes) else 0
        while self._report_bytes > REPORT_BYTES:
            data = self._reports.pop(0)[-1]
            self._report_bytes -= len(data) if isinstance(data, bytes) else 0

    def batch(self) -> tuple[int, list[object]]:
        """The next chunks to hand in: how many, and their arguments."""
        size = count = 0
        for size_here in self._sizes:
            size += size_here
            if count and size > BATCH_BYTES:
                break
            count += 1
        return count, [item for chunk in self._chunks[:count] for item in chunk]

    def confirm(self, count: int) -> None:
        """Redis has these chunks."""
        del self._chunks[:count]
        del self._sizes[:count]

    def reports(self) -> list[object]:
        """The arguments of a report."""
        return [item for report in self._reports for item in report]

    def confirm_reports(self) -> None:
        """Redis has the reports, or does not want them."""
        self._reports = []
        self._report_bytes = 0

    def _add(
        self, kind: str, slot: Slot, delivery: Delivery, count: int, rest: list[object]
    ) -> None:
        delivery.left -= count
        is_last = delivery.left == 0
        if is_last:
            del slot.deliveries[delivery.number]
        self._chunks.append([kind, delivery.lease, int(is_last), delivery.rid, *rest])
