"""Following an app through what is missed: Redis was gone, or has forgotten who reads."""

from math import inf

import pytest
from patience import wait_until
from workers import KEY

from nbtasks import App
from nbtasks.monitor.records import About
from nbtasks.monitor.watching import Watch
from nbtasks.store.tidings import Began


@pytest.fixture
def watch(own_server):
    app = App("own", broker=own_server.url, key=KEY, patience_ms=200)
    found = Watch(app.store, lambda: None)
    found._step()
    # Its end will not be told: it is of those that have ended meanwhile.
    found._timeline.begin(Began(1_000, "a1", 0, "w1", 1_000), About("fit", "", 1))
    yield found
    found.stop()
    app.close()


def test_what_ended_while_redis_was_gone_has_an_end(own_server, watch):
    own_server.kill()
    watch.follow()
    wait_until(lambda: watch.error, "it is gone")

    own_server.start()

    wait_until(lambda: not watch._timeline.running(), "the bar has an end")


def test_what_ended_while_it_was_forgotten_has_an_end(watch):
    store = watch._store
    store.call("DEL", f"{store.keys.prefix}monitors")
    watch._tidings._registered = -inf  # it says again that it listens

    watch._step()
    watch._step()

    assert watch._timeline.running() == []
