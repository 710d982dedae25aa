"""Plain pickle first, cloudpickle where it must be, large buffers beside the pickle."""

import subprocess
import sys
import threading

import numpy as np
import pytest

from nbtasks.errors import Unsendable
from nbtasks.pickling import OUT_OF_BAND, decode, encode
from nbtasks.serializers import Codec, decode_json, encode_json


def run(source):
    """What a program prints whose `__main__` is this source."""
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    "value",
    [None, True, 5, 1.5, "text", b"bytes", (1, 2), [1], {"a": {1}}, len, threading.Thread, ...],
    ids=repr,
)
def test_what_both_sides_import_is_portable_and_comes_back(value):
    payload, portable = encode(value, "it")
    assert portable
    assert decode(payload) == value


@pytest.mark.parametrize(
    "value",
    ["lambda: 1", "Own", "Own()", "[Own]", "own"],
    ids=["lambda", "class", "object", "list", "function"],
)
def test_what_is_of_main_travels_by_value_and_is_not_portable(value):
    made = run(
        "from nbtasks.pickling import encode\n"
        "class Own: pass\n"
        "def own(): pass\n"
        f"payload, portable = encode({value}, 'it')\n"
        "print(portable, payload.hex())"
    )
    assert made[0] == "False"
    assert run(f"from nbtasks.pickling import decode; decode(bytes.fromhex('{made[1]}')); print(1)")


def test_a_local_class_travels_by_value():
    class Local:
        x = 5

    payload, portable = encode(Local(), "it")
    assert not portable
    assert decode(payload).x == 5


def test_small_arrays_are_in_the_pickle_and_large_ones_beside_it():
    small, large = np.zeros(100, "u1"), np.zeros(OUT_OF_BAND, "u1")
    assert encode(small, "it")[0][:1] == b"P"
    assert encode(large, "it")[0][:1] == b"B"


def test_several_buffers_come_back_each_in_its_place_and_writable():
    arrays = [np.full(20_000 + i, i, "i8") for i in range(3)]
    back = decode(encode({"arrays": arrays, "small": np.arange(3)}, "it")[0])
    for array, copy in zip(arrays, back["arrays"], strict=True):
        assert np.array_equal(array, copy)
        copy[0] = 99
    assert arrays[0][0] == 0


def test_buffers_of_the_first_tier_are_not_kept_for_the_second():
    class Local:
        data = np.zeros(OUT_OF_BAND, "u1")

    payload, portable = encode([np.zeros(OUT_OF_BAND, "u1"), Local], "it")
    assert not portable
    array, kind = decode(payload)
    assert array.size == kind.data.size == OUT_OF_BAND


def test_what_is_not_a_payload_is_refused():
    with pytest.raises(ValueError, match="not a payload"):
        decode(b"Exxx")


def test_what_cannot_be_pickled_is_named():
    with pytest.raises(
        Unsendable, match=r"cannot send argument 'x' \(lock\): cannot pickle '_thread"
    ):
        encode(threading.Lock(), "argument 'x'")


def test_a_reduce_that_raises_is_an_unsendable_too():
    class Broken:
        def __reduce__(self):
            raise RuntimeError("on two\nlines")

    with pytest.raises(Unsendable, match=r"\(Broken\): on two lines"):
        encode(Broken(), "it")


def test_the_first_culprit_is_found():
    values = {"a": 1, "b": threading.Lock(), "c": threading.Lock()}
    name, kind, reason = Codec().culprit(values)
    assert (name, kind) == ("b", "_thread.lock")
    assert reason.startswith("cannot pickle")
    assert Codec().culprit({"a": 1}) is None


def test_json_is_compact_and_takes_anything():
    data = encode_json({"a": [1, None], "b": ValueError("x")})
    assert data == b'{"a":[1,null],"b":"x"}'
    assert decode_json(memoryview(data)) == {"a": [1, None], "b": "x"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-be"])
def test_json_is_utf_8_and_nothing_else(encoding):
    with pytest.raises(ValueError, match=r"codec can't decode|Expecting"):
        decode_json('{"a": 1}'.encode(encoding))
