"""`app.control` tells running workers what to do: they obey at once, and say what came of it."""

import threading
import uuid
from contextlib import closing

import chores
import pytest
from patience import wait_until
from worker_side import children, states, wait_for_leases

from nbtasks.app import App
from nbtasks.errors import ConfigError, SoftTimeLimitExceeded, TimeLimitExceeded

SURELY = {"reply": True, "timeout": 10}
"""Wait for the answer, for as long as a machine that has much else to do may take."""


@pytest.fixture(scope="module")
def app(shared_app):
    """Most tests here tell one worker."""
    return shared_app


@pytest.fixture(autouse=True)
def _worker(shared_worker):
    """It is up before the first test."""


@pytest.fixture(scope="module")
def name(app):
    return app.workers()[0].name


def held(app, tmp_path, *names):
    """Tasks that run until `go-<name>` is there."""
    task = app.task(chores.hold, name="held")
    return [task.delay(str(tmp_path), name) for name in names]


def begun(tmp_path):
    return sorted(name for name, *_ in chores.lines(tmp_path / "started"))


def release(tmp_path, *names):
    for name in names:
        (tmp_path / f"go-{name}").touch()


def test_a_worker_answers_a_ping(app, name):
    assert app.control.ping(timeout=10) == [{name: {"ok": "pong"}}]
    assert app.control.inspect(timeout=10).ping() == {name: {"ok": "pong"}}
    assert app.control.ping("nobody") == []


def test_an_answer_comes_within_milliseconds_also_where_all_is_busy(app, name, tmp_path):
    results = held(app, tmp_path, "a", "b")
    wait_until(lambda: begun(tmp_path) == ["a", "b"], "both run")
    spent = []
    for _ in range(5):
        begin = app.clock.tick_ms()
        assert app.control.ping(name, timeout=10)
        spent.append(app.clock.tick_ms() - begin)
    assert min(spent) < 50
    release(tmp_path, "a", "b")
    assert [result.get(10) for result in results]


def test_a_pool_grows_at_once_and_shrinks_as_tasks_end(app, name, shared_worker, tmp_path):
    results = held(app, tmp_path, "a", "b", "c")
    wait_until(lambda: len(begun(tmp_path)) == 2, "two run")
    assert app.control.pool_grow(**SURELY) == [{name: {"ok": "it runs 3 tasks at a time"}}]
    assert app.control.inspect().stats()[name]["pool"]["max-concurrency"] == 3
    assert app.workers()[0].concurrency == 3
    wait_until(lambda: begun(tmp_path) == ["a", "b", "c"], "the third runs, too")
    app.control.pool_shrink(2, **SURELY)
    assert len(children(shared_worker)) == 3
    release(tmp_path, "a", "b", "c")
    assert [result.get(10) for result in results]
    wait_until(lambda: len(children(shared_worker)) == 1, "what is not needed has ended")
    app.control.pool_grow(**SURELY)
    assert len(children(shared_worker)) == 2


def test_a_worker_scales_between_new_bounds(app, name, shared_worker, tmp_path):
    app.control.autoscale(3, 1, **SURELY)
    assert app.control.inspect().stats()[name]["pool"]["min-concurrency"] == 1
    results = held(app, tmp_path, "a", "b", "c")
    wait_until(lambda: begun(tmp_path) == ["a", "b", "c"], "three run")
    app.control.autoscale(2, 2, **SURELY)
    release(tmp_path, "a", "b", "c")
    assert [result.get(10) for result in results]
    wait_until(lambda: len(children(shared_worker)) == 2, "as many as at first")


