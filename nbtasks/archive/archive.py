"""An archive of an app: what is fed, and what is asked."""

import logging
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any, Final, Protocol, Self, cast

from nbtasks.archive.database import Database
from nbtasks.archive.following import Follower
from nbtasks.archive.queries import ArchivedTask, count_states, find_tasks, remove_old
from nbtasks.archive.recalling import recall_bodies, recall_call, recall_record
from nbtasks.clock import Clock
from nbtasks.connection import Connection
from nbtasks.errors import (
    ArchiveUnavailable,
    ConfigError,
    StoreUnavailable,
    UnknownTask,
)
from nbtasks.live import LiveRecord
from nbtasks.record import Header, split_id
from nbtasks.serializers import Codec
from nbtasks.states import TaskState
from nbtasks.store.store import pauses

logger = logging.getLogger(__name__)

WAIT_MS: Final = 1000
HOUR_MS: Final = 3_600_000


class Archived(Protocol):
    """What has an archive: an app."""

    clock: Clock

    @property
    def connection(self) -> Connection:
        """Store and signer."""
        ...

    @property
    def codec(self) -> Codec:
        """What values travel as."""
        ...


class Archive:
    """The tasks of an app in a database, also those that Redis has no more.

    Made by `App.archive`. Somebody has to feed it: `nbtasks archive`, or `start` or `run` here.
    Any number of processes may do so, each event is written once; and any may ask.

    Args:
        app: Whose tasks.
        name: The name of that app.
        url: The database, as SQLAlchemy writes it.

    Raises:
        ConfigError: It is no URL, or that of another kind of database.
    """

    def __init__(self, app: Archived, name: str, url: str) -> None:
        self.url = url
        self._app = app
        self._database = Database(url, name)
        self._follower: Follower | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def __repr__(self) -> str:
        return f"<Archive {self._database}>"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # Feeding it

    def run(self, keep: timedelta | float | None = None) -> None:
        """Feed it until `stop` is called; what is out of reach meanwhile is tried again.

        Args:
            keep: Remove tasks that ended so many seconds ago, now and once an hour; by default
                none is removed.
        """
        waits = pauses()
        purged = -inf
        try:
            while not self._stop.is_set():
                try:
                    if keep is not None and self._app.clock.tick_ms() - purged > HOUR_MS:
                        self.purge(keep)
                        purged = self._app.clock.tick_ms()
                    self._step(WAIT_MS)
                    waits = pauses()
                except (StoreUnavailable, ArchiveUnavailable) as error:
                    if not self._stop.is_set():
                        logger.warning("%s; trying again", error)
                        self._stop.wait(next(waits) / 1000)
        finally:
            self._rest()

    def start(self, keep: timedelta | float | None = None) -> Self:
        """Feed it in a thread of this process, until `stop`.

        Args:
            keep: As in `run`.
        """
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(
                target=self.run, args=(keep,), name="nbtasks-archive", daemon=True
            )
            self._thread.start()
        return self

    def stop(self) -> None:
        """End `run` or the thread of `start`; what is told meanwhile is read at the next start."""
        self._stop.set()
        follower = self._follower
        if follower is not None:
            follower.abort()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
            self._thread = None

    def catch_up(self, keep: timedelta | float | None = None) -> None:
        """Read all that there is now, and return: for who has no process that feeds it.

        Args:
            keep: Remove tasks that ended so many seconds ago; by default none.

        Raises:
            ConfigError: It is fed by the thread of `start`.
            StoreUnavailable: Redis does not answer.
            ArchiveUnavailable: The database does not answer.
        """
        if self._thread is not None:
            raise ConfigError("the archive is fed by its thread: call stop() first")
        try:
            while self._step(1):
                pass
            if keep is not None:
                self.purge(keep)
        finally:
            self._rest()

    def close(self) -> None:
        """Stop, and close the connections to the database; the next use opens new ones."""
        self.stop()
        self._database.close()

    # Asking it

    def tasks(
        self,
        *,
        state: str = "",
        name: str = "",
        since: datetime | timedelta | float | None = None,
        limit: int = 100,
    ) -> list[ArchivedTask]:
        """Tasks, those sent last first.

        Args:
            state: Only those in this state, as `FAILURE`.
            name: Only those of this name.
            since: Only those sent after this moment, or in the last so many seconds.
            limit: So many at most.

        Raises:
            ValueError: There is no such state.
            ArchiveUnavailable: The database does not answer.
        """
        moment = since if isinstance(since, datetime) or since is None else self._ago(since)
        return find_tasks(self._database, state=state, name=name, since=moment, limit=limit)

    def task(self, task_id: str) -> ArchivedTask:
        """The task of an id.

        Raises:
            UnknownTask: There is none.
            ArchiveUnavailable: The database does not answer.
        """
        rid = (split_id(task_id) or (task_id, 0))[0]
        for each in (rid, task_id):
            found = find_tasks(self._database, task_id=task_id, rid=each, limit=1)
            if found:
                return found[0]
        raise UnknownTask(task_id)

    def counts(self, *, name: str = "") -> dict[TaskState, int]:
        """How many tasks are in each state; those that nobody is in are left out.

        Args:
            name: Only tasks of this name.

        Raises:
            ArchiveUnavailable: The database does not answer.
        """
        return count_states(self._database, name=name)

    def arguments(self, task_id: str) -> tuple[Sequence[Any], dict[str, Any]]:
        """What a task was called with: positional and keyword arguments.

        Raises:
            UnknownTask: It is not there, or its arguments are not.
            BadSignature: They are not signed by our key.
        """
        for rid, index in ((task_id, 0), split_id(task_id) or ("", 0)):
            found = recall_call(self._database, rid, index) if rid else None
            if found is not None:
                what = f"the arguments of task {task_id!r}"
                header, body = found
                seal = self._app.connection.signer.arguments(
                    rid, header, Header.decode(header).key_id
                )
                value = self._app.codec.decode(seal.open(index, body, what), what)
                return cast("tuple[Sequence[Any], dict[str, Any]]", value)
        raise UnknownTask(task_id)

    def purge(self, older_than: timedelta | float) -> int:
        """Remove tasks that ended longer ago than so many seconds; returns how many.

        Raises:
            ArchiveUnavailable: The database does not answer.
        """
        before = self._ago(older_than)
        return remove_old(self._database, round(before.timestamp() * 1000))

    def record(self, rid: str) -> LiveRecord | None:
        """A record all members of which have ended, as results know it; None where there is none.

        Raises:
            ArchiveUnavailable: The database does not answer.
        """
        return recall_record(self._database, rid)

    def bodies(self, rid: str, indices: Sequence[int]) -> dict[int, bytes]:
        """The signed values or errors of members of a record, as far as they are there.

        Raises:
            ArchiveUnavailable: The database does not answer.
        """
        return dict(recall_bodies(self._database, rid, indices))

    def _ago(self, time: timedelta | float) -> datetime:
        seconds = time.total_seconds() if isinstance(time, timedelta) else float(time)
        return datetime.fromtimestamp(self._app.clock.wall_ms() / 1000 - seconds, UTC)

    def _step(self, wait_ms: int) -> int:
        if self._follower is None:
            connection = self._app.connection
            self._follower = Follower(
                self._database, connection.store, connection.signer, self._app.codec
            )
        return self._follower.step(wait_ms)

    def _rest(self) -> None:
        if self._follower is not None:
            self._follower.close()
            self._follower = None
