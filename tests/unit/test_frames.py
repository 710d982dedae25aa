"""Frames of a traceback: as they were, and made again where they never ran."""

import linecache
import traceback

import pytest

from nbtasks.failure import encode_failure, read_exception, read_failure
from nbtasks.frames import Frame, rebuild

SOURCE = """def fail(number):
    if number:
        return 1 + (number / 0)
fail(2)
"""


@pytest.fixture
def error():
    name = "<a cell>"
    linecache.cache[name] = (len(SOURCE), None, SOURCE.splitlines(keepends=True), name)
    try:
        exec(compile(SOURCE, name, "exec"), {})  # noqa: S102 - a cell of the test's own
    except ZeroDivisionError as caught:
        yield caught
    del linecache.cache[name]


def test_the_words_mark_the_place_in_a_line_that_failed(error):
    words = read_failure(memoryview(encode_failure(error, ""))).traceback
    lines = words.splitlines()
    at = lines.index("    return 1 + (number / 0)")
    assert lines[at + 1].strip() == "~~~~~~~^~~"
    assert lines[at + 1].index("~") == lines[at].index("number")


def test_an_exception_that_came_back_marks_nothing_that_it_does_not_know(error):
    found = read_exception(memoryview(encode_failure(error, "")))
    text = "".join(traceback.format_exception(found))
    assert 'File "<a cell>", line 3, in fail\n    return 1 + (number / 0)\n' in text
    assert "^" not in text


@pytest.mark.parametrize("line", [1, 2, 33, 64, 65, 5000])
def test_a_frame_is_made_again_in_its_line(line):
    for first in (1, line // 2 + 1, line):
        chain = rebuild((Frame("<gone>", line, "name", first),))
        (summary,) = traceback.extract_tb(chain)
        assert (summary.lineno, summary.name, summary.filename) == (line, "name", "<gone>")
        assert chain.tb_frame.f_lineno == line
        assert chain.tb_frame.f_code.co_firstlineno == first
