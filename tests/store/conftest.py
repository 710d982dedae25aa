"""A client's store and workers driven by hand, for every test of the store."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from store_side import MINUTE_MS, Hand, make_record

from nbtasks.clock import SystemClock
from nbtasks.serializers import PYTHON_TAG
from nbtasks.store.store import Store


@pytest.fixture
def store(server: Any) -> Iterator[Store]:
    """A client's store, in an app of its own."""
    store = Store(server.url, f"store-{uuid.uuid4().hex[:12]}", SystemClock(), 5000)
    store.connect()
    yield store
    store.close()
    with server.client() as client:
        for key in client.scan_iter(f"{store.keys.prefix}*"):
            client.delete(key)


@pytest.fixture
def redis(server: Any) -> Iterator[Any]:
    """A plain connection, to look at keys."""
    with server.client() as client:
        yield client


@pytest.fixture
def hand(store: Store) -> Iterator[Callable[..., Hand]]:
    """Make workers: `hand("w2", python="3.12")`."""
    hands: list[Hand] = []

    def make(
        name: str = "w1",
        *,
        queues: Sequence[str] = ("default",),
        python: str = PYTHON_TAG,
        lease_ms: int = MINUTE_MS,
    ) -> Hand:
        hands.append(Hand(store, name, queues, python, lease_ms))
        return hands[-1]

    yield make
    for one in hands:
        one.link.close()


@pytest.fixture
def worker(hand: Callable[..., Hand]) -> Hand:
    """One of them."""
    return hand()


@pytest.fixture
def submit(store: Store) -> Callable[..., str]:
    """Submit a record: `submit(3, priority=9)` gives its id."""

    def send(n: int = 1, **fields: Any) -> str:
        record = make_record(n, **fields)
        store.submit(record, lambda: b"code")
        return record.rid

    return send


@pytest.fixture
def states(store: Store) -> Callable[[str], str]:
    """The state bytes of a record."""
    return lambda rid: (store.call("GET", f"{store.keys.prefix}s:{rid}") or b"").decode()


@pytest.fixture
def events(store: Store) -> Callable[..., list[list[bytes]]]:
    """What a client's stream holds: one list of kind and fields for each item."""

    def read(client: str = "") -> list[list[bytes]]:
        found: list[list[bytes]] = []
        for _, fields in store.call("XRANGE", store.keys.events(client or store.client), "-", "+"):
            at = 0
            while at < len(fields) and fields[at]:
                stop = at + 2 + int(fields[at + 1])
                found.append([fields[at], *fields[at + 2 : stop]])
                at = stop
        return found

    return read
