"""What a client keeps of a member's output: text and displays in order, each with a limit."""

from nbtasks.live import DISPLAY_LIMIT, OUTPUT_LIMIT, Output


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
