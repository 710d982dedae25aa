"""What is there: live workers. Reads facts, asks nobody."""

from dataclasses import dataclass

from nbtasks.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFacts:
    """A live worker, as its last heartbeat told."""

    name: str
    host: str
    pid: int
    python: str
    queues: tuple[str, ...]
    concurrency: int


def live_workers(store: Store) -> list[WorkerFacts]:
    """The workers whose heartbeat is not overdue, by name."""
    seconds, micros = store.call("TIME")
    now = int(seconds) * 1000 + int(micros) // 1000
    names = store.call("ZRANGEBYSCORE", store.keys.fleet, now, "+inf")
    found: list[WorkerFacts] = []
    for name in sorted(name.decode() for name in names):
        facts = store.call(
            "HMGET", store.keys.worker(name), "host", "pid", "python", "queues", "concurrency"
        )
        if facts[0] is not None:
            host, pid, python, queues, concurrency = (fact.decode() for fact in facts)
            found.append(
                WorkerFacts(
                    name=name,
                    host=host,
                    pid=int(pid),
                    python=python,
                    queues=tuple(queues.split()),
                    concurrency=int(concurrency),
                )
            )
    return found
