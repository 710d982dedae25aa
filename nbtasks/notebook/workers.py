"""`%workers`: who works for this notebook, and what is done to them."""

import os
import socket
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from IPython.core.error import UsageError

from nbtasks import local
from nbtasks.app import App
from nbtasks.notebook.fleet import find_worker
from nbtasks.notebook.frontend import is_stable, resolve_view
from nbtasks.notebook.listing import View, count_of
from nbtasks.notebook.monitor import Monitor
from nbtasks.notebook.packages import check_table
from nbtasks.notebook.session import Session
from nbtasks.notebook.syncing import sync
from nbtasks.notebook.vocabulary import WORKERS_COMMANDS
from nbtasks.notebook.words import tell
from nbtasks.notebook.worker_rows import COLUMNS, GONE, worker_row
from nbtasks.record import DIRECT, check_name
from nbtasks.spelling import nearest
from nbtasks.store.fleet import WorkerFacts
from nbtasks.store.running import running_tasks

ALL: Final = "all"
MOST: Final = 64
"""More workers than this on one machine are a slip of the finger."""
LINES: Final = 20
LOG_BYTES: Final = 100_000
ENDING_MS: Final = 3000.0
"""How long to wait for workers to end that have nothing to do."""


class WorkerCommands:
    """Does what the first word says.

    Args:
        shell: IPython's.
        session: What this kernel holds.
    """

    def __init__(self, shell: Any, session: Session) -> None:
        self._shell = shell
        self._session = session

    def run(self, words: Sequence[str], options: Mapping[str, Any]) -> View | None:
        """Do it; what is to be shown, if anything is.

        Raises:
            UsageError: There is no such word, no such worker, or it is used in another way.
        """
        word, rest = (words[0], words[1:]) if words else ("", ())
        app = self._session.app
        match word:
            case "" if resolve_view("auto") == "board":
                self.show_monitor()
            case "":
                return worker_table(app, self._waiting(app.workers()))
            case "check":
                return check_table(app, self._shell)
            case "start":
                self._start(_count(word, rest or ["1"]), options)
            case "scale":
                self._scale(_count(word, rest), options)
            case "stop":
                self._stop(rest, any_one=options.get("any", False))
            case "sync":
                for path in rest or [_one(word, rest, "a .py file or a folder")]:
                    sync(app, path)
            case "log":
                _log(find_worker(_one(word, rest, "a worker"), app.workers()), options)
            case _:
                near = nearest(word, list(WORKERS_COMMANDS))
                raise UsageError(f"%workers {word}: there is no such command{near}")
        return None

    def show_monitor(self) -> None:
        """Show all there is, live, with who is gone while tasks wait for them."""
        session = self._session
        session.show_alone(Monitor(session.app, session.feed(), gone=self._waiting))

    def _waiting(self, workers: Sequence[WorkerFacts]) -> Mapping[str, int]:
        """How many tasks of this notebook wait for a worker that is gone, by its name."""
        there = {worker.name for worker in workers}
        found: Counter[str] = Counter()
        for record in (record for sent in self._session.sent for record in sent.result.sent):
            name = record.queue.removeprefix(DIRECT)
            if name != record.queue and name not in there and record.left:
                found[name] += record.left
        return found

    def _start(self, count: int, options: Mapping[str, Any]) -> None:
        app = self._session.app
        names = [name.strip() for name in options.get("queue", "").split(",") if name.strip()]
        queues = tuple(check_name(name, "queue") for name in names) or app.config.usual_queues
        concurrency = options.get("concurrency", 1)
        if not 1 <= concurrency <= MOST:
            raise UsageError(f"--concurrency {concurrency}: from 1 to {MOST} tasks at a time")
        started = self._session.start_workers(count, queues, concurrency=concurrency)
        tell(f"started {_names(worker.name for worker in started)}")

    def _scale(self, count: int, options: Mapping[str, Any]) -> None:
        mine = self._local(any_one=options.get("any", False))
        if len(mine) < count:
            self._start(count - len(mine), options)
        elif len(mine) == count:
            tell(f"there are {count_of(count, 'local worker')}")
        else:
            running = running_tasks(self._session.app.store)
            # Those that have nothing to do end at once; of the others the newest.
            mine.sort(key=lambda worker: (not running.get(worker.owner), worker.since_ms))
            self._end(mine[count:])

    def _stop(self, names: Sequence[str], *, any_one: bool) -> None:
        app = self._session.app
        mine = self._local(any_one=any_one)
        if not names or list(names) == [ALL]:
            if not mine:
                raise UsageError(_nobody(app.workers()))
            self._end(mine)
            return
        known = app.workers()
        chosen = [find_worker(name, known) for name in names]
        for worker in chosen:
            if worker.is_ending or not (any_one or worker in mine):
                raise UsageError(_not_mine(worker))
        self._end(chosen)

    def _local(self, *, any_one: bool) -> list[WorkerFacts]:
        """The live workers that this notebook has started; with `any_one` all of this machine."""
        started = {worker.name for worker in local.running_workers()}
        return [
            worker
            for worker in self._session.app.workers()
            if not worker.is_ending
            and (worker.name in started or (any_one and worker.host == socket.gethostname()))
        ]

    def _end(self, workers: Sequence[WorkerFacts]) -> None:
        app = self._session.app
        names = {worker.name for worker in workers}
        begun = app.clock.tick_ms()
        answers = app.control.shutdown(sorted(names), reply=True, timeout=ENDING_MS / 1000)
        silent = names - {name for answer in answers for name in answer}
        running = running_tasks(app.store)
        idle = {worker.name for worker in workers if not running.get(worker.owner)} - silent
        while app.clock.tick_ms() - begun < ENDING_MS and idle & {w.name for w in app.workers()}:
            app.clock.pause(20)
        there = {worker.name for worker in app.workers()}
        if ended := sorted(names - there):
            tell(f"ended {_names(ended)}")
        if left := sorted((names & there) - silent):
            tell(f"{_names(left)} will end when what runs there has ended")
        if lost := sorted(names & there & silent):
            tell(f"{_names(lost)} did not answer: look whether it still runs, and %workers log")


