"""YAML, MessagePack and serializers of one's own, on real workers."""

import datetime as dt

import chores
import form_chores
import plain_chores
import pytest

from nbtasks import App
from nbtasks.errors import ConfigError, RemoteError, Unsendable

ALL = ("pickle", "json", "yaml", "msgpack", "base64")
MOMENT = dt.datetime(2026, 3, 1, 7, 30, tzinfo=dt.UTC)


@pytest.fixture
def make_app(app, server):
    """An app of the same name with other settings."""
    made = []

    def make(**settings):
        made.append(App(app.config.name, broker=server.url, key=app.config.key, **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("yaml", {"a": [1, None, b"raw", MOMENT], 5: {"x", "y"}}),
        ("msgpack", {"a": [1, None, b"raw", MOMENT], 5: float("inf")}),
        ("base64", {"a": [1, None, "é"]}),
    ],
    ids=["yaml", "msgpack", "base64"],
)
def test_an_app_may_speak_another_form(make_app, start_own, form, value):
    start_own(accept_content=ALL)
    app = make_app(serializer=form)
    assert app.task(form_chores.echo).delay(value, k=value).get(10) == [[value], {"k": value}]
    with pytest.raises(RemoteError, match=r"plain_chores.OwnError: own"):
        app.task(plain_chores.fail).delay("own").get(10)
    with pytest.raises(Unsendable, match=r"cannot send the value of 'form_chores.nothing_to_send'"):
        app.task(form_chores.nothing_to_send).delay(1).get(10)


def test_a_task_and_a_call_may_have_a_form_of_their_own(make_app, start_own):
    start_own(accept_content=ALL)
    app = make_app(accept_content=ALL)
    echo = app.task(form_chores.echo, serializer="msgpack")
    calls = [
        echo.delay(1),
        echo.apply_async((2,), serializer="json"),
        echo.s(3).set(serializer="yaml").delay(),
    ]
    assert [call.get(10) for call in calls] == [[[number], {}] for number in (1, 2, 3)]
    key = app.store.keys.record
    heads = [app.store.call("HGET", key(call.id), "m0") for call in calls]
    assert [
        name in head
        for name, head in zip((b"X\x07msgpackV", b"J[[2]", b"X\x04yamlV"), heads, strict=True)
    ] == [True] * 3


def test_a_canvas_may_mix_forms(make_app, start_own):
    start_own(accept_content=ALL)
    app = make_app(accept_content=ALL)
    echo = app.task(form_chores.echo)
    steps = echo.s(1).set(serializer="yaml") | echo.s(k=2) | echo.s().set(serializer="base64")
    assert steps.delay().get(10) == [[[[[[1], {}]], {"k": 2}]], {}]


def test_what_a_worker_does_not_accept_is_refused_undecoded(make_app, start_own):
    start_own()
    app = make_app(serializer="yaml")
    message = "it is yaml, and that is not taken here: accept_content is pickle, json"
    with pytest.raises(RemoteError, match=message):
        app.task(chores.noop).delay(1).get(10)


def test_an_unknown_form_of_a_call_is_refused_before_anything_is_sent(app):
    task = app.task(plain_chores.echo)
    with pytest.raises(ConfigError, match="there is no serializer 'jsn': did you mean 'json'"):
        task.apply_async((1,), serializer="jsn")
