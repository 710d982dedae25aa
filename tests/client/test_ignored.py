"""Tasks whose values nobody wants: `ignore_result`."""

import pytest

from nbtasks import ConfigError, TaskState, chain, chord
from nbtasks.app import App
from nbtasks.errors import RemoteError

pytestmark = pytest.mark.usefixtures("shared_worker")


@pytest.fixture(scope="module")
def app(shared_app):
    return shared_app


def same(app, **options):
    """A task that returns what it gets."""

    def return_it(value):
        return value

    return app.task(return_it, **options)


def failing(app, kind, **options):
    """A task that raises this."""

    def fail():
        raise kind("because")

    return app.task(fail, ignore_result=True, **options)


def own_error():
    class OwnError(Exception):
        pass

    return OwnError


def test_a_value_that_is_ignored_is_not_kept(app):
    task = same(app)

    assert same(app, ignore_result=True).delay(7).get(10) is None
    assert task.apply_async((7,), ignore_result=True).get(10) is None
    ignored = same(app, ignore_result=True)
    assert ignored.apply_async((7,), ignore_result=False).get(10) == 7


def test_a_value_that_is_ignored_need_not_be_sendable(app):
    def lock():
        import threading  # noqa: PLC0415 - it travels by value, and a lock cannot

        return threading.Lock()

    result = app.task(lock, ignore_result=True).delay()

    assert result.get(10) is None
    assert result.state == TaskState.SUCCESS


def test_what_waits_for_an_ignored_value_gets_it(app):
    one, more = same(app, ignore_result=True), same(app)

    assert chord([one.s(1), one.s(2)])(more.s()).get(10) == [1, 2]
    assert chain(one.s(1), more.s()).delay().get(10) == 1


@pytest.mark.parametrize(
    ("kind", "raised"), [(ValueError, ValueError), (own_error(), RemoteError)], ids=["std", "own"]
)
def test_of_an_ignored_error_only_its_words_are_kept(app, kind, raised):
    result = failing(app, kind).delay()

    with pytest.raises(raised, match="because"):
        result.get(10)
    assert result.failed()
    assert "raise kind" not in (result.traceback or "")


def test_an_error_is_kept_whole_where_that_is_wanted(app):
    result = failing(app, ValueError, store_errors_even_if_ignored=True).delay()

    with pytest.raises(ValueError, match="because"):
        result.get(10)
    assert "raise kind" in result.traceback


def test_the_settings_say_so_for_all_tasks(app):
    other = App.from_config(app.config.with_settings({"task_ignore_result": True}))
    task = same(other)
    try:
        assert task.delay(7).get(10) is None
        assert task.apply_async((7,), ignore_result=False).get(10) == 7
    finally:
        other.close()


def test_what_is_no_flag_is_refused(app):
    with pytest.raises(ConfigError, match="ignore_result is 'no': it must be True or False"):
        same(app, ignore_result="no")
