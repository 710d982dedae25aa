"""What a client keeps of a member's output: text and displays in order, each with a limit."""

import pytest

from nbtasks.output import DISPLAY_LIMIT, OUTPUT_LIMIT, Output
from nbtasks.record import Dropped


def shown(name, body):
    return f"s{name}\n{body}"


def test_displays_keep_their_place_among_text_and_are_no_text():
    output = Output()
    for part in (("stdout", "a"), ("display", shown("", "{}")), ("stdout", "b")):
        output.add(*part)
    assert [stream for stream, _ in output.parts] == ["stdout", "display", "stdout"]
    assert output.text() == "ab"


def test_an_update_takes_the_place_of_what_has_its_id():
    output = Output()
    output.add("display", shown("one", "1"))
    output.add("display", shown("other", "2"))
    output.add("display", "uone\n3")
    output.add("display", "unobody\n4")
    assert [text for _, text in output.parts] == [shown("one", "3"), shown("other", "2")]


def test_clearing_empties_at_once_or_with_what_comes_next():
    output = Output()
    output.add("stdout", "old")
    output.add("display", "w")
    assert output.text() == "old"
    output.add("stdout", "new")
    assert output.text() == "new"
    output.add("display", "c")
    assert not output.parts


def test_the_oldest_displays_go_and_text_stays():
    output = Output()
    output.add("stdout", "before")
    for number in range(500):
        output.add("display", shown("", f"{number}" + "x" * 30_000))
    assert output.displayed <= DISPLAY_LIMIT
    assert output.dropped_displays + len(output.parts) - 1 == 500
    assert output.parts[-1][1].startswith("s\n499")
    assert output.text() == "before"


def test_the_lines_that_are_dropped_are_counted():
    output = Output()
    output.add("display", shown("", "kept"))
    for _ in range(3):
        output.add("stdout", "line\n" * (OUTPUT_LIMIT // 5))
    assert output.dropped_lines == 2 * (OUTPUT_LIMIT // 5)
    assert output.parts[0][0] == "display"


def test_what_the_worker_has_dropped_counts_and_stands_where_it_was():
    output = Output()
    for part in (("stdout", "before\n"), ("dropped", "1200 3 0"), ("stdout", "after\n")):
        output.add(*part)
    assert (output.dropped_lines, output.dropped_displays) == (1200, 3)
    assert output.parts[1] == ("dropped", "… 1,200 lines and 3 displays dropped …\n")
    assert output.text() == "before\nafter\n"


@pytest.mark.parametrize("text", ["", "1", "1 2 x", "-1 0 0", "1 2 3 4", "é 0 0"])
def test_nonsense_about_what_was_dropped_is_nothing(text):
    assert Dropped.read(text) == Dropped()


def test_what_was_dropped_is_told_in_words():
    assert Dropped(1, 1).words() == "1 line and 1 display"
    assert Dropped(size=12_300_000).line() == "… 12.3 MB dropped …\n"
    assert not Dropped().words()
    assert Dropped.read(Dropped(5, 6, 7).text()) == Dropped(5, 6, 7)
