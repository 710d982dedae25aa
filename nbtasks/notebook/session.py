"""What a kernel holds: its app, the one feed, the tasks sent from here and their boards."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final
from weakref import ref

from nbtasks import local
from nbtasks.app import App, current_app, set_current_app
from nbtasks.config import Config, from_environment, to_environment
from nbtasks.errors import NbTasksError
from nbtasks.events import EventStream
from nbtasks.live import LiveRecord
from nbtasks.local import LocalWorker
from nbtasks.notebook.board import Board
from nbtasks.notebook.card import Card
from nbtasks.notebook.deeds import cancel, cancel_each, cancel_waiting, retry
from nbtasks.notebook.feed import HERE_MS, Feed
from nbtasks.notebook.frontend import is_main_only, is_stable
from nbtasks.notebook.gathering import Gathering
from nbtasks.notebook.inquiry import Inquiry
from nbtasks.notebook.places import in_cells
from nbtasks.notebook.results import Results
from nbtasks.notebook.sent import Note, Result, Sent
from nbtasks.notebook.standing import Standing
from nbtasks.notebook.tally import Tally
from nbtasks.notebook.trail import Trail
from nbtasks.notebook.values import Glances
from nbtasks.result import AsyncResult, GroupResult
from nbtasks.waiting import while_waiting

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
    """One per kernel.

    Args:
        app: Its app, which it does not keep alive; by default the current one, whichever that is.
    """

    def __init__(self, app: App | None = None) -> None:
        self._own = None if app is None else ref(app)
        self._is_main_only = is_main_only()
        self.sent: list[Sent] = []
        self._boards: list[tuple[Result, Board]] = []
        self._standing: dict[str, Standing] = {}
        self._trail = Trail(lambda: self.app)
        self._glances = Glances(lambda: self.app)
        self._gathering = Gathering(self._table, self.show_alone)
        self._feed: tuple[EventStream, Feed] | None = None
        self._made: App | None = None

    @property
    def app(self) -> App:
        """The current app, set up for a notebook: interrupts revoke, waits freeze boards."""
        app = (self._own and self._own()) or current_app()
        app.revoke_on_interrupt = True
        app.on_waited = self._on_waited
        app.name_places = in_cells
        app.says_where = not is_stable()
        app.on_sent = self._on_sent
        return app

    def end_cell(self) -> None:
        """A cell has ended: what is saved of the notebook now shows what has ended by now."""
        self._gathering.end_cell()
        for _, board in self._boards:
            board.end_cell(is_last_chance=self._is_main_only)
        if self._is_main_only:
            self._flush_here()

    def feed(self) -> Feed:
        """The one feed of the app's events."""
        events = self.app.event_stream
        if self._feed is None or self._feed[0] is not events:
            self._feed = events, Feed(events, is_lent=self._is_main_only)
            if self._is_main_only:
                while_waiting(self._flush_here)
        return self._feed[1]

    def _flush_here(self) -> float:
        return HERE_MS / 1000 if self._feed is None else self._feed[1].flush_here() / 1000

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
        sent = Sent(name, result, key, tags, inputs=inputs)
        board = self._board(sent, detail=detail)
        self.remember(sent)
        self._trail.note(sent)
        board.show(view, after_ms)
        return sent

    def attach(self, sent: Sent, *, view: str) -> None:
        """Show something sent before, and count it as sent from here where it was not."""
        if not any(each is sent for each in self.sent):
            self.remember(sent)
        self.show(sent, view)

    def show(self, sent: Sent, view: str = "auto", *, opened: bool = True) -> None:
        """Show another board of something sent, under the current cell; of one task a card."""
        if sent.is_past:
            for record in sent.result.records:
                self.app.recall(record)
        self._board(sent, opened=opened).show(view)

    def show_alone(self, view: Standing) -> None:
        """Show it under the current cell; of its kind, what was shown before stays as it is now."""
        self.take_turn(view, view.kind)
        view.show()

    def take_turn(self, view: Standing, place: str) -> None:
        """What was shown in this place before stays as it is now, and reads no more."""
        before = self._standing.pop(place, None)
        if before is not None:
            before.stop()
        self._standing[place] = view

    def view_result(self, result: Result) -> Board:
        """A board of any result, which is not shown yet."""
        return self._board(self._known(result), opened=False)

    def show_result(self, result: Result) -> None:
        """Show a board of any result, under the name that it was sent by, if it was sent here.

        Where a cell shows many tasks one by one, they are one table.
        """
        single = result if isinstance(result, AsyncResult) else None
        if single is not None and self._gathering.takes(single):
            return
        self.show(self._known(result), opened=False)
        if single is not None:
            self._gathering.note(single, self._boards[-1][1])

    def _known(self, result: Result) -> Sent:
        same = (sent for sent in reversed(self.sent) if sent.result.id == result.id)
        found = next(same, None) or Sent(result.records[0].name, result)
        return replace(found, result=result)

    def show_table(self, sent: Sent) -> None:
        """Show something sent as a table, under the current cell."""
        if sent.is_past:
            for record in sent.result.records:
                self.app.recall(record)
        is_variable = sent.name.isidentifier() and not (sent.is_call or sent.is_past)
        name = sent.name if is_variable and isinstance(sent.result, GroupResult) else ""
        self.show_alone(self._table(sent.name, Tally(sent.result.records), name=name))

    def _table(
        self, title: str, tally: Tally, shown: Sequence[int] | None = None, *, name: str = ""
    ) -> Results:
        return Results(
            tally,
            title=title,
            cancel=lambda members: cancel_each(self.app, members or ()),
            retry=lambda members: retry(self.app, members),
            glances=self._glances,
            inquiry=Inquiry(self.app, self.app),
            feed=self.feed(),
            name=name,
            shown=shown,
        )

    def _board(self, sent: Sent, *, detail: str = "", opened: bool = True) -> Board:
        result = sent.result
        canvas = result.known_canvas
        if canvas is not None and len(canvas.steps) == 1:
            canvas = None
        records = result.records if canvas is None else canvas.records
        told: dict[str, Any] = {
            "title": sent.name,
            "cancel": partial(cancel, self.app, result),
            "retry": partial(retry, self.app),
            "feed": self.feed(),
            "inputs": sent.inputs,
            "inquiry": Inquiry(self.app, result.source or self.app),
        }
        if sum(record.n for record in records) == 1:
            board: Board = Card(records, opened=opened, **told)
        else:
            waiting = partial(cancel_waiting, self.app, records)
            board = Board(records, detail=detail, canvas=canvas, cancel_waiting=waiting, **told)
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
        there = [
            worker
            for worker in self.app.workers()
            if set(queues) <= set(worker.queues)
            and not (worker.is_ending or local.is_gone(worker.host, worker.pid))
        ]
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
        self.freeze()
        if self._feed is not None:
            self._feed[1].close()
            self._feed = None
        if app.is_connected:
            app.close()

    def freeze(self) -> None:
        """Leave all that is shown as it is now: nobody will hear of anything more."""
        for _, board in self._boards:
            board.freeze()
        while self._standing:
            self._standing.popitem()[1].stop()

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


def _ways(config: Config) -> tuple[str, dict[str, str]]:
    """What workers must have in common with an app."""
    return config.name, to_environment(config)
