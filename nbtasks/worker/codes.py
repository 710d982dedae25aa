"""What a parent knows of tasks: their code, which it passes on unread, and what headers say."""

from typing import Final

from nbtasks.errors import NbTasksError
from nbtasks.record import Header
from nbtasks.retry import NEVER
from nbtasks.store.keys import Keys
from nbtasks.store.link import Link
from nbtasks.worker.packages import Shipments
from nbtasks.worker.shelf import Shelf

_HEADERS_KEPT: Final = 128
_UNREADABLE: Final = Header(task="", code="", retry=NEVER)


class Codes:
    """Signed code by its name, as much as fits, and headers as they are read."""

    def __init__(self, link: Link, keys: Keys) -> None:
        self._link = link
        self._keys = keys
        self._blobs: dict[str, bytes] = {}
        self._shelf = Shelf()
        self._headers: dict[bytes, Header] = {}
        self._shipments = Shipments(link, keys)

    def bring(self, header: bytes) -> None:
        """Have the packages at hand that a task was sent with.

        Raises:
            StoreError: Redis is gone, or refuses.
        """
        if b'"packages"' in header:
            self._shipments.bring(self.facts(header).packages)

    def fetch(self, name: str) -> bytes | None:
        """Some code; None where it is no longer stored.

        Raises:
            StoreError: Redis is gone, or refuses.
        """
        blob = self._blobs.get(name)
        if blob is None:
            blob = self._link.call("GET", self._keys.code(name))
            if blob is None:
                return None
            self._blobs[name] = blob
            for old in self._shelf.add(name, len(blob)):
                del self._blobs[old]
        return blob

    def facts(self, data: bytes) -> Header:
        """What a header says of limits and retries; nothing, where it cannot be read."""
        header = self._headers.get(data)
        if header is None:
            if len(self._headers) > _HEADERS_KEPT:
                self._headers.clear()
            try:
                header = Header.decode(data)
            except NbTasksError:
                header = _UNREADABLE  # the child says what is wrong with it
            self._headers[data] = header
        return header
