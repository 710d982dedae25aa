"""The work of an archivist: events in, rows out; the position goes with the rows."""

import logging
from typing import Final

from nbtasks.archive.applying import apply
from nbtasks.archive.completing import complete, stored
from nbtasks.archive.database import Database
from nbtasks.archive.rows import Rows
from nbtasks.serializers import Codec
from nbtasks.signing import Signer
from nbtasks.store.facts import describe
from nbtasks.store.store import Store
from nbtasks.store.tidings import Batch, Tidings

logger = logging.getLogger(__name__)

TTL_MS: Final = 7 * 86_400_000
"""So long Redis keeps events for an archive that nobody feeds."""

KEEP: Final = 1_000_000
"""As many entries, at most."""

COUNT: Final = 500
"""Entries in one transaction, at most."""

BEHIND: Final = "?"
"""Before a position: events before it are missing, and what is stored is to be read."""


class Follower:
    """Feeds an archive. For one thread; several may feed the same database.

    Args:
        database: Where to.
        store: Where from.
        signer: Opens bodies, for their words.
        codec: What is read of them.
    """

    def __init__(self, database: Database, store: Store, signer: Signer, codec: Codec) -> None:
        self._database = database
        self._store = store
        self._signer = signer
        self._codec = codec
        self._tidings: Tidings | None = None
        self._position = ""

    def step(self, wait_ms: int) -> int:
        """One read and one transaction; returns how many events were new.

        Args:
            wait_ms: How long to wait for an event.

        Raises:
            StoreUnavailable: Redis does not answer; the next step goes on where this one was.
            ArchiveUnavailable: The database does not; likewise.
        """
        tidings = self._tidings or self._begin()
        if tidings is None:
            return 1
        try:
            if self._position.startswith(BEHIND):
                self._fill()
                return 1
            batch = tidings.read(wait_ms, COUNT)
            if batch.missed:
                logger.warning("events are missing: the archive reads all that is stored")
            if batch.missed or batch.position != self._position:
                self._keep(batch)
        except BaseException:
            self.close()
            raise
        return len(batch.items) + batch.missed

    def abort(self) -> None:
        """From another thread: the step that is under way ends with StoreUnavailable."""
        if self._tidings is not None:
            self._tidings.abort()

    def close(self) -> None:
        """Close the connection; the next step begins where the archive is."""
        if self._tidings is not None:
            self._tidings.close(stay=True)
            self._tidings = None

    def _begin(self) -> Tidings | None:
        listener, self._position = self._database.place()
        position = self._position.removeprefix(BEHIND)
        tidings = self._tidings = Tidings(
            self._store, listener, position=position, ttl_ms=TTL_MS, keep=KEEP
        )
        if not self._position:
            self._write(BEHIND + tidings.position)
        return self._tidings

    def _keep(self, batch: Batch) -> None:
        rows = Rows(self._signer, self._codec)
        apply(rows, batch.items)
        complete(rows, self._store, self._database)
        self._write(f"{BEHIND if batch.missed else ''}{batch.position}", rows)

    def _fill(self) -> None:
        """Read all that is stored, and find out what is stored no more."""
        for rows in stored(self._store, self._database, self._signer, self._codec):
            if not self._write(self._position, rows):
                return
        after, now_ms = "", self._store.clock.wall_ms()
        while found := self._database.unfinished(after):
            lost = [rid for rid, facts in describe(self._store, found) if facts is None]
            if lost:
                self._database.lose(lost, now_ms)
            after = found[-1]
        self._write(self._position.removeprefix(BEHIND))

    def _write(self, position: str, rows: Rows | None = None) -> bool:
        """Go on to a position, with these rows; False where another archivist has done so."""
        records, tasks = (rows.records, rows.tasks) if rows is not None else ((), ())
        if self._database.write(self._position, position, records, tasks):
            self._position = position
            return True
        self.close()
        return False
