"""Settings: checked at once, secrets never shown."""

import os

import pytest

from nbtasks.config import (
    Config,
    from_environment,
    hidden_secrets,
    hide_secrets,
    to_environment,
)
from nbtasks.errors import ConfigError
from nbtasks.spelling import nearest


def test_nothing_set_is_all_defaults():
    assert from_environment({}) == Config()


def test_the_environment_gives_url_and_key():
    config = from_environment({"NBTASKS_URL": " redis://h ", "NBTASKS_KEY": " key\n"})
    assert (config.url, config.key) == ("redis://h", b"key")


def test_a_key_may_be_in_a_file(tmp_path):
    path = tmp_path / "key"
    path.write_text("# of the lab\nfrom a file\n")
    path.chmod(0o600)
    assert from_environment({"NBTASKS_KEY_FILE": str(path)}).key == b"from a file"


def test_the_key_itself_wins_over_its_file():
    assert from_environment({"NBTASKS_KEY": "a", "NBTASKS_KEY_FILE": "/nowhere"}).key == b"a"


def test_a_key_file_that_is_not_there_is_named():
    message = r"key file '/nowhere/key' \(NBTASKS_KEY_FILE\) cannot be read: No such file"
    with pytest.raises(ConfigError, match=message):
        from_environment({"NBTASKS_KEY_FILE": "/nowhere/key"})


@pytest.mark.parametrize("text", ["yes", "2", "on off"])
def test_a_flag_is_a_flag(text):
    with pytest.raises(ConfigError, match=f"NBTASKS_INSECURE is '{text}': it must be 1 or 0"):
        from_environment({"NBTASKS_INSECURE": text})
    with pytest.raises(ConfigError, match="insecure is 'yes': it must be True or False"):
        Config(insecure="yes")


def test_doing_without_a_key_and_having_one_do_not_go_together():
    with pytest.raises(ConfigError, match="insecure is set, and there is a key as well"):
        from_environment({"NBTASKS_INSECURE": "1", "NBTASKS_KEY": "k" * 16})


def test_no_secret_is_ever_shown():
    config = Config(url="redis://:canary@host", key=b"canary canary canary")
    assert "canary" not in repr(config)
    assert "canary" not in str(config)


@pytest.mark.parametrize("name", ["name", "default_queue"])
@pytest.mark.parametrize("value", ["", "a b", "a{b}", "é", "x" * 256, 5, None], ids=repr)
def test_names_are_names(name, value):
    with pytest.raises(ConfigError, match="is not a name: use 1 to 255 of the letters"):
        Config(**{name: value})


@pytest.mark.parametrize(
    "name",
    ["lease_ms", "heartbeat_ms", "max_deliveries", "result_expires_ms", "max_input", "patience_ms"],
)
@pytest.mark.parametrize("value", [0, -1, 1.5, "5", None, True], ids=repr)
def test_numbers_are_whole_and_positive(name, value):
    with pytest.raises(ConfigError, match=f"{name} is .*: it must be a whole number above 0"):
        Config(**{name: value})


@pytest.mark.parametrize("name", ["max_queued", "full_patience_ms"])
@pytest.mark.parametrize("value", [-1, 1.5, "5", None, True], ids=repr)
def test_numbers_that_may_be_none_are_whole(name, value):
    assert getattr(Config(**{name: 0}), name) == 0
    with pytest.raises(ConfigError, match=f"{name} is .*: it must be a whole number from 0"):
        Config(**{name: value})


@pytest.mark.parametrize("value", [None, True, "disk", 1], ids=repr)
def test_durable_is_replica_or_nothing(value):
    with pytest.raises(ConfigError, match=r'durable is .*: it must be "replica" or ""'):
        Config(durable=value)


def test_settings_are_copied_and_never_changed():
    config = Config()
    assert config.with_settings({"lease_ms": 60_000}).lease_ms == 60_000
    assert config.lease_ms == 15_000


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("lease", ": did you mean 'lease_ms'?"),
        ("xyz", ": there are lease_ms, name"),
    ],
)
def test_the_nearest_name_is_offered(word, expected):
    assert nearest(word, ["name", "lease_ms"]) == expected


def test_hidden_secrets_are_gone_from_the_environment_and_still_known(monkeypatch):
    monkeypatch.setattr("nbtasks.config._hidden", {})
    monkeypatch.setenv("NBTASKS_KEY", "a key of this test")
    monkeypatch.setenv("NBTASKS_URL", "redis://:word@h")
    hide_secrets()
    assert "NBTASKS_KEY" not in os.environ
    assert "NBTASKS_URL" not in os.environ
    assert from_environment() == Config(url="redis://:word@h", key=b"a key of this test")
    assert hidden_secrets() == {
        "NBTASKS_KEY": "a key of this test",
        "NBTASKS_URL": "redis://:word@h",
    }


def test_a_url_without_a_password_is_not_hidden(monkeypatch):
    monkeypatch.setattr("nbtasks.config._hidden", {})
    monkeypatch.setenv("NBTASKS_URL", "redis://h")
    hide_secrets()
    assert os.environ["NBTASKS_URL"] == "redis://h"


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"key": b"a key of this test"},
        {"insecure": True},
        {"encrypt": True, "serializer": "json", "max_age_ms": 5},
        {"accept_content": ("json", "pickle")},
    ],
    ids=str,
)
def test_another_process_gets_the_same_ways_by_its_environment(settings):
    assert from_environment(to_environment(Config(**settings))) == Config(**settings)
