"""While a unique task has not ended, another call of it gives a handle on it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from patience import wait_until

from nbtasks import ConfigError, group

pytestmark = pytest.mark.filterwarnings("ignore:no worker listens")

SIDE = Path(__file__).with_name("unique_side.py")


def takes_two(user, size=1):
    return user, size


@pytest.fixture
def fit(fresh_app):
    return fresh_app.task(takes_two, name="fit", unique=["user"])


def test_a_second_call_is_a_handle_on_the_first(fresh_app, fit):
    first = fit.delay(1)
    assert fit.delay(1, size=5).id == first.id
    other = fit.apply_async((1,), unique=False)
    assert len({first.id, other.id, fit.delay(2).id}) == 3
    first.revoke()
    assert fit.delay(1).id != first.id
    fresh_app.control.purge()


def test_only_what_is_sent_alone_may_be_unique(fresh_app, fit):
    for canvas in (group(fit.s(1), fit.s(2)), fit.s(1) | fit.s(), group(fit.s(1), fit.s(1))):
        with pytest.raises(ConfigError, match="is unique, and can only be sent alone: in a group"):
            canvas.delay()
    free = group(fit.s(n).set(unique=False) for n in (1, 1)).delay()
    assert len({result.id for result in free}) == 2
    fresh_app.control.purge()


def submit(app, gate):
    paths = [str(SIDE.parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, SIDE, app.config.url, app.config.name, app.config.key, gate]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)


def test_eight_clients_at_once_send_one_task(fresh_app, tmp_path):
    clients = [submit(fresh_app, tmp_path / str(at)) for at in range(8)]
    wait_until(lambda: len(list(tmp_path.iterdir())) == 8, "all clients are there", 60)
    (tmp_path / "go").touch()
    found = [client.communicate(timeout=60)[0].split() for client in clients]
    assert all(len(ids) == 25 for ids in found)
    assert {len(set(ids)) for ids in zip(*found, strict=True)} == {1}
    assert fresh_app.control.purge() == 25


@pytest.fixture
def counted(app, worker, tmp_path):  # noqa: ARG001 - it is to run
    """A task whose value is cached, and what has run of it."""
    ran = tmp_path / "ran"

    def load(what):
        with ran.open("a") as log:
            log.write("x")
        return what / 2

    return app.task(load, name="load", cache=60), lambda: ran.read_text().count("x")


def test_a_value_is_cached_for_calls_that_are_the_same(app, counted):
    load, runs = counted
    first = load.delay(4)
    assert first.get(timeout=20) == load.delay(what=4).get(timeout=20) == 2
    assert (load.delay(4).id, runs()) == (first.id, 1)
    assert load.apply_async((4,), cache=None).get(timeout=20) == 2
    assert (load.delay(5).get(timeout=20), runs()) == (2.5, 3)
    assert app.map(load, [4, 4]).get(timeout=20) == [2, 2]
    assert runs() == 5
    assert app.task(lambda what: what, name="load", cache=60).delay(4).get(timeout=20) == 4


def test_errors_are_not_cached(counted):
    load, runs = counted
    for _ in range(2):
        assert isinstance(load.delay("a").get(timeout=20, propagate=False), TypeError)
    assert runs() == 2


def test_values_of_any_kind_are_compared_as_they_travel(counted):
    load, runs = counted
    for _ in range(2):
        assert list(load.delay(np.arange(3)).get(timeout=20)) == [0, 0.5, 1]
    assert runs() == 1
    assert list(load.delay(np.arange(4)).get(timeout=20)) == [0, 0.5, 1, 1.5]


def test_a_cached_value_is_kept_for_as_long_as_it_counts(app):
    task = app.task(takes_two, cache=5 * 86400)
    result = task.delay(1)
    keep = app.store.call("HGET", app.store.keys.record(result.id), "keep")
    assert int(keep) == 5 * 86_400_000
    result.revoke()
    with pytest.raises(ConfigError, match="cache and unique_for both"):
        app.task(takes_two, cache=5, unique_for=5)
