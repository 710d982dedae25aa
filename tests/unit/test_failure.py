"""A failure on its way back: words always, the object where it survives."""

import itertools
import traceback

import pytest

from nbtasks.errors import (
    BadSignature,
    RemoteError,
    TaskRevoked,
    UnknownTask,
    VersionMismatch,
    WorkerLost,
)
from nbtasks.failure import (
    encode_failure,
    read_exception,
    read_failure,
    register_source,
    system_body,
    system_failure,
)
from nbtasks.frames import MAX_FRAMES
from nbtasks.remaking import MAX_PICKLE, MAX_TEXT
from nbtasks.serializers import Codec

JSON_ONLY = Codec("json", ("json",))


def caught(raise_it, *args):
    """The exception that a call raises, with its traceback."""
    try:
        raise_it(*args)
    except BaseException as error:  # noqa: BLE001 - of any kind
        return error
    raise AssertionError("it did not raise")


def there_and_back(error, note=""):
    return read_exception(memoryview(encode_failure(error, note)))


def fail(error):
    raise error


def test_an_exception_comes_back_with_its_type_args_note_and_frames():
    error = there_and_back(caught(fail, ValueError("bad", 5)), "on w1")
    assert (type(error), error.args, error.__notes__) == (ValueError, ("bad", 5), ["on w1"])
    assert [frame.name for frame in traceback.extract_tb(error.__traceback__)] == ["caught", "fail"]


def test_the_words_are_there_without_unpickling():
    words = read_failure(memoryview(encode_failure(caught(fail, KeyError("k")), "on w1")))
    assert (words.type_name, words.text, words.note) == ("KeyError", "'k'", "on w1")
    assert words.traceback.startswith("Traceback (most recent call last):\n")
    assert words.traceback.endswith("KeyError: 'k'\n")
    assert words.frames[-1][0] == __file__


class BrokenText(Exception):
    def __str__(self):
        raise SystemExit("no text")


class Lossy(Exception):
    def __init__(self, code, text):  # noqa: ARG002 - what makes it lossy
        super().__init__(text)


class Changed(Exception):
    def __reduce__(self):
        return ValueError, ("another",)


def raise_chained():
    try:
        raise KeyError("first")  # noqa: TRY301 - to be chained
    except KeyError as error:
        raise ValueError("second") from error


@pytest.mark.parametrize(
    ("error", "name", "text"),
    [
        pytest.param(Lossy(1, "text"), "Lossy", "text", id="not rebuilt from args"),
        pytest.param(Changed("text"), "Changed", "text", id="comes back as another"),
        pytest.param(ValueError(bytes(MAX_PICKLE)), "ValueError", "b'", id="too large"),
        pytest.param(SystemExit(3), "SystemExit", "3", id="SystemExit"),
        pytest.param(KeyboardInterrupt(), "KeyboardInterrupt", "", id="KeyboardInterrupt"),
        pytest.param(GeneratorExit(), "GeneratorExit", "", id="GeneratorExit"),
    ],
)
def test_what_cannot_travel_is_a_remote_error(error, name, text):
    back = there_and_back(caught(fail, error))
    assert type(back) is RemoteError
    assert back.args[0].endswith(name)
    assert back.args[1].startswith(text)
    assert back.args[2].startswith("Traceback")


def test_a_broken_text_is_said():
    words = read_failure(memoryview(encode_failure(caught(fail, BrokenText()), "")))
    assert words.text == "<its __str__ raised SystemExit>"


def test_a_chain_is_in_the_words():
    words = read_failure(memoryview(encode_failure(caught(raise_chained), "")))
    assert "KeyError: 'first'" in words.traceback
    assert words.traceback.endswith("ValueError: second\n")


def raise_linked():
    inner = caught(raise_chained)
    inner.add_note("of inner")
    group = caught(fail, ExceptionGroup("some", [caught(fail, OSError(2, "gone")), inner]))
    raise LookupError("outer") from group


@pytest.mark.parametrize("codec", [Codec(), JSON_ONLY])
def test_causes_come_back_with_frames_and_notes(codec):
    payload = encode_failure(caught(raise_chained), "", codec)
    error = read_exception(memoryview(payload), codec)
    cause = error.__cause__ or error.__context__
    assert (type(cause), cause.args) == (KeyError, ("first",))
    assert [frame.name for frame in traceback.extract_tb(cause.__traceback__)] == ["raise_chained"]


