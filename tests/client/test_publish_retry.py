"""How long a submit tries to reach Redis, and what is said of options that are not there."""

import math
import threading
import uuid

import pytest
from patience import wait_until
from workers import KEY

from nbtasks.app import App
from nbtasks.canvas import chain
from nbtasks.errors import ConfigError, StoreUnavailable
from nbtasks.patience import patience_of, shortest

pytestmark = pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning")

SHORT = {"max_retries": 2, "interval_start": 0.01}


@pytest.fixture
def app(own_server):
    """An app that is patient, and connected."""
    name = f"own-{uuid.uuid4().hex[:8]}"
    app = App(name, broker=own_server.url, key=KEY, patience_ms=120_000)
    app.task(len).delay("")
    yield app
    app.close()


@pytest.mark.parametrize(
    "options",
    [{"retry": False}, {"retry_policy": SHORT}, {"retry": False, "retry_policy": {}}],
    ids=["no", "policy", "both"],
)
def test_a_submit_that_is_not_to_try_again_fails_at_once(app, own_server, options):
    own_server.kill()
    task = app.task(len)
    for send in (task, chain(task.s(), task.s())):
        with pytest.raises(StoreUnavailable):
            send.apply_async(("abc",), **options)


def test_a_submit_with_a_policy_goes_through_once_redis_is_back(app, own_server):
    own_server.kill()
    sent = []

    def send():
        policy = {"max_retries": None}
        sent.append(app.task(len).apply_async(("abc",), retry=True, retry_policy=policy))

    thread = threading.Thread(target=send)
    thread.start()
    own_server.start()
    wait_until(lambda: sent, "it was sent")
    thread.join()
    assert app.AsyncResult(sent[0].id).state == "PENDING"


@pytest.mark.parametrize(
    ("call", "ms"),
    [
        ({}, None),
        ({"retry": True}, None),
        ({"retry": False, "retry_policy": SHORT}, 0),
        ({"retry_policy": {}}, 400),
        ({"retry_policy": {"interval_start": 1, "interval_max": 1.1}}, 3200),
        ({"retry_policy": {"max_retries": None}}, math.inf),
        ({"retry_policy": {"max_retries": 0}}, 0),
    ],
    ids=str,
)
def test_a_policy_says_for_how_long(call, ms):
    assert patience_of(call) == pytest.approx(ms)
    assert shortest([None, patience_of(call)]) == pytest.approx(ms)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"retry": 3}, "how often the task is tried again is retries="),
        ({"retry_policy": 5}, "must be a dict of max_retries"),
        ({"retry_policy": {"max_retry": 5}}, "did you mean 'max_retries'"),
        ({"retry_policy": {"interval_step": -1}}, "it must be a number from 0"),
        ({"retry_policy": {"interval_step": None}}, "it must be a number from 0"),
        ({"routing_key": "q"}, "no task option 'routing_key': .* say queue="),
        ({"connection": "c"}, "an app has one connection"),
        ({"countdwn": 1}, "did you mean 'countdown'"),
    ],
    ids=str,
)
def test_what_is_no_option_says_what_to_do(options, words):
    with pytest.raises(ConfigError, match=words):
        App("test-publish", broker="redis://localhost:1", key=KEY).task(len).apply(("",), **options)


def test_options_of_a_decorator_that_are_not_there_say_what_to_do():
    with pytest.raises(TypeError, match=r"@app.task has no option 'backend': results are where"):
        App("test-publish").task(len, backend="b")
