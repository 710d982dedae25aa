"""What looks like a secret among the inputs of a cell."""

import pytest

from nbtasks.notebook.credentials import find_secret

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMII"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc_def"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("password", "x"),
        ("db_password", b"x"),
        ("DB_PASSWD", "x"),
        ("apiKey", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("tokens", "x"),
        ("auth_key_2", "x"),
        ("config", {"host": "h", "api_key": "x"}),
        ("url", "postgres://me:word@host/db"),
        ("url", "redis://:word@host"),
        ("text", KEY),
        ("text", JWT),
        ("text", "ghp_" + "a" * 36),
        ("text", "AKIA" + "A" * 16),
    ],
)
def test_a_secret_is_found_by_its_name_or_its_form(name, value):
    assert find_secret({"a": 1, name: value}) == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("password", ""),
        ("tokens", ["a", "b"]),
        ("n_tokens", 5),
        ("passwords_checked", 1),
        ("key", "a"),
        ("monkey", "a"),
        ("tokenizer", "a"),
        ("secretary", "a"),
        ("compass", "a"),
        ("url", "https://host:8080/path?at=a@b"),
        ("text", "sk-"),
    ],
)
def test_what_is_none_goes_along(name, value):
    assert not find_secret({name: value})
