import re
from html.parser import HTMLParser

import pytest
from hostile import HOSTILE

from nbtasks.live import ErrorText, LiveRecord, Progress
from nbtasks.notebook.card_page import card_view
from nbtasks.notebook.render import HTML_LIMIT, grid_png, html_view
from nbtasks.notebook.tally import Tally
from nbtasks.notebook.text import text_end, text_start
from nbtasks.notebook.words import clean, duration, runs, size
from nbtasks.states import FAILURE, REVOKED, STARTED, SUCCESS

HARMLESS = {"div", "b", "span", "table", "tbody", "tr", "td", "details", "summary", "pre", "img"}


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.depth = 0

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.update(name for name, _ in attrs)
        self.depth += tag != "img"

    def handle_endtag(self, tag):
        assert tag != "img"
        self.depth -= 1


def parse(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    tags.close()
    return tags


def record(n: int = 1, name: str = "scores") -> LiveRecord:
    return LiveRecord("a1", n, name, "default", submitted_ms=1_000)


def fail(one: LiveRecord, index: int, error: ErrorText) -> None:
    one.errors[index] = error
    one.finish(index, bytes([FAILURE]), [b""], "w", 5_000)


def tally(*records: LiveRecord) -> Tally:
    found = Tally(records)
    found.drain()
    return found


def hostile_record(n: int, text: str) -> LiveRecord:
    one = record(n, text)
    one.labels = [text] * n
    one.begin(0, text, 2_000)
    one.report(0, Progress(1, 2, text))
    one.write(0, "stdout", text)
    one.write(0, "value", text)
    fail(one, n - 1, ErrorText(text, text, text))
    return one


def test_the_start_line_has_no_id_time_or_host():
    assert text_start(tally(record(40)), "scores") == "scores: 40 tasks"


def test_one_task_is_singular():
    assert text_start(tally(record(1)), "fit") == "fit: 1 task"


def test_the_end_counts_states_and_names_each_distinct_error_once():
    one = record(5)
    one.finish(0, bytes([SUCCESS, SUCCESS]), [b"", b""], "w", 3_000)
    for index in (2, 3):
        fail(one, index, ErrorText("ValueError", "bad value\nmore"))
    fail(one, 4, ErrorText("OSError", "gone"))

    lines = text_end(tally(one), "scores").splitlines()

    assert lines[0] == "scores: 5 tasks · 2 SUCCESS · 3 FAILURE"
    assert lines[1:] == ["  ValueError: bad value (2 times)", "  OSError: gone"]


def test_the_end_of_one_task_has_what_it_wrote_without_colours():
    one = record(1)
    one.write(0, "stdout", "\x1b[31mfirst\x1b[0m\n")
    one.write(0, "display", 's\n{"text/plain": "<Figure>", "image/png": "QQ=="}')
    one.write(0, "stderr", "last")
    one.write(0, "value", "7")

    assert text_end(tally(one), "fit").splitlines()[1:] == ["  first", "  <Figure>", "  last"]


def test_the_end_of_one_task_has_its_newest_lines():
    one = record(1)
    one.write(0, "stdout", "".join(f"line {n}\n" for n in range(100)))

    lines = text_end(tally(one), "fit").splitlines()

    assert lines[1:3] == ["  … 60 before", "  line 60"]
    assert lines[-1] == "  line 99"


def test_the_end_does_not_depend_on_the_order_in_which_members_failed():
    first, second = record(2), record(2)
    for one, order in ((first, (0, 1)), (second, (1, 0))):
        for index in order:
            fail(one, index, ErrorText("ValueError", f"value {index}"))

    assert text_end(tally(first), "x") == text_end(tally(second), "x")


def test_an_error_of_a_try_that_was_repeated_is_not_in_the_end():
    one = record(1)
    one.errors[0] = ErrorText("OSError", "first try")
    one.finish(0, bytes([SUCCESS]), [b""], "w", 3_000)

    assert text_end(tally(one), "x") == "x: 1 task · 1 SUCCESS"


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("n", [1, 3, 20])
def test_hostile_text_adds_no_element_and_no_attribute(n, text):
    page = html_view(tally(hostile_record(n, text)), text, detail=text, inputs=[(text, 5)])
    tags = parse(page)

    assert set(tags.tags) <= HARMLESS
    assert tags.attributes <= {"style", "open", "alt", "width", "height", "src", "aria-hidden"}
    assert tags.depth == 0
    assert not re.search(r"[\x00-\x08\x1b\ud800-\udfff]", page)


def test_the_html_has_no_style_element_no_script_and_no_outside_address():
    page = html_view(tally(hostile_record(20, "plain")), "scores")

    assert not re.search(r"<style|<svg|<script|https?:|url\(|class=|id=", page)


def test_a_board_of_10000_failures_with_long_texts_stays_below_the_limit():
    one = record(10_000)
    for index in range(10_000):
        error = ErrorText(f"Error{index % 50}", "<&>" * 3_000, "<&é>" * 9_000)
        fail(one, index, error)

    page = html_view(tally(one), "<" * 5_000, inputs=[("<" * 90, 1)] * 300)

    assert len(page.encode()) <= HTML_LIMIT


def test_long_output_stays_below_the_limit():
    parts = [record(1), record(12)]
    for one in parts:
        for index in range(one.n):
            one.write(index, "stdout", "é<" * 400_000)

    assert all(len(html_view(tally(one), "x").encode()) <= HTML_LIMIT for one in parts)


def test_one_task_shows_its_output_and_its_value():
    one = record(1)
    one.write(0, "stdout", "reading\n")
    one.write(0, "value", "0.93")
    one.finish(0, bytes([SUCCESS]), [b""], "w", 3_500)

    page = card_view(tally(one), "fit")

    assert "reading" in page
    assert "0.93" in page
    assert "✓ success &nbsp;fit &nbsp;a1 · default · 2.5 s" in re.sub(r"<[^>]+>", "", page)


def test_few_tasks_have_a_row_each():
    one = record(3)
    one.labels = ["c=0.1", "c=1", "c=10"]
    fail(one, 1, ErrorText("ValueError", "too small"))

    words = re.sub(r"<[^>]+>", " ", html_view(tally(one), "scores"))

    assert all(label in words for label in one.labels)
    assert "ValueError: too small" in words


def test_many_tasks_are_a_picture_and_failures_by_type():
    one = record(50)
    for index in range(4):
        fail(one, index, ErrorText("ValueError", f"row {index}", "Traceback: here"))

    page = html_view(tally(one), "scores")

    assert page.count("<img") == 1
    assert "ValueError (4): row 0" in page
    assert "Traceback: here" in page


def test_the_picture_is_a_png_as_wide_as_its_cells():
    png = grid_png(bytes(1_000), 8)

    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20], "big") == 720


