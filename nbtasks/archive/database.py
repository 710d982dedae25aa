"""The database of an archive: a transaction writes rows, and the position of their events."""

import os
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, Table, create_engine, event, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from nbtasks.archive.schema import POSITIONS, RECORDS, TASKS, Row, prepare
from nbtasks.errors import ArchiveUnavailable, ConfigError
from nbtasks.states import TaskState

BUSY_MS: Final = 30_000
"""How long to wait for another process that writes to the same file."""

PAGE: Final = 500
"""Ids in one statement."""

FINAL: Final = tuple(
    str(state)
    for state in (TaskState.SUCCESS, TaskState.FAILURE, TaskState.REVOKED, TaskState.IGNORED)
)

_INSERTS: Final[dict[str, Callable[[Table], Any]]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


class Place(NamedTuple):
    """Up to where the events of an app are in the archive, and who listens for it."""

    listener: str
    position: str


class Database:
    """Reads and writes an archive. Safe to use from many threads; opened when first used.

    Args:
        url: Of SQLAlchemy: `sqlite:///file`, `postgresql://user:password@host/name`.
        app: The name of the app.

    Raises:
        ConfigError: It is no URL, or that of another kind of database.
    """

    def __init__(self, url: str, app: str) -> None:
        self._url = _read_url(url)
        self.app = app
        self._lock = threading.Lock()
        self._engine: Engine | None = None

    def __repr__(self) -> str:
        return self._url.render_as_string(hide_password=True)

    @contextmanager
    def begin(self) -> Generator[Connection]:
        """A transaction.

        Raises:
            ArchiveUnavailable: The database does not answer, or refuses what is asked of it.
        """
        try:
            with self._opened().begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            # Not the text of the error itself: it holds the values that were to be written.
            reason = str(getattr(error, "orig", None) or type(error).__name__)
            raise ArchiveUnavailable(repr(self), reason.strip().split("\n")[0]) from None

    def close(self) -> None:
        """Close its connections; the next use opens new ones."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def place(self) -> Place:
        """Up to where this app's events are in it."""
        with self.begin() as connection:
            row = {"app": self.app, "listener": f"archive-{os.urandom(6).hex()}", "position": ""}
            insert = _INSERTS[connection.dialect.name](POSITIONS)
            connection.execute(insert.on_conflict_do_nothing(), row)
            columns = POSITIONS.c.listener, POSITIONS.c.position
            found = connection.execute(select(*columns).where(POSITIONS.c.app == self.app)).one()
            return Place(*found)

    def write(
        self, before: str, after: str, records: Sequence[Row] = (), tasks: Sequence[Row] = ()
    ) -> bool:
        """Write rows and the position behind them, all or nothing.

        Args:
            before: The position that they go on from.
            after: The position that they come to.
            records: Rows of records.
            tasks: Rows of tasks.

        Returns:
            False where the archive has another position: somebody else has written meanwhile, and
            nothing was changed.
        """
        with self.begin() as connection:
            # First of all: it takes the lock, so that of several writers one is in here.
            where = POSITIONS.c.app == self.app, POSITIONS.c.position == before
            step = update(POSITIONS).where(*where).values(position=after)
            if connection.execute(step).rowcount == 0:
                return False
            for table, rows in ((RECORDS, records), (TASKS, tasks)):
                if rows:
                    self._upsert(connection, table, rows)
        return True

    def known(self, rids: Sequence[str]) -> set[str]:
        """Which of these records it knows."""
        found: set[str] = set()
        with self.begin() as connection:
            for at in range(0, len(rids), PAGE):
                where = RECORDS.c.app == self.app, RECORDS.c.rid.in_(rids[at : at + PAGE])
                found.update(connection.execute(select(RECORDS.c.rid).where(*where)).scalars())
        return found

    def unfinished(self, after: str) -> list[str]:
        """Records with a task that has not ended and is not missing, some, in order of their ids.

        Args:
            after: Only those behind this id.
        """
        is_open = TASKS.c.state.not_in(FINAL), func.coalesce(TASKS.c.missing_ms, 0) == 0
        where = TASKS.c.app == self.app, TASKS.c.rid > after, *is_open
        found = select(TASKS.c.rid).where(*where).distinct().order_by(TASKS.c.rid).limit(PAGE)
        with self.begin() as connection:
            return list(connection.execute(found).scalars())

    def lose(self, rids: Sequence[str], now_ms: int) -> None:
        """Redis has these records no more, and does not know how they ended."""
        where = TASKS.c.app == self.app, TASKS.c.rid.in_(rids), TASKS.c.state.not_in(FINAL)
        with self.begin() as connection:
            connection.execute(update(TASKS).where(*where).values(missing_ms=now_ms))

    def _upsert(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        statement = _INSERTS[connection.dialect.name](table)
        told = statement.excluded
        changed = {
            column.name: func.coalesce(told[column.name], column)
            for column in table.columns
            if not column.primary_key
        }
        keys = [column.name for column in table.primary_key]
        connection.execute(
            statement.on_conflict_do_update(index_elements=keys, set_=changed),
            [{"app": self.app, **row} for row in rows],
        )

    def _opened(self) -> Engine:
        with self._lock:
            if self._engine is None:
                self._engine = _open(self._url)
            return self._engine


def _read_url(url: str) -> URL:
    try:
        found = make_url(url)
    except ArgumentError:
        raise ConfigError(
            "the URL of the archive cannot be read: write sqlite:///runs.db or"
            " postgresql://user:password@host/name"
        ) from None
    kind = found.get_backend_name()
    if kind not in _INSERTS:
        raise ConfigError(f"an archive in {kind} is not possible: use sqlite or postgresql")
    if kind == "sqlite" and found.database in {None, "", ":memory:"}:
        raise ConfigError("an archive in memory would keep nothing: name a file, sqlite:///runs.db")
    if found.drivername == "postgresql":
        found = found.set(drivername="postgresql+psycopg")
    return found


def _open(url: URL) -> Engine:
    try:
        engine = create_engine(url, pool_pre_ping=True)
    except (ImportError, NoSuchModuleError) as error:
        raise ConfigError(
            f"the archive needs a driver that is not installed ({error}): for PostgreSQL, pip"
            ' install "psycopg[binary]"'
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_file)
    with engine.begin() as connection:
        prepare(connection)
    return engine


def _set_up_file(connection: Any, _record: object) -> None:
    """Readers and a writer at a time, and a commit that waits for no disk: see decision 0043."""
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        f"busy_timeout = {BUSY_MS}",
    ):
        connection.execute(f"PRAGMA {pragma}")
