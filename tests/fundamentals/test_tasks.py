"""The Python API, told as a tutorial: tasks, what they return, and how they are sent."""

# ruff: noqa: PLC0415, T201 - a task imports what it needs where it runs, and prints

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from nbtasks import TaskState, UnknownTask, WaitTimeout, current_app, group, track
from nbtasks.functions import cell_code
from nbtasks.options import TaskOptions
from nbtasks.result import AsyncResult
from nbtasks.sending import Submission


@pytest.fixture(autouse=True)
def signals(tmp_path):
    """Files by which a test tells a running task to go on: `signals / "go"`."""
    return tmp_path


@pytest.fixture
def wait_for_file(app):
    """A task that runs until its file is there."""

    @app.task
    def wait_for_file(path, value=None):
        import threading
        from pathlib import Path

        while not Path(path).exists():
            threading.Event().wait(0.005)
        return value

    return wait_for_file


def until(is_true, description):
    """Wait for something that an event brings."""
    from threading import Event

    for _ in range(3000):
        if is_true():
            return
        Event().wait(0.005)
    raise AssertionError(f"still not: {description}")


# A function becomes a task


def test_a_task_is_still_a_function(app):
    @app.task
    def add(x, y):
        return x + y

    assert add(2, 3) == 5


def test_delay_runs_it_on_a_worker(app):
    @app.task
    def where():
        import os

        return os.getpid()

    assert where.delay().get(timeout=10) != os.getpid()


def test_get_returns_the_value(app):
    @app.task
    def add(x, y=10):
        return x + y

    assert add.delay(2, y=3).get(timeout=10) == 5
    assert add.delay(2).get(timeout=10) == 12


@pytest.mark.parametrize(
    "value",
    [None, 0, "text", b"bytes", [1, [2]], {"a": (1, 2)}, {1, 2}, 10**30, float("inf"), ...],
    ids=repr,
)
def test_any_value_that_pickles_goes_there_and_back(app, value):
    @app.task
    def echo(value):
        return value

    back = echo.delay(value).get(timeout=10)
    assert back == value
    assert type(back) is type(value)


def test_a_task_knows_its_time_limits(app):
    @app.task(bind=True, time_limit=30)
    def limits(self):
        return self.request.timelimit, self.request.ignore_result

    assert limits.delay().get(timeout=10) == ((30.0, None), False)
    call = limits.apply_async(time_limit=20, soft_time_limit=1.5)
    assert call.get(timeout=10) == ((20.0, 1.5), False)


def test_a_task_may_return_an_exception_without_failing(app):
    @app.task
    def give():
        return ValueError("a value, not a failure")

    result = give.delay()
    assert repr(result.get(timeout=10)) == "ValueError('a value, not a failure')"
    assert result.successful()


def test_a_task_has_the_name_of_its_function_or_one_of_its_own(app):
    def add(x, y):
        return x + y

    def module_named(result):
        return result.name

    assert app.task(name="sum").__class__ is not None
    assert app.task(name="sum")(add).name == "sum"
    assert repr(app.task(name="sum")(add)) == "<Task sum>"


def test_one_function_may_be_two_tasks(app):
    def first_argument(*args):
        return type(args[0]).__name__

    plain = app.task(first_argument)
    bound = app.task(bind=True, name="bound")(first_argument)
    assert plain.delay(1).get(timeout=10) == "int"
    assert bound.delay(1).get(timeout=10) == "Task"


def test_a_lambda_and_a_builtin_can_be_tasks(app):
    assert app.task(lambda x: x * 2).delay(4).get(timeout=10) == 8
    assert app.task(len).delay([1, 2]).get(timeout=10) == 2


def test_a_coroutine_function_is_awaited(app):
    @app.task
    async def later(x):
        import asyncio

        await asyncio.sleep(0)
        return x + 1

    assert later.delay(1).get(timeout=10) == 2


# What a function takes along


def test_a_closure_goes_along(app):
    factor = 3

    @app.task
    def times(x):
        return x * factor

    assert times.delay(2).get(timeout=10) == 6