def worker_table(app: App, waiting: Mapping[str, int]) -> View:
    """Who works, where, and at what.

    Args:
        app: The app.
        waiting: How many tasks wait for a worker that is gone, by its name.
    """
    workers = app.workers()
    if not workers:
        return View("No worker: %workers start 2, or nbtasks worker in a terminal", (), ())
    running = running_tasks(app.store)
    busy = sum(min(len(running.get(each.owner, ())), each.concurrency) for each in workers)
    total = sum(each.concurrency for each in workers)
    head = f"{count_of(len(workers), 'worker')}, {busy} of {total} busy"
    if is_stable():
        return View(count_of(len(workers), "worker"), (), ())
    now = app.clock.wall_ms()
    rows = [worker_row(each, running.get(each.owner, ()), now) for each in workers]
    gone = [(name, *GONE, f"{count_of(left, 'task')} wait") for name, left in waiting.items()]
    return View(head, COLUMNS, rows + gone)


def _names(workers: Iterable[str]) -> str:
    names = list(workers)
    return count_of(len(names), "worker") if is_stable() else ", ".join(names)


def _log(worker: WorkerFacts, options: Mapping[str, Any]) -> None:
    if not worker.log:
        raise UsageError(
            f"{worker.name} writes to no file, but to the terminal or the service that started it,"
            f" on {worker.host} (process {worker.pid})"
        )
    if worker.host != socket.gethostname():
        raise UsageError(f"{worker.name} runs elsewhere: look into {worker.log} on {worker.host}")
    try:
        with Path(worker.log).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - LOG_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError as error:
        raise UsageError(f"{worker.log}: {error.strerror}") from None
    shown = lines[-options.get("lines", LINES) or len(lines) :]
    tell("\n".join(shown) or f"{worker.name} has written nothing to {worker.log}")


def _count(word: str, rest: Sequence[str]) -> int:
    text = _one(word, rest, "how many")
    if not text.isdecimal() or int(text) > MOST:
        raise UsageError(f"%workers {word} {text}: give a whole number, {MOST} at most")
    return int(text)


def _one(word: str, rest: Sequence[str], what: str) -> str:
    if len(rest) != 1:
        raise UsageError(f"%workers {word} needs {what}, and nothing else")
    return rest[0]


def _nobody(workers: Sequence[WorkerFacts]) -> str:
    if not workers:
        return "there is no worker to stop"
    return (
        f"this notebook has started none of the {count_of(len(workers), 'worker')} that are there:"
        " with --any those of this machine are stopped"
    )


def _not_mine(worker: WorkerFacts) -> str:
    if worker.is_ending:
        return f"{worker.name} ends already, when what runs there has ended"
    return f"{worker.name} was not started by this notebook: with --any it is stopped all the same"
