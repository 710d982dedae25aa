"""JSON only: what comes back is what was sent, and what is not JSON is named where it is sent."""

import enum
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtasks.errors import BadSignature, ConfigError, ContentRefused, RemoteError, Unsendable
from nbtasks.failure import encode_failure, read_exception, read_failure
from nbtasks.functions import FunctionCache, cell_code, load
from nbtasks.plain import decode, encode
from nbtasks.serializers import CellValue, Codec, make_codec

ONLY_JSON = make_codec("json", ())
BOTH = make_codec("pickle", ())

plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False).filter(
        math.isfinite
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(plain_values)
def test_what_is_json_comes_back_as_it_was(value):
    payload, portable = encode(value, "it")
    assert portable
    back = decode(payload)
    assert back == value
    assert type(back) is type(value)


def test_a_tuple_comes_back_as_a_list_and_a_cell_with_its_outputs():
    assert decode(encode((1, (2, 3)), "it")[0]) == [1, [2, 3]]
    assert decode(encode(CellValue([1], {"x": 2}), "it")[0]) == CellValue([1], {"x": 2})


class Colour(enum.Enum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({1, 2}, "an object of type set is not JSON"),
        (b"bytes", "an object of type bytes is not JSON"),
        (float("nan"), "nan is not JSON"),
        ([0, {"a": [math.inf]}], r"inf is not JSON, at \[1\]\['a'\]\[0\]"),
        ({"a": {5: 1}}, r"5 as a key is not JSON, at \['a'\]"),
        ([np.zeros(3)], r"an object of type numpy.ndarray is not JSON, at \[0\]"),
        (np.int64(5), "an object of type numpy.int64 is not JSON"),
        (Colour.RED, "an object of type test_plain.Colour is not JSON"),
        (len, "an object of type builtin_function_or_method is not JSON"),
        (10**5000, "Exceeds the limit"),
        (CellValue(1, {"x": {2}}), r"an object of type set is not JSON, at \[1\]\['x'\]"),
    ],
    ids=lambda part: part if isinstance(part, str) else type(part).__name__,
)
def test_what_is_not_json_is_named_with_its_place(value, said):
    with pytest.raises(Unsendable, match=rf"cannot send argument 'x' \(.*\): {said}"):
        encode(value, "argument 'x'")


def test_what_contains_itself_is_refused():
    loop = []
    loop.append(loop)
    with pytest.raises(Unsendable, match="nested too deeply, or contains itself"):
        encode(loop, "it")


# Which forms are written and read


def test_a_pickle_is_refused_before_anything_of_it_is_decoded():
    payload = BOTH.encode({1, 2}, "it")[0]
    message = "it: it is pickle, and that is not taken here: accept_content is json"
    with pytest.raises(ContentRefused, match=message):
        ONLY_JSON.decode(payload, "it")
    with pytest.raises(ContentRefused, match="it is of an unknown form"):
        BOTH.decode(b"Zxx", "it")


def test_an_answer_has_the_form_of_its_question():
    question = ONLY_JSON.encode(1, "it")[0]
    assert BOTH.like(question).writes == "json"
    assert BOTH.like(BOTH.encode(1, "it")[0]) is BOTH
    assert ONLY_JSON.like(BOTH.encode(1, "it")[0]) is ONLY_JSON
    assert ONLY_JSON.like(b"") is ONLY_JSON


@pytest.mark.parametrize(
    ("writes", "accepts", "said"),
    [
        ("yml", (), "there is no serializer 'yml': did you mean 'yaml'"),
        ("json", ("pickle",), "answers come in the form of the question"),
    ],
)
def test_a_wrong_form_is_named(writes, accepts, said):
    with pytest.raises(ConfigError, match=said):
        make_codec(writes, accepts)


# Code


def test_a_function_of_a_module_travels_by_name_in_any_form():
    code = FunctionCache().code(math.sqrt, "root", ONLY_JSON)
    assert load(code.blob, ONLY_JSON).value is math.sqrt
    assert b"P" not in code.blob[-1:]