def test_a_worker_takes_from_another_queue_until_it_is_told_not_to(app, name):
    task = app.task(chores.noop, name="there")
    found = app.control.add_consumer("more", **SURELY)
    assert found == [{name: {"ok": "it takes from more"}}]
    queues = app.control.inspect().active_queues()[name]
    assert [each["name"] for each in queues] == ["default", "more"]
    assert [task.apply_async((i,), queue="more").get(10) for i in range(5)] == list(range(5))
    app.control.cancel_consumer("more", **SURELY)
    assert app.workers()[0].queues == ("default",)
    left = task.apply_async((7,), queue="more")
    assert task.delay(8).get(10) == 8
    assert left.state == "PENDING"
    app.control.purge("more")


def test_a_worker_that_waits_for_work_waits_for_the_new_queue_at_once(app):
    task, spent = app.task(chores.noop, name="there"), []
    for _ in range(3):
        app.control.add_consumer("more", **SURELY)
        begin = app.clock.tick_ms()
        task.apply_async((1,), queue="more").get(10)
        spent.append(app.clock.tick_ms() - begin)
        app.control.cancel_consumer("more", **SURELY)
    assert min(spent) < 1000, "not when its wait of two seconds is over"


def test_what_was_taken_from_a_queue_and_has_not_begun_goes_back(app, tmp_path):
    app.control.add_consumer("more", **SURELY)
    path = str(tmp_path / "runs")
    task = app.task(lambda i: chores.spin_and_note(path, 1, i), name="spin", queue="more")
    group = task.map_async(range(1000))
    wait_until(lambda: group.completed_count() > 50, "it is at it")
    app.control.cancel_consumer("more", **SURELY)
    wait_for_leases(app)
    assert 50 < states(app, group).count(b"S") < 1000
    assert states(app, group).count(b"s") == 0
    app.control.add_consumer("more", **SURELY)
    group.get(20)
    assert len(chores.lines(tmp_path / "runs")) == 1000, "each of them once"
    app.control.cancel_consumer("more", **SURELY)


def test_new_time_limits_hold_for_tasks_that_begin_later(app, name, tmp_path):
    task = app.task(chores.hold, name="limited", max_retries=0)
    before = task.delay(str(tmp_path), "before")
    wait_until(lambda: begun(tmp_path), "it runs")
    app.control.time_limit("limited", hard=0.2, **SURELY)
    assert app.control.inspect().stats()[name]["time_limits"] == {"limited": [0.0, 0.2]}
    with pytest.raises(TimeLimitExceeded):
        task.delay(str(tmp_path), "later").get(10)
    app.control.time_limit("limited", soft=0.1, hard=5, **SURELY)
    with pytest.raises(SoftTimeLimitExceeded):
        task.delay(str(tmp_path), "soft").get(10)
    app.control.time_limit("limited", **SURELY)
    assert app.control.inspect().stats()[name]["time_limits"] == {}
    release(tmp_path, "before")
    assert before.get(10)


def test_what_a_worker_cannot_do_is_its_answer(app, name):
    ((_, answer),) = app.control.pool_shrink(2, **SURELY)[0].items()
    assert "room for 2 tasks" in answer["error"]
    assert app.control.inspect().stats()[name]["pool"]["max-concurrency"] == 2


@pytest.mark.parametrize(
    ("command", "arguments", "words"),
    [
        ("pool_grown", {}, "did you mean 'pool_grow'"),
        ("pool_grow", {"n": 0}, "from 1 to 1000"),
        ("pool_grow", {"n": True}, "from 1 to 1000"),
        ("pool_grow", {"much": 1}, "much"),
    ],
)
def test_an_order_that_makes_no_sense_is_not_sent(app, command, arguments, words):
    with pytest.raises(ConfigError, match=words):
        app.control.broadcast(command, arguments)


def test_several_clients_tell_a_worker_at_the_same_time(app, name):
    found = []

    def ask():
        for _ in range(10):
            found.extend(app.control.ping(timeout=10))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{name: {"ok": "pong"}}] * 40


