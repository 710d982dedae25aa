"""The board's own page: real messages of a real Board, a fake model, Chromium without Jupyter."""

import pytest
from browsing import DARK

from nbtasks.live import ErrorText, LiveRecord
from nbtasks.states import FAILURE, SUCCESS

pytestmark = pytest.mark.browser


PICTURE = "document.querySelector('canvas.nbt-canvas').toDataURL()"


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


@pytest.mark.parametrize(
    ("background", "is_dark"),
    [("color(srgb 1 1 1)", False), ("oklch(0.2 0 0)", True), ("rgb(0 0 0 / 0.2)", False)],
)
def test_a_page_may_say_its_colour_in_any_way(show, is_dark):
    shown = show(record(200))

    assert shown.page.locator(".nbt[data-dark]").count() == is_dark


@pytest.mark.parametrize(
    ("n", "size"), [(600, 14), (2_500, 8), (12_000, 4), (60_000, 3), (250_000, 2)]
)
def test_large_boards_have_smaller_cells(show, n, size):
    one = record(n)
    one.finish(0, bytes([SUCCESS]) * n, [], "w", 9_000)
    one.states[n - 1] = ord("p")
    one.left = 1
    shown = show(one)

    assert shown.page.evaluate(f"window.pixel({n - 2}, {size})") == [0, 158, 115]
    assert shown.page.evaluate(f"window.pixel({n - 1}, {size})") != [0, 158, 115]


@pytest.mark.parametrize("n", [2_000, 10_000, 50_000, 100_000])
def test_a_whole_picture_is_the_same_as_one_cell_after_the_other(show, n):
    one = record(n)
    shown = show(one)
    for index in range(0, n, n // 300):
        fail(one, index, ErrorText("ValueError", "x"))
    shown.board._resync()
    shown.deliver()
    whole = shown.page.evaluate(PICTURE)
    changes = shown.board._picture.changes(range(n))
    told = {**shown.board._picture.frame(shown.board._seq + 1, ()), "t": "d"}
    shown.messages.append((told, [changes]))
    shown.deliver()

    assert shown.page.evaluate(PICTURE) == whole


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
    assert shown.page.evaluate("window.sent.filter(({ t }) => t === 'cancel').length") == 0
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


def test_retry_in_the_place_of_cancel_only_asks(show):
    again = []
    one = record(3)
    shown = show(one, retry=again.extend)
    row = shown.page.locator(".nbt-row").nth(1)
    row.get_by_role("button", name="Cancel this task").click()
    one.finish(1, bytes([FAILURE]), [b""], "w", 9_000)
    shown.flush()

    button = row.get_by_role("button", name="Retry this task")
    button.click()
    shown.answer_all()
    assert (shown.calls, again, button.inner_text()) == ([], [], "Sure?")

    button.click()
    shown.answer_all()
    assert again == [(one, 1)]


def test_an_armed_button_calms_down(show, bare_page):
    bare_page.clock.install()
    shown = show(record(12))
    button = shown.page.get_by_role("button", name="Cancel all")
    button.click()

    bare_page.clock.run_for(4_100)

    assert button.inner_text() == "Cancel all"


def test_a_busy_kernel_is_said_after_half_a_second(show, bare_page):
    bare_page.clock.install()
    shown = show(record(12))
    button = shown.page.get_by_role("button", name="Cancel all")
    button.click()
    button.click()

    bare_page.clock.run_for(600)

    assert "queued: kernel busy" in shown.text(".nbt-says")


def test_a_dead_kernel_is_said_at_once(show):
    shown = show(record(12))
    shown.page.evaluate("window.kernelGone = true")
    button = shown.page.get_by_role("button", name="Cancel all")
    button.click()
    button.click()

    assert shown.text(".nbt-says") == "kernel gone"


def test_elapsed_time_moves_without_messages(show, bare_page):
    bare_page.clock.install(time=10.0)
    one = record(2)
    shown = show(one)
    one.begin(0, "w", shown.board._picture._clock.wall_ms() - 5_000)
    shown.flush()

    bare_page.clock.run_for(7_100)

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


def test_the_live_region_speaks_at_most_every_five_seconds(show, bare_page):
    bare_page.clock.install()
    one = record(40)
    shown = show(one)
    first = shown.page.locator(".nbt-live").text_content()
    succeed(one, 0)
    shown.flush()
    assert shown.page.locator(".nbt-live").text_content() == first

    bare_page.clock.run_for(6_000)

    assert shown.page.locator(".nbt-live").text_content() == "scores: 1 of 40 done"


def test_buttons_are_at_least_24_pixels(show):
    shown = show(record(12))
    boxes = [one.bounding_box() for one in shown.page.get_by_role("button").all()]

    assert all(min(box["width"], box["height"]) >= 24 for box in boxes)


@pytest.mark.parametrize("background", [DARK])
def test_a_dark_page_gets_the_dark_palette(show, bare_page, background):
    del background
    show(record(40))

    assert bare_page.locator(".nbt").get_attribute("data-dark") is not None
    assert bare_page.evaluate("window.pixel(0, 14)") == [0x4A, 0x4F, 0x57]


def test_the_palette_follows_a_change_of_theme(show, bare_page):
    show(record(40))

    bare_page.evaluate("document.body.style.background = '#111'")
    bare_page.wait_for_selector(".nbt[data-dark]")

    assert bare_page.evaluate("window.pixel(0, 14)") == [0x4A, 0x4F, 0x57]


def test_it_works_in_a_shadow_root(show, bare_page):
    one = record(3)
    shown = show(one, shadow=True)
    succeed(one, 0)
    shown.flush()

    assert "1 / 3" in shown.text()
    assert (
        bare_page.locator(".nbt").evaluate("(node) => getComputedStyle(node).borderRadius") == "8px"
    )


def test_reduced_motion_stops_the_bars(show, bare_page):
    bare_page.emulate_media(reduced_motion="reduce")
    one = record(3)
    one.begin(0, "w", 5_000)
    show(one)

    fill = bare_page.locator(".nbt-bar[data-unknown] > .nbt-fill")
    assert fill.evaluate("(node) => getComputedStyle(node).animationName") == "none"


def test_widgets_of_a_kind_share_one_module(bare_page):
    twice = "Promise.all(['a', 'b'].map((at) => import(`/widget.js?${at}`)))"
    same = bare_page.evaluate(f"{twice}.then(([one, other]) => one.default === other.default)")
    bare_page.requested.clear()

    assert same


def test_leaving_removes_every_listener(show, bare_page):
    one = record(3)
    shown = show(one)
    bare_page.evaluate("window.stop()")
    before = shown.text()
    succeed(one, 0)
    shown.flush()

    assert shown.text() == before