def test_a_function_that_nobody_can_import_is_refused_with_what_to_do():
    with pytest.raises(Unsendable, match="put it into a module that clients and workers have"):
        FunctionCache().code(lambda: 1, "f", ONLY_JSON)


def test_a_cell_travels_as_source_with_json_and_imports():
    inputs = {"x": [1], "math": math, "root": math.sqrt}
    code = cell_code("1", name="c", filename="c", inputs=inputs, outputs=(), codec=ONLY_JSON)
    cell = load(code.blob, ONLY_JSON)
    assert cell.value == {"x": [1]}
    assert cell.imports == {"math": "math", "root": "math:sqrt"}


def test_an_input_of_a_cell_that_is_not_json_is_named():
    with pytest.raises(Unsendable, match=r"'s', which this cell reads \(set\): .* is not JSON"):
        cell_code("1", name="c", filename="c", inputs={"s": {1}}, outputs=(), codec=ONLY_JSON)


def test_code_with_a_pickle_inside_is_refused():
    code = cell_code("1", name="c", filename="c", inputs={"x": {1}}, outputs=())
    with pytest.raises(ContentRefused, match="the code of 'c': it is pickle"):
        load(code.blob, ONLY_JSON)


# Errors


class OwnError(Exception):
    pass


def there_and_back(error, sends=ONLY_JSON, reads=ONLY_JSON):
    return read_exception(memoryview(encode_failure(error, "a note", sends)), reads)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("bad", 5),
        KeyError("k"),
        FileNotFoundError(2, "No such file", "x"),
        BadSignature("it"),
        Unsendable("a", "b", "c", "d"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_of_python_or_of_ours_is_made_again(error):
    back = there_and_back(error)
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert back.__notes__ == ["a note"]


@pytest.mark.parametrize(
    "error",
    [
        OwnError("own"),
        ValueError({1, 2}),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "why"),
        SystemExit(3),
        ExceptionGroup("many", [ValueError("one")]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_any_other_exception_comes_in_words(error):
    back = there_and_back(error)
    assert type(back) is RemoteError
    assert str(error) in str(back)


def test_a_class_is_never_made_from_a_name_that_a_message_gives():
    for name in ("os.system", "nbtasks.failure.Failure", "SystemExit", "subprocess.Popen", "print"):
        payload = encode_failure(ValueError("true"), "", ONLY_JSON)
        changed = payload.replace(b'"ValueError"', f'"{name}"'.encode())
        size = int.from_bytes(payload[1:5], "little") + len(name) - len("ValueError")
        changed = changed[:1] + size.to_bytes(4, "little") + changed[5:]
        assert read_failure(memoryview(changed)).type_name == name
        assert type(read_exception(memoryview(changed), ONLY_JSON)) is RemoteError


def test_the_pickle_of_an_exception_is_not_read_where_pickles_are_refused():
    back = there_and_back(OwnError("own"), sends=BOTH)
    assert type(back) is RemoteError
    assert back.args[:2] == ("test_plain.OwnError", "own")


def test_values_errors_and_code_in_json_never_import_pickle():
    source = """
import sys
from nbtasks.app import App
from nbtasks.failure import encode_failure, read_exception
from nbtasks.functions import FunctionCache, load
import nbtasks.worker.worker, math
app = App(broker="redis://nobody", key="k" * 16, serializer="json")
codec = app.codec
codec.decode(codec.encode({"a": [1]}, "it")[0], "it")
load(FunctionCache().code(math.sqrt, "f", codec).blob, codec)
read_exception(memoryview(encode_failure(ValueError("x"), "", codec)), codec)
print(sorted({"pickle", "_pickle", "cloudpickle"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_codec_says_what_ships_as_an_object():
    assert BOTH.ships_objects
    assert not Codec("json", ("json", "pickle")).ships_objects
