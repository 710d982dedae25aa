"""A second reader of all events of a client: how often each task was ended, and brought back."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

from nbtasks.app import App
from nbtasks.errors import StoreError
from nbtasks.store.link import Link

NAME = "spy"


class Spy:
    """Counts by (record, index). Made before the first task is submitted."""

    def __init__(self, app: App) -> None:
        # A record's field `c` lists the clients that get its events: the store writes there what it
        # takes for the one client's name.
        store = app.store
        store.client = f"{store.client} {NAME}"
        self.ended: Counter[tuple[str, int]] = Counter()
        self.came_back: Counter[tuple[str, int]] = Counter()
        self._key = store.keys.events(NAME)
        self._link = Link(app.config.url)
        self._last = b"0"

    def read(self) -> None:
        """Take in what has come; while Redis is away, nothing."""
        with suppress(StoreError):
            while self._read_some():
                pass

    def _read_some(self) -> bool:
        found = self._link.call("XREAD", "COUNT", 1000, "STREAMS", self._key, self._last)
        entries = found[0][1] if found else []
        for entry, fields in entries:
            self._last = entry
            for kind, rid, start, *rest in _items(fields):
                if kind == b"f":
                    first = int(start)
                    places = range(first, first + len(rest[0]))
                    self.ended.update((rid.decode(), at) for at in places)
                elif kind == b"b":
                    self.came_back[rid.decode(), int(start)] += 1
        if entries:
            self._link.call("XTRIM", self._key, "MINID", self._last)
        return bool(entries)


def _items(fields: list[bytes]) -> Iterator[list[bytes]]:
    """The items of an entry (store/lua/_events.lua): kind and fields of each."""
    at = 0
    while at < len(fields) and fields[at]:
        stop = at + 2 + int(fields[at + 1])
        yield [fields[at], *fields[at + 2 : stop]]
        at = stop
