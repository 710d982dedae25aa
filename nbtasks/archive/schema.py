"""The tables of an archive, and their version.

`nbtasks_tasks` has a row a task, `nbtasks_records` one for the tasks that were sent together,
`nbtasks_positions` says up to where the events of an app are in them. Times are ms since 1970, by
the clock of Redis. NULL is what was not told; '' is what there is not, or no more.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from nbtasks.errors import ConfigError

MIGRATIONS: Final[Sequence[Sequence[str]]] = ()
"""What makes each version of the next one: statements. The first has number 1."""

VERSION: Final = 1 + len(MIGRATIONS)

_metadata: Final = MetaData()

META: Final = Table(
    "nbtasks_meta",
    _metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

POSITIONS: Final = Table(
    "nbtasks_positions",
    _metadata,
    Column("app", Text, primary_key=True),
    Column("listener", Text, nullable=False),
    Column("position", Text, nullable=False),
)

RECORDS: Final = Table(
    "nbtasks_records",
    _metadata,
    Column("app", Text, primary_key=True),
    Column("rid", Text, primary_key=True),
    Column("members", Integer),
    Column("header", LargeBinary),
    Column("root_id", Text),
    Column("parent_id", Text),
    Column("group_id", Text),
)

TASKS: Final = Table(
    "nbtasks_tasks",
    _metadata,
    Column("app", Text, primary_key=True),
    Column("rid", Text, primary_key=True),
    Column("member", Integer, primary_key=True, autoincrement=False),
    Column("id", Text),
    Column("name", Text),
    Column("queue", Text),
    Column("priority", Integer),
    Column("state", Text),
    Column("worker", Text),
    Column("retries", Integer),
    Column("sent_ms", BigInteger),
    Column("due_ms", BigInteger),
    Column("expires_ms", BigInteger),
    Column("received_ms", BigInteger),
    Column("started_ms", BigInteger),
    Column("done_ms", BigInteger),
    Column("runtime_us", BigInteger),
    Column("missing_ms", BigInteger),
    Column("args", LargeBinary),
    Column("args_text", Text),
    Column("result", LargeBinary),
    Column("result_text", Text),
    Column("error_type", Text),
    Column("error_text", Text),
    Column("traceback", Text),
    Index("nbtasks_tasks_sent", "app", "sent_ms"),
    Index("nbtasks_tasks_name", "app", "name", "sent_ms"),
    Index("nbtasks_tasks_state", "app", "state", "sent_ms"),
)


def prepare(connection: Connection) -> None:
    """Make the tables where there are none, and bring older ones up to date.

    Raises:
        ConfigError: A newer nbtasks made them.
    """
    if not inspect(connection).has_table(META.name):
        _create(connection)
    found = connection.execute(select(META.c.value).where(META.c.name == "version")).scalar()
    _migrate(connection, int(found or VERSION), MIGRATIONS)


def _create(connection: Connection) -> None:
    try:
        with connection.begin_nested():
            _metadata.create_all(connection)
            connection.execute(insert(META).values(name="version", value=str(VERSION)))
    except (IntegrityError, OperationalError, ProgrammingError):
        # Another process has done so at the same moment.
        if not inspect(connection).has_table(TASKS.name):
            raise


def _migrate(connection: Connection, found: int, steps: Sequence[Sequence[str]]) -> None:
    newest = 1 + len(steps)
    if found > newest:
        raise ConfigError(
            f"the archive has tables of version {found}, and this nbtasks knows {newest}: install"
            " the nbtasks that has made them, or a newer one"
        )
    for statements in steps[found - 1 :]:
        for statement in statements:
            connection.execute(text(statement))
    if found < newest:
        connection.execute(update(META).where(META.c.name == "version").values(value=str(newest)))


Row = dict[str, Any]
"""Values by the names of columns; None for what was not told."""
