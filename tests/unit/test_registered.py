"""Serializers by name: what may be one, what they refuse, and what their payloads look like."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtasks import register_serializer
from nbtasks.errors import ConfigError, Unsendable
from nbtasks.registered import find
from nbtasks.serializers import CellValue, form_of, make_codec

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]))
ATOMS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | TEXT
PLAIN = st.recursive(
    ATOMS | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture
def shout():
    """A serializer of upper-case text."""
    register_serializer("shout", lambda value: str(value).upper(), lambda data: data.decode())
    return find("shout")


@pytest.mark.parametrize("form", ["yaml", "msgpack"])
@given(value=PLAIN)
def test_plain_values_come_back_as_they_were(form, value):
    codec = make_codec(form, ())
    payload, portable = codec.encode(value, "it")
    assert portable
    assert form_of(payload) == form
    assert codec.decode(payload, "it") == value


@pytest.mark.parametrize("form", ["yaml", "msgpack"])
@pytest.mark.parametrize(
    "value", [object(), [len], {"a": 1j}, type("Text", (str,), {})("a")],
    ids=["an object", "a function", "a complex number", "a subclass"],
)  # fmt: skip
def test_what_would_not_come_back_is_refused(form, value):
    with pytest.raises(Unsendable, match=f"cannot send it .*: {form}: "):
        make_codec(form, ()).encode(value, "it")


@pytest.mark.parametrize("form", ["yaml", "msgpack"])
def test_a_call_and_a_cell_travel(form):
    codec = make_codec(form, ())
    assert codec.decode(codec.encode(((1, 2), {"a": (3,)}), "it")[0], "it") == [[1, 2], {"a": [3]}]
    cell = CellValue(1, {"x": [2]})
    assert codec.decode(codec.encode(cell, "it")[0], "it") == cell


def test_dates_keep_their_zone_in_msgpack():
    moment = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    codec = make_codec("msgpack", ())
    assert codec.decode(codec.encode([moment], "it")[0], "it") == [moment]


def test_one_of_ones_own_has_its_name_in_each_payload(shout):
    assert shout.encode("hey", "it")[0] == b"X\x05shoutVHEY"
    assert make_codec("shout", ()).decode(b"X\x05shoutVHEY", "it") == "HEY"


@pytest.mark.usefixtures("shout")
def test_a_second_registration_replaces_the_first():
    register_serializer("shout", lambda _: b"!", bytes.decode)
    assert make_codec("shout", ()).encode(1, "it")[0] == b"X\x05shoutV!"


def test_an_encoder_that_fails_or_gives_no_bytes_is_named():
    register_serializer("bad", lambda value: 1 / value, lambda data: data)
    with pytest.raises(Unsendable, match="bad: division by zero"):
        make_codec("bad", ()).encode(0, "it")
    with pytest.raises(Unsendable, match="the encoder of 'bad' gave no bytes or text, but float"):
        make_codec("bad", ()).encode(1, "it")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("json", "the serializer 'json' is there already"),
        ("yaml", "the serializer 'yaml' is there already"),
        ("Own", "'Own' is no name of a serializer"),
        ("", "'' is no name of a serializer"),
        ("a" * 51, "is no name of a serializer"),
        (5, "5 is no name of a serializer"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused(name, message):
    with pytest.raises(ConfigError, match=message):
        register_serializer(name, str, str)


def test_what_is_no_function_is_refused():
    with pytest.raises(ConfigError, match="serializer 'own': 5 is no function"):
        register_serializer("own", 5, str)


@pytest.mark.parametrize(
    ("writes", "accepts", "message"),
    [
        ("ymal", (), "there is no serializer 'ymal': did you mean 'yaml'"),
        ("elsewhere", (), "there is no serializer 'elsewhere': there are "),
        ("json", ("json", "msgpak"), "there is no serializer 'msgpak': did you mean 'msgpack'"),
        ("yaml", ("json",), "does not hold it: answers come in the form of the question"),
    ],
    ids=["misspelt", "unknown", "misspelt in the list", "not accepted"],
)
def test_settings_that_cannot_work_are_refused(writes, accepts, message):
    with pytest.raises(ConfigError, match=message):
        make_codec(writes, accepts)


def test_what_a_task_will_register_may_be_accepted_before():
    codec = make_codec("json", ("json", "com.example.own"))
    with pytest.raises(ConfigError, match=r"no serializer 'com.example.own' is registered in this"):
        codec.decode(b"X\x0fcom.example.ownV1", "it")


@pytest.mark.parametrize(
    ("alias", "name"),
    [("cloudpickle", "pickle"), ("application/json", "json"), ("application/x-yaml", "yaml")],
)
def test_celerys_other_names_are_known(alias, name):
    assert make_codec(alias, ()).writes == name
    assert name in make_codec("pickle", ("pickle", alias)).accepts


@pytest.mark.parametrize("payload", [b"", b"X", b"X\x05", b"X\x04\xff\xff\xff\xff", b"Q1"])
def test_what_has_no_name_has_no_form(payload):
    assert form_of(payload) == ""
