"""Checkpoints: a task that has died or failed goes on from where it was, and nobody else writes."""

import checkpoint_side as side
import chores
import pytest
from patience import wait_until
from worker_side import children, is_alive

from nbtasks import BadSignature, TooBig, Unsendable, checkpoint, last_checkpoint


def steps(folder):
    return [int(words[0]) for words in chores.lines(folder / "steps")]


def checkpoints(app, result):
    """The fields of a record that hold checkpoints."""
    fields = app.store.call("HKEYS", app.store.keys.record(result.records[0].rid))
    return [field for field in fields if field[:2] == b"cp"]


@pytest.mark.parametrize("function", [side.count_up, side.count_in_a_loop], ids=["plain", "async"])
@pytest.mark.usefixtures("worker")
def test_a_task_goes_on_where_its_process_was_killed(app, tmp_path, function):
    result = app.task(bind=True)(function).delay(str(tmp_path), 6, 4)
    assert result.get(10) == 6
    assert steps(tmp_path) == [0, 1, 2, 3, 4, 5]


@pytest.mark.usefixtures("worker")
def test_a_function_without_self_keeps_them_too(app, tmp_path):
    app.task(side.count_with_no_self).delay(str(tmp_path), 4, 2).get(10)
    assert steps(tmp_path) == [0, 1, 2, 3]


@pytest.mark.usefixtures("worker")
def test_they_are_gone_when_the_task_has_succeeded(app, tmp_path):
    result = app.task(bind=True)(side.count_up).delay(str(tmp_path), 3, 2)
    result.get(10)
    assert checkpoints(app, result) == []


@pytest.mark.usefixtures("worker")
def test_a_retry_goes_on_from_the_last_try(app, tmp_path):
    task = app.task(bind=True, max_retries=5, default_retry_delay=0)(side.fail_on_the_way)
    assert task.delay(str(tmp_path), 4).get(10) == 3
    assert steps(tmp_path) == [0, 1, 2, 3]


@pytest.mark.usefixtures("worker")
def test_a_failed_task_that_is_queued_again_goes_on(app, tmp_path):
    result = app.task(bind=True)(side.fail_on_the_way).delay(str(tmp_path), 2)
    with pytest.raises(ValueError, match="0"):
        result.get(10)
    assert result.requeue()
    assert result.get(10) == 1


def test_it_survives_the_worker(app, start_own, tmp_path):
    worker = start_own()
    result = app.task(bind=True)(side.hold_at).delay(str(tmp_path), {"step": 7})
    wait_until(lambda: checkpoints(app, result), "the checkpoint is stored")
    worker.kill()
    start_own()
    assert result.get(20) == {"step": 7}


def test_a_worker_that_lost_its_lease_cannot_overwrite_it(app, start_own, tmp_path):
    worker = start_own()
    result = app.task(bind=True)(side.hold_at).delay(str(tmp_path), 7)
    wait_until(lambda: checkpoints(app, result), "the checkpoint is stored")
    (child,) = children(worker)
    app.store.call("UNLINK", f"{app.store.keys.prefix}lease")
    wait_until(lambda: not is_alive(child), "the worker has ended what it lost")
    key = app.store.keys.record(result.records[0].rid)
    assert app.store.call("HGET", key, "cp0").startswith(b"0 ")
    result.revoke()


@pytest.mark.usefixtures("worker")
def test_a_thousand_in_a_row_leave_the_newest(app):
    assert app.task(bind=True)(side.keep_fast).delay(1000).get(10) == 999


@pytest.mark.usefixtures("worker")
def test_each_reading_gives_a_copy(app):
    assert app.task(bind=True)(side.keep).delay([1, {"a": b"x"}]).get(10) is True


@pytest.mark.usefixtures("worker")
def test_members_of_a_group_have_their_own(app):
    task = app.task(bind=True)(side.keep)
    assert task.map_async([[number] for number in range(50)]).get(10) == [True] * 50


def test_one_that_is_too_big_or_cannot_be_sent_is_refused(app, start_own):
    start_own(max_input=100_000)
    with pytest.raises(TooBig, match=r"the checkpoint of .*keep_big.* raise max_input"):
        app.task(bind=True)(side.keep_big).delay(100_001).get(10)
    with pytest.raises(Unsendable, match="the checkpoint of"):
        app.task(bind=True)(side.keep_a_lock).delay().get(10)


@pytest.mark.usefixtures("worker")
def test_one_that_somebody_else_has_written_is_refused(app):
    task = app.task(bind=True)(side.what_is_left)
    result = task.apply_async(countdown=0.5)
    key = app.store.keys.record(result.records[0].rid)
    app.store.call("HSET", key, "kp", "1", "cp0", b"0 \x01" + bytes(16) + b"0 \x80\x04N.")
    with pytest.raises(BadSignature):
        result.get(10)


def test_here_it_goes_on_too(app, tmp_path):
    task = app.task(bind=True, max_retries=5)(side.fail_on_the_way)
    assert task.apply((str(tmp_path), 3)).get() == 2
    assert steps(tmp_path) == [0, 1, 2]


def test_outside_of_a_task_they_do_nothing(app, tmp_path):
    checkpoint(1)
    assert last_checkpoint() is None
    assert app.task(bind=True)(side.fail_on_the_way)(str(tmp_path), 1) == 0
