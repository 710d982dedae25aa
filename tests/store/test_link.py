"""The connection: what is shown of a URL, what its errors are called, and how it comes back."""

import socket

import pytest

from nbtasks.clock import SystemClock
from nbtasks.errors import ConfigError, StoreRefused, StoreUnavailable
from nbtasks.store.link import Link, hide_password
from nbtasks.store.store import Store


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis://:secret@host:6379", "redis://:***@host:6379"),
        ("redis://me:secret@host", "redis://me:***@host"),
        ("redis://me:se@cret@host", "redis://me:***@host"),
        ("redis://:se?cret@host", "redis://:***@host"),
        ("redis://:se/cret@host", "redis://:***@host"),
        ("redis://host?password=secret", "redis://host?password=***"),
        ("redis://host?password=se@cret&db=1", "redis://host?password=***&db=1"),
        ("unix:///tmp/a@b/socket", "unix:///tmp/a@b/socket"),
        ("unix:///tmp/s?password=secret", "unix:///tmp/s?password=***"),
        ("unix://me:secret@/tmp/s", "unix://me:***@/tmp/s"),
        ("me:secret@host", "***@host"),
    ],
    ids=lambda text: text,
)
def test_a_url_is_shown_without_its_password(url, shown):
    assert hide_password(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:6379",
        "localhost:6379",
        "redis://host:port",
        "me:secret@host",
        "redis://me:se/cret@host",
    ],
    ids=lambda text: text,
)
def test_a_wrong_url_says_how_to_write_it(url):
    with pytest.raises(
        ConfigError, match="is not the URL of a Redis: write redis://host"
    ) as caught:
        Link(url)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_nobody_at_the_url_is_said_at_once():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    store = Store(f"redis://:secret@127.0.0.1:{port}/0", "x", SystemClock(), 60_000)
    with pytest.raises(StoreUnavailable, match=f"127.0.0.1:{port}/0 cannot be reached") as caught:
        store.connect()
    assert "secret" not in str(caught.value)


@pytest.fixture
def locked(own_server):
    """A server that wants a password."""
    with own_server.client() as client:
        client.config_set("requirepass", "right")
    return own_server


@pytest.mark.parametrize(
    "login", [pytest.param("", id="none"), pytest.param(":wrong@", id="wrong")]
)
def test_a_wrong_password_is_refused_and_not_called_a_lost_connection(locked, login):
    store = Store(f"unix://{login}{locked.socket}", "x", SystemClock(), 60_000)
    with pytest.raises(StoreRefused, match=r"refused: .*[Aa]uthentication|password"):
        store.connect()


def test_the_right_password_is_let_in(locked):
    store = Store(f"unix://:right@{locked.socket}", "x", SystemClock(), 60_000)
    store.connect()
    assert store.call("PING") == b"PONG"
    store.close()


def test_flushed_scripts_are_loaded_again(submit, redis, states):
    redis.script_flush()
    assert states(submit()) == "p"


def test_an_error_reply_does_not_disturb_the_next_command(store):
    with pytest.raises(StoreRefused, match=r"refused: .*unknown command"):
        store.call("NO-SUCH-COMMAND")
    assert store.call("PING") == b"PONG"


def test_a_command_goes_out_again_after_a_cut_connection(store, redis):
    (mine,) = [each for each in redis.client_list() if each["cmd"].startswith("script")]
    redis.client_kill_filter(_id=mine["id"])
    assert store.call("PING") == b"PONG"


def test_a_store_waits_for_a_server_that_comes_back(own_server):
    store = Store(own_server.url, "x", SystemClock(), 15_000)
    store.connect()
    own_server.kill()
    own_server.start()
    assert store.call("PING") == b"PONG"
    store.close()


def test_a_server_that_stays_away_is_given_up_after_the_patience(own_server):
    store = Store(own_server.url, "x", SystemClock(), 200)
    store.connect()
    own_server.kill()
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        store.call("PING")
    store.close()
