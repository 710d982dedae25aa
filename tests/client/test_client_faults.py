"""Rows of the fault matrix that need a client: one that dies, one that is away, many."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from patience import wait_until
from proxy import Proxy
from workers import KEY

from nbtasks.clock import SystemClock
from nbtasks.errors import UnknownTask
from nbtasks.store.store import Store

pytestmark = pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning")

CLIENTS = 200

SUBMIT_AND_DIE = """
import json, os, signal, sys
from nbtasks import App
app = App(sys.argv[1], broker=sys.argv[2])
group = app.map(abs, range(-50, 0))
print(json.dumps([app.task(len).delay("abc").id, *[one.id for one in group]]), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_client_submitted_before_it_was_killed_is_had_by_another(
    server, make_app, add_worker
):
    app = make_app(server.url)
    command = [sys.executable, "-W", "ignore", "-c", SUBMIT_AND_DIE, app.config.name, server.url]
    environment = {**os.environ, "NBTASKS_KEY": KEY}
    died = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert died.returncode == -9
    single, *members = json.loads(died.stdout)
    add_worker(app)
    assert app.AsyncResult(single).get(10) == 3
    assert [app.AsyncResult(one).get(10) for one in members] == list(range(50, 0, -1))


@pytest.fixture
def away(server, make_app, add_worker):
    """A client whose results expire at once, a proxy before it, and a worker that is elsewhere."""
    proxy = Proxy(lambda: server)
    app = make_app(proxy.url, result_expires_ms=1)
    near = make_app(server.url)
    near.config = app.config.with_settings({"url": server.url})
    yield app, proxy, near, lambda: add_worker(near)
    proxy.close()


@pytest.mark.parametrize("size", [10, 100_000], ids=["small", "large"])
def test_a_result_that_expires_while_get_waits_ends_the_wait(away, size):
    app, proxy, near, start = away
    result = app.task(lambda: b"v" * size).delay()
    key = app.store.keys.record(result.id)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(result.get, 20)
        proxy.stall()
        start()
        wait_until(lambda: not near.store.call("EXISTS", key), "it has ended and expired")
        proxy.cut()
        if size == 10:
            assert waiting.result() == b"v" * size  # it came with the event
        else:
            with pytest.raises(UnknownTask):
                waiting.result()


@pytest.mark.slow
def test_200_clients_that_reconnect_at_once_all_get_through(own_server):
    stores = [Store(own_server.url, "many", SystemClock(), 20_000) for _ in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(Store.connect, stores))
        gate = threading.Barrier(CLIENTS)

        def ask(store):
            gate.wait(20)
            return store.call("INCR", "asked")

        own_server.kill()
        threading.Timer(0.3, own_server.start).start()
        asked = list(pool.map(ask, stores))
    assert len(asked) == CLIENTS
    wait_until(own_server.answers, "it answers")
    assert int(stores[0].call("GET", "asked")) >= CLIENTS
    for store in stores:
        store.close()
