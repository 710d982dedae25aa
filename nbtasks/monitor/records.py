"""What the records are that events speak of: events have ids, people read names."""

from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from nbtasks.errors import NbTasksError
from nbtasks.record import Header, member_id
from nbtasks.store.facts import describe
from nbtasks.store.store import Store
from nbtasks.store.tidings import Item, Sent, WorkerSaid

KEPT: Final = 20_000
"""Records that are remembered."""


@dataclass(frozen=True, slots=True)
class About:
    """A record: the name of its task and its queue, empty where it is not stored any more.

    Attributes:
        name: The name.
        queue: The queue.
        members: How many it has; 0 where that is not known.
        root_id: The root of its canvas; empty where it stands alone.
        parent_id: The task that it comes from; empty for none.
    """

    name: str
    queue: str
    members: int = 0
    root_id: str = ""
    parent_id: str = ""

    def task_id(self, rid: str, index: int) -> str:
        """The id of a member; where the record is gone, the first one was probably alone."""
        return member_id(rid, index, self.members or index + 1)


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
                self._note(item.rid, item.header, item.queue, item.n)
            elif not isinstance(item, WorkerSaid) and item.rid not in self._known:
                asked[item.rid] = None
        for rid, facts in describe(self._store, [rid for rid in asked if rid not in self._known]):
            if facts is None:
                self._note(rid, b"", "", 0)
            else:
                self._note(rid, facts.header, facts.queue, facts.members)

    def about(self, rid: str) -> About:
        """What was heard of it."""
        return self._known.get(rid) or About("", "")

    def _note(self, rid: str, header: bytes, queue: str, members: int) -> None:
        found = About("", queue, members)
        with suppress(NbTasksError):  # of another version, or too long for an event
            read = Header.decode(header)
            found = About(read.task, queue, members, read.root_id, read.parent_id)
        self._known[rid] = found
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