def test_members_of_a_group_come_back_with_their_frames_and_causes():
    group = there_and_back(caught(raise_linked)).__cause__
    gone, inner = group.exceptions
    names = [frame.name for frame in traceback.extract_tb(gone.__traceback__)]
    assert (type(gone), names) == (FileNotFoundError, ["caught", "fail"])
    assert inner.__notes__ == ["of inner"]
    assert isinstance(inner.__cause__ or inner.__context__, KeyError)


def test_a_cause_that_cannot_be_pickled_comes_in_words():
    class Local(Exception):
        def __reduce__(self):
            raise TypeError

    error = ValueError("kept")
    error.__cause__ = Local("lost")
    back = there_and_back(error)
    assert (type(back), type(back.__cause__)) == (ValueError, RemoteError)
    assert "lost" in str(back.__cause__)


def test_a_circle_or_a_thousand_of_causes_end():
    first, second = ValueError("1"), ValueError("2")
    first.__context__, second.__context__ = second, first
    assert there_and_back(first).__context__.__context__ is None
    many = [ValueError(str(number)) for number in range(1000)]
    for one, cause in itertools.pairwise(many):
        one.__cause__ = cause
    assert there_and_back(many[0]).__cause__.__cause__.args == ("2",)
    assert len(there_and_back(ExceptionGroup("all", many)).exceptions) == 1000


def test_from_none_hides_the_context():
    error = ValueError("alone")
    error.__context__, error.__suppress_context__ = KeyError("hidden"), True
    back = there_and_back(error)
    assert (back.__context__, back.__suppress_context__) == (None, True)


def test_notes_come_without_a_pickle():
    error = KeyError("k")
    error.add_note("mine")
    back = read_exception(memoryview(encode_failure(error, "where", JSON_ONLY)), JSON_ONLY)
    assert back.__notes__ == ["mine", "where"]


def test_texts_are_bounded():
    words = read_failure(memoryview(encode_failure(caught(fail, ValueError("x" * 10**6)), "")))
    assert len(words.text) == MAX_TEXT
    assert len(words.traceback) == MAX_TEXT


def test_a_deep_traceback_keeps_its_ends():
    def deep(n):
        if n:
            deep(n - 1)
        fail(ValueError("deep"))

    payload = memoryview(encode_failure(caught(deep, 700), ""))
    assert len(read_failure(payload).frames) == MAX_FRAMES
    names = [frame.name for frame in traceback.extract_tb(read_exception(payload).__traceback__)]
    assert (names[0], names[-1]) == ("caught", "fail")


def test_surrogates_and_odd_characters_survive():
    text = "\ud800 \0 \x1e é 🎉"
    assert there_and_back(ValueError(text)).args == (text,)


def test_an_exception_that_was_never_raised_has_no_frames():
    error = there_and_back(ValueError("calm"))
    assert error.__traceback__ is None


def test_lines_of_a_cell_are_shown():
    source = "def cell():\n    raise ValueError('here')\n"
    namespace = {}
    exec(compile(source, "cell-77", "exec"), namespace)  # noqa: S102
    register_source("cell-77", source)
    words = read_failure(memoryview(encode_failure(caught(namespace["cell"]), "")))
    assert "raise ValueError('here')" in words.traceback


# What the store writes itself


@pytest.mark.parametrize(
    ("fields", "kind", "text"),
    [
        ({"type": "WorkerLost", "deaths": 1, "reason": "x"}, WorkerLost, "died once (x)"),
        ({"type": "WorkerLost", "deaths": 3, "reason": "x"}, WorkerLost, "died 3 times (x)"),
        (
            {"type": "VersionMismatch", "sent": "3.11", "found": ""},
            VersionMismatch,
            "no Python that",
        ),
        ({"type": "TaskRevoked", "reason": "expired"}, TaskRevoked, "not finished: expired"),
        ({"type": "TaskRevoked"}, TaskRevoked, "not finished: revoked"),
        (
            {"type": "BadSignature", "what": "worker 'w'"},
            BadSignature,
            "worker 'w': it is not signed",
        ),
        ({"type": "UnknownTask", "of": "t2"}, UnknownTask, "no task 't2' is stored"),
        ({"type": "CodeLost", "text": "gone"}, RemoteError, "CodeLost: gone"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_system_body_names_one_of_our_errors(fields, kind, text):
    body = system_body(fields.pop("type"), **fields)
    error = system_failure(body, "t1")
    assert type(error) is kind
    assert text in str(error)


@pytest.mark.parametrize("body", [b"\0", b"\0{", b"\0[]", b"\0{}", b"\0\xff", b"\0" + b"[" * 10**5])
def test_a_system_body_that_cannot_be_read_is_refused(body):
    with pytest.raises(BadSignature, match="the error of task 't1' cannot be read"):
        raise system_failure(body, "t1")