def test_the_bar_has_a_piece_for_each_state_but_pending():
    one = record(4)
    one.finish(0, bytes([SUCCESS, FAILURE]), [b"", b""], "w", 2_000)
    one.begin(2, "w", 2_000)

    assert html_view(tally(one), "x").count("width:25.000%") == 3


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", [("", "plain")]),
        ("\x1b[31mred\x1b[0m on", [("c1", "red"), ("", " on")]),
        ("\x1b[1;32mok\x1b[22m.", [("c2 b", "ok"), ("c2", ".")]),
        ("\x1b[38;5;196mx\x1b[39my", [("c1", "x"), ("", "y")]),
        ("\x1b[38;2;0;0;250mx", [("c4", "x")]),
        ("\x1b[48;5;196mx", [("", "x")]),
        ("\x1b[38;5;240mx", [("", "x")]),
        (" 10%\r 20%\r 30%\nend", [("", " 30%\nend")]),
        ("50%\r", [("", "50%")]),
        ("a\r\nb", [("", "a\nb")]),
        ("\x1b]0;title\x07x\x1b[2Ky", [("", "x"), ("", "y")]),
        ("\x1b[31", [("", "[31")]),
        ("a\x00\x08b\ud800", [("", "ab")]),
    ],
)
def test_terminal_text_becomes_styles(text, shown):
    assert runs([("stdout", text)], 1_000) == shown


def test_stderr_has_a_style_and_the_order_is_kept():
    parts = [("stdout", "a"), ("stderr", "b"), ("stderr", "c"), ("stdout", "d")]

    assert runs(parts, 1_000) == [("", "a"), ("err", "bc"), ("", "d")]


def test_only_the_newest_text_is_kept():
    assert runs([("stdout", "abc"), ("stderr", "defg")], 5) == [("", "c"), ("err", "defg")]


def test_a_line_of_a_million_characters_is_quick_to_show():
    assert sum(len(text) for _, text in runs([("stdout", "\r" + "x" * 10**6)], 8_000)) == 8_000


def test_a_cleaned_text_is_one_short_line():
    assert clean("  a\n\tb\x1b[31mc\x1b[0m\x07 ") == "a bc"
    assert clean("x" * 500, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (0, "0.0 s"),
        (1_340, "1.3 s"),
        (9_990, "10 s"),
        (59_700, "1 min 00 s"),
        (200_000, "3 min 20 s"),
        (3_900_000, "1 h 05 min"),
    ],
)
def test_a_duration_in_words(ms, words):
    assert duration(ms) == words


@pytest.mark.parametrize(
    ("n_bytes", "words"),
    [(812, "812 B"), (80_000, "80 kB"), (2_140_000, "2.1 MB"), (999_900, "1.0 MB")],
)
def test_a_size_in_words(n_bytes, words):
    assert size(n_bytes) == words


def test_members_of_several_records_are_numbered_through():
    first, second = record(2, "a"), record(1, "b")
    second.finish(0, bytes([REVOKED]), [b""], "w", 1)
    both = tally(first, second)

    assert [both.label(i) for i in range(3)] == ["a[0]", "a[1]", "b"]
    assert list(both.codes()) == [0, 0, 6]


def test_a_running_member_with_a_report_counts_as_progress():
    one = record(3)
    one.begin(0, "w", 1)
    one.begin(1, "w", 1)
    one.report(1, Progress(1, 4))
    found = tally(one)

    assert one.states[1] == STARTED
    assert found.counts()[:3] == [1, 1, 1]
    assert found.shares()[1] == 63


def test_an_error_that_arrives_after_its_state_is_still_grouped():
    one = record(20)
    one.finish(3, bytes([FAILURE]), [b""], "w", 1)
    found = tally(one)
    one.errors[3] = ErrorText("ValueError", "late")
    found.drain()

    assert [(group.type_name, group.count) for group in found.by_frequency()] == [("ValueError", 1)]


def test_output_after_a_failure_does_not_count_it_twice():
    one = record(20)
    found = tally(one)
    fail(one, 3, ErrorText("ValueError", "x"))
    found.drain()
    one.write(3, "stderr", "late words")
    found.drain()

    assert found.by_frequency()[0].count == 1