def test_a_changed_variable_is_seen_by_the_next_call(app):
    factor = 3

    @app.task
    def times(x):
        return x * factor

    assert times.delay(2).get(timeout=10) == 6
    factor = 5
    assert times.delay(2).get(timeout=10) == 10


def test_a_list_changed_in_place_is_seen_by_the_next_call(app):
    words = ["a"]

    @app.task
    def join():
        return "".join(words)

    assert join.delay().get(timeout=10) == "a"
    words.append("b")
    assert join.delay().get(timeout=10) == "ab"


def test_a_task_cannot_leak_changes_of_what_it_captured_into_the_next(app):
    seen = []

    @app.task
    def remember(x):
        seen.append(x)
        return list(seen)

    values = app.map(remember, range(20)).get(timeout=10)
    assert values == [[x] for x in range(20)]


def test_a_task_may_call_itself_as_a_task(app):
    @app.task
    def depth(n):
        return 0 if n == 0 else 1 + depth.delay(n - 1).get(timeout=10)

    assert depth.delay(1).get(timeout=20) == 1


def test_a_task_may_call_another_task_here_and_now(app):
    @app.task
    def square(x):
        return x * x

    @app.task
    def sum_of_squares(n):
        return sum(square(x) for x in range(n))

    assert sum_of_squares.delay(4).get(timeout=10) == 14


def test_a_task_may_send_another_task_from_the_worker(app):
    @app.task
    def square(x):
        return x * x

    @app.task
    def through(x):
        return square.delay(x).get(timeout=10)

    assert through.delay(4).get(timeout=20) == 16


def test_a_numpy_array_goes_out_of_band_and_comes_back_writable(app):
    @app.task
    def double(array):
        array *= 2
        return array

    array = np.arange(100_000.0)
    back = double.delay(array).get(timeout=10)
    assert back.flags.writeable
    assert np.array_equal(back, array * 2)
    assert array[1] == 1.0


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: np.asfortranarray(np.ones((300, 400))), id="fortran"),
        pytest.param(lambda: np.ones((300, 400))[::2, ::3], id="strided"),
        pytest.param(lambda: np.array(5.0), id="scalar"),
        pytest.param(lambda: np.zeros((0, 5)), id="empty"),
        pytest.param(lambda: np.array(["a", None, 5], dtype=object), id="objects"),
    ],
)
def test_arrays_of_any_layout_come_back_equal(app, make):
    @app.task
    def echo(value):
        return value

    assert np.array_equal(echo.delay(make()).get(timeout=10), make())


# How a task is sent


def test_countdown_and_eta_delay_the_start(app):
    @app.task
    def started():
        import time

        return time.monotonic_ns()

    soon = started.delay().get(timeout=10)
    by_number = started.apply_async(countdown=0.2)
    by_delta = started.apply_async(countdown=timedelta(milliseconds=200))
    by_date = started.apply_async(eta=datetime.now(UTC) + timedelta(seconds=0.2))  # noqa: TID251
    for result in (by_number, by_delta, by_date):
        assert result.get(timeout=10) - soon > 100_000_000


def test_a_date_in_the_past_means_now(app):
    @app.task
    def one():
        return 1

    assert one.apply_async(eta=datetime(2001, 1, 1, tzinfo=UTC)).get(timeout=10) == 1


def test_a_task_that_expires_before_it_starts_is_revoked(app):
    @app.task
    def one():
        return 1

    result = one.apply_async(countdown=0.2, expires=0.1)
    error = result.get(timeout=10, propagate=False)
    assert str(error) == f"task {result.id!r} was not finished: expired"
    assert result.state == TaskState.REVOKED


@pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning")
def test_a_queue_without_a_worker_keeps_its_tasks_waiting(app):
    @app.task(queue="elsewhere")
    def one():
        return 1

    waiting = one.delay()
    assert one.apply_async(queue="default").get(timeout=10) == 1
    assert (waiting.queue, waiting.state) == ("elsewhere", TaskState.PENDING)
    assert waiting.revoke()


