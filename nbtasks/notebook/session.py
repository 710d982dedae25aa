"""What a kernel holds: its app, the one feed, the tasks sent from here and their boards."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import Final

from nbtasks import local
from nbtasks.app import App, current_app, set_current_app
from nbtasks.config import Config, from_environment, to_environment
from nbtasks.errors import NbTasksError
from nbtasks.events import EventStream
from nbtasks.live import LiveRecord
from nbtasks.local import LocalWorker
from nbtasks.notebook.board import Board
from nbtasks.notebook.feed import Feed
from nbtasks.notebook.frontend import is_stable
from nbtasks.notebook.places import in_cells
from nbtasks.notebook.results import Results
from nbtasks.notebook.sent import Note, Result, Sent
from nbtasks.notebook.standing import Standing
from nbtasks.notebook.trail import Trail
from nbtasks.result import GroupResult

MAX_TASKS: Final = 400
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
            f"the local workers did not come up: {self.args[0]}. Run `nbtasks worker` in a"
            " terminal to see why"
        )


class Session:
    """One per kernel."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self._boards: list[tuple[Result, Board]] = []
        self._standing: dict[str, Standing] = {}
        self._trail = Trail(lambda: self.app)
        self._feed: tuple[EventStream, Feed] | None = None
        self._made: App | None = None

    @property
    def app(self) -> App:
        """The current app, set up for a notebook: interrupts revoke, waits freeze boards."""
        app = current_app()
        app.revoke_on_interrupt = True
        app.on_waited = self._on_waited
        app.name_places = in_cells
        app.says_where = not is_stable()
        app.on_sent = self._on_sent
        return app

    def end_cell(self) -> None:
        """A cell has ended: what is saved of the notebook now shows what has ended by now."""
        for _, board in self._boards:
            board.end_cell()

    def feed(self) -> Feed:
        """The one feed of the app's events."""
        events = self.app.event_stream
        if self._feed is None or self._feed[0] is not events:
            self._feed = events, Feed(events)
        return self._feed[1]

    def add(
        self,
        name: str,
        result: Result,
        *,
        view: str,
        inputs: Sequence[tuple[str, int]] = (),
        detail: str = "",
        key: str = "",
        tags: Sequence[str] = (),
        after_ms: float = 0.0,
    ) -> Sent:
        """Remember what was sent, and show its board under the current cell.

        Args:
            name: What it is called.
            result: Its handle.
            view: How it is shown.
            inputs: Names and sizes in bytes of what was captured for it.
            detail: A few words beside the name.
            key: Which cell has sent it.
            tags: The words it was given.
            after_ms: Show it only once it has taken this long.
        """
        sent = Sent(name, result, key, tags)
        board = self._board(sent, inputs=inputs, detail=detail)
        self.remember(sent)
        self._trail.note(sent)
        board.show(view, after_ms)
        return sent

    def attach(self, sent: Sent, *, view: str) -> None:
        """Show something sent before, and count it as sent from here where it was not."""
        if not any(each is sent for each in self.sent):
            self.remember(sent)
        self.show(sent, view)

    def show(self, sent: Sent, view: str = "auto") -> None:
        """Show another board of something sent, under the current cell."""
        if sent.is_past:
            for record in sent.result.records:
                self.app.recall(record)
        self._board(sent).show(view)

    def show_alone(self, view: Standing) -> None:
        """Show it under the current cell; of its kind, what was shown before stays as it is now."""
        before = self._standing.pop(view.kind, None)
        if before is not None:
            before.stop()
        self._standing[view.kind] = view
        view.show()

    def show_result(self, result: Result) -> None:
        """Show a board of any result, under the name that it was sent by, if it was sent here."""
        known = (sent for sent in reversed(self.sent) if sent.result.id == result.id)
        found = next(known, None)
        name = result.records[0].name if found is None else found.name
        self.show(Sent(name, result, is_past=found is not None and found.is_past))

    def show_table(self, sent: Sent) -> None:
        """Show something sent as a table, under the current cell."""
        if sent.is_past:
            for record in sent.result.records:
                self.app.recall(record)
        table = Results(
            sent.result.records,
            title=sent.name,
            cancel=lambda members: _cancel(self.app, sent.result, members),
            retry=lambda members: _retry(self.app, members),
            feed=self.feed(),
        )
        self.show_alone(table)

    def _board(
        self, sent: Sent, *, inputs: Sequence[tuple[str, int]] = (), detail: str = ""
    ) -> Board:
        result = sent.result
        canvas = result.known_canvas
        if canvas is not None and len(canvas.steps) == 1:
            canvas = None
        board = Board(
            result.records if canvas is None else canvas.records,
            title=sent.name,
            cancel=lambda members: _cancel(self.app, result, members),
            retry=lambda members: _retry(self.app, members),
            feed=self.feed(),
            inputs=inputs,
            detail=detail,
            canvas=canvas,
        )
        self._boards.append((result, board))
        del self._boards[:-MAX_TASKS]
        return board

    def recall(
        self, is_wanted: Callable[[Note], bool] = lambda _: True, *, limit: int = MAX_TASKS
    ) -> None:
        """Find what kernels before this one have sent from this notebook, the newest of it.

        It counts as sent from here on. Where outputs are to be the same in every run, nothing is
        found: they would tell of the run before.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        if is_stable():
            return
        known = {sent.result.id for sent in self.sent}
        newest = self._trail.read()[-limit:]
        notes = [note for note in newest if note.id not in known and is_wanted(note)]
        self.sent[:0] = self._trail.find(notes)
        self._let_go()

    def _let_go(self) -> None:
        """Forget the oldest of too many: calls before cells, which have names and boards."""
        while len(self.sent) > MAX_TASKS:
            call = next((at for at, sent in enumerate(self.sent[:-1]) if sent.is_call), 0)
            del self.sent[call]

    def names(self) -> list[str]:
        """What was sent is called, the newest first, also before this kernel.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        past = [] if is_stable() or not self.app.is_connected else self._trail.read()
        found = [*(note.name for note in past), *(sent.name for sent in self.sent)]
        return list(dict.fromkeys(reversed(found)))

    def running(self, key: str) -> list[Sent]:
        """What a cell has sent that still runs, also before this kernel."""
        self.recall(lambda note: note.key == key)
        return [sent for sent in self.sent if sent.key == key and not sent.result.ready()]

    def connect(self, url: str) -> App:
        """Connect to a URL; without one, to where the current app points, or the embedded server.

        Where that fails, everything stays as it was.
        """
        before = current_app()
        # An app that a URL on this line has made is not what a line without URL means.
        app = App(broker=url) if url or before is self._made else before
        try:
            app.store.connect()
        except BaseException:
            set_current_app(before)
            raise
        if app is not before:
            set_current_app(before)
            self.close()
            set_current_app(app)
            self._made = app if url else None
        return self.app

    def fill_up(self, count: int, queues: tuple[str, ...]) -> None:
        """Start local workers until so many live.

        Raises:
            WorkersFailed: They do not come up.
        """
        live = [worker for worker in self.app.workers() if not worker.is_ending]
        there = [worker for worker in live if set(queues) <= set(worker.queues)]
        self.start_workers(count - len(there), queues)

    def start_workers(
        self, count: int, queues: tuple[str, ...], *, concurrency: int = 1
    ) -> Sequence[LocalWorker]:
        """Start local workers, and wait until they live.

        Raises:
            WorkersFailed: They do not come up.
        """
        app = self.app
        server = app.connection.server
        # Those that share the server belong to the app of the usual name and ways.
        usual = replace(from_environment(), name=Config().name)
        if server is not None and _ways(app.config) == _ways(usual):
            started = local.start_workers(server, count, queues=queues, concurrency=concurrency)
        else:
            started = local.start_beside(
                app.config, server, count, queues=queues, concurrency=concurrency
            )
        self._await_workers(app, started)
        return started

    def _await_workers(self, app: App, started: Sequence[LocalWorker]) -> None:
        begun = app.clock.tick_ms()
        names = {worker.name for worker in started}
        while not names <= {worker.name for worker in app.workers()}:
            ended = [worker for worker in started if not worker.is_running]
            if ended:
                raise WorkersFailed(
                    f"{ended[0].name} ended at once (exit code {ended[0].process.returncode}); its"
                    f" log is {str(ended[0].log)!r}"
                )
            if app.clock.tick_ms() - begun > START_MS:
                raise WorkersFailed(f"they did not report within {START_MS / 1000:.0f} s")
            app.clock.pause(20)

    def close(self) -> None:
        """Close the connection, if there is one; tasks and local workers go on.

        What the boards show then stays: they will hear of nothing more.
        """
        app = current_app()
        self._trail.flush()
        for _, board in self._boards:
            board.freeze()
        while self._standing:
            self._standing.popitem()[1].stop()
        if self._feed is not None:
            self._feed[1].close()
            self._feed = None
        if app.is_connected:
            app.close()

    def remember(self, sent: Sent) -> None:
        """Keep it for `%tasks`."""
        self.sent.append(sent)
        self._let_go()

    def _on_sent(self, result: Result) -> None:
        """A call of the Python API: it has no board, but `%tasks` lists it."""
        only = result[0] if isinstance(result, GroupResult) and len(result) == 1 else result
        for record in result.records[:1]:
            self.remember(sent := Sent(record.name, only, is_call=True))
            self._trail.note(sent)

    def _on_waited(self, records: Sequence[LiveRecord]) -> None:
        """A blocking wait has ended: where all is done, what is shown becomes final now.

        Under nbclient an update that comes after the last cell is lost. A board whose other tasks
        still run, after a wait for one of them or a failure, stays live.
        """
        waited = {record.rid for record in records}
        for result, board in self._boards:
            mine = result.sent
            is_waited = any(record.rid in waited for record in mine)
            if is_waited and all(each.is_done(None) for each in mine):
                board.show_end()


def _cancel(app: App, result: Result, members: Sequence[tuple[LiveRecord, int]] | None) -> None:
    if members is None:
        result.give_up()
        return
    for record, several in groupby(members, key=itemgetter(0)):
        # A call for each run of neighbours: there may be thousands.
        numbered = enumerate(index for _, index in several)
        for _, run in groupby(numbered, key=lambda pair: pair[1] - pair[0]):
            indices = [index for _, index in run]
            app.revoke(record, indices[0], indices[-1] + 1, terminate=True)


def _retry(app: App, members: Sequence[tuple[LiveRecord, int]]) -> None:
    for record, index in members:
        app.run_again(record, index)


def _ways(config: Config) -> tuple[str, dict[str, str]]:
    """What workers must have in common with an app."""
    return config.name, to_environment(config)
