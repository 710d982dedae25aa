"""The results' own page: a real table of real records, Chromium without Jupyter."""

import os
from pathlib import Path

import pytest
from browsing import DARK, LIGHT
from page_side import Stream, open_shown

from nbtasks.live import ErrorText, LiveRecord
from nbtasks.notebook.feed import Feed
from nbtasks.notebook.results import Results
from nbtasks.notebook.tally import Tally
from nbtasks.notebook.values import Glances
from nbtasks.output import Output
from nbtasks.states import FAILURE, SUCCESS

pytestmark = pytest.mark.browser
N = 450
# A real frame, in which the browser tells of what was scrolled: the test has the clock.
FRAME = """() => new Promise((done) => window.frame(() => window.later(done)))"""
# The most rows that are in the page at any of 40 steps.
SCROLL = """async () => {
  const box = document.querySelector(".nbt-page"), seen = [];
  for (let step = 1; step <= 40; step++) {
    await new Promise((done) => {
      const look = () => requestAnimationFrame(() => {
        seen.push(box.querySelectorAll("tbody tr[aria-rowindex]").length);
        done();
      });
      box.addEventListener("scroll", look, { once: true });
      box.scrollTop = step * 70000;
    });
  }
  return Math.max(...seen);
}"""


class Shelf:
    """Where values come from: the n-th task has returned the n-th of these."""

    def __init__(self):
        self.store = self
        self.asked = []

    def value_sizes(self, rid, indices):
        del rid
        return [200_000 if index == 3 else 10 for index in indices]

    def values(self, record, indices):
        del record
        self.asked += indices
        return [{"score": index} if index else "<img src=x onerror=alert(1)>" for index in indices]


@pytest.fixture
def n():
    return N


@pytest.fixture
def record(n):
    found = LiveRecord("a1", n, "fit", submitted_ms=1_000)
    found.labels = [f"seed={i}" for i in range(n)]
    for i in range(n - 50):
        found.begin(i, "local-1", 5_000)
    found.errors[7] = ErrorText("ValueError", "<img src=x> too small", "Traceback of 7")
    for i in range(n - 100):
        state = FAILURE if i == 7 else SUCCESS
        found.finish(i, bytes([state]), [b""], "local-1", 5_500 + 10 * i)
    return found


@pytest.fixture
def deeds():
    return []


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def make(record, deeds, shelf):
    return lambda: Results(
        Tally([record]),
        title="scores",
        cancel=lambda members: deeds.append(("cancel", members)),
        retry=lambda members: deeds.append(("retry", members)),
        glances=Glances(lambda: shelf),
        feed=Feed(Stream()),
        name="scores",
    )


@pytest.fixture
def shown(chromium, make, monkeypatch, background):
    with open_shown(chromium, "results", make, monkeypatch, background) as found:
        found.page.evaluate("window.frame = requestAnimationFrame; window.later = setTimeout")
        found.page.clock.install()
        found.start()
        answer(found)
        yield found


def answer(shown):
    """Answer until nothing more is asked for; values are, once nothing has moved for a moment."""
    count = -1
    while count != shown.answered:
        count = shown.answered
        shown.answer()
        shown.page.evaluate(FRAME)
        shown.page.clock.run_for(70)
        shown.answer()


def lines(shown):
    return shown.page.locator("tbody tr[aria-rowindex]")


def line(shown, place):
    return shown.page.locator(f"tbody tr[aria-rowindex='{place + 2}']")


def words(locator):
    return " ".join(locator.inner_text().split())


def scroll(shown, top):
    shown.page.locator(".nbt-page").evaluate("(box, top) => { box.scrollTop = top }", top)
    shown.page.evaluate("window.painted()")
    answer(shown)


def picture(shown, name):
    if folder := os.environ.get("SCREENSHOTS"):
        shown.page.screenshot(path=Path(folder) / f"{name}.png")


@pytest.mark.parametrize("background", [LIGHT, DARK], ids=["light", "dark"])
def test_only_what_is_in_view_is_in_the_page_and_has_values(shown, shelf, background):
    line(shown, 4).get_by_role("checkbox").check()
    picture(shown, f"results-{background[1:]}")
    assert lines(shown).count() < 40
    assert max(shelf.asked) < 40
    assert words(line(shown, 5)) == "seed=5 ✓ success 0.6 s local-1 1 {'score': 5}"
    assert words(line(shown, 7)).endswith("ValueError: <img src=x> too small")
    assert words(line(shown, 3)).endswith("200 kB")
    assert "450 tasks" in shown.text()

    scroll(shown, 300 * 30)

    assert "seed=305 ✓ success" in words(line(shown, 305))
    assert words(line(shown, 305)).endswith("{'score': 305}")
    assert lines(shown).count() < 40
    assert shown.page.locator("img").count() == 0


def test_the_kernel_sorts_and_filters(shown):
    shown.page.get_by_role("button", name="success 349").click()
    answer(shown)
    assert "349 of 450 tasks" in shown.text()

    for _ in range(2):
        shown.page.get_by_role("button", name="took").click()
        answer(shown)
    assert words(line(shown, 0)).startswith("seed=349 ✓ success 4.0 s")

    shown.page.get_by_role("button", name="task", exact=True).click()
    answer(shown)
    assert [words(line(shown, place)).split()[0] for place in (1, 8)] == ["seed=1", "seed=9"]


def test_words_are_found_in_errors_and_are_only_text(shown):
    shown.page.get_by_role("searchbox").fill("too small")
    shown.page.get_by_role("searchbox").press("Enter")
    answer(shown)

    assert lines(shown).count() == 1
    assert "ValueError: <img src=x> too small" in shown.text()
    assert shown.page.locator("img").count() == 0