def test_sending_the_same_task_id_again_is_a_no_op(app):
    @app.task
    def pid_and(x):
        return x

    first = pid_and.apply_async((1,), task_id="order-17")
    assert first.get(timeout=10) == 1
    again = pid_and.apply_async((2,), task_id="order-17")
    assert again.id == "order-17"
    assert again.get(timeout=10) == 1


def test_handles_of_one_task_id_all_hear_of_its_end(wait_for_file, signals):
    path = str(signals / "go")
    handles = [wait_for_file.apply_async((path, i), task_id="same") for i in range(3)]
    Path(path).touch()
    assert [handle.get(timeout=10) for handle in handles] == [0, 0, 0]


def test_a_failed_task_is_retried_as_often_as_asked(app):
    @app.task(bind=True)
    def fails_twice(self):
        if self.request.retries < 2:
            raise OSError("not yet")
        return self.request.retries

    result = fails_twice.apply_async(retries=2, retry_delay=0)
    assert result.get(timeout=10) == 2
    assert result.retries == 2
    with pytest.raises(OSError, match="not yet"):
        fails_twice.apply_async(retries=1, retry_delay=0).get(timeout=10)


def test_only_the_named_errors_are_retried(app):
    @app.task(bind=True, autoretry_for=(KeyError,), max_retries=3, default_retry_delay=0)
    def fails(self, kind):
        if self.request.retries:
            return self.request.retries
        raise kind("no")

    assert fails.delay(KeyError).get(timeout=10) == 1
    with pytest.raises(ValueError, match="no"):
        fails.delay(ValueError).get(timeout=10)


def test_options_may_come_from_the_decorator_or_from_the_call(app):
    @app.task(expires=0.001)
    def one():
        return 1

    assert one.apply_async(expires=60).get(timeout=10) == 1


# Results


def test_a_result_tells_its_state(wait_for_file, signals):
    result = wait_for_file.delay(str(signals / "go"), 7)
    assert not result.ready()
    assert result.result is None
    until(lambda: result.state == TaskState.STARTED, "it is shown as started")
    assert result.worker
    (signals / "go").touch()
    assert result.get(timeout=10) == 7
    assert (result.state, result.ready(), result.successful(), result.failed()) == (
        TaskState.SUCCESS,
        True,
        True,
        False,
    )
    assert result.result == result.info == 7
    assert repr(result) == f"<AsyncResult {result.name} {result.id} SUCCESS>"


def test_a_wait_may_be_given_up_and_taken_up_again(wait_for_file, signals):
    result = wait_for_file.delay(str(signals / "go"), 7)
    with pytest.raises(WaitTimeout, match=f"task '{result.id}' did not finish within 0.05 s"):
        result.get(timeout=0.05)
    with pytest.raises(TimeoutError):
        result.get(timeout=0)
    (signals / "go").touch()
    assert result.get(timeout=10) == 7


def test_a_result_can_be_awaited(app):
    @app.task
    def add(x, y):
        return x + y

    async def both():
        return await asyncio.gather(add.delay(1, 2), add.delay(3, 4))

    assert asyncio.run(both()) == [3, 7]


def test_an_awaited_failure_raises_what_the_task_raised(app):
    @app.task
    def fail():
        raise LookupError("gone")

    async def wait():
        await fail.delay()

    with pytest.raises(LookupError, match="gone"):
        asyncio.run(wait())


def test_an_await_can_be_cancelled_and_the_task_goes_on(wait_for_file, signals):
    result = wait_for_file.delay(str(signals / "go"), 7)

    async def wait():
        await asyncio.wait_for(result, 0.05)

    with pytest.raises(TimeoutError):
        asyncio.run(wait())
    (signals / "go").touch()
    assert result.get(timeout=10) == 7


