"""`app.control.inspect()`: what workers have in hand is read from Redis, whatever they do."""

import signal
import time
from contextlib import contextmanager

import chores
import pytest
from patience import wait_until

from nbtasks import NoWorkerWarning

AT_ONCE_S = 0.05
HELD_FOR = 10**12


@pytest.fixture(scope="module")
def app(shared_app):
    """All tests here look at one worker."""
    return shared_app


@pytest.fixture(autouse=True)
def _worker(shared_worker):
    """It is up before the first test."""


@pytest.fixture
def inspect(app):
    return app.control.inspect()


@pytest.fixture(scope="module")
def name(app):
    return app.workers()[0].name


@contextmanager
def running(app, name, function, *args, **options):
    """A task that runs meanwhile; ended with its process."""
    result = app.task(function, name="held").apply_async(args, **options)
    wait_until(lambda: shows(app, name, result), "it is seen to run")
    try:
        yield result
    finally:
        app.control.revoke(result.id, terminate=True)
        wait_until(lambda: not app.control.inspect().active()[name], "nothing runs any more")


def shows(app, name, result):
    found = app.control.inspect().active()[name]
    return [info for info in found if info["id"] == result.id and info["time_start"]]


def hog(number):
    """C code that lets no other Python run in its process."""
    return sum(range(number))


def fastest(call, tries=5):
    found = []
    for _ in range(tries):
        begun = time.perf_counter()
        call()
        found.append(time.perf_counter() - begun)
    return min(found)


def test_what_runs_is_shown_while_a_child_holds_its_lock(app, inspect, name):
    with running(app, name, hog, HELD_FOR) as result:
        assert fastest(inspect.active) < AT_ONCE_S
        (info,) = inspect.active()[name]
        assert (info["id"], info["name"], info["args"]) == (result.id, "held", [HELD_FOR])
        assert info["hostname"] == name
        assert info["worker_pid"] in inspect.stats()[name]["pool"]["processes"]
        assert not info["acknowledged"]
        assert info["delivery_info"]["routing_key"] == "default"


def test_a_worker_that_stands_still_is_looked_at_all_the_same(app, inspect, name, shared_worker):
    with running(app, name, hog, HELD_FOR) as result:
        shared_worker.process.send_signal(signal.SIGSTOP)
        try:
            looks = (inspect.active, inspect.reserved, inspect.stats, inspect.conf)
            assert [fastest(look) < AT_ONCE_S for look in looks] == [True] * 4
            assert inspect.query_task(result.id)[name][result.id][0] == "active"
            assert inspect.stats()[name]["pid"] == shared_worker.pid
        finally:
            shared_worker.process.send_signal(signal.SIGCONT)


def test_what_waits_for_its_time_stands_with_who_may_get_it(app, inspect, name):
    task = app.task(chores.noop, name="later")
    here = task.apply_async((1,), countdown=100)
    with pytest.warns(NoWorkerWarning):
        elsewhere = task.apply_async((1,), countdown=100, queue="nobody")
    (found,) = inspect.scheduled()[name]
    assert found["request"]["id"] == here.id
    assert 90 < found["eta"] - app.clock.wall_ms() / 1000 < 110
    assert app.control.revoke([here.id, elsewhere.id]) == 2
    assert inspect.scheduled()[name] == []
    assert set(inspect.revoked()[name][:2]) == {elsewhere.id, here.id}


def test_what_was_taken_and_has_not_begun_is_reserved(app, inspect, name, tmp_path):
    group = app.task(lambda _: chores.hold(str(tmp_path), "x"), name="one").map_async(range(2))
    ids = {each.id for each in group}
    seen = [inspect.active()[name], inspect.reserved()[name]]
    wait_until(lambda: len(inspect.active()[name]) == 2, "both run")
    wait_until(lambda: not inspect.reserved()[name], "nothing waits behind a long one")
    assert {info["id"] for infos in seen for info in infos} <= ids
    (tmp_path / "go-x").touch()
    group.get(10)


def test_a_worker_says_what_it_is_and_keeps_its_secrets(app, inspect, name):
    stats, conf = inspect.stats()[name], inspect.conf()[name]
    assert stats["pool"]["max-concurrency"] == 2
    assert len(stats["pool"]["processes"]) == 2
    assert stats["rss"] > 1_000_000
    assert stats["server"]["used_memory"] > 100_000
    assert conf["default_queue"] == "default"
    assert not {"key", "url", "beat_schedule"} & conf.keys()
    assert app.config.key.decode() not in str((stats, conf, inspect.report()))
    assert inspect.active_queues() == {name: [{"name": "default", "routing_key": "default"}]}
    assert inspect.registered() == {name: []}
    assert "nbtasks: " in inspect.report()[name]["ok"]


def test_tasks_are_counted_by_name(app, name, inspect):
    app.task(chores.noop, name="counted").map_async(range(50)).get(10)
    app.store.call("ZADD", app.store.keys.wake(f"@{name}"), 0, "1")
    wait_until(lambda: inspect.stats()[name]["total"].get("counted") == 50, "it has told so")


def test_workers_are_chosen_by_name_by_glob_and_by_number(app, name):
    chosen = app.control.inspect
    assert list(chosen(name).stats()) == list(chosen([name, "other"]).stats()) == [name]
    assert list(chosen(pattern="worker-*").stats()) == [name]
    assert chosen("other").active() == chosen(pattern="x*").stats() == chosen(limit=0).conf() == {}


def test_where_nobody_works_all_is_empty(fresh_app):
    inspect = fresh_app.control.inspect()
    looks = ("active", "reserved", "scheduled", "revoked", "stats", "conf", "active_queues")
    assert [getattr(inspect, look)() for look in looks] == [{}] * 7
