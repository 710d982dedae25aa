"""Ids, names and the header: what anybody may read of a record."""

import json

import pytest

from nbtasks.errors import BadSignature, ConfigError, TooOld, VersionMismatch
from nbtasks.record import MAX_HEADER, Header, check_name, check_worker_name, new_id, split_id
from nbtasks.retry import NEVER, RetryPolicy
from nbtasks.serializers import PYTHON_TAG


def test_ids_are_names_and_never_the_same():
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(check_name(each, "id") == each and split_id(each) is None for each in ids)


@pytest.mark.parametrize(
    ("task_id", "expected"),
    [
        ("ab-0", ("ab", 0)),
        ("ab-12", ("ab", 12)),
        ("a-b-3", ("a-b", 3)),
        ("ab", None),
        ("ab-", None),
        ("-3", None),
        ("ab-1234567890", None),
        ("ab-x", None),
        ("", None),
    ],
)
def test_the_id_of_a_member_is_split_at_its_last_dash(task_id, expected):
    assert split_id(task_id) == expected


@pytest.mark.parametrize("name", ["a", "A.b:c<locals>-1_2", "x" * 255])
def test_a_name_may_be(name):
    assert check_name(name, "it") == name


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a@b", "a{", "é", "x" * 256, "a\n", None], ids=repr
)
def test_a_name_may_not_be(name):
    with pytest.raises(ConfigError, match=r"it .* is not a name"):
        check_name(name, "it")


def test_a_worker_may_have_an_at_sign():
    assert check_worker_name("worker-1@host") == "worker-1@host"
    with pytest.raises(ConfigError, match="worker name 'a b' is not a name"):
        check_worker_name("a b")


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(Header(task="fit", code="c0de", retry=NEVER), id="least"),
        pytest.param(
            Header(
                task="fit",
                code="c0de",
                python="3.11",
                fresh=True,
                key_id="k",
                retry=RetryPolicy(max_retries=3, retry_on=("a.B",)),
            ),
            id="all",
        ),
    ],
)
def test_a_header_comes_back_equal(header):
    assert Header.decode(header.encode()) == header


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff", b"{", b"[]", b"5", b"null", b'{"v":1}', b'{"v":1,"retry":5}'],
    ids=repr,
)
def test_a_header_that_cannot_be_read_is_refused(data):
    with pytest.raises(BadSignature, match="a task is refused, because its header cannot be read"):
        Header.decode(data)


def test_a_newer_header_says_to_install_the_same_version():
    data = json.dumps({**json.loads(Header(task="a", code="b", retry=NEVER).encode()), "v": 2})
    with pytest.raises(
        ConfigError, match="has format 2, and this nbtasks reads 1: install the same"
    ):
        Header.decode(data.encode())


def test_code_for_another_python_is_refused():
    Header(task="a", code="b", python=PYTHON_TAG, retry=NEVER).check_python("t1")
    Header(task="a", code="b", python="", retry=NEVER).check_python("t1")
    with pytest.raises(VersionMismatch, match=r"task 't1' was pickled on Python 2.7"):
        Header(task="a", code="b", python="2.7", retry=NEVER).check_python("t1")


def header(**changes):
    good = Header(
        task="a", code="b", retry=RetryPolicy(max_retries=1, retry_on=("builtins.OSError",))
    )
    return json.dumps({**json.loads(good.encode()), **changes}).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"task": 5},
        {"task": "a\nb"},
        {"task": "x" * 2000},
        {"code": None},
        {"py": []},
        {"fresh": "no"},
        {"fresh": 1},
        {"kid": {}},
        {"limit": "5"},
        {"limit": -1},
        {"limit": True},
        {"limit": 1e9},
        {"limit": 10**400},
        {"at": "now"},
        {"retry": 5},
        {"retry": {"max": 1}},
        {"retry": {"max": "1", "delay": 1, "backoff": False, "cap": 1, "jitter": False, "on": []}},
        {"retry": {"max": 1, "delay": 1, "backoff": 0, "cap": 1, "jitter": False, "on": []}},
        {"retry": {"max": 1, "delay": 1, "backoff": False, "cap": 1, "jitter": False, "on": [5]}},
        {"retry": {"max": 1, "delay": 1, "backoff": False, "cap": 1, "jitter": False, "on": 5}},
        {"x": "y" * MAX_HEADER},
    ],
    ids=lambda changes: f"{str(changes)[:20]}{str(changes)[-60:]}",
)
def test_a_header_whose_fields_are_of_another_kind_is_refused_as_a_whole(changes):
    assert Header.decode(header(v=1)).retry.retry_on == ("builtins.OSError",)
    with pytest.raises(BadSignature, match="its header cannot be read"):
        Header.decode(header(**changes))


@pytest.mark.parametrize("data", [b"[" * 60_000, b'{"v":' * 12_000, b"\xff", b"", b"5", b"[]"])
def test_what_is_no_header_is_refused_however_deep_it_is(data):
    with pytest.raises(BadSignature, match="its header cannot be read"):
        Header.decode(data)


def test_more_exception_classes_than_a_header_holds_are_refused_where_they_are_sent():
    retry = RetryPolicy(max_retries=1, retry_on=tuple(f"module.Error{at}" for at in range(150_000)))
    with pytest.raises(ConfigError, match="name fewer exception classes to retry on"):
        Header(task="a", code="b", retry=retry).encode()


@pytest.mark.parametrize(
    ("sent_ms", "message"),
    [
        (0, "it: it does not say when, and max_age_ms allows 60 s"),
        (39_999, "it: it was signed 60 s ago, and max_age_ms allows 60 s"),
    ],
)
def test_what_was_signed_too_long_ago_is_refused(sent_ms, message):
    old = Header(task="a", code="b", retry=NEVER, sent_ms=sent_ms)
    with pytest.raises(TooOld, match=message):
        old.check_age("it", 100_000.0, 60_000)
    old.check_age("it", 100_000.0, 0)
    Header(task="a", code="b", retry=NEVER, sent_ms=40_000).check_age("it", 100_000.0, 60_000)