def test_track_reports_progress(app, signals):
    @app.task
    def count(path):
        import threading
        from pathlib import Path

        for i in track(range(4), message="counting"):
            while i == 2 and not Path(path).exists():
                threading.Event().wait(0.005)
        return 4

    result = count.delay(str(signals / "go"))
    until(lambda: result.progress and result.progress.current == 2, "two of four are done")
    assert (result.progress.total, result.progress.fraction) == (4, 0.5)
    assert result.progress.message == "counting"
    assert result.state == TaskState.PROGRESS
    (signals / "go").touch()
    assert result.get(timeout=10) == 4


def test_track_outside_a_task_just_goes_through():
    assert list(track(iter("abc"))) == ["a", "b", "c"]


def test_a_bound_task_reports_progress_in_any_unit(app, signals):
    @app.task(bind=True)
    def load(self, path):
        import threading
        from pathlib import Path

        import numpy as np

        self.progress(np.float32(2.5), np.int64(10), "MB")
        while not Path(path).exists():
            threading.Event().wait(0.005)

    result = load.delay(str(signals / "go"))
    until(lambda: result.progress, "it has told how far it is")
    assert (result.progress.fraction, result.progress.message) == (0.25, "MB")
    (signals / "go").touch()
    result.get(timeout=10)


def test_a_bound_task_knows_what_it_is(app):
    @app.task(bind=True)
    def who(self):
        return self.request

    result = who.delay()
    request = result.get(timeout=10)
    assert (request.id, request.task, request.retries) == (result.id, who.name, 0)


def test_what_a_task_prints_is_in_its_log(app):
    @app.task
    def talk():
        import sys

        print("first")
        print("second", file=sys.stderr)

    result = talk.delay()
    result.get(timeout=10)
    assert result.log == "first\nsecond\n"


def test_a_running_task_can_be_revoked_and_killed(wait_for_file, signals):
    result = wait_for_file.delay(str(signals / "never"))
    until(lambda: result.state == TaskState.STARTED, "it runs")
    assert result.revoke(terminate=True)
    error = result.get(timeout=10, propagate=False)
    assert str(error) == f"task {result.id!r} was not finished: revoked"
    assert not result.revoke()


def test_a_task_can_be_found_by_its_id_from_another_client(app, server_twin):
    @app.task
    def add(x, y):
        return x + y

    result = add.delay(2, 3)
    found = server_twin(app).AsyncResult(result.id)
    assert found.get(timeout=10) == 5
    assert (found.id, found.name, found.queue) == (result.id, result.name, "default")


def test_another_client_that_attaches_early_is_told_when_it_ends(
    app, server_twin, wait_for_file, signals
):
    result = wait_for_file.delay(str(signals / "go"), 7)
    found = server_twin(app).AsyncResult(result.id)
    assert not found.ready()
    (signals / "go").touch()
    assert found.get(timeout=10) == 7


@pytest.fixture
def server_twin():
    """Another client of the same app."""
    from nbtasks import App
    from nbtasks.app import set_current_app

    made = []

    def twin(app, **changes):
        made.append(App.from_config(app.config.with_settings(changes)))
        set_current_app(app)
        return made[-1]

    yield twin
    for each in made:
        each.close()


def test_an_id_that_was_never_sent_is_unknown(app):
    with pytest.raises(UnknownTask, match="no task 'nobody' is stored"):
        app.AsyncResult("nobody")


def test_a_group_is_not_one_of_its_members(app):
    result = app.map(len, ["a", "bc"])
    result.get(timeout=10)
    rid = result.records[0].rid
    assert app.AsyncResult(f"{rid}-1").get(timeout=10) == 2
    with pytest.raises(UnknownTask):
        app.AsyncResult(rid)
    with pytest.raises(UnknownTask):
        app.AsyncResult(f"{rid}-2")


def test_a_forgotten_task_is_gone(app):
    result = app.task(len).delay("abc")
    assert result.get(timeout=10) == 3
    assert result.forget()
    with pytest.raises(UnknownTask):
        app.AsyncResult(result.id)
    with pytest.raises(UnknownTask):
        result.get()


