"""The board's own page: real messages of a real Board, a fake model, Chromium without Jupyter."""

import shutil

import comm
import pytest
from playwright.sync_api import sync_playwright
from widget_page import DARK, FLAGS, LIGHT, Shown, open_page, wire_to

from nbtasks.live import ErrorText, LiveRecord, Progress
from nbtasks.states import FAILURE, SUCCESS

pytestmark = pytest.mark.browser

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=//evil.test/x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "</pre></details></td></tr></table><iframe src=//evil.test></iframe>",
    '"><b onmouseover=alert(1) autofocus tabindex=1 onfocus=alert(1)>',
    "' onfocus='alert(1)' autofocus='",
    "javascript:alert(1)",
    "<a href='javascript:alert(1)'>x</a>",
    "<!--<img src=x onerror=alert(1)>-->",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<style>@import '//evil.test/a.css'; *{display:none}</style>",
    "<math><mtext></form><form><mglyph><style></math><img src=//evil.test onerror=alert(1)>",
    "\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07",
    "\x00\x1b[31m<base href=//evil.test>\ud800\u202e",
    "{{constructor.constructor('alert(1)')()}}${alert(1)}",
]


@pytest.fixture(scope="module")
def chromium():
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def background():
    return LIGHT


@pytest.fixture
def page(chromium, background):
    found = open_page(chromium, background)
    yield found
    assert found.problems == []
    assert found.requested == []
    found.close()


@pytest.fixture
def show(page, monkeypatch):
    boards = []
    monkeypatch.setattr(comm, "create_comm", wire_to(boards))

    def start(record, *, shadow=False, late=False, **options):
        boards.append(Shown(page, record, **options))
        return boards[-1].start(shadow=shadow, late=late)

    return start


def record(n=1, labels=None, name="fit"):
    one = LiveRecord("a1", n, name, submitted_ms=1_000)
    one.labels = labels
    return one


def succeed(one, *indices):
    for index in indices:
        one.finish(index, bytes([SUCCESS]), [b""], "w", 9_000)


def fail(one, index, error):
    one.errors[index] = error
    one.finish(index, bytes([FAILURE]), [b""], "w", 9_000)


def test_a_single_task_shows_state_output_and_value(show):
    one = record()
    shown = show(one, inputs=[("X", 2_100_000)], detail="queue gpu")
    one.begin(0, "worker-1", 5_000)
    one.report(0, Progress(3, 10, "epoch 3"))
    one.write(0, "stdout", "hello\n")
    one.write(0, "value", "0.93")
    shown.flush()

    words = shown.text()

    for part in ("scores", "queue gpu", "2.1 MB", "running", "3 / 10 · epoch 3", "hello", "0.93"):
        assert part in words


def test_few_tasks_have_a_row_each_with_label_state_and_error(show):
    one = record(3, ["c=0.1", "c=1", "c=10"])
    shown = show(one)
    one.begin(0, "w", 5_000)
    fail(one, 1, ErrorText("ValueError", "too small"))
    shown.flush()

    rows = [" ".join(row.split()) for row in shown.page.locator(".nbt-row").all_inner_texts()]

    assert "c=0.1 ▶ running" in rows[0]
    assert "c=1 ✕ failure ValueError: too small" in rows[1]
    assert "c=10 · pending" in rows[2]


def test_the_summary_counts_what_is_done_and_what_runs(show):
    one = record(40)
    shown = show(one)
    succeed(one, *range(36))
    fail(one, 36, ErrorText("ValueError", "x"))
    one.begin(38, "w", 5_000)
    shown.flush()

    assert " ".join(shown.text(".nbt-summary").split()).startswith("37 / 40 · 1 running")
    bar = shown.page.get_by_role("progressbar", name="scores")
    assert bar.get_attribute("aria-valuetext") == "37 of 40 done, 1 running, 1 failed"


def test_a_delta_paints_the_cells_that_changed(show):
    one = record(200)
    shown = show(one)
    before = shown.page.evaluate("window.pixel(77, 14)")
    succeed(one, 77)
    fail(one, 78, ErrorText("ValueError", "x"))
    shown.flush()

    cells = [shown.page.evaluate(f"window.pixel({cell}, 14)") for cell in (76, 77, 78)]

    assert cells == [before, [0, 158, 115], [213, 94, 0]]


@pytest.mark.parametrize("background", [DARK])
def test_a_board_that_is_drawn_before_it_is_in_the_page_takes_the_theme_later(show):
    one = record(200)
    shown = show(one, late=True)
    succeed(one, 77)
    shown.flush()

    shown.page.wait_for_function("document.querySelector('.nbt').hasAttribute('data-dark')")
    assert shown.page.evaluate("window.pixel(77, 14)") == [15, 181, 131]


