"""What a worker does when who started it is gone, or its server does not come back."""

import os
import subprocess
import sys

import chores
import pytest
from patience import wait_until
from worker_side import HERE


@pytest.fixture
def beside(app, tmp_path):
    """A worker whose standard input is a pipe from here."""
    config = app.config
    environment = {**os.environ, "NBTASKS_KEY": config.key.decode(), "NBTASKS_URL": config.url}
    command = [sys.executable, "-m", "nbtasks", "worker", "-c", "1", "-a", config.name]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--until-stdin-closes"],
            stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, cwd=HERE,
        )  # fmt: skip
    wait_until(app.workers, "it is up")
    yield process
    process.kill()
    process.wait()


def test_a_worker_finishes_what_runs_when_who_started_it_is_gone(app, beside, tmp_path):
    held = app.task(chores.hold).delay(str(tmp_path), "it")
    wait_until((tmp_path / "started").exists, "it runs")
    beside.stdin.close()
    wait_until(lambda: app.workers()[0].is_ending, "it has seen that")

    (tmp_path / "go-it").touch()

    assert held.get(10) > 0
    assert beside.wait(10) == 0


def test_a_worker_without_a_pipe_is_told_that_it_needs_one(app):
    command = [sys.executable, "-m", "nbtasks", "worker", app.config.url, "--until-stdin-closes"]
    environment = {**os.environ, "NBTASKS_KEY": app.config.key.decode()}

    found = subprocess.run(
        command, stdin=subprocess.DEVNULL, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip

    assert found.returncode != 0
    assert "--until-stdin-closes needs a pipe as standard input" in found.stderr


def test_a_worker_ends_when_its_server_is_away_for_good(
    durable_app, own_server, start_durable, tmp_path
):
    short = {"lease_ms": 1200, "heartbeat_ms": 400}
    worker = start_durable(gone_ms=300, **short)
    held = durable_app.task(chores.hold).delay(str(tmp_path), "it")
    wait_until((tmp_path / "started").exists, "it runs")

    own_server.kill()

    assert worker.process.wait(15) == 1
    assert "Redis does not come back" in worker.text()
    own_server.start()
    start_durable(**short)
    (tmp_path / "go-it").touch()
    assert held.get(30) > 0
