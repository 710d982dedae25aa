"""Wrong input gives one clear message, at the call, and sends nothing."""

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest

from nbtasks import (
    App,
    BadSignature,
    ConfigError,
    StoreUnavailable,
    TooBig,
    UnknownTask,
    Unsendable,
    group,
)

pytestmark = pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning")

LOCK = threading.Lock()


@pytest.fixture
def app(fresh_app):
    """An app for each test, most of them without a worker."""
    return fresh_app


@pytest.fixture
def fit(app):
    """Some task."""

    @app.task(name="fit")
    def fit(x, y=1):
        return x + y

    return fit


# Arguments behind a value


def test_a_wrong_number_of_arguments_behind_a_value_says_what_comes_first(fit):
    with pytest.raises(TypeError, match=r"too many positional .*; its first argument is the value"):
        (fit.s(1) | fit.s(2, 3)).delay()
    with pytest.raises(TypeError, match=r"too many positional arguments$"):
        fit.s(1, 2, 3).delay()


# Settings and keys


def test_a_url_without_a_key_is_refused(server, monkeypatch):
    monkeypatch.delenv("NBTASKS_KEY", raising=False)
    app = App("nokey", broker=server.url)
    with pytest.raises(ConfigError, match=r"there is a URL, but no signing key: set NBTASKS_KEY"):
        app.workers()


def test_a_short_key_is_refused(server):
    with pytest.raises(ConfigError, match="the signing key has 5 bytes, and needs at least 16"):
        App("short", broker=server.url, key="short").workers()


@pytest.mark.parametrize(
    ("url", "error", "message"),
    [
        ("http://host", ConfigError, "'http://host' is not the URL of a Redis: write redis://"),
        ("redis://127.0.0.1:1/0", StoreUnavailable, "Redis at redis://127.0.0.1:1/0 cannot be"),
        ("unix:///nowhere/s", StoreUnavailable, "Redis at unix:///nowhere/s cannot be reached"),
    ],
    ids=["scheme", "port", "socket"],
)
def test_a_wrong_url_is_said_at_the_first_use(url, error, message):
    with pytest.raises(error, match=message):
        App("wrong", broker=url, key="k" * 16).workers()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"leasems": 5}, "there is no setting 'leasems': did you mean 'lease_ms'?"),
        ({"xyz": 5}, "there is no setting 'xyz': there are accept_content, "),
        ({"lease_ms": "5"}, "lease_ms is '5': it must be a whole number above 0"),
        ({"max_input": True}, "max_input is True: it must be a whole number above 0"),
        ({"lease_ms": 5000}, "a lease must last at least two heartbeats"),
        ({"max_input": 10**9}, "max_input is 1,000,000,000: Redis takes at most 500,000,000"),
        ({"default_queue": "a b"}, "queue 'a b' is not a name: use 1 to 255 of the letters"),
        ({"name": ""}, "the app's name '' is not a name"),
        ({"key": 12345678901234567}, "key is of type int: it must be bytes"),
        ({"broker": 5}, "url is of type int: it must be str"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_named(settings, message):
    with pytest.raises(ConfigError) as caught:
        App(**settings)
    assert message in str(caught.value)


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"countdwn": 1}, "there is no task option 'countdwn': did you mean 'countdown'?"),
        ({"link": 1}, "link takes a signature like fit.s(), and got 1"),
        ({"countdown": "soon"}, "countdown or eta is 'soon': give seconds, as a number from 0, or"),
        ({"countdown": -1}, "countdown or eta is -1: give seconds"),
        ({"countdown": float("nan")}, "countdown or eta is nan: give seconds"),
        ({"countdown": 1, "eta": datetime(2030, 1, 1, tzinfo=UTC)}, "countdown and eta both say"),
        ({"expires": True}, "expires is True: give seconds"),
        ({"priority": 10}, "priority is 10: it must be a whole number from 0 to 9"),
        ({"priority": True}, "priority is True: it must be a whole number from 0 to 9"),
        ({"priority": "5"}, "priority is '5': it must be a whole number from 0 to 9"),
        ({"queue": "a b"}, "queue 'a b' is not a name"),
        ({"queue": 5}, "queue 5 is not a name"),
        ({"task_id": "a b"}, "task_id 'a b' is not a name"),
        ({"retries": -1}, "retries is -1: it must be a whole number from 0"),
        ({"retries": 1.5}, "retries is 1.5: it must be a whole number from 0"),
        ({"retry_delay": "1"}, "retry_delay is '1': give seconds"),
        ({"retry_on": 5}, "retry on 5: it must be an exception class"),
        ({"retry_on": [int]}, "retry on <class 'int'>: it must be an exception class"),
        ({"max_deliveries": -1}, "max_deliveries is -1: it must be a whole number from 0"),
    ],
    ids=str,
)
def test_a_wrong_option_is_named(fit, options, message):
    with pytest.raises(ConfigError) as caught:
        fit.apply_async((1,), **options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"name": "a b"}, ConfigError, "task name 'a b' is not a name"),
        ({"priority": -1}, ConfigError, "priority is -1"),
        ({"max_deliveries": "3"}, ConfigError, "max_deliveries is '3'"),
        ({"max_retries": -1}, ConfigError, "max_retries is -1"),
        ({"autoretry_for": ["OSError"]}, ConfigError, "retry on 'OSError': it must be an exc"),
        ({"nme": "a"}, TypeError, "no option 'nme': did you mean 'name'"),
        ({"track_started": False}, ConfigError, "track_started cannot be False"),
    ],
    ids=str,
)
def test_a_wrong_option_of_the_decorator_is_named(app, options, error, message):
    with pytest.raises(error, match=message):
        app.task(**options)(len)


