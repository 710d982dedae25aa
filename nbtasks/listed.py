"""What there is in the schedule of an app, and how its runs went."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from nbtasks.entry import Entry
from nbtasks.errors import UnknownEntry
from nbtasks.result import AsyncResult, GroupResult
from nbtasks.result.parts import Lone
from nbtasks.scheduled import ScheduledRun, ScheduleEntry, read_entry, read_runs
from nbtasks.serializers import decode_json
from nbtasks.spelling import nearest
from nbtasks.store.entries import entry_names, tell_entries
from nbtasks.store.link import Link
from nbtasks.submitting import Submitter

Run = AsyncResult[Any] | GroupResult[Any]


class Entries(Mapping[str, ScheduleEntry]):
    """The entries of an app by their names, as they are in Redis now."""

    def __init__(self, app: Submitter) -> None:
        self._app = app

    @property
    def app(self) -> Submitter:
        """Whose entries these are."""
        return self._app

    def __getitem__(self, name: str) -> ScheduleEntry:
        """The entry of a name.

        Raises:
            UnknownEntry: There is none; the message names the nearest.
        """
        found = self._read(name)
        if not found:
            raise self._unknown(name)
        return found[0]

    def __iter__(self) -> Iterator[str]:
        return iter([entry.name for entry in self._read()])

    def __len__(self) -> int:
        return len(self._read())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self._read(name))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(self)}>"

    def entries(self) -> Sequence[ScheduleEntry]:
        """All entries, those that are due first in front."""
        return self._read()

    def next(self, n: int = 5) -> Sequence[tuple[datetime, ScheduleEntry]]:
        """The next `n` due times of all entries that are not paused."""
        times = [(time, entry) for entry in self._read() for time in _coming(entry, n)]
        return sorted(times, key=lambda pair: pair[0])[:n]

    def history(self, name: str, n: int = 20) -> Sequence[ScheduledRun]:
        """The last `n` runs of an entry, the newest first; 100 are kept.

        Raises:
            UnknownEntry: There is none.
        """
        return self.histories([self[name]], n)[0]

    def histories(
        self, entries: Sequence[ScheduleEntry], n: int = 20
    ) -> Sequence[Sequence[ScheduledRun]]:
        """The last `n` runs of each of these entries, read in one go; none of one that is gone."""
        keys = self._app.store.keys

        def read(link: Link) -> list[list[bytes]]:
            link.send_all([("HGETALL", keys.runs(entry.name)) for entry in entries])
            return [link.read() for _ in entries]

        found = [
            (iter(items), entry.schedule)
            for items, entry in zip(self._app.store.attempt(read), entries, strict=True)
        ]
        return [
            read_runs(dict(zip(items, items, strict=True)), rule, self._find)[:n]
            for items, rule in found
        ]

    # Inside

    def _read(self, *names: str) -> list[ScheduleEntry]:
        keys = self._app.store.keys

        def read(link: Link) -> list[list[bytes]]:
            return tell_entries(link, keys, names or entry_names(link, keys))

        return [read_entry(item, self._app) for item in self._app.store.attempt(read)]

    def _unknown(self, name: str) -> UnknownEntry:
        known = list(self)
        return UnknownEntry(name, nearest(name, known) if known else "")

    def _entry(self, name: str) -> Entry:
        """What is stored of an entry, checked.

        Raises:
            UnknownEntry: There is none.
            BadSignature: It is not signed by our key.
        """
        store = self._app.store
        body = store.call("HGET", store.keys.entry(name), "b")
        if body is None:
            raise self._unknown(name)
        return Entry.decode(name, body, self._app.connection.signer)

    def _find(self, root: str) -> Run:
        """The result of a run.

        Raises:
            UnknownTask: It is no longer stored.
        """
        store = self._app.store
        plan = store.call("HGET", store.keys.canvas(root), "plan")
        value: str | Sequence[str] = decode_json(plan).get("value", root) if plan else root
        if isinstance(value, str):
            return self._app.AsyncResult(value)
        return GroupResult(self._app, [Lone(self._app.AsyncResult(each)) for each in value])


def _coming(entry: ScheduleEntry, n: int) -> list[datetime]:
    return [] if entry.paused else entry.next(n)
