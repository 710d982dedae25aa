"""What a client gets when a task fails: its own exception, a traceback, or a clear error."""

# ruff: noqa: PLC0415 - a task imports what it needs where it runs

import traceback

import numpy as np
import pytest

from nbtasks import RemoteError, TaskState, TooBig, Unsendable, VersionMismatch, WorkerLost, group
from nbtasks.functions import CELL, FUNCTION, cell_code
from nbtasks.options import TaskOptions
from nbtasks.result import AsyncResult
from nbtasks.sending import Submission


def failure(result):
    """The exception object of a failed task."""
    return result.get(timeout=10, propagate=False)


def test_the_exception_of_a_task_is_raised_as_its_own_type(app):
    class OwnError(Exception):
        pass

    @app.task
    def fail():
        raise OwnError("text", 5)

    with pytest.raises(OwnError) as caught:
        fail.delay().get(timeout=10)
    assert caught.value.args == ("text", 5)


def test_its_traceback_goes_through_the_code_of_the_task(app):
    def inner(x):
        return 1 / x

    @app.task
    def outer(x):
        return inner(x)

    with pytest.raises(ZeroDivisionError) as caught:
        outer.delay(0).get(timeout=10)
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert [frame.name for frame in frames][-2:] == ["outer", "inner"]
    assert frames[-1].filename == __file__
    assert frames[-1].line == "return 1 / x"


def test_the_traceback_is_there_as_text_too(app):
    @app.task
    def fail():
        raise ValueError("bad")

    result = fail.delay()
    failure(result)
    lines = result.traceback.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "ValueError: bad"
    assert "in fail" in result.traceback
    assert "nbtasks/worker" not in result.traceback


def test_a_task_that_succeeded_has_no_traceback(app):
    result = app.task(len).delay("abc")
    assert result.get(timeout=10) == 3
    assert result.traceback is None


def test_a_note_says_where_it_ran_and_which_try_it_was(app):
    @app.task
    def fail():
        raise ValueError("bad")

    (note,) = failure(fail.delay()).__notes__
    assert note.startswith("on worker ")
    assert ", try 1, after 0." in note


def test_the_cause_of_an_exception_is_in_the_text(app):
    @app.task
    def fail():
        try:
            raise KeyError("cause")  # noqa: TRY301 - to be chained
        except KeyError as error:
            raise ValueError("effect") from error

    result = fail.delay()
    failure(result)
    assert "KeyError: 'cause'" in result.traceback
    assert "direct cause" in result.traceback


def test_each_get_raises_a_fresh_exception(app):
    @app.task
    def fail():
        raise ValueError("bad")

    result = fail.delay()
    lengths = []
    for _ in range(3):
        with pytest.raises(ValueError, match="bad") as caught:
            result.get(timeout=10)
        lengths.append(len(traceback.extract_tb(caught.value.__traceback__)))
    assert len(set(lengths)) == 1


# Exceptions that cannot travel as objects


class Strange:
    """Ways to fail that leave no exception object behind."""

    @staticmethod
    def lossy():
        class Lossy(Exception):
            def __init__(self, code, text):  # noqa: ARG002 - what makes it lossy
                super().__init__(text)

        raise Lossy(5, "five")

    @staticmethod
    def locked():
        import threading

        class Locked(Exception):
            def __init__(self):
                super().__init__("locked")
                self.lock = threading.Lock()

        raise Locked

    @staticmethod
    def exits():
        import sys

        sys.exit("ended")

    @staticmethod
    def interrupts():
        raise KeyboardInterrupt("stopped")

    @staticmethod
    def cancels():
        import asyncio

        raise asyncio.CancelledError("cancelled")

    @staticmethod
    def frozen():
        from dataclasses import dataclass

        @dataclass(frozen=True)
        class Frozen(Exception):
            code: int

        raise Frozen(5)

    @staticmethod
    def huge():
        class Huge(Exception):
            def __str__(self):
                return "huge"

        raise Huge(bytes(2_000_000))


@pytest.mark.parametrize(
    ("fail", "name", "text"),
    [
        pytest.param(Strange.lossy, "Lossy", "five", id="not rebuilt from args"),
        pytest.param(Strange.locked, "Locked", "locked", id="not picklable"),
        pytest.param(Strange.exits, "SystemExit", "ended", id="SystemExit"),
        pytest.param(Strange.interrupts, "KeyboardInterrupt", "stopped", id="KeyboardInterrupt"),
        pytest.param(Strange.cancels, "CancelledError", "cancelled", id="CancelledError"),
        pytest.param(Strange.frozen, "Frozen", "5", id="frozen dataclass"),
        pytest.param(Strange.huge, "Huge", "huge", id="very large"),
    ],
)
def test_an_exception_that_cannot_travel_is_a_remote_error_of_its_name(app, fail, name, text):
    copy = type(fail)(fail.__code__, {"__builtins__": __builtins__, "__name__": "__main__"}, name)
    result = app.task(name="strange")(copy).delay()
    with pytest.raises(RemoteError) as caught:
        result.get(timeout=10)
    error = caught.value
    assert error.args[0].endswith(name)
    assert str(error).endswith(f"{name}: {text}")
    assert "Traceback" in error.args[2]