def test_only_functions_can_be_tasks(app):
    with pytest.raises(ConfigError, match="5 is not a function: only functions can be tasks"):
        app.task(5)


@pytest.mark.parametrize("wrong", [5, "fit", len, [1]], ids=repr)
def test_a_group_takes_only_signatures(wrong):
    with pytest.raises(ConfigError, match=r"a group takes signatures like fit.s\(0.1\), and got"):
        group(wrong)


def test_a_group_of_tasks_says_to_call_s(fit):
    with pytest.raises(ConfigError, match=r"and got <Task fit> \(Task\)"):
        group(fit)


def test_an_empty_map_has_nothing_to_run(app, fit):
    with pytest.raises(ConfigError, match="nothing to map 'fit' over: the iterable is empty"):
        app.map(fit, [])


# Arguments


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, r"task 'fit'\(x, y=1\): missing a required argument: 'x'"),
        ((1, 2, 3), {}, "too many positional arguments"),
        ((1,), {"z": 1}, "got an unexpected keyword argument 'z'"),
        ((1,), {"x": 1}, "multiple values for argument 'x'"),
    ],
    ids=["missing", "too many", "unknown", "twice"],
)
def test_wrong_arguments_are_a_type_error_at_the_call(fit, args, kwargs, message):
    with pytest.raises(TypeError, match=message):
        fit.delay(*args, **kwargs)


def test_an_argument_that_cannot_be_pickled_is_named(fit):
    message = (
        r"cannot send argument 'y' of 'fit' \(_thread.lock\): cannot pickle .*; create it inside"
    )
    with pytest.raises(Unsendable, match=message):
        fit.delay(1, y=LOCK)


def test_a_captured_global_that_cannot_be_pickled_is_named(app):
    namespace = {"lock": LOCK, "__name__": "__main__", "__builtins__": __builtins__}
    exec("def hold():\n    return lock", namespace)  # noqa: S102
    message = r"cannot send 'lock', which function 'hold' refers to \(_thread.lock\): cannot pickle"
    with pytest.raises(Unsendable, match=message):
        app.task(namespace["hold"]).delay()


def test_a_closure_that_cannot_be_pickled_is_named(app):
    lock = threading.Lock()

    @app.task(name="hold")
    def hold():
        return lock

    with pytest.raises(Unsendable, match="cannot send 'lock', which function 'hold' refers to"):
        hold.delay()


def test_a_closure_with_a_name_not_yet_assigned_names_the_other(app):
    lock = threading.Lock()

    def hold():
        return lock, later  # noqa: F821 - assigned below

    with pytest.raises(Unsendable, match="cannot send 'lock', which function 'hold' refers to"):
        app.task(name="hold")(hold).delay()
    later = 1
    del later


def test_an_argument_that_is_too_big_is_named(server):
    app = App("small", broker=server.url, key="k" * 16, max_input=100_000)

    @app.task(name="fit")
    def fit(x, data):
        return x, data

    message = (
        r"argument 'data' of 'fit' is 0.2 MB, above the limit of 0.1 MB: send a path or load it"
        r" inside the task, or raise max_input"
    )
    with pytest.raises(TooBig, match=message):
        fit.delay(1, bytes(200_000))
    app.close()


def test_a_function_that_captures_too_much_is_named(server):
    app = App("small", broker=server.url, key="k" * 16, max_input=100_000)
    table = bytes(200_000)

    @app.task(name="fit")
    def fit():
        return table

    with pytest.raises(TooBig, match=r"the code of 'fit', with what it captures is 0.2 MB"):
        fit.delay()
    app.close()