def test_an_unfinished_task_is_not_forgotten(wait_for_file, signals):
    result = wait_for_file.delay(str(signals / "go"), 7)
    assert not result.forget()
    (signals / "go").touch()
    assert result.get(timeout=10) == 7


# Cells


def test_a_cell_travels_as_source_and_gives_back_its_last_value_and_outputs(app):
    code = cell_code(
        "x = base + 1\ny = x * 2\ny + extra",
        name="cell",
        filename="cell-1",
        inputs={"base": 10},
        outputs=("x", "y"),
    )
    record = app.submit(
        Submission(
            code=code, name="cell", calls=[((), {"extra": 0.5})], base=TaskOptions(), call={}
        )
    )
    result = AsyncResult(app, record)
    assert result.get(timeout=10) == 22.5
    assert vars(result.outputs) == {"x": 11, "y": 22}


def test_a_module_that_both_sides_import_travels_as_its_name(app, monkeypatch):
    module = Path(app_folder(app)) / "both_sides.py"
    module.write_text(
        "import functools\n"
        "def twice(function):\n"
        "    @functools.wraps(function)\n"
        "    def run(*args):\n"
        "        return 2 * function(*args)\n"
        "    return run\n"
        "@twice\n"
        "def add(x, y):\n"
        "    return x + y\n"
    )
    monkeypatch.syspath_prepend(str(module.parent))
    monkeypatch.delitem(sys.modules, "both_sides", raising=False)
    from both_sides import add

    assert add(1, 2) == 6
    assert app.task(add).delay(1, 2).get(timeout=10) == 6


def app_folder(app):
    """Where the worker looks for modules."""

    def folder():
        import os

        return os.getcwd()  # noqa: PTH109 - a text

    return app.task(folder).delay().get(timeout=10)


def test_the_app_made_last_is_the_current_one(app):
    from nbtasks.app import set_current_app

    set_current_app(app)
    assert current_app() is app


# Groups


def test_a_group_gives_its_values_in_the_order_of_its_definition(app):
    @app.task
    def square(x):
        return x * x

    assert group(square.s(x) for x in range(10))().get(timeout=10) == [x * x for x in range(10)]


def test_map_runs_a_plain_function_over_items(app):
    assert app.map(lambda x: x + 1, [1, 2, 3]).get(timeout=10) == [2, 3, 4]


def test_a_group_may_be_of_different_tasks(app):
    def add(x, y):
        return x + y

    tasks = group(app.task(len).s("abc"), app.task(add).s(1, 2), app.task(len).s(""))
    assert len(tasks) == 3
    assert tasks().get(timeout=10) == [3, 3, 0]


def test_a_group_can_be_indexed_iterated_and_counted(app):
    result = app.map(len, ["", "a", "bc"])
    result.get(timeout=10)
    assert len(result) == 3
    assert [one.get() for one in result] == [0, 1, 2]
    assert result[-1].get() == 2
    assert [one.get() for one in result[1:]] == [1, 2]
    with pytest.raises(IndexError, match="no task 3: the group has 3"):
        result[3]
    assert result.completed_count() == 3
    assert result.ready()
    assert result.successful()
    assert repr(result) == "<GroupResult 3 of 3 done>"


def test_the_first_failure_is_raised_before_the_others_end(app, wait_for_file, signals):
    @app.task
    def fail():
        raise LookupError("early")

    result = group(wait_for_file.s(str(signals / "go")), fail.s())()
    with pytest.raises(LookupError, match="early"):
        result.get(timeout=10)
    assert not result.ready()
    (signals / "go").touch()
    until(result.ready, "the other one has ended")
    assert result.failed()


def test_the_first_failure_is_raised_early_from_an_await_too(app, wait_for_file, signals):
    @app.task
    def fail():
        raise LookupError("early")

    result = group(wait_for_file.s(str(signals / "go")), fail.s())()

    async def wait():
        await result

    with pytest.raises(LookupError, match="early"):
        asyncio.run(wait())
    (signals / "go").touch()
    until(result.ready, "the other one has ended")


