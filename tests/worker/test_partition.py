"""The line between a worker and Redis: cut for longer than a lease, or just when a signal comes."""

import signal
from types import SimpleNamespace

import chores
import pytest
from patience import wait_until
from proxy import Proxy
from worker_side import OwnWorker, deaths, states

from nbtasks.store.scripts import SCRIPTS

pytestmark = pytest.mark.filterwarnings("ignore:no worker listens")


@pytest.fixture
def proxy(server):
    proxy = Proxy(lambda: server)
    yield proxy
    proxy.close()


@pytest.fixture
def remote(app, proxy, tmp_path):
    """A worker that reaches Redis through the proxy, with a queue of its own."""
    there = SimpleNamespace(config=app.config.with_settings({"url": proxy.url}))
    worker = OwnWorker(there, "remote", tmp_path / "remote.log", queues=["default", "remote"])
    wait_until(app.workers, "the worker is up")
    yield worker
    worker.kill()


@pytest.fixture
def cut_off(app, remote, proxy, start_own, tmp_path):
    """It was cut off with a task that another worker has begun since; the two processes."""
    result = app.task(chores.hold).delay(str(tmp_path), "a")
    wait_until(lambda: chores.lines(tmp_path / "started"), "the task runs")
    proxy.stall()
    start_own()
    wait_until(lambda: len(chores.lines(tmp_path / "started")) == 2, "it runs again")
    first, second = (int(words[1]) for words in chores.lines(tmp_path / "started"))
    assert remote.process.poll() is None
    return result, first, second


@pytest.mark.slow
def test_what_a_worker_finished_behind_a_partition_does_not_count(app, cut_off, proxy, tmp_path):
    result, first, second = cut_off
    (tmp_path / f"go-{first}").touch()
    wait_until(lambda: chores.lines(tmp_path / "ended"), "the zombie has finished")
    proxy.cut()
    assert app.task(chores.noop).apply_async((5,), queue="remote").get(20) == 5
    assert states(app, result) == b"s"
    (tmp_path / f"go-{second}").touch()
    assert result.get(10) == second


@pytest.mark.slow
def test_what_ended_elsewhere_is_dropped_when_a_partition_heals(app, cut_off, proxy, tmp_path):
    result, _, second = cut_off
    (tmp_path / f"go-{second}").touch()
    assert result.get(10) == second
    proxy.cut()
    assert app.task(chores.noop).apply_async((5,), queue="remote").get(20) == 5
    assert states(app, result) == b"S"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT], ids=["SIGTERM", "SIGQUIT"])
def test_a_signal_amid_a_take_or_a_hand_in_loses_nothing(app, remote, proxy, start_worker, number):
    group = app.map(chores.spin, [2] * 300)
    wait_until(lambda: group.completed_count() > 40, "some are done")
    proxy.lose_reply(SCRIPTS["exchange"].sha.encode())
    last = app.task(chores.noop).delay(1)  # so that there is one
    wait_until(lambda: proxy.dropped, "the answer to a take or a hand-in is lost")
    remote.signal(number)
    assert remote.process.wait(15) == 0
    assert b"s" not in states(app, group)
    start_worker("-c", "2")
    assert group.get(20) == [2] * 300
    assert last.get(20) == 1
    assert deaths(app, group) == {}
