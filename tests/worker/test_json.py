"""JSON only, on real workers: no pickle on either side, and clear words where one comes."""

import json
import subprocess
import sys
from collections import Counter

import plain_chores
import pytest

from nbtasks.app import App
from nbtasks.errors import ContentRefused, RemoteError, TooOld, Unsendable
from nbtasks.functions import cell_code
from nbtasks.options import TaskOptions
from nbtasks.result import AsyncResult
from nbtasks.sending import Submission


@pytest.fixture
def app(server, app):
    """A client that speaks JSON; the app of the fixture is one that pickles."""
    plain = App(app.config.name, broker=server.url, key=app.config.key, serializer="json")
    plain.pickling = app
    yield plain
    plain.close()


@pytest.fixture
def json_worker(start_own):
    return start_own(serializer="json")


@pytest.mark.usefixtures("json_worker")
def test_arguments_values_and_errors_travel_as_json(app):
    assert app.task(plain_chores.echo).delay(1, "é", a=[None, 1.5]).get(10) == [
        [1, "é"],
        {"a": [None, 1.5]},
    ]
    with pytest.raises(KeyError, match="'k'") as caught:
        app.task(plain_chores.fail).delay("builtin").get(10)
    assert caught.traceback[-1].name == "fail"
    with pytest.raises(RemoteError, match=r"plain_chores.OwnError: own"):
        app.task(plain_chores.fail).delay("own").get(10)


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--start-method", "spawn"),
        ("--start-method", "forkserver"),
        ("--pool", "threads"),
        ("--pool", "solo"),
    ],
    ids=lambda options: "-".join(options) or "fork",
)
def test_no_process_that_runs_tasks_in_json_has_imported_pickle(
    app, start_worker, monkeypatch, options
):
    monkeypatch.setenv("NBTASKS_SERIALIZER", "json")
    start_worker("-c", "1", *options)
    app.task(plain_chores.echo).delay(1).get(20)
    assert app.task(plain_chores.pickles).delay(1).get(20) == []


@pytest.mark.usefixtures("json_worker")
def test_a_client_that_speaks_json_has_not_imported_pickle(app):
    source = f"""
import sys
import plain_chores
from nbtasks import App
app = App({app.config.name!r}, broker={app.config.url!r}, key=sys.stdin.read(), serializer="json")
assert app.task(plain_chores.echo).delay(1).get(10) == [[1], {{}}]
try:
    app.task(plain_chores.fail).delay("own").get(10)
except Exception as error:
    print(error)
print(plain_chores.pickles(0))
"""
    key, command = app.config.key.decode(), [sys.executable, "-c", source]
    done = subprocess.run(command, input=key, capture_output=True, text=True, check=False)
    assert done.stdout == "plain_chores.OwnError: own\n[]\n", done.stderr


@pytest.mark.usefixtures("json_worker")
def test_a_pickled_task_is_refused_with_what_to_change(app):
    with pytest.raises(ContentRefused, match="it is pickle, and that is not taken here: accept_"):
        app.pickling.task(plain_chores.echo).delay(1).get(10)


@pytest.mark.usefixtures("json_worker")
def test_a_worker_decodes_nothing_of_what_it_refuses(app):
    app.task(plain_chores.watch).delay(1).get(10)
    with pytest.raises(ContentRefused):
        app.pickling.task(plain_chores.echo).delay(Counter("pickled")).get(10)
    with pytest.raises(ContentRefused):
        app.pickling.task(lambda: 1).delay().get(10)
    assert app.task(plain_chores.has_seen).delay(1).get(10) == []


def test_nor_does_a_client(app, start_own):
    start_own()
    pickled = app.pickling.task(plain_chores.echo).delay(Counter("pickled"))
    assert pickled.get(10)
    source = f"""
import sys
import plain_chores
plain_chores.watch(0)
from nbtasks import App
app = App({app.config.name!r}, broker={app.config.url!r}, key=sys.stdin.read(), serializer="json")
try:
    app.AsyncResult({pickled.id!r}).get(10)
except Exception as error:
    print(type(error).__name__, plain_chores.seen)
"""
    key, command = app.config.key.decode(), [sys.executable, "-c", source]
    done = subprocess.run(command, input=key, capture_output=True, text=True, check=False)
    assert done.stdout == "ContentRefused []\n", done.stderr


@pytest.mark.usefixtures("json_worker")
def test_a_value_that_is_not_json_fails_its_task_with_the_reason(app):
    message = r"cannot send the value of 'plain_chores.set_of' \(set\): .* is not JSON"
    with pytest.raises(Unsendable, match=message):
        app.task(plain_chores.set_of).delay([1]).get(10)


def test_an_argument_that_is_not_json_is_named_before_anything_is_sent(app):
    message = r"argument 'kind' of 'plain_chores.fail' \(dict\): .*type set is not JSON, at \['a'\]"
    with pytest.raises(Unsendable, match=message):
        app.task(plain_chores.fail).delay({"a": {1}})


def test_a_worker_that_reads_both_answers_each_client_in_its_own_form(app, start_own):
    start_own()
    assert app.task(plain_chores.echo).delay(1).get(10) == [[1], {}]
    assert app.pickling.task(plain_chores.set_of).delay([1]).get(10) == {1}
    with pytest.raises(Unsendable, match="is not JSON"):
        app.task(plain_chores.set_of).delay([1]).get(10)


@pytest.mark.usefixtures("json_worker")
def test_a_cell_runs_with_json_and_gives_back_its_outputs(app):
    source = "root = sqrt(x)\nroot + 1"
    code = cell_code(
        source, name="c", filename="c", inputs={"x": 16, "sqrt": __import__("math").sqrt},
        outputs=("root",), codec=app.codec,
    )  # fmt: skip
    submission = Submission(code=code, name="c", calls=[((), {})], base=TaskOptions(), call={})
    result = AsyncResult(app, app.submit(submission))
    assert result.get(10) == 5
    assert result.outputs.root == 4


def test_what_was_signed_too_long_ago_is_refused_by_a_worker(app, server, start_own):
    fresh = App(app.config.name, broker=server.url, key=app.config.key, max_age_ms=60_000)
    start_own(max_age_ms=60_000)
    assert fresh.task(plain_chores.echo).delay(1).get(10) == [[1], {}]
    with pytest.raises(TooOld, match="it does not say when, and max_age_ms allows 60 s"):
        app.task(plain_chores.echo).delay(1).get(10)
    fresh.close()


def test_what_redis_holds_is_json_for_anybody_to_read(app):
    with pytest.warns(UserWarning, match="no worker listens"):
        result = app.task(plain_chores.echo).delay(1, a="b")
    body = app.store.call("HGET", app.store.keys.record(result.id), "m0")
    assert body[17:18] == b"J"
    assert json.loads(body[18:]) == [[1], {"a": "b"}]
    result.revoke()


@pytest.mark.usefixtures("json_worker")
def test_tasks_go_over_lists_by_name_too(app):
    echo = app.task(plain_chores.echo)
    assert echo.map([1, 2]).delay().get(10) == [[[1], {}], [[2], {}]]
    assert echo.chunks([(1, 2), (3, 4)], 1).delay().get(10) == [[[[1, 2], {}]], [[[3, 4], {}]]]