def test_a_row_opens_the_details_of_its_task_and_goes_on_hearing_of_it(shown, record):
    record.output[8] = Output()
    record.output[8].add("stdout", "epoch 1\n")
    line(shown, 8).get_by_role("button").click()
    answer(shown)
    shown.page.get_by_text("epoch 1").wait_for()
    picture(shown, "results-open")

    record.write(8, "stdout", "epoch 2\n")
    shown.view._feed.push(shown.view)
    shown.deliver()
    shown.page.get_by_text("epoch 2").wait_for()
    scroll(shown, 200 * 30)
    assert words(line(shown, 200)).startswith("seed=200")

    scroll(shown, 0)
    shown.page.get_by_role("button", name="Close the details").click()
    assert shown.page.locator(".nbt-panel:visible").count() == 0
    assert line(shown, 8).get_by_role("button").evaluate("(one) => one === document.activeElement")


def test_a_range_is_retried_by_the_second_click(shown, record, deeds):
    line(shown, 5).get_by_role("checkbox").click()
    line(shown, 9).get_by_role("checkbox").click(modifiers=["Shift"])
    answer(shown)
    assert "5 selected" in shown.text()
    button = shown.page.get_by_role("button", name="Run the selected tasks")
    button.click()
    assert button.inner_text() == "Sure? 5"
    button.click()
    answer(shown)

    assert deeds == [("retry", [(record, 7)])]


def test_what_was_asked_about_is_cancelled_whatever_is_ticked_by_then(shown, record, deeds):
    scroll(shown, 400 * 30)
    line(shown, 405).get_by_role("checkbox").check()
    button = shown.page.get_by_role("button", name="Cancel the selected tasks")
    button.click()
    # As by the answer to a range that was asked for before: it does not move the focus.
    line(shown, 409).get_by_role("checkbox").evaluate("(box) => box.click()")
    button.evaluate("(one) => one.click()")
    answer(shown)

    assert deeds == [("cancel", [(record, 405)])]


def test_all_that_a_filter_lets_through_is_cancelled(shown, record, deeds):
    shown.page.get_by_role("button", name="pending 50").click()
    answer(shown)
    shown.page.get_by_role("checkbox", name="Select all 50 tasks").check()
    answer(shown)
    assert "50 selected" in shown.text()
    for _ in range(2):
        shown.page.get_by_role("button", name="Cancel the selected tasks").click()
    answer(shown)

    assert deeds == [("cancel", [(record, i) for i in range(400, 450)])]
    shown.page.get_by_role("button", name="Select nothing").click()
    assert "nothing selected" in shown.text()


def test_the_keyboard_goes_along_all_rows_and_is_never_lost(shown):
    line(shown, 0).get_by_role("checkbox").focus()
    shown.page.keyboard.press("Space")
    shown.page.keyboard.press("ArrowRight")
    for key in ("ArrowDown", "End", "ArrowUp"):
        shown.page.keyboard.press(key)
    answer(shown)
    focused = "document.activeElement.closest('tr').getAttribute('aria-rowindex')"
    assert shown.page.evaluate(focused) == str(N - 2 + 2)
    assert words(line(shown, N - 2)).startswith("seed=448 · pending")
    assert "1 selected" in shown.text()

    scroll(shown, 0)
    assert shown.page.evaluate("document.activeElement.className").startswith("nbt-table")
    assert shown.page.locator("tbody [tabindex='0']").count() == 2


def test_clear_hands_the_focus_on_where_it_hides_itself(shown):
    page = shown.page
    line(shown, 0).get_by_role("checkbox").click()
    page.get_by_role("button", name="Clear").focus()
    page.keyboard.press("Enter")

    assert not page.get_by_role("button", name="Clear").count()
    assert page.evaluate("document.activeElement.textContent") == "CSV"


def test_what_is_shown_is_saved_as_csv(shown):
    with shown.page.expect_download() as saved:
        shown.page.get_by_role("button", name="Save what is shown as CSV").click()
        shown.answer()

    found = Path(saved.value.path()).read_text().splitlines()
    assert saved.value.suggested_filename == "scores.csv"
    assert found[8] == "7,seed=7,FAILURE,0.6 s,local-1,ValueError: <img src=x> too small"
    assert len(found) == N + 1


def test_code_for_a_data_frame_is_of_what_is_selected(shown):
    line(shown, 5).get_by_role("checkbox").check()
    shown.page.get_by_role("button", name="Copy code").click()
    shown.answer()

    assert "tasks = [scores[i] for i in [5]]\npd.DataFrame(" in shown.view._sheet.code(
        "scores", [5], range(N)
    )
    assert "tasks = [AsyncResult(task_id) for task_id in 'a1-5 a1-6'.split()]" in (
        shown.view._sheet.code("", None, [5, 6])
    )
    shown.page.get_by_role("status").get_by_text("pd.DataFrame").wait_for()


def test_a_saved_notebook_keeps_the_first_rows(shown):
    kept = shown.view._static()

    assert kept["text/plain"].startswith("scores: 450 tasks, the first 20 of them\n")
    assert "&lt;img src=x&gt; too small" in kept["text/html"]
    assert "&lt;img src=x onerror=alert(1)&gt;" in kept["text/html"]


@pytest.mark.parametrize("n", [100_000])
def test_of_a_hundred_thousand_rows_that_scroll_by_a_few_are_made(shown):
    assert 0 < shown.page.evaluate(SCROLL) < 40
    answer(shown)
    assert words(line(shown, 93_330)).startswith("seed=93330 ✓ success")
    assert lines(shown).count() < 40