@pytest.mark.parametrize(("n", "size"), [(2_000, 8), (10_000, 4), (50_000, 3), (100_000, 2)])
def test_large_boards_have_smaller_cells(show, n, size):
    one = record(n)
    one.finish(0, bytes([SUCCESS]) * n, [], "w", 9_000)
    one.states[n - 1] = ord("p")
    one.left = 1
    shown = show(one)

    assert shown.page.evaluate(f"window.pixel({n - 2}, {size})") == [0, 158, 115]
    assert shown.page.evaluate(f"window.pixel({n - 1}, {size})") != [0, 158, 115]


def test_failures_are_grouped_by_type_with_a_folded_traceback(show):
    one = record(40)
    shown = show(one)
    for index in range(12):
        fail(one, index, ErrorText("ValueError", f"row {index}", "Traceback: here"))
    fail(one, 20, ErrorText("OSError", "gone"))
    shown.flush()

    summaries = shown.page.locator(".nbt-failures summary")

    assert [" ".join(text.split()) for text in summaries.all_inner_texts()] == [
        "✕ 12 ValueError row 0",
        "✕ 1 OSError gone",
    ]
    assert not shown.page.get_by_text("Traceback: here").is_visible()
    summaries.first.click()
    assert shown.page.get_by_text("Traceback: here").is_visible()


def test_a_gap_asks_for_the_whole_and_heals(show):
    one = record(200)
    shown = show(one)
    succeed(one, 5)
    shown.now_ms += 1_000.0
    shown.thread.flush(shown.now_ms)
    shown.messages.clear()  # the server dropped it
    succeed(one, 6)
    shown.flush()
    assert shown.page.evaluate("window.sent.at(-1).t") == "resync"

    shown.answer()

    assert shown.page.evaluate("window.pixel(5, 14)") == [0, 158, 115]


def test_an_old_message_changes_nothing(show):
    one = record(200)
    shown = show(one)
    succeed(one, 5)
    shown.flush()
    stale = {**shown.board._picture.frame(1, ()), "t": "d", "counts": [200, 0, 0, 0, 0, 0, 0]}

    shown.messages.append((stale, [b""]))
    shown.deliver()

    assert shown.text(".nbt-done") == "1 / 200"


def test_cancel_all_needs_a_second_click(show):
    shown = show(record(12))
    button = shown.page.get_by_role("button", name="Cancel all unfinished tasks")

    button.click()
    assert button.inner_text() == "Sure? 12"
    assert shown.page.evaluate("window.sent.length") == 0
    button.click()
    shown.answer()

    assert shown.calls == [None]
    assert button.inner_text() == "Cancel all"


def test_cancel_of_one_row_names_it(show):
    one = record(3)
    shown = show(one)
    button = shown.page.locator(".nbt-row").nth(1).get_by_role("button", name="Cancel this task")

    button.click()
    button.click()
    shown.answer()

    assert shown.calls == [[(one, 1)]]


def test_an_armed_button_calms_down(show, page):
    page.clock.install()
    shown = show(record(12))
    button = shown.page.locator(".nbt-head button")
    button.click()

    page.clock.run_for(4_100)

    assert button.inner_text() == "Cancel all"


def test_a_busy_kernel_is_said_after_half_a_second(show, page):
    page.clock.install()
    shown = show(record(12))
    button = shown.page.locator(".nbt-head button")
    button.click()
    button.click()

    page.clock.run_for(600)

    assert "queued: kernel busy" in shown.text(".nbt-says")


def test_a_dead_kernel_is_said_at_once(show):
    shown = show(record(12))
    shown.page.evaluate("window.kernelGone = true")
    button = shown.page.locator(".nbt-head button")
    button.click()
    button.click()

    assert shown.text(".nbt-says") == "kernel gone"


def test_elapsed_time_moves_without_messages(show, page):
    page.clock.install(time=10.0)
    one = record(2)
    shown = show(one)
    one.begin(0, "w", shown.board._picture._clock.wall_ms() - 5_000)
    shown.flush()

    page.clock.run_for(7_100)

    assert shown.text(".nbt-row:first-child .nbt-time") == "12 s"


def test_the_grid_is_driven_by_the_keyboard(show):
    one = record(40, [f"seed={i}" for i in range(40)])
    shown = show(one)
    fail(one, 17, ErrorText("ValueError", "bad", "Traceback: here"))
    one.write(17, "stdout", "last words")
    shown.flush()
    shown.page.locator("canvas").focus()

    shown.page.keyboard.press("f")
    assert "seed=17" in shown.text(".nbt-hint")
    shown.page.keyboard.press("Enter")
    shown.answer()

    assert "last words" in shown.text(".nbt-panel")
    shown.page.keyboard.press("ArrowRight")
    assert "seed=18" in shown.text(".nbt-hint")


def test_a_click_on_a_cell_opens_its_details_and_its_output_stays_live(show):
    one = record(40)
    shown = show(one)
    shown.page.locator("canvas").click(position={"x": 3 * 14 + 5, "y": 5})
    shown.answer()
    assert "no output yet" in shown.text(".nbt-panel")

    one.write(3, "stdout", "working\n")
    shown.flush()

    assert "working" in shown.text(".nbt-panel")


