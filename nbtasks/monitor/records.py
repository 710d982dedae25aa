"""What the records are that events speak of: events have ids, people read names."""

from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from nbtasks.errors import NbTasksError
from nbtasks.record import Header
from nbtasks.store.facts import describe
from nbtasks.store.store import Store
from nbtasks.store.tidings import Item, Sent, WorkerSaid

KEPT: Final = 20_000
"""Records that are remembered."""


@dataclass(frozen=True, slots=True)
class About:
    """The name of a record's task and its queue; empty where it is not stored any more."""

    name: str
    queue: str


class Records:
    """Remembers what records are, the last ones asked for. For one thread.

    Args:
        store: Of which app.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: OrderedDict[str, About] = OrderedDict()

    def hear(self, items: Iterable[Item]) -> None:
        """Learn what these items tell, and ask once for all of which they tell nothing.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        asked: dict[str, None] = {}
        for item in items:
            if isinstance(item, Sent):
                self._note(item.rid, item.header, item.queue)
            elif not isinstance(item, WorkerSaid) and item.rid not in self._known:
                asked[item.rid] = None
        for rid, facts in describe(self._store, [rid for rid in asked if rid not in self._known]):
            self._note(rid, facts.header if facts else b"", facts.queue if facts else "")

    def about(self, rid: str) -> About:
        """What was heard of it."""
        return self._known.get(rid) or About("", "")

    def _note(self, rid: str, header: bytes, queue: str) -> None:
        name = ""
        with suppress(NbTasksError):  # of another version, or too long for an event
            name = Header.decode(header).task
        self._known[rid] = About(name, queue)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
