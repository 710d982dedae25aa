"""`app.control.inspect()`: what workers do and what they are, as Redis knows it."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from nbtasks.monitor.showing import Info, infos
from nbtasks.monitor.telling import tell
from nbtasks.orders import PING, Order
from nbtasks.record import member_id
from nbtasks.states import REVOKED
from nbtasks.store.described import Described, held, revoked, scheduled
from nbtasks.store.fleet import WorkerFacts, told_by, told_json
from nbtasks.submitting import Submitter

Destination = str | Sequence[str] | None

EACH: Final = 256
"""Members of a slice that are listed; a worker takes no more at once."""

FIRST: Final = 8
"""The same where only the one that runs is wanted: some before it may have been taken elsewhere."""


def chosen(
    workers: Sequence[WorkerFacts],
    destination: Destination = None,
    pattern: str = "",
    limit: int | None = None,
) -> list[WorkerFacts]:
    """Some of these workers.

    Args:
        workers: The workers.
        destination: The name of one, or the names of several; None for all.
        pattern: A glob that names must match as well, such as `gpu-*`; empty for any.
        limit: How many at most; None for any number.
    """
    names = [destination] if isinstance(destination, str) else destination
    found = [
        worker
        for worker in workers
        if (names is None or worker.name in names)
        and (not pattern or fnmatchcase(worker.name, pattern))
    ]
    return found[:limit]


class Inspect:
    """What live workers have in hand, and what they are: by worker, in Celery's shapes.

    It is read from Redis: nobody is asked, so there is an answer at once, also for a worker that is
    too busy to give one. A worker that does not live is left out; where none lives, all is empty.

    Args:
        app: The app.
        destination: The name of a worker, or of several; None for all.
        timeout: Seconds to wait for an answer where one is asked for, as in `ping`.
        pattern: A glob that names must match as well; empty for any.
        limit: Workers at most; None for any number.
    """

    def __init__(
        self,
        app: Submitter,
        destination: Destination = None,
        timeout: float = 1.0,
        pattern: str = "",
        limit: int | None = None,
    ) -> None:
        self._app = app
        self._chosen = (destination, pattern, limit)
        self._timeout = timeout

    # Tasks

    def active(self) -> dict[str, list[Info]]:
        """The tasks that run."""
        return self._of_tasks(FIRST, is_active=True)

    def reserved(self) -> dict[str, list[Info]]:
        """The tasks that were taken and have not begun: of short ones, some milliseconds' worth."""
        return self._of_tasks(EACH, is_active=False)

    def query_task(self, *ids: str | Sequence[str]) -> dict[str, dict[str, tuple[str, Info]]]:
        """Which of these tasks a worker has: `{worker: {id: ("active" or "reserved", info)}}`."""
        wanted = {one for each in ids for one in ([each] if isinstance(each, str) else each)}
        return {
            worker.name: {
                info["id"]: ("active" if is_active else "reserved", info)
                for is_active, info in found
                if info["id"] in wanted
            }
            for worker, found in self._held(EACH)
        }

    def scheduled(self) -> dict[str, list[dict[str, Any]]]:
        """What waits for its `eta`, or for its next try, in queues that a worker takes from.

        It is in no worker's hands, so it stands with each that may get it.
        """
        waiting = list(scheduled(self._app.store, EACH))
        return {
            worker.name: [
                {"eta": due_ms / 1000, "priority": slice_.priority, "request": info}
                for due_ms, slice_ in waiting
                if worker.takes(slice_.queue)
                for _, info in infos(self._app, slice_, worker)
            ]
            for worker in self._workers()
        }

    def revoked(self) -> dict[str, list[str]]:
        """The ids that were revoked in the last three hours; each worker knows of all."""
        ids = [
            member_id(each.rid, each.start + at, each.n)
            for each in revoked(self._app.store)
            for at, state in enumerate(each.states)
            if state == REVOKED
        ]
        return {worker.name: list(ids) for worker in self._workers()}

    # Workers

    def active_queues(self) -> dict[str, list[dict[str, Any]]]:
        """The queues that a worker takes from, in their order, without its own."""
        return {
            worker.name: [{"name": queue, "routing_key": queue} for queue in worker.queues]
            for worker in self._workers()
        }

    def registered(self) -> dict[str, list[str]]:
        """The tasks of a worker's program (`-A`) by name; all others travel with their code."""
        found = self._told("registered")
        return {name: [str(each) for each in told.get("tasks", ())] for name, told in found.items()}

    def stats(self) -> dict[str, dict[str, Any]]:
        """How many tasks of each name a worker has done, its pool, what it uses of the machine."""
        return self._told("stats")

    def conf(self) -> dict[str, dict[str, Any]]:
        """The settings of a worker; keys and passwords are never told."""
        return self._told("conf")

    def ping(self) -> dict[str, dict[str, str]]:
        """Which workers answer: `{worker: {"ok": "pong"}}`; only this look asks them."""
        names = [worker.name for worker in self._workers()]
        answers = tell(self._app.connection, names, Order(PING, {}), self._timeout)
        return {worker: dict(answer) for worker, answer in answers.items()}

    def report(self) -> dict[str, dict[str, str]]:
        """What a worker runs on, in words."""
        return {
            name: {"ok": "\n".join(f"{what}: {words}" for what, words in told.items())}
            for name, told in self._told("software").items()
        }

    # Inside

    def _workers(self) -> list[WorkerFacts]:
        return chosen(self._app.workers(), *self._chosen)

    def _told(self, fact: str) -> dict[str, dict[str, Any]]:
        names = [worker.name for worker in self._workers()]
        told = told_by(self._app.store, names, [fact])
        return {name: told_json(facts[fact]) for name, facts in told.items()}

    def _held(self, each: int) -> Iterator[tuple[WorkerFacts, list[tuple[bool, Info]]]]:
        """Each worker, and the tasks that it has, each with whether it runs."""
        workers = self._workers()
        slices: dict[str, list[Described]] = {worker.owner: [] for worker in workers}
        for owner, slice_ in held(self._app.store, slices, each):
            slices[owner].append(slice_)
        for worker in workers:
            yield (
                worker,
                [
                    found
                    for slice_ in slices[worker.owner]
                    for found in infos(self._app, slice_, worker)
                ],
            )

    def _of_tasks(self, each: int, *, is_active: bool) -> dict[str, list[Info]]:
        return {
            worker.name: [info for runs, info in found if runs == is_active]
            for worker, found in self._held(each)
        }
