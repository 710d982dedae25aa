"""A worker has as many processes as there is work for, between two bounds."""

import subprocess
import sys

import chores
import pytest
from patience import wait_until
from worker_side import children

REST_S = 5.0


def test_a_worker_grows_while_work_waits_and_no_further(app, start_worker, tmp_path):
    worker = start_worker("--autoscale", "3,1")
    assert len(children(worker)) == 1
    group = app.task(lambda name: chores.hold(str(tmp_path), name)).map_async(range(5))
    wait_until(lambda: len(chores.lines(tmp_path / "started")) == 3, "three run")
    assert len(children(worker)) == 3
    for number in range(5):
        (tmp_path / f"go-{number}").touch()
    assert len(group.get(10)) == 5
    assert len(children(worker)) == 3


@pytest.mark.slow
def test_a_worker_shrinks_when_it_has_been_idle_for_a_while(app, start_worker, tmp_path):
    worker = start_worker("--autoscale", "4,2")
    group = app.task(lambda name: chores.hold(str(tmp_path), name)).map_async(range(4))
    wait_until(lambda: len(chores.lines(tmp_path / "started")) == 4, "four run")
    for number in range(4):
        (tmp_path / f"go-{number}").touch()
    group.get(10)
    wait_until(lambda: len(children(worker)) == 2, "it has shrunk", 3 * REST_S)
    assert app.map(chores.noop, range(100)).get(10) == list(range(100))


def test_one_that_is_held_grows_for_the_next(app, start_worker, tmp_path):
    worker = start_worker("--autoscale", "2,1")
    first = app.task(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "the first runs")
    assert len(children(worker)) == 1
    assert app.task(chores.noop).delay(1).get(5) == 1
    assert len(children(worker)) == 2
    (tmp_path / "go-a").touch()
    assert first.get(5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--autoscale", "1,3"], "first the most, then the least"),
        (["--autoscale", "many"], "first the most, then the least"),
        (["--autoscale", "3,1", "-c", "2"], "give one of them"),
    ],
    ids=["wrong order", "no numbers", "and concurrency"],
)
def test_wrong_bounds_are_refused(server, options, words):
    command = [sys.executable, "-m", "nbtasks", "worker", server.url, *options]
    found = subprocess.run(
        command, check=False, capture_output=True, text=True, env={"NBTASKS_KEY": "k" * 32}
    )
    assert found.returncode == 2
    assert words in found.stderr
