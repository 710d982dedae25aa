"""What a kernel holds: its app, the one feed, the tasks sent from here and their boards."""

import atexit
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from nbtasks import embedded
from nbtasks.app import App, current_app
from nbtasks.config import ENV_KEY, ENV_URL
from nbtasks.errors import NbTasksError
from nbtasks.live import LiveRecord
from nbtasks.notebook.board import Board
from nbtasks.notebook.feed import Feed
from nbtasks.result import AsyncResult, GroupResult

MAX_TASKS: Final = 1000
START_MS: Final = 20_000.0


class WorkersFailed(NbTasksError):
    """Local workers did not come up.

    Args:
        reason: What was seen.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)

    def __str__(self) -> str:
        return (
            f"the local workers did not come up: {self.args[0]}. Run `nbtasks worker` in a terminal to"
            " see why"
        )


Result = AsyncResult[Any] | GroupResult[Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """Something that was sent from this notebook: its name, its handle and its board."""

    name: str
    result: Result
    board: Board


class Session:
    """One per kernel."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self._feed: tuple[App, Feed] | None = None

    @property
    def app(self) -> App:
        """The current app, set up for a notebook: interrupts revoke, waits freeze boards."""
        app = current_app()
        app.revoke_on_interrupt = True
        app.on_waited = self._on_waited
        return app

    def feed(self) -> Feed:
        """The one feed of the app's events."""
        app = self.app
        if self._feed is None or self._feed[0] is not app:
            self._feed = app, Feed(app.events)
        return self._feed[1]

    def add(
        self,
        name: str,
        result: Result,
        *,
        view: str,
        inputs: Sequence[tuple[str, int]] = (),
        detail: str = "",
    ) -> Sent:
        """Remember what was sent, and show its board under the current cell."""
        board = Board(
            result.records,
            title=name,
            cancel=lambda members: _cancel(self.app, result, members),
            feed=self.feed(),
            inputs=inputs,
            detail=detail,
        )
        sent = Sent(name, result, board)
        self.sent.append(sent)
        del self.sent[:-MAX_TASKS]
        board.show(view)
        return sent

    def connect(self, url: str) -> App:
        """Make an app for a URL, or for the embedded server; close the one before it."""
        self.close()
        app = App(broker=url)
        app.store.connect()
        return self.app

    def start_workers(self, count: int, queues: tuple[str, ...]) -> int:
        """Start local workers until so many live; returns how many there are.

        Raises:
            WorkersFailed: They do not come up.
        """
        app = self.app
        there = [worker for worker in app.workers() if set(queues) <= set(worker.queues)]
        missing = count - len(there)
        if missing > 0:
            server = app.connection.server
            if server is not None:
                started = embedded.start_workers(server, missing, queues=queues)
            else:
                started = start_beside(app, missing, queues)
            self._await_workers(app, {worker.name for worker in there}, started)
        return len(app.workers())

    def _await_workers(
        self, app: App, before: set[str], started: Sequence[subprocess.Popen[bytes]]
    ) -> None:
        begun = app.clock.tick_ms()
        while len({worker.name for worker in app.workers()} - before) < len(started):
            ended = [process.returncode for process in started if process.poll() is not None]
            if ended:
                raise WorkersFailed(f"{len(ended)} of them ended at once (exit code {ended[0]})")
            if app.clock.tick_ms() - begun > START_MS:
                raise WorkersFailed(f"they did not report within {START_MS / 1000:.0f} s")
            app.clock.pause(20)

    def close(self) -> None:
        """Close the connection, if there is one; tasks and local workers go on."""
        app = current_app()
        if self._feed is not None:
            self._feed[1].close()
            self._feed = None
        if app.is_connected:
            app.close()

    def _on_waited(self, records: Sequence[LiveRecord]) -> None:
        """A blocking wait has ended: what is shown of these tasks becomes final now.

        Under nbclient an update that comes after the last cell is lost.
        """
        waited = {record.rid for record in records}
        for sent in self.sent:
            if any(record.rid in waited for record in sent.result.records):
                sent.board.show_end()


def _cancel(app: App, result: Result, members: Sequence[tuple[LiveRecord, int]] | None) -> None:
    if members is None:
        result.revoke(terminate=True)
        return
    for record, index in members:
        app.revoke(record, index, index + 1, terminate=True)


def start_beside(app: App, count: int, queues: tuple[str, ...]) -> list[subprocess.Popen[bytes]]:
    """Start workers for a Redis that is not ours; they end with this kernel."""
    # The secret goes by the environment, which only this user can read, never by the command line.
    environment = {
        **os.environ,
        ENV_URL: app.config.url,
        ENV_KEY: app.config.key.decode("utf-8", "surrogateescape"),
    }
    command = [sys.executable, "-m", "nbtasks", "worker", "-c", "1", "-a", app.config.name]
    command += ["-Q", ",".join(queues), "-l", "warning"]
    started = [
        subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)
        for _ in range(count)
    ]
    for process in started:
        atexit.register(process.terminate)
    return started