def test_an_exception_with_a_broken_text_is_still_delivered(app):
    class Broken(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    @app.task
    def fail():
        raise Broken

    result = fail.delay()
    assert type(failure(result)) is Broken
    assert "Broken" in result.traceback


def test_a_frozen_exception_is_still_delivered(app):
    class Frozen(Exception):
        def __setattr__(self, name, value):
            raise AttributeError(name)

    @app.task
    def fail():
        raise Frozen(5)

    with pytest.raises(Frozen) as caught:
        fail.delay().get(timeout=10)
    assert caught.value.args == (5,)


def test_endless_recursion_is_a_recursion_error(app):
    @app.task
    def fail(n=0):
        return fail(n + 1)

    result = fail.delay()
    with pytest.raises(RecursionError):
        result.get(timeout=10)
    assert len(result.traceback) < 20_100


def test_an_exception_group_comes_back_whole(app):
    @app.task
    def fail():
        raise ExceptionGroup("several", [ValueError("one"), KeyError("two")])

    error = failure(fail.delay())
    assert [type(each) for each in error.exceptions] == [ValueError, KeyError]


# Values


def test_a_value_that_cannot_be_pickled_fails_with_its_name(app):
    @app.task(name="give")
    def give():
        import threading

        return threading.Lock()

    with pytest.raises(
        Unsendable, match=r"cannot send the value of 'give' \(lock\): cannot pickle"
    ):
        give.delay().get(timeout=10)


def test_a_value_that_is_too_big_fails_with_its_size(app):
    @app.task(name="give")
    def give():
        return bytes(70_000_000)

    message = (
        r"the value of 'give' is 70.0 MB, above the limit of 64.0 MB: send a path or load it inside"
        r" the task, or raise max_input"
    )
    with pytest.raises(TooBig, match=message):
        give.delay().get(timeout=20)


def test_a_value_that_cannot_be_pickled_is_not_tried_again(app):
    @app.task(name="give", max_retries=5, default_retry_delay=60)
    def give():
        import threading

        return threading.Lock()

    with pytest.raises(Unsendable):
        give.delay().get(timeout=10)


# Workers


def test_a_task_that_kills_its_process_ends_as_worker_lost(app):
    @app.task(max_deliveries=2)
    def crash():
        import os

        os._exit(3)

    result = crash.delay()
    with pytest.raises(WorkerLost, match=r"the process that ran it died 2 times \(exit code 3\)"):
        result.get(timeout=10)
    assert result.state == TaskState.FAILURE


def test_a_crash_does_not_touch_its_neighbours(app):
    @app.task(max_deliveries=1)
    def crash(x):
        import os

        if x == 3:
            os._exit(3)
        return x

    values = app.map(crash, range(8)).get(timeout=20, propagate=False)
    assert [value for value in values if isinstance(value, int)] == [0, 1, 2, 4, 5, 6, 7]
    assert isinstance(values[3], WorkerLost)


def test_a_module_that_the_worker_does_not_have_is_named(app, tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text("def one():\n    return 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import only_here

    with pytest.raises(ModuleNotFoundError, match="No module named 'only_here'"):
        app.task(only_here.one).delay().get(timeout=10)


def test_a_task_for_another_python_says_so(app, recwarn):
    code = cell_code("1", name="cell", filename="c", inputs={}, outputs=())
    other = type(code)(hash=code.hash, blob=code.blob, python="3.99", fresh=False)
    record = app.submit(
        Submission(code=other, name="cell", calls=[((), {})], base=TaskOptions(), call={})
    )
    with pytest.raises(VersionMismatch, match=r"was pickled on Python 3\.99, but the workers"):
        AsyncResult(app, record).get(timeout=10)
    assert "needs Python 3.99, but the workers" in str(recwarn.pop().message)


def test_the_warning_about_a_missing_worker_points_at_the_callers_line(app):
    one = app.task(queue=f"nobody-{app.config.name}")(len)
    with pytest.warns(UserWarning, match="no worker listens on queue 'nobody-") as caught:
        result = one.delay("a")
    assert caught[0].filename == __file__
    result.revoke()


def test_a_group_raises_its_first_failure(app):
    def inverse(x):
        return 1 / x

    task = app.task(inverse)
    result = group(task.s(1), task.s(0))()
    with pytest.raises(ZeroDivisionError):
        result.get(timeout=10)
    assert result.failed()
    assert not result.successful()


def test_code_kinds_are_what_the_worker_knows():
    assert {CELL, FUNCTION} == {"cell", "function"}


def test_a_numpy_error_is_itself(app):
    def fail():
        import numpy as np

        return np.linalg.inv(np.zeros((2, 2)))

    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        app.task(fail).delay().get(timeout=10)
