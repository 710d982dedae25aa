"""Workers in a monitor whose names look the same: each is told what is meant for it."""

import pytest
from board_side import EventThread

from nbtasks.notebook.feed import Feed
from nbtasks.notebook.monitor import Monitor

FAR_MS = 4_000_000_000_000
NAMES = [f"gpu-{'x' * 70}-{number}" for number in (1, 2)]


@pytest.fixture
def monitor(fresh_app):
    call, prefix = fresh_app.store.call, fresh_app.store.keys.prefix
    for name in NAMES:
        call("HSET", f"{prefix}w:{name}", "host", "h", "pid", 1, "concurrency", 2)
        call("ZADD", f"{prefix}fleet", FAR_MS, name)
    yield Monitor(fresh_app, Feed(EventThread()))
    call("DEL", f"{prefix}fleet", *(f"{prefix}w:{name}" for name in NAMES))


def test_what_is_asked_of_a_worker_goes_to_that_one(monitor):
    workers = monitor._whole()[0]["workers"]
    assert workers[0]["name"] == workers[1]["name"]

    error, told = monitor._do({"t": "ping", "worker": workers[1]["key"]})

    assert not error
    assert told["said"].startswith(NAMES[1])


def test_what_looks_like_a_worker_is_none(monitor):
    shown = monitor._whole()[0]["workers"][0]["name"]

    _, told = monitor._do({"t": "ping", "worker": shown})

    assert told["said"].startswith(f"{shown} has not answered")
