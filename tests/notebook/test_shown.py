"""What tasks display, on a card: in order, safe, and never more than a notebook can bear."""

import json

import pytest

from nbtasks.clock import SystemClock
from nbtasks.live import LiveRecord
from nbtasks.notebook.picture import Picture
from nbtasks.notebook.render import HTML_LIMIT, SHOWN_LIMIT, html_view
from nbtasks.notebook.shown import SHOWN, output_runs, safe_nodes, shown, to_html, value_runs
from nbtasks.notebook.tally import Tally
from nbtasks.states import SUCCESS


def safe_html(text):
    return to_html(safe_nodes(text))


def display(kind, content, plain="plain"):
    return "s\n" + json.dumps({"text/plain": plain, kind: content})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("<table border=1><tr><td>1</table>", '<table border="1"><tr><td>1</td></tr></table>'),
        ("<script>alert(1)</script><b>kept</b>", "<b>kept</b>"),
        ("<style>b{}</style><b onclick=x>kept", "<b>kept</b>"),
        ("</div></details>text & more", "text &amp; more"),
        ("<img src=x onerror=alert(1)>", "<img>"),
        ("<img src='https://a.b/c.png'>", "<img>"),
        ("<img src='data:image/png;base64,QQ=='>", '<img src="data:image/png;base64,QQ==">'),
        ("<p style='color: red; position: fixed'>", '<p style="color:red"></p>'),
        ("<p style='background-color: url(x)'>", "<p></p>"),
        ("<iframe src=x></iframe><svg><b>no</b></svg>yes", "yes"),
    ],
)
def test_html_is_written_anew_without_what_could_act(given, expected):
    assert safe_html(given) == expected


@pytest.mark.parametrize("link", ["javascript:alert(1)", " javascript:x", "data:text/html,x"])
def test_links_lead_to_the_web_only(link):
    assert "href" not in safe_html(f'<a href="{link}">x</a>')
    assert 'href="https://a.b"' in safe_html('<a href="https://a.b">x</a>')


def test_nesting_is_bounded():
    assert safe_html("<div>" * 10_000).count("<div>") == 100


@pytest.mark.parametrize("text", ["", "s\n", "s\n[1]", 's\n{"image/png": "\\"><script>"}', "half"])
def test_a_broken_display_shows_nothing_of_its_own(text):
    assert "<script" not in shown(text).html


def test_a_picture_is_an_image():
    assert 'src="data:image/png;base64,QQ=="' in shown(display("image/png", "QQ==\n")).html
    svg = shown(display("image/svg+xml", "<svg onload='x'/>")).html
    assert svg.startswith("<img ")
    assert "onload" not in svg.replace("onload%3D", "")


def test_text_and_displays_stay_in_order():
    parts = [("stdout", "a"), ("display", "s\n1"), ("display", "s\n2"), ("stderr", "b")]
    expected = [("", "a"), (SHOWN, "s\n1"), (SHOWN, "s\n2"), ("err", "b")]
    assert output_runs(parts, 100) == expected


def one_task(parts):
    record = LiveRecord("r1", 1, "draw")
    for stream, text in parts:
        record.write(0, stream, text)
    record.finish(0, bytes([SUCCESS]), [b""], "w", 5)
    return Tally([record])


def test_a_saved_card_has_its_displays_in_their_places():
    table = display("text/html", "<table><tr><td>7</td></tr></table>")
    page = html_view(one_task([("stdout", "above"), ("display", table), ("stdout", "below")]), "t")
    assert page.index("above") < page.index("<td>7</td>") < page.index("below")
    assert "\x00" not in page


def test_five_hundred_figures_keep_a_card_small_and_say_what_was_dropped():
    parts = [("display", display("image/png", "QUJD" * 10_000, str(n))) for n in range(500)]
    page = html_view(one_task(parts), "t")
    assert len(page.encode()) < HTML_LIMIT + SHOWN_LIMIT
    assert 'alt="499"' in page
    assert "480 displays dropped" in page


def test_a_browser_gets_each_display_once_and_a_fresh_one_all():
    tally = one_task([("display", display("image/png", "QQ==")), ("stdout", "x")])
    picture = Picture(tally, SystemClock(), title="t", detail="", inputs=())

    def sent(*, fresh):
        return list(picture.details(0, fresh=fresh)["shows"])

    (key,) = sent(fresh=False)
    assert sent(fresh=False) == []
    assert sent(fresh=True) == [key]
    assert picture.take_pause_ms() > 0
    assert picture.take_pause_ms() == 0


def test_a_million_lines_keep_a_card_small_and_say_what_was_dropped():
    parts = [
        ("stdout", "".join(f"line {n}\n" for n in range(at, at + 10_000)))
        for at in range(0, 10**6, 10_000)
    ]
    page = html_view(one_task(parts), "t")
    assert len(page.encode()) < HTML_LIMIT
    assert "line 999999" in page
    assert "lines dropped" in page


def test_a_value_that_is_more_than_words_is_shown_and_the_newest_try_counts():
    table = display("text/html", "<table><tr><td>7</td></tr></table>")
    parts = [("value", "old"), ("stdout", "x"), ("value", "   a\n0  7"), ("rich", table)]
    tally = one_task(parts)
    page = html_view(tally, "t")
    assert page.index("value</summary>") < page.index("<td>7</td>")
    assert "old" not in page
    details = Picture(tally, SystemClock(), title="t", detail="", inputs=()).details(0)
    assert details["value"] == [(SHOWN, shown(table).key)]
    assert list(details["shows"]) == [shown(table).key]
    assert value_runs([*parts, ("value", "7")], 9) == [("", "7")]
