"""Tasks are ended by the headers that stamping has put on them."""

import pytest
from patience import wait_until

from nbtasks.canvas import chain, chord, group
from nbtasks.errors import ConfigError

pytestmark = pytest.mark.filterwarnings("ignore:no worker listens")


@pytest.fixture
def task(app):
    """A task that nobody runs; what is sent with the stamp `test` is ended after the test."""
    yield app.task(name="task")(lambda *values: values)
    app.revoke_by_stamped_headers({"test": 1})


def states(*results):
    return [each.state for each in results]


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        ({"customer": "a"}, "bn"),
        ({"customer": ["a", "b"]}, "n"),
        ({"number": 3}, "ab"),
        ({"number": "3"}, "abn"),
        ({"number": 3, "customer": "b"}, "a"),
        ({"color": "red"}, "abn"),
    ],
    ids=str,
)
def test_what_has_one_of_these_stamps_is_revoked(app, task, wanted, left):
    sent = {
        "a": task.s().stamp(customer="a", test=1).delay(),
        "b": task.s().stamp(customer=["b", "c"], number=[1], test=1).delay(),
        "n": task.apply_async(stamps={"number": 3, "test": 1}),
        "none": task.apply_async(stamps={"test": [1, 2]}),
    }
    count = app.control.revoke_by_stamped_headers(wanted)
    assert count == 3 - len(left)
    wait_until(
        lambda: {name for name in sent if sent[name].state == "PENDING"} == {*left, "none"},
        "the others are revoked",
    )
    assert app.revoke_by_stamped_headers(wanted) == 0


def test_all_of_a_canvas_ends_as_revoked(app, task):
    canvas = chain(task.s(), group(task.s(n) for n in range(3)), task.s(), task.s())
    last = canvas.stamp(job=1).delay()
    assert app.revoke_by_stamped_headers({"job": 1}) == 6
    every = (last, last.parent, *last.parent.parent, last.root)
    wait_until(lambda: states(*every) == ["REVOKED"] * 6, "all are revoked")


def test_a_part_of_a_canvas_fails_what_hangs_on_it(app, task):
    body = chord([task.s(1).stamp(job=1), task.s(2)], task.s()).stamp(test=1).delay()
    assert app.revoke_by_stamped_headers({"job": 1}) == 1
    every = (*body.parent, body)
    wait_until(lambda: states(*every) == ["REVOKED", "PENDING", "FAILURE"], "the body has failed")


def test_tasks_of_other_apps_are_not_looked_at(app, task):
    mine = task.apply_async(stamps={"job": 1})
    prefix = app.store.keys.prefix
    app.store.call("SET", f"{prefix}other", 1, "PX", 10_000)
    assert app.revoke_by_stamped_headers({"job": 1}) == 1
    wait_until(lambda: mine.state == "REVOKED", "it is revoked")


def test_a_signal_that_there_is_not_is_named(app):
    with pytest.raises(ConfigError, match="there is no signal 'SIGNOT'"):
        app.revoke_by_stamped_headers({"job": 1}, terminate=True, signal="SIGNOT")
