"""What `nbtasks status` shows: workers, queues and the server, from facts in Redis."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nbtasks.app import App
from nbtasks.record import DIRECT
from nbtasks.store.backlog import read_backlog
from nbtasks.store.checkup import server_info
from nbtasks.store.fleet import WorkerFacts
from nbtasks.store.link import hide_password
from nbtasks.store.queues import paused_queues
from nbtasks.store.running import running_tasks
from nbtasks.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The Redis."""

    url: str
    version: str
    used_bytes: int
    round_trip_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A queue: how many members wait, how many workers take from it, and what is odd about it."""

    name: str
    waiting: int
    workers: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All of it; `runs` has the names of the tasks that run, by the name of their worker."""

    app: str
    at_ms: int
    server: Server
    workers: Sequence[WorkerFacts]
    runs: Mapping[str, Sequence[str]]
    queues: Sequence[Queue]
    scheduled: int
    running: int
    dead: int
    has_all_queues: bool = field(default=True)

    def work(self) -> Iterator[tuple[WorkerFacts, Sequence[str]]]:
        """Each worker, and what it runs."""
        for worker in self.workers:
            yield worker, self.runs.get(worker.name, ())


def look(app: App) -> Overview:
    """Look at everything once.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    store = app.store
    server = _server(app, store)
    workers = app.workers()
    running = running_tasks(store)
    paused = paused_queues(store)
    known = {queue: None for worker in workers for queue in worker.queues}
    backlog = read_backlog(store, [*known, *paused])
    return Overview(
        app=app.config.name,
        at_ms=app.clock.wall_ms(),
        server=server,
        workers=workers,
        runs={worker.name: running.get(worker.owner, ()) for worker in workers},
        queues=[
            _queue(name, count, workers, is_paused=name in paused)
            for name, count in backlog.waiting.items()
        ],
        scheduled=backlog.scheduled,
        running=sum(map(len, running.values())),
        dead=int(store.call("ZCARD", f"{store.keys.prefix}dead")),
        has_all_queues=backlog.is_whole,
    )


def _queue(name: str, waiting: int, workers: Sequence[WorkerFacts], *, is_paused: bool) -> Queue:
    takers = [worker for worker in workers if worker.takes(name) and not worker.is_ending]
    note = "paused" if is_paused else ""
    if waiting and not takers and name.startswith(DIRECT):
        note = "waits for that worker"
    elif waiting and not takers:
        note = "nobody takes from it"
    return Queue(name=name, waiting=waiting, workers=len(takers), note=note)


def _server(app: App, store: Store) -> Server:
    begun = app.clock.tick_ms()
    store.call("TIME")
    away = app.clock.tick_ms() - begun
    info = server_info(store)
    return Server(
        url=hide_password(store.url),
        version=info.get("redis_version", "?"),
        used_bytes=int(info.get("used_memory", "0")),
        round_trip_ms=away,
    )
