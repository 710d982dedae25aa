"""Signals: who is called, for whom, and for how long."""

import gc
import logging

import pytest

from nbtasks import signals
from nbtasks.app import App
from nbtasks.errors import ConfigError, SoftTimeLimitExceeded
from nbtasks.signals import Signal


@pytest.fixture
def signal():
    return Signal("test")


@pytest.fixture
def heard(signal):
    """What a receiver of all that is sent has heard."""
    found = []

    def hear(sender, **named):
        found.append((sender, named))
        return len(found)

    signal.connect(hear, weak=False)
    return found


def test_a_receiver_is_called_with_sender_and_what_is_told(signal, heard):
    assert signal.send("me", task_id="1") == [(signal.receivers[0].find(), 1)]
    assert heard == [("me", {"signal": signal, "task_id": "1"})]


def test_connect_is_a_decorator_with_or_without_a_sender(signal, heard):
    found = []

    @signal.connect(sender="add")
    def only_add(sender, **_):
        found.append(sender)

    @signal.connect
    def all_of_them(sender, **_):
        found.append(f"all {sender}")

    signal.send("add")
    signal.send("mul")
    assert found == ["add", "all add", "all mul"]
    assert [sender for sender, _ in heard] == ["add", "mul"]


def test_a_task_is_known_by_its_name(signal):
    app, found = App("test-signals"), []
    task = app.task(len, name="size")
    signal.connect(lambda **_: found.append("task"), sender=task, weak=False)
    signal.connect(lambda **_: found.append("name"), sender="size", weak=False)
    signal.send(App("test-other").task(max, name="size"))
    signal.send("size")
    signal.send(app.task(max, name="other"))
    assert found == ["task", "name", "task", "name"]


def test_what_nothing_else_holds_is_forgotten_unless_told_otherwise(signal):
    class Shop:
        def hear(self, **_):
            raise AssertionError

    shop = Shop()
    signal.connect(shop.hear)
    assert signal.has_listeners()
    del shop
    gc.collect()
    assert not signal.has_listeners()
    assert signal.send() == []
    assert signal.receivers == ()


def test_a_bound_method_lives_as_long_as_its_object(signal):
    class Shop:
        heard = 0

        def hear(self, **_):
            self.heard += 1

    shop = Shop()
    signal.connect(shop.hear)
    signal.connect(shop.hear)
    signal.send()
    assert shop.heard == 1
    assert signal.disconnect(shop.hear)
    assert not signal.disconnect(shop.hear)


def test_one_of_the_same_uid_takes_the_place_of_the_first(signal):
    found = []
    for word in "ab":
        signal.connect(lambda word=word, **_: found.append(word), weak=False, dispatch_uid="x")
    signal.send()
    assert found == ["b"]
    assert signal.disconnect(dispatch_uid="x")
    assert signal.send() == []


def test_what_a_receiver_raises_is_logged_and_stops_no_other(signal, caplog):
    def bad(**_):
        raise ValueError("bad")

    signal.connect(bad)
    signal.connect(lambda **_: 7, weak=False)
    with caplog.at_level(logging.ERROR):
        (_, error), (_, seven) = signal.send()
    assert isinstance(error, ValueError)
    assert seven == 7
    assert "bad of signal test failed" in caplog.text


def test_a_time_limit_that_strikes_in_a_receiver_is_the_tasks(signal):
    def slow(**_):
        raise SoftTimeLimitExceeded("1", 2.0)

    signal.connect(slow)
    with pytest.raises(SoftTimeLimitExceeded):
        signal.send()


async def never(**_):
    raise AssertionError


@pytest.mark.parametrize(
    ("receiver", "words"),
    [
        (lambda: None, r"must take \*\*kwargs"),
        (never, "is a coroutine function"),
        (7, "7 is no function"),
    ],
    ids=["no kwargs", "coroutine", "number"],
)
def test_what_cannot_receive_is_refused(signal, receiver, words):
    with pytest.raises(ConfigError, match=words):
        signal.connect(receiver)


def test_a_builtin_may_receive(signal):
    signal.connect(dict)
    assert signal.send("me", x=1) == [(dict, {"signal": signal, "sender": "me", "x": 1})]


def test_every_signal_has_its_own_name():
    named = {name: getattr(signals, name) for name in signals.__all__ if name != "Signal"}
    assert {name: signal.name for name, signal in named.items()} == {name: name for name in named}
    assert repr(signals.task_prerun) == "<Signal task_prerun>"