def test_nothing_of_a_refused_call_is_left_behind(app, fit, server):
    for wrong in ((LOCK,), ()):
        with pytest.raises((Unsendable, TypeError)):
            fit.delay(*wrong)
    with server.client() as client:
        assert not list(client.scan_iter(f"{app.store.keys.prefix}r:*"))


# Keys that differ


def test_a_worker_with_another_key_refuses_a_task(app, start_worker):
    start_worker(key="the worker has another key")
    result = app.task(name="fit", max_retries=5, default_retry_delay=60)(len).delay("abc")
    message = (
        r"worker '.*' refused .* is not signed by this side's key. Give every client and worker"
    )
    with pytest.raises(BadSignature, match=message):
        result.get(timeout=10)


@pytest.mark.usefixtures("worker")
def test_a_client_with_another_key_refuses_a_result(app):
    result = app.task(name="fit")(len).delay("abc")
    assert result.get(timeout=10) == 3
    stranger = App(app.config.name, broker=app.config.url, key="the client has another key")
    found = stranger.AsyncResult(result.id)
    with pytest.raises(
        BadSignature, match=f"the result of task 'fit' .{result.id}. is refused: it"
    ):
        found.get(timeout=10)
    stranger.close()


# Redis gone


def own_app(server, **settings):
    return App("own", broker=server.url, key="a key that only the tests know", **settings)


def test_a_wait_ends_when_redis_stays_away_for_too_long(own_server):
    app = own_app(own_server, patience_ms=300)
    result = app.task(len).delay("abc")
    own_server.kill()
    with pytest.raises(StoreUnavailable, match=r"cannot be reached.*Check the URL and that the"):
        result.get(timeout=20)
    app.close()


def test_a_wait_survives_a_restart_of_redis(own_server, run_worker):
    app = own_app(own_server)
    result = app.task(len).delay("abc")
    own_server.kill()
    own_server.start()
    run_worker(app)
    assert result.get(timeout=20) == 3
    app.close()


@pytest.fixture
def run_worker(tmp_path):
    """A worker for an app that is not the fixture's."""
    processes = []

    def run(app):
        command = [sys.executable, "-m", "nbtasks", "worker", app.config.url, "-a", app.config.name]
        environment = {**os.environ, "NBTASKS_KEY": app.config.key.decode()}
        with (tmp_path / "log").open("wb") as log:
            processes.append(
                subprocess.Popen([*command, "-c", "1"], env=environment, stdout=log, stderr=log)
            )

    yield run
    for process in processes:
        process.kill()
        process.wait()


def test_a_task_that_redis_has_lost_is_unknown_and_not_waited_for(own_server, monkeypatch):
    monkeypatch.setattr("nbtasks.events.RESYNC_MS", 0)
    app = own_app(own_server)
    result = app.task(len, redrive=False).delay("abc")
    with own_server.client() as client:
        client.flushall()
    with pytest.raises(UnknownTask, match="is stored: it was never sent to this Redis, or its"):
        result.get(timeout=10)
    app.close()


def test_as_completed_ends_when_redis_has_lost_the_group(own_server, monkeypatch):
    monkeypatch.setattr("nbtasks.events.RESYNC_MS", 0)
    app = own_app(own_server)
    result = app.map(len, ["a", "b"], redrive=False)
    with own_server.client() as client:
        client.flushall()
    with pytest.raises(UnknownTask):
        [one.get() for one in result.as_completed(timeout=10)]
    app.close()


def test_an_app_can_be_closed_when_redis_is_gone(own_server):
    app = own_app(own_server)
    app.task(len).delay("abc")
    own_server.kill()
    app.close()


@pytest.mark.usefixtures("worker")
def test_nonsense_in_the_event_stream_does_not_stop_the_events(app):
    app.task(len).delay("a").get(timeout=10)
    key = app.store.keys.events(app.store.client)
    known = app.task(len).delay("ab")
    rid = known.id
    nonsense = [
        ("f", "x"),
        ("f", "99"),
        ("\xff", "1"),
        ("q", "2", rid, "0"),
        ("f", "3", rid, "7", "S"),
    ]
    for fields in [
        *nonsense,
        ("f", "3", rid, "0", "\0"),
        ("b", "3", rid, "0", "Z"),
        ("p", "1", ""),
    ]:
        padded = [*fields, *[""] * (len(fields) % 2)]
        app.store.call("XADD", key, "*", *padded)
    assert known.get(timeout=10) == 2
    assert app.task(len).delay("abc").get(timeout=10) == 3
