"""Following an app as a whole, with a real worker."""

import threading

import pytest
from patience import wait_until

from nbtasks.monitor.watching import Watch
from nbtasks.states import SUCCESS

pytestmark = pytest.mark.usefixtures("shared_worker")


@pytest.fixture
def watch(shared_app):
    found = Watch(shared_app.store, lambda: None)
    yield found
    found.stop()


def listeners(app):
    return app.store.call("HKEYS", f"{app.store.keys.prefix}monitors")


def test_a_look_has_queues_workers_and_the_server(watch):
    figures = watch.look()

    (worker,) = figures.workers
    assert (worker.facts.concurrency, worker.busy) == (2, 0)
    assert worker.stats["rss"] > 0
    assert 0 <= figures.at_ms - worker.seen_ms < 30_000
    (queue,) = [queue for queue in figures.queues if queue.name == "default"]
    assert (queue.waiting, queue.oldest_ms, queue.paused_ms, queue.workers) == (0, 0, 0, 1)
    assert figures.memory is not None
    assert figures.memory[0] > 0


@pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning")
def test_a_queue_that_nobody_names_is_found_with_its_age(shared_app, watch):
    group = shared_app.map(abs, range(700), queue="unheard")
    shared_app.control.pause("held")

    queues = {queue.name: queue for queue in watch.look().queues}

    assert queues["unheard"].waiting == 700
    assert 0 <= watch.figures.at_ms - queues["unheard"].oldest_ms < 30_000
    assert queues["held"].paused_ms > 0
    group.revoke()
    shared_app.control.resume("held")


def test_what_ends_while_somebody_looks_is_a_bar_with_a_name(shared_app, watch):
    watch.follow()
    wait_until(lambda: listeners(shared_app), "it listens")

    shared_app.map(abs, range(5)).get(10)

    wait_until(lambda: sum(bar.n for bar in watch.bars(0)) == 5, "all are told")
    bars = watch.bars(0)
    assert {(bar.name, bar.state) for bar in bars} == {("builtins.abs", SUCCESS)}
    (worker,) = shared_app.workers()
    assert {bar.worker for bar in bars} == {worker.name}
    assert watch.rates(bars[-1].end_ms + 2000)["done"] == pytest.approx(1.0)


def test_it_costs_nothing_while_nobody_looks(shared_app, watch):
    watch.follow()
    wait_until(lambda: listeners(shared_app), "it listens")

    watch.rest()
    wait_until(lambda: not listeners(shared_app), "nobody listens")

    watch.follow()
    wait_until(lambda: listeners(shared_app), "it listens again")


def test_it_ends_with_its_thread(shared_app):
    others = set(threading.enumerate())
    told = threading.Event()
    watch = Watch(shared_app.store, told.set)
    watch.follow()
    assert told.wait(10)

    (thread,) = {one for one in threading.enumerate() if one.name == "nbtasks-watch"} - others

    watch.stop()

    assert not thread.is_alive()
    assert not listeners(shared_app)
