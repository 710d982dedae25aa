"""What a task sees in an eager run, how it is tried again, and how long a canvas may be."""

import asyncio
import threading

import pytest
from eager_side import make_eager_app, throw

import nbtasks
from nbtasks.config import from_environment
from nbtasks.context import current_task
from nbtasks.errors import ConfigError, Unsendable
from nbtasks.result import EagerResult

# What a task sees


def test_a_task_knows_that_it_runs_eagerly(ask):
    result = ask.apply((lambda self: (self.request.is_eager, self.request.id),))
    assert result.get() == (True, result.id)


def test_a_step_knows_its_root_and_its_parent(ask, same):
    look = lambda self: (self.request.root_id, self.request.parent_id)  # noqa: E731
    result = (same.s(look) | ask.s()).apply()
    assert result.get() == (result.parent.id, result.parent.id)


def test_a_task_knows_what_it_was_called_with(ask):
    look = lambda self: (len(self.request.args), self.request.kwargs)  # noqa: E731
    assert ask.apply((look, 1, 2)).get() == (3, {})


def test_progress_is_kept(ask):
    result = ask.apply((lambda self: self.progress(3, 10, "fold"),))
    assert (result.progress.current, result.progress.total, result.progress.message) == (
        3,
        10,
        "fold",
    )


def test_track_reports(app):
    count = app.task(name="count")(lambda n: sum(nbtasks.track(range(n))))
    result = count.apply((4,))
    assert result.get() == 6
    assert result.progress.fraction == 1.0


def test_a_task_may_run_others_in_its_turn(app, add):
    @app.task
    def outer():
        return add.apply((1, 2)).get() + 1

    assert outer.apply().get() == 4
    assert current_task.get() is None


def test_what_a_task_sends_has_that_task_for_its_parent(app, ask):
    look = lambda self: (self.request.root_id, self.request.parent_id)  # noqa: E731

    @app.task
    def outer():
        return ask.apply((look,)).get()

    result = outer.apply()
    assert result.get() == (result.id, result.id)


def test_coroutines_run_with_and_without_a_loop_around_them(app):
    @app.task
    async def double(x):
        await asyncio.sleep(0)
        return 2 * x

    @app.task
    async def broken():
        raise ValueError("no")

    async def inside():
        assert double.apply((2,)).get() == 4
        assert isinstance(broken.apply().result, ValueError)

    assert double.apply((1,)).get() == 2
    asyncio.run(inside())


def test_an_interrupt_stops_all_of_it(app, same):
    @app.task
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        (stop.s() | same.s()).apply()
    assert current_task.get() is None


# Retries


def test_only_what_the_policy_names_is_tried_again_and_nobody_waits(app):
    tries = []

    @app.task(autoretry_for=(OSError,), max_retries=2, default_retry_delay=1e6)
    def flaky(kind):
        tries.append(kind)
        raise kind("no")

    assert flaky.apply((OSError,)).retries == 2
    assert isinstance(flaky.apply((KeyError,)).result, KeyError)
    assert tries == [OSError, OSError, OSError, KeyError]


def test_a_call_may_ask_for_retries(app):
    tries = []
    fail = app.task(name="fail")(lambda: throw(tries.append(1)))
    result = fail.apply(retries=3)
    assert len(tries) == 4
    with pytest.raises(ValueError, match="None") as caught:
        result.get()
    assert "try 4" in caught.value.__notes__[0]


def test_what_a_lost_try_has_added_to_a_chord_stays(app, same):
    @app.task(bind=True, max_retries=1)
    def adds(self):
        self.add_to_chord(same.s(self.request.retries))
        if self.request.retries == 0:
            raise OSError("no")
        return "a"

    assert nbtasks.chord([adds.s()], same.s()).apply().get() == ["a", 0]


def test_what_was_sent_in_vain_runs_all_the_same(app, same):
    @app.task(bind=True)
    def stubborn(self):
        with pytest.raises(BaseException):  # noqa: B017, PT011 - a task must not catch it
            self.replace(same.s("in vain"))
        return "done"

    result = stubborn.apply()
    assert result.get() == "done"
    assert [record.left for record in result.source.records.values()] == [0, 0]


def test_who_is_in_no_chord_cannot_add_to_one(ask, same):
    result = ask.apply((lambda self: self.add_to_chord(same.s(1)),))
    with pytest.raises(ConfigError, match="chord"):
        result.get()


def test_what_cannot_be_sent_in_place_of_a_task_fails_it(ask, same):
    result = ask.apply((lambda self: self.replace(same.s(threading.Lock())),))
    with pytest.raises(Unsendable):
        result.get()


# Always eager


def test_with_always_eager_nothing_is_sent():
    app = make_eager_app(task_always_eager=True)
    add = app.task(name="add")(lambda x, y: x + y)
    assert isinstance(add.delay(1, 2), EagerResult)
    assert add.apply_async((1, 2), countdown=1e6, queue="q").get() == 3
    assert app.map(lambda x: 2 * x, range(3)).get() == [0, 2, 4]
    assert (add.s(1, 2) | add.s(3)).delay().get() == 6
    assert not app.is_connected


def test_options_are_checked_as_for_workers():
    app = make_eager_app(task_always_eager=True)
    add = app.task(name="add")(lambda x, y: x + y)
    with pytest.raises(ConfigError, match="priority"):
        add.apply_async((1, 2), priority=99)
    assert add.apply_async((1, 2), task_id="mine").id == "mine"


@pytest.mark.parametrize(
    "name", ["task_always_eager", "task_eager_propagates", "task_store_eager_result"]
)
def test_the_environment_says_so_too(name):
    assert getattr(from_environment({f"NBTASKS_{name.upper()}": "1"}), name) is True
    assert getattr(from_environment({}), name) is False


# Size


def test_a_long_chain_needs_no_deep_stack(add):
    steps = nbtasks.chain(add.s(0, 1), *(add.s(1) for _ in range(4999)))
    assert steps.apply().get() == 5000


def test_a_long_chain_that_fails_at_its_beginning_fails_all_the_way(add, fail):
    result = nbtasks.chain(fail.s("no"), *(add.s(1) for _ in range(4999))).apply()
    with pytest.raises(ValueError, match="no"):
        result.get()
    states = {record.states[0] for record in result.source.records.values()}
    assert states == {ord("F")}


def test_a_large_chord_keeps_its_order(same):
    result = nbtasks.chord((same.s(i) for i in range(10_000)), same.s()).apply()
    assert result.get() == list(range(10_000))


def test_many_may_take_the_values_of_many(app, same):
    count = app.task(name="count")(len)
    result = (
        nbtasks.group(same.s(i) for i in range(2000)) | nbtasks.group([count.s()] * 2000)
    ).apply()
    assert set(result.get()) == {2000}


def test_a_task_may_be_replaced_many_times(app):
    @app.task(bind=True)
    def down(self, n):
        if n:
            self.replace(down.s(n - 1))
        return "done"

    assert down.apply((2000,)).get() == "done"
