"""Rows of the fault matrix that need a worker: what Redis does to it, and what tasks do."""

import itertools
import threading

import chores
import pytest
from patience import wait_until
from servers import Server
from worker_side import deaths

from nbtasks import TimeLimitExceeded
from nbtasks.errors import ConfigError

BUSY_MS = 1500
BUSY = """
local start, now = redis.call('TIME'), redis.call('TIME')
while (now[1] - start[1]) * 1000 + (now[2] - start[2]) / 1000 < tonumber(ARGV[1]) do
  now = redis.call('TIME')
end
"""


@pytest.fixture
def own_server(tmp_path):
    """A server that may be told to stand still."""
    server = Server(tmp_path, "--appendonly", "no", "--enable-debug-command", "yes")
    server.start()
    yield server
    server.kill()


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [("DEBUG", "SLEEP", BUSY_MS / 1000), ("EVAL", BUSY, 0, BUSY_MS)],
    ids=["DEBUG SLEEP", "BUSY script"],
)
def test_a_redis_that_is_busy_amid_tasks_loses_none(
    durable_app, own_server, start_durable, command
):
    start_durable(concurrency=2)
    with own_server.client() as client:
        client.config_set("busy-reply-threshold", 50)
        group = durable_app.map(chores.spin, [2] * 400)
        wait_until(lambda: group.completed_count() > 40, "some are done")
        blocker = threading.Thread(target=client.execute_command, args=command)
        blocker.start()
        later = durable_app.map(chores.spin, [1] * 40)
        assert group.get(20) == [2] * 400
        assert later.get(20) == [1] * 40
        blocker.join()
    assert deaths(durable_app, group) == {}


@pytest.mark.slow
@pytest.mark.usefixtures("worker")
def test_scripts_flushed_again_and_again_amid_tasks_lose_none(app, server):
    group = app.map(chores.spin, [2] * 400)
    with server.client() as client:
        for part in range(1, 8):
            wait_until(lambda part=part: group.completed_count() > part * 40, "more is done")
            client.script_flush()
    assert group.get(15) == [2] * 400
    assert deaths(app, group) == {}


@pytest.mark.usefixtures("worker")
def test_a_task_that_never_lets_go_of_the_interpreter_is_ended_at_its_limit(app):
    @app.task(time_limit=1, soft_time_limit=0.5)
    def hang():
        return sum(itertools.repeat(0))  # in C, without end, and deaf to signals

    neighbours = app.map(chores.spin, [2] * 50)
    with pytest.raises(TimeLimitExceeded):
        hang.delay().get(10)
    assert neighbours.get(10) == [2] * 50


@pytest.mark.filterwarnings("ignore:no worker listens")
def test_a_task_of_a_newer_nbtasks_fails_and_its_neighbours_run(app, start_worker):
    task = app.task(chores.noop)
    newer = task.delay(1)
    older = task.map_async(range(20))
    key = app.store.keys.record(newer.id)
    header = app.store.call("HGET", key, "h")
    app.store.call("HSET", key, "h", header.replace(b'"v":1', b'"v":2'))
    start_worker("-c", "1")
    assert older.get(10) == list(range(20))
    with pytest.raises(ConfigError, match="install the same version"):
        newer.get(10)
