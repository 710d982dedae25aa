"""A worker's side of the store, driven by hand: one call, one script."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nbtasks.record import Header, Record, new_id
from nbtasks.retry import NEVER
from nbtasks.store.link import Link
from nbtasks.store.store import Store

HEADER = Header(task="fit", code="c0de", retry=NEVER).encode()
MINUTE_MS = 60_000


@dataclass
class Taken:
    """A slice under a lease."""

    slot: int
    lease: str
    rid: str
    start: int
    header: bytes
    code: str
    members: int
    retries: int
    deaths: int
    inputs: Any
    kept: Any
    bodies: list[bytes]

    @property
    def is_suspect(self) -> int:
        return int(self.deaths == 1)

    @property
    def stop(self) -> int:
        return self.start + len(self.bodies)


@dataclass
class Reply:
    """What an exchange answers."""

    due_ms: int
    dropped: int
    more: bool
    taken: list[Taken]


class Hand:
    """A worker without processes: the test says what it takes and what it hands in."""

    def __init__(
        self, store: Store, name: str, queues: Sequence[str], python: str, lease_ms: int
    ) -> None:
        self.name = name
        self.queues = queues
        self.python = python
        self.lease_ms = lease_ms
        self.store = store
        self.owner = os.urandom(6).hex()
        self.link = Link(store.url)
        self.link.open()

    def script(self, name: str, *args: object) -> Any:
        return self.link.call_script(name, self.store.keys.prefix, *args)

    def exchange(
        self,
        *chunks: Sequence[object],
        slots: int = 0,
        budget_us: int = 1_000_000,
        guess_us: int = 1000,
        most: int = 256,
        token: str = "",
        suspects: bool = True,
        hand_in: str = "",
        rates: bool = True,
    ) -> Reply:
        head = (self.name, slots, budget_us, guess_us, most, self.lease_ms)
        token = token or self.owner + os.urandom(8).hex()
        flat = [item for chunk in chunks for item in chunk]
        names = (len(self.queues), *self.queues)
        letters = "s" * suspects + "n" * (not rates)
        due, dropped, more, *slices = self.script(
            "exchange", *head, token, self.python, letters, hand_in, *names, *flat
        )
        taken = [
            Taken(slot, lease.decode(), rid.decode(), start, header, code.decode(), int(n), *rest)
            for slot, lease, rid, start, header, code, n, *more_of_it in slices
            for rest in [(*more_of_it[:4], more_of_it[4:])]
        ]
        return Reply(due, dropped, bool(more), taken)

    def take(self, slots: int = 1, **limits: Any) -> list[Taken]:
        return self.exchange(slots=slots, **limits).taken

    def take_one(self) -> Taken:
        (taken,) = self.take()
        return taken

    def finish(self, taken: Taken, states: str = "", bodies: Sequence[bytes] = ()) -> int:
        """Hand in all of a slice; how many chunks were refused."""
        states = states or "S" * len(taken.bodies)
        return self.exchange(finished(taken, states, bodies)).dropped

    def beat(self, *leases: str, alive_ms: int = MINUTE_MS) -> list[tuple[bytes, ...]]:
        """A heartbeat; what it is told, as (kind, lease or question) or (…, index, signal)."""
        facts = ("host", "h", "pid", 1, "python", self.python)
        facts = (*facts, "queues", " ".join(self.queues), "concurrency", 1)
        reply = self.script(
            "extend", self.name, self.lease_ms, alive_ms, len(facts) // 2, *facts, *leases
        )
        found, items = [], iter(reply)
        for kind in items:
            fields = [next(items) for _ in range(1 if kind in {b"l", b"q"} else 3)]
            found.append((kind, *fields))
        return found

    def report(self, kind: str, taken: Taken, data: object, index: int | None = None) -> int:
        at = taken.start if index is None else index
        return self.script("report", self.name, "", kind, taken.lease, taken.rid, at, data)


def finished(taken: Taken, states: str, bodies: Sequence[bytes] = (), *, last: bool = True) -> list:
    bodies = bodies or [b"v%d" % (taken.start + i) for i in range(len(states))]
    return ["f", taken.lease, int(last), taken.rid, taken.start, states, 1000, *bodies]


def make_record(n: int = 1, **fields: Any) -> Record:
    """A record of n members whose bodies are a0, a1, …"""
    python = fields.get("python", "")
    header = Header(task="fit", code="c0de", python=python, retry=NEVER).encode()
    whole: dict[str, Any] = {
        "rid": new_id(),
        "header": header,
        "python": "",
        "code": "c0de",
        "name": "fit",
        "queue": "default",
        "bodies": [b"a%d" % i for i in range(n)],
        "keep_ms": MINUTE_MS,
        "max_deliveries": 3,
    }
    return Record(**{**whole, **fields})