def test_a_worker_that_is_told_to_shut_down_finishes_what_runs(app, start_worker, tmp_path):
    other = start_worker("-c", "1", "-Q", "other", "--name", "other@here")
    result = app.task(chores.hold, name="held", queue="other").delay(str(tmp_path), "a")
    wait_until(lambda: begun(tmp_path), "it runs")
    for _ in range(2):  # as one signal, not two
        ((_, answer),) = app.control.shutdown("other@here", **SURELY)[0].items()
        assert answer == {"ok": "it finishes what runs, and ends"}
    (answers,) = app.control.pool_grow(destination="other@here", **SURELY)
    assert "told nothing else" in answers["other@here"]["error"]
    assert [each.is_ending for each in app.workers() if each.name == "other@here"] == [True]
    release(tmp_path, "a")
    assert result.get(10)
    assert other.process.wait(10) == 0


def test_a_pool_of_threads_grows_and_shrinks_too(app, start_worker, tmp_path):
    start_worker("--pool", "threads", "-c", "1", "-Q", "other", "--name", "other@here")
    task = app.task(chores.hold, name="held", queue="other")
    results = [task.delay(str(tmp_path), name) for name in "abc"]
    app.control.pool_grow(destination="other@here", **SURELY)
    wait_until(lambda: len(begun(tmp_path)) == 2, "two run")
    app.control.pool_shrink(destination="other@here", **SURELY)
    release(tmp_path, *begun(tmp_path))
    wait_until(lambda: len(begun(tmp_path)) == 3, "the third runs")
    release(tmp_path, *"abc")
    assert all(result.get(10) for result in results)
    app.control.shutdown("other@here", **SURELY)
    wait_until(lambda: len(app.workers()) == 1, "it has ended")


def test_a_solo_worker_stays_solo_and_ends_when_it_is_told_to(app, start_worker):
    other = start_worker("--pool", "solo", "-Q", "other", "--name", "other@here")
    (answers,) = app.control.autoscale(2, destination="other@here", **SURELY)
    assert "one task at a time" in answers["other@here"]["error"]
    assert app.control.shutdown(pattern="other@*") == [], "nobody waits for an answer"
    assert other.process.wait(10) == 0


def test_tasks_of_a_name_are_paused_and_others_of_their_queue_are_not(app):
    held, other = (app.task(chores.noop, name=name) for name in ("held-up", "other"))
    assert app.control.pause(task="held-up")
    assert not app.control.pause(task="held-up")
    assert list(app.control.paused_tasks()) == ["held-up"]
    result = held.delay(1)
    assert other.map_async(range(20)).get(10) == list(range(20))
    assert (result.state, result.position) == ("PENDING", None)
    assert app.control.resume(task="held-up")
    assert result.get(10) == 1
    assert not app.control.resume(task="held-up")
    assert app.control.paused_tasks() == {}


def test_a_rate_is_set_while_workers_run_and_taken_back(app):
    name = f"seldom-{uuid.uuid4().hex[:6]}"
    task = app.task(chores.noop, name=name)
    app.control.rate_limit(name, "1/h")
    assert app.control.rate_limits() == {name: "1/h"}
    assert task.delay(1).get(10) == 1
    second = task.delay(2)
    assert app.task(chores.noop, name="often").delay(3).get(10) == 3
    assert second.state == "PENDING"
    app.control.rate_limit(name, None)
    assert second.get(10) == 2
    assert app.control.rate_limits() == {}


@pytest.mark.parametrize("names", [{}, {"queue": "gpu", "task": "fit"}], ids=["none", "two"])
def test_either_a_queue_or_tasks_are_paused(app, names):
    for verb in (app.control.pause, app.control.resume):
        with pytest.raises(ConfigError, match="name what is meant"):
            verb(**names)


def test_who_has_another_key_tells_nobody_anything(app, name):
    other = App(app.config.name, broker=app.config.url, key="a key that is not theirs")
    with closing(other):
        assert other.control.shutdown(reply=True, timeout=0.3) == []
    assert app.control.ping(timeout=10) == [{name: {"ok": "pong"}}]
    assert not app.workers()[0].is_ending
