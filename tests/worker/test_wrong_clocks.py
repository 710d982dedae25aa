"""The time of day of a machine is wrong by an hour, or jumps: leases and results do not care."""

import json
import os
import subprocess
import sys

import chores
import pytest
from patience import wait_until
from servers import Server, WrongClock
from worker_side import LEASE_MS, deaths

from nbtasks.clock import SystemClock

HOUR_S = 3600
AFTER_LEASE_S = 2 * LEASE_MS / 1000

CLIENT = """
import json, sys, time
from datetime import UTC, datetime, timedelta
from nbtasks import App
app = App(sys.argv[1], broker=sys.argv[2])
values = app.map(abs, range(-50, 0)).get(20)
moment = datetime.now(UTC) + timedelta(seconds=0.2)
soon = app.task(len).apply_async(["abc"], eta=moment, expires=40)
late = app.task(len).apply_async(["abc"], countdown=60)
print(json.dumps([time.time(), values, soon.get(20), late.state]))
late.revoke()
app.close()
"""

off = pytest.mark.parametrize("seconds", [HOUR_S, -HOUR_S], ids=["ahead", "behind"])


@off
@pytest.mark.usefixtures("worker")
def test_a_client_whose_clock_is_wrong_gets_its_results_in_time(app, tmp_path, seconds):
    command = [sys.executable, "-c", CLIENT, app.config.name, app.config.url]
    key = {"NBTASKS_KEY": app.config.key.decode()}
    environment = {**os.environ, **WrongClock(tmp_path, seconds).environment, **key}
    output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout
    now, *found = json.loads(output)
    assert abs(now - SystemClock().wall_ms() / 1000 - seconds) < 60
    assert found == [list(range(50, 0, -1)), 3, "PENDING"]


@off
@pytest.mark.slow
def test_a_worker_whose_clock_is_wrong_keeps_and_takes_leases(app, start_own, tmp_path, seconds):
    wrong = WrongClock(tmp_path, seconds).environment
    victim = start_own(environment=wrong)
    result = app.task(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "the task runs")
    start_own()
    assert app.task(chores.noop).apply_async((5,), countdown=AFTER_LEASE_S).get(20) == 5
    assert len(chores.lines(tmp_path / "started")) == 1
    victim.kill()
    start_own(environment=wrong)
    (tmp_path / "go-a").touch()
    assert result.get(20) > 0


@pytest.fixture
def clock(tmp_path):
    """The clock of Redis."""
    return WrongClock(tmp_path, 0)


@pytest.fixture
def own_server(tmp_path, clock):
    """A server that goes by it."""
    server = Server(tmp_path, "--appendonly", "no", environment=clock.environment)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def held(durable_app, start_durable, tmp_path):
    """A task that runs on one of two workers with short leases."""
    for _ in range(2):
        start_durable(lease_ms=LEASE_MS, heartbeat_ms=300, concurrency=2)
    result = durable_app.task(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "the task runs")
    return result


@off
@pytest.mark.slow
def test_a_jump_of_the_clock_of_redis_takes_nothing_from_live_workers(
    durable_app, held, clock, tmp_path, seconds
):
    app = durable_app
    clock.set(seconds)
    now, _ = app.store.call("TIME")
    assert abs(int(now) - SystemClock().wall_ms() / 1000 - seconds) < 60
    assert app.map(chores.noop, range(200)).get(10) == list(range(200))
    assert app.task(chores.noop).apply_async((5,), countdown=AFTER_LEASE_S).get(20) == 5
    assert len(chores.lines(tmp_path / "started")) == 1
    (tmp_path / "go-a").touch()
    assert held.get(10) > 0
    assert deaths(app, held) == {}
