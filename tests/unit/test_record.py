"""Ids, names and the header: what anybody may read of a record."""

import json

import pytest

from nbtasks.errors import BadSignature, ConfigError, VersionMismatch
from nbtasks.record import Header, check_name, check_worker_name, new_id, split_id
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
