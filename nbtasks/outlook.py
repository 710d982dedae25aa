"""How long a task has still to wait, and when it will probably have ended."""

from collections.abc import Iterable
from typing import Any, Final

from nbtasks.live import LiveRecord
from nbtasks.store.fleet import live_workers, told_by, told_json
from nbtasks.store.places import Place, find_place
from nbtasks.store.store import Store

MIN_FRACTION: Final = 0.001
"""Of a task that is not even so far nothing is foretold."""


class Outlook:
    """What is to be expected of a member.

    Args:
        store: The store.
        record: Its record.
        index: Which member.
    """

    def __init__(self, store: Store, record: LiveRecord, index: int) -> None:
        self._store = store
        self._record = record
        self._index = index

    def position(self) -> int | None:
        """How many members are taken before it; None where it is not in its queue."""
        place = self._place()
        return None if place is None else place.ahead

    def end_ms(self) -> int | None:
        """When it will probably have ended, in ms since 1970; None where nothing says so.

        Of one that runs it is as it reports its progress; of one in a queue, as fast as the workers
        of the queue are; of one that is not due it is not before that.
        """
        place = self._place()
        if place is None:
            return self._by_progress()
        if place.ahead is None:
            return place.due_ms
        rate = sum(_rates(self._store, place.queue))
        return round(self._store.now_ms() + 1000 * (place.ahead + 1) / rate) if rate > 0 else None

    def _place(self) -> Place | None:
        is_done = self._record.is_done(self._index)
        return None if is_done else find_place(self._store, self._record.rid, self._index)

    def _by_progress(self) -> int | None:
        record, index = self._record, self._index
        start, progress = record.started.get(index), record.progress.get(index)
        fraction = progress.fraction if progress is not None else None
        if start is None or not fraction or fraction < MIN_FRACTION or record.is_done(index):
            return None
        return round(start.at_ms + max(0, self._store.now_ms() - start.at_ms) / fraction)


def _rates(store: Store, queue: str) -> Iterable[float]:
    """Tasks a second that each worker of a queue does: just now, or else since it began."""
    names = [worker.name for worker in live_workers(store) if worker.takes(queue)]
    for told in told_by(store, names, ["stats"]).values():
        stats = told_json(told["stats"])
        total: Any = stats.get("total")
        done = sum(each for each in total.values() if isinstance(each, int)) if total else 0
        uptime, rate = stats.get("uptime"), stats.get("rate")
        if isinstance(rate, (int, float)) and rate > 0:
            yield rate
        elif isinstance(uptime, int):
            yield done / max(1, uptime)
