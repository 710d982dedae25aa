"""Tasks that yield: parts come as they are made, in order, each once, whatever dies."""

import asyncio
import os
import sys

import chores
import pytest
import yield_side as side
from patience import wait_until
from workers import WorkerProcess

from nbtasks import BadSignature, TaskRevoked, TooBig, WaitTimeout, chain, chord
from nbtasks.clock import SystemClock


@pytest.fixture(scope="module")
def app(shared_app):
    return shared_app


@pytest.fixture(scope="module", autouse=True)
def a_worker(shared_app, tmp_path_factory):
    """A worker with two processes that finds the tasks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        worker = WorkerProcess(shared_app, "-c", "2", log=tmp_path_factory.mktemp("w") / "log")
    wait_until(shared_app.workers, "the worker has come up")
    yield worker
    worker.stop()


def steps(folder):
    return [int(words[0]) for words in chores.lines(folder / "steps")]


def go(folder, *numbers):
    for number in numbers:
        (folder / f"go-{number}").touch()


@pytest.mark.parametrize(
    ("function", "parts", "value"),
    [
        (side.count, [0, 1, 2], [0, 1, 2]),
        (side.count_and_return, [0, 1, 2], "the end"),
        (side.generator_of, [0, 1, 4], [0, 1, 4]),
        (side.count_in_a_loop, [0, 1, 2], [0, 1, 2]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
@pytest.mark.parametrize("way", ["workers", "here"])
def test_a_task_gives_its_parts_and_then_its_value(app, function, parts, value, way):
    task = app.task(function)
    result = task.delay(3) if way == "workers" else task.apply((3,))
    assert list(result.stream(timeout=10)) == parts
    assert result.get(10) == value
    assert list(result.stream()) == parts


def test_one_that_yields_nothing_has_an_empty_list(app):
    result = app.task(side.count).delay(0)
    assert list(result.stream(timeout=10)) == []
    assert result.get(10) == []


def test_a_task_that_does_not_yield_has_no_parts(app):
    assert list(app.task(side.words).delay("x").stream(timeout=10)) == []


def test_parts_come_while_the_task_runs(app, tmp_path):
    result = app.task(side.when_told).delay(str(tmp_path), 3)
    parts = result.stream(timeout=10)
    for number in range(3):
        go(tmp_path, number)
        assert next(parts) == number
    assert result.get(10) == [0, 1, 2]


def test_the_first_part_is_there_within_a_tenth_of_a_second(app, tmp_path):
    result = app.task(side.when_told).delay(str(tmp_path), 2)
    wait_until(lambda: result.worker, "it runs")
    clock = SystemClock()
    start = clock.tick_ms()
    go(tmp_path, 0)
    assert next(result.stream(timeout=10)) == 0
    assert clock.tick_ms() - start < 100
    go(tmp_path, 1)
    result.get(10)


def test_async_for_gives_them_too(app, tmp_path):
    result = app.task(side.when_told).delay(str(tmp_path), 3)
    go(tmp_path, 0, 1, 2)

    async def read():
        return [part async for part in result.stream(timeout=10)]

    assert asyncio.run(read()) == [0, 1, 2]


def test_several_readers_and_late_ones_get_all_of_it(app, tmp_path):
    result = app.task(side.when_told).delay(str(tmp_path), 3)
    first, second = result.stream(timeout=10), result.stream(timeout=10)
    go(tmp_path, 0)
    assert (next(first), next(second)) == (0, 0)
    go(tmp_path, 1, 2)
    assert (list(first), list(second)) == ([1, 2], [1, 2])
    assert list(app.AsyncResult(result.id).stream(timeout=10)) == [0, 1, 2]


def test_what_fails_is_raised_behind_the_parts(app):
    parts = app.task(side.fail_behind).delay(2).stream(timeout=10)
    assert [next(parts), next(parts)] == [0, 1]
    with pytest.raises(ValueError, match="behind the parts"):
        next(parts)


def test_a_wait_for_a_part_has_its_end(app, tmp_path):
    result = app.task(side.when_told).delay(str(tmp_path), 1)
    with pytest.raises(WaitTimeout):
        next(result.stream(timeout=0.05))
    go(tmp_path, 0)
    assert result.get(10) == [0]


def test_of_a_try_that_died_no_part_comes_twice(app, tmp_path):
    result = app.task(side.die_once).delay(str(tmp_path), 5, 3)
    parts = result.stream(timeout=10)
    assert [next(parts) for _ in range(3)] == [0, 1, 2]
    (tmp_path / "die").touch()
    assert list(parts) == [3, 4]
    assert steps(tmp_path) == [0, 1, 2, 0, 1, 2, 3, 4]
    assert result.get(10) == [0, 1, 2, 3, 4]


def test_with_a_checkpoint_it_goes_on_behind_the_parts_before(app, tmp_path):
    result = app.task(bind=True)(side.go_on).delay(str(tmp_path), 5, 3)
    assert list(result.stream(timeout=10)) == [0, 1, 2, 3, 4]
    assert steps(tmp_path) == [0, 1, 2, 3, 4]
    assert result.get(10) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("way", ["workers", "here"])
def test_a_retry_goes_on_from_a_checkpoint_too(app, way):
    task = app.task(bind=True, max_retries=5, default_retry_delay=0)(side.fail_and_go_on)
    result = task.delay(3) if way == "workers" else task.apply((3,))
    assert list(result.stream(timeout=10)) == [0, 1, 2]
    assert result.get(10) == [0, 1, 2]


def test_twenty_megabytes_come_in_order(app):
    result = app.task(side.much).delay(200, 100_000)
    numbers = [int.from_bytes(part[:4], "big") for part in result.stream(timeout=10)]
    assert numbers == list(range(200))
    assert len(result.get(20)) == 200


def test_ten_thousand_small_ones_come_in_order(app):
    assert list(app.task(side.count).delay(10_000).stream(timeout=10)) == list(range(10_000))


def test_a_part_is_what_it_was_when_it_was_yielded(app):
    result = app.task(side.same_list).delay()
    assert list(result.stream(timeout=10)) == result.get(10) == [[0], [0, 1], [0, 1, 2]]


def test_what_cannot_be_sent_is_raised_at_its_yield(app):
    assert app.task(side.lock_inside).delay().get(10) == ["Unsendable"]


def test_parts_may_not_be_more_than_a_value_together(fresh_app, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        patch.setenv("NBTASKS_MAX_INPUT", "100000")
        worker = WorkerProcess(fresh_app, "-c", "1", log=tmp_path / "log")
    wait_until(fresh_app.workers, "the worker has come up")
    parts = fresh_app.task(side.much).delay(12, 9_000).stream(timeout=10)
    assert len([next(parts) for _ in range(11)]) == 11
    with pytest.raises(TooBig, match=r"what is yielded by .*much.* raise max_input"):
        next(parts)
    worker.stop()


def test_a_revoked_generator_is_closed(app, tmp_path):
    result = app.task(side.clean_up).delay(str(tmp_path))
    parts = result.stream(timeout=10)
    assert next(parts) == 1
    result.revoke(terminate=True, signal="SIGTERM")
    with pytest.raises(TaskRevoked):
        next(parts)
    wait_until((tmp_path / "closed").exists, "it was closed")


def test_what_follows_gets_what_get_gives(app):
    count, total, words = (app.task(each) for each in (side.count, side.total, side.words))
    ended = app.task(side.count_and_return)
    assert chain(count.s(4), total.s()).delay().get(10) == 6
    assert chain(ended.s(2), words.s()).delay().get(10) == "the end!"
    assert chord([count.s(2), ended.s(1)], words.s()).delay().get(10) == "[[0, 1], 'the end']!"


def test_a_part_that_somebody_else_has_written_is_refused(app, tmp_path):
    result = app.task(side.when_told).delay(str(tmp_path), 2)
    go(tmp_path, 0)
    parts = result.stream(timeout=10)
    assert next(parts) == 0
    key = app.store.keys.record(result.record.rid)
    app.store.call("HSET", key, "pt0:1", app.store.call("HGET", key, "pt0:0"), "pc0", 2)
    with pytest.raises(BadSignature):
        next(parts)
    go(tmp_path, 1)
    result.get(10)