def test_a_row_opens_and_closes_by_its_name(show):
    shown = show(record(3))
    name = shown.page.locator(".nbt-name").first

    name.click()
    shown.answer()
    assert name.get_attribute("aria-expanded") == "true"
    name.click()

    assert name.get_attribute("aria-expanded") == "false"
    assert not shown.page.locator(".nbt-panel").is_visible()


def test_the_live_region_speaks_at_most_every_five_seconds(show, page):
    page.clock.install()
    one = record(40)
    shown = show(one)
    first = shown.page.locator(".nbt-live").text_content()
    succeed(one, 0)
    shown.flush()
    assert shown.page.locator(".nbt-live").text_content() == first

    page.clock.run_for(6_000)

    assert shown.page.locator(".nbt-live").text_content() == "scores: 1 of 40 done"


def test_buttons_are_at_least_24_pixels(show):
    shown = show(record(12))
    boxes = [one.bounding_box() for one in shown.page.get_by_role("button").all()]

    assert all(min(box["width"], box["height"]) >= 24 for box in boxes)


@pytest.mark.parametrize("background", [DARK])
def test_a_dark_page_gets_the_dark_palette(show, page, background):
    del background
    show(record(40))

    assert page.locator(".nbt").get_attribute("data-dark") is not None
    assert page.evaluate("window.pixel(0, 14)") == [0x4A, 0x4F, 0x57]


def test_the_palette_follows_a_change_of_theme(show, page):
    show(record(40))

    page.evaluate("document.body.style.background = '#111'")
    page.wait_for_selector(".nbt[data-dark]")

    assert page.evaluate("window.pixel(0, 14)") == [0x4A, 0x4F, 0x57]


def test_it_works_in_a_shadow_root(show, page):
    one = record(3)
    shown = show(one, shadow=True)
    succeed(one, 0)
    shown.flush()

    assert "1 / 3" in shown.text()
    assert page.locator(".nbt").evaluate("(node) => getComputedStyle(node).borderRadius") == "8px"


def test_reduced_motion_stops_the_bars(show, page):
    page.emulate_media(reduced_motion="reduce")
    one = record(3)
    one.begin(0, "w", 5_000)
    show(one)

    fill = page.locator(".nbt-bar[data-unknown] > .nbt-fill")
    assert fill.evaluate("(node) => getComputedStyle(node).animationName") == "none"


def test_leaving_removes_every_listener(show, page):
    one = record(3)
    shown = show(one)
    page.evaluate("window.stop()")
    before = shown.text()
    succeed(one, 0)
    shown.flush()

    assert shown.text() == before


def hostile(n, text):
    one = record(n, [text] * n, text)
    one.begin(0, text, 5_000)
    one.report(0, Progress(1, 2, text))
    one.write(0, "stdout", text)
    one.write(0, "stderr", text)
    one.write(0, "value", text)
    one.errors[0] = ErrorText(text, text, text)
    if n > 1:
        fail(one, n - 1, ErrorText(text, text, text))
    return one


ELEMENTS = "[...document.querySelectorAll('.nbt *')].map((node) => node.localName).join()"
ATTRIBUTES = """[...document.querySelectorAll('.nbt *')].flatMap((node) => [...node.attributes])
  .filter(({ name }) => /^on|^href$|^src$|^autofocus$/.test(name)).length"""


@pytest.mark.parametrize("n", [1, 3, 20])
def test_hostile_text_adds_no_element_no_dialog_and_no_request(show, page, n):
    plain = show(hostile(n, "plain"), title="plain", detail="plain", inputs=[("plain", 1)])
    if n > 1:
        plain.board._watch(0)
        plain.page.evaluate("document.querySelector('.nbt-name').click()")
        plain.answer()
    expected = page.evaluate(ELEMENTS)
    for text in HOSTILE:
        page.evaluate("window.stop(); document.getElementById('host').replaceChildren()")
        shown = show(hostile(n, text), title=text, detail=text, inputs=[(text, 1)])
        if n > 1:
            shown.page.evaluate("document.querySelector('.nbt-name').click()")
            shown.answer()
        page.evaluate("window.painted()")
        assert page.evaluate(ELEMENTS) == expected, text
        assert page.evaluate(ATTRIBUTES) == 0, text


@pytest.mark.parametrize("n", [1, 3, 20])
def test_hostile_text_in_the_frozen_view_does_nothing(show, page, n):
    for text in HOSTILE:
        shown = show(hostile(n, text), title=text, detail=text, inputs=[(text, 1)])
        static = shown.board._static()["text/html"]
        page.evaluate("(html) => { document.getElementById('host').innerHTML = html }", static)
        page.evaluate("window.painted()")
        assert page.locator("#host > *").count() == 1
        assert page.locator("#host script, #host iframe, #host style, #host a").count() == 0
        assert page.evaluate(ATTRIBUTES) == 0
