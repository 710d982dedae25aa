"""What is there: live workers. Reads facts, asks nobody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from nbtasks.record import DIRECT
from nbtasks.serializers import decode_json
from nbtasks.store.link import Link
from nbtasks.store.store import Store

_TOLD = (
    "host",
    "pid",
    "python",
    "queues",
    "concurrency",
    "version",
    "since",
    "owner",
    "log",
    "ends",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFacts:
    """A live worker, as its last heartbeat told.

    Attributes:
        name: Under which it is seen.
        host: The machine that it runs on.
        pid: Its process there.
        python: The version of Python, as `3.12`.
        queues: What it takes from, without its own.
        concurrency: Tasks at a time, at most.
        version: Of nbtasks.
        since_ms: When it began, in ms since 1970, by its own clock; 0 where it does not say.
        owner: What the leases that it takes are marked with.
        log: The file on its machine that it writes to; empty for a terminal or a pipe.
        is_ending: Whether it finishes what runs, and takes nothing new.
    """

    name: str
    host: str
    pid: int
    python: str
    queues: tuple[str, ...]
    concurrency: int
    version: str = ""
    since_ms: int = 0
    owner: str = ""
    log: str = ""
    is_ending: bool = False

    def takes(self, queue: str) -> bool:
        """Whether it takes from this queue, which may be its own."""
        return queue in self.queues or queue == DIRECT + self.name


def live_workers(store: Store) -> list[WorkerFacts]:
    """The workers whose heartbeat is not overdue, by name."""
    seconds, micros = store.call("TIME")
    now = int(seconds) * 1000 + int(micros) // 1000
    names = store.call("ZRANGEBYSCORE", store.keys.fleet, now, "+inf")
    told = told_by(store, sorted(name.decode() for name in names), _TOLD)
    return [_facts(name, facts) for name, facts in told.items() if facts["host"]]


def told_by(
    store: Store, workers: Sequence[str], facts: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Some facts of some workers, as they told them last; empty text for what they did not tell."""

    def ask(link: Link) -> list[list[bytes | None]]:
        for worker in workers:
            link.send("HMGET", store.keys.worker(worker), *facts)
        return [link.read() for _ in workers]

    return {
        worker: dict(zip(facts, (_text(fact) for fact in told), strict=True))
        for worker, told in zip(workers, store.attempt(ask), strict=True)
    }


def told_json(text: str) -> dict[str, Any]:
    """A fact that is an object in JSON; empty where it is none.

    Whoever writes to Redis may have written anything.
    """
    try:
        found = decode_json(text.encode() or b"{}")
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def packages_of(store: Store, worker: str) -> Mapping[str, str] | None:
    """What a worker has installed, versions by plain names, and `python`; None: it does not say."""
    found = told_json(told_by(store, [worker], ["packages"])[worker]["packages"])
    return {str(name): str(version) for name, version in found.items()} or None


def _facts(name: str, told: Mapping[str, str]) -> WorkerFacts:
    return WorkerFacts(
        name=name,
        host=told["host"],
        pid=int(told["pid"]),
        python=told["python"],
        queues=tuple(q for q in told["queues"].split() if not q.startswith(DIRECT)),
        concurrency=int(told["concurrency"]),
        version=told["version"],
        since_ms=int(told["since"] or 0),
        owner=told["owner"],
        log=told["log"],
        is_ending=told["ends"] == "1",
    )


def _text(fact: bytes | None) -> str:
    return (fact or b"").decode("utf-8", "replace")