def test_without_propagate_errors_stand_in_their_places(app):
    def inverse(x):
        return 1 / x

    one, error, half = app.map(inverse, [1, 0, 2]).get(timeout=10, propagate=False)
    assert (one, half) == (1.0, 0.5)
    assert isinstance(error, ZeroDivisionError)


def test_a_group_can_be_taken_as_it_completes(wait_for_file, signals):
    paths = [str(signals / name) for name in "ab"]
    result = wait_for_file.map_async(paths)
    ended = result.as_completed(timeout=10)
    Path(paths[1]).touch()
    first = next(ended)
    assert first.id == result[1].id
    Path(paths[0]).touch()
    assert [one.id for one in ended] == [result[0].id]


def test_a_wait_for_the_next_of_a_group_may_time_out(wait_for_file, signals):
    result = wait_for_file.map_async([str(signals / "go")])
    with pytest.raises(WaitTimeout, match="0 of 1 done"):
        next(result.as_completed(timeout=0.05))
    (signals / "go").touch()
    assert len(result.get(timeout=10)) == 1


def test_a_group_can_be_revoked(wait_for_file, signals):
    result = wait_for_file.map_async([str(signals / "never")] * 5)
    assert result.revoke(terminate=True) == 5
    errors = result.get(timeout=10, propagate=False)
    assert {type(error).__name__ for error in errors} == {"TaskRevoked"}
    assert result.revoke() == 0


def test_a_group_can_be_awaited(app):
    async def wait():
        return await app.map(len, ["a", "bc"])

    assert asyncio.run(wait()) == [1, 2]


def test_a_group_takes_options_for_all_and_arguments_before_their_own(app):
    def power(base, exponent):
        return base**exponent

    task = app.task(power)
    assert group(task.s(1), task.s(2)).apply_async((3,), priority=5).get(timeout=10) == [3, 9]
    assert group(task.s(1), task.s(2)).delay(3).get(timeout=10) == [3, 9]


def test_a_group_with_one_wrong_member_sends_nothing(app):
    @app.task
    def one(x):
        return x

    before = app.store.call("DBSIZE")
    with pytest.raises(TypeError, match="missing a required argument"):
        group(app.task(len).s("abc"), one.s())()
    assert app.store.call("DBSIZE") == before


def test_a_forgotten_group_ends_who_waits_for_it(app):
    result = app.map(len, ["a", "bc"])
    result.get(timeout=10)
    assert result.forget()
    with pytest.raises(UnknownTask):
        result.get()


def test_signatures_can_be_kept_copied_and_sent(app):
    def power(base, exponent=2):
        return base**exponent

    signature = app.task(name="power")(power).s(exponent=3)
    assert repr(signature) == "power(exponent=3)"
    assert signature.delay(2).get(timeout=10) == 8
    assert signature.clone((5,)).apply_async(priority=1).get(timeout=10) == 125
    assert signature.clone(priority=9).options == {"priority": 9}
    assert signature.options == {}
    assert signature.set(priority=9) is signature
    assert signature.options == {"priority": 9}


@pytest.mark.usefixtures("app")
def test_an_empty_group_has_an_empty_result():
    assert group()().get(timeout=10) == []
    assert group([]).delay().get(timeout=10) == []


def test_a_group_may_have_an_id(app):
    result = group(app.task(len).s("abc"))(task_id="lengths")
    assert (result.id, result.get(timeout=10)) == ("lengths", [3])


def test_a_forked_process_talks_to_redis_by_itself(app):
    @app.task
    def add(x, y):
        return x + y

    assert add.delay(1, 2).get(10) == 3
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        # Whatever happens here must not run on as a second test session.
        try:
            os.write(theirs, b"%d" % add.delay(20, 22).get(10))
        finally:
            os._exit(0)
    os.close(theirs)
    os.waitpid(child, 0)
    assert os.read(ours, 10) == b"42"
    os.close(ours)
    assert add.delay(3, 4).get(10) == 7
