"""The results' own page: a real table of real records, Chromium without Jupyter."""

import os
from pathlib import Path

import pytest
from page_side import DARK, LIGHT, Stream, open_chromium, open_shown

from nbtasks.live import ErrorText, LiveRecord
from nbtasks.notebook.feed import Feed
from nbtasks.notebook.results import Results
from nbtasks.states import FAILURE, SUCCESS

pytestmark = pytest.mark.browser
N = 450


@pytest.fixture(scope="module")
def chromium():
    with open_chromium() as found:
        yield found


@pytest.fixture
def background():
    return LIGHT


@pytest.fixture
def record():
    found = LiveRecord("a1", N, "fit", submitted_ms=1_000)
    found.labels = [f"seed={i:03}" for i in range(N)]
    for i in range(N - 50):
        found.begin(i, "local-1", 5_000)
    found.errors[7] = ErrorText("ValueError", "<img src=x> too small")
    for i in range(N - 100):
        state = FAILURE if i == 7 else SUCCESS
        found.finish(i, bytes([state]), [b""], "local-1", 5_500 + 10 * i)
    return found


@pytest.fixture
def deeds():
    return []


@pytest.fixture
def shown(chromium, record, deeds, monkeypatch, background):
    def make():
        return Results(
            [record],
            title="scores",
            cancel=lambda members: deeds.append(("cancel", members)),
            retry=lambda members: deeds.append(("retry", members)),
            feed=Feed(Stream()),
        )

    with open_shown(chromium, "results", make, monkeypatch, background) as found:
        found.start().answer()
        yield found


def rows(shown):
    return shown.page.locator("tbody tr")


@pytest.mark.parametrize("background", [LIGHT, DARK], ids=["light", "dark"])
def test_a_page_has_200_rows_and_the_next_one_follows(shown, background):
    shown.page.get_by_role("checkbox", name="Select seed=007").check()
    if folder := os.environ.get("SCREENSHOTS"):
        shown.page.screenshot(path=Path(folder) / f"results-{background[1:]}.png")
    assert rows(shown).count() == 200
    assert "1 to 200 of 450 tasks" in shown.text()

    shown.page.get_by_role("button", name="The next page").click()
    shown.answer()

    assert "201 to 400 of 450 tasks" in shown.text()
    assert "seed=200" in rows(shown).first.inner_text()


def test_the_kernel_sorts_and_filters(shown):
    shown.page.get_by_role("combobox").select_option("success")
    shown.answer()
    assert "of 349 tasks of 450" in shown.text()

    for _ in range(2):
        shown.page.get_by_role("button", name="took").click()
        shown.answer()

    assert "seed=349 ✓ success 4.0 s" in " ".join(rows(shown).first.inner_text().split())


def test_words_are_found_in_errors_and_are_only_text(shown):
    shown.page.get_by_role("searchbox").fill("too small")
    shown.page.get_by_role("searchbox").press("Enter")
    shown.answer()

    assert rows(shown).count() == 1
    assert "ValueError: <img src=x> too small" in shown.text()
    assert shown.page.locator("img").count() == 0


def test_what_is_selected_is_retried_by_the_second_click(shown, record, deeds):
    for name in ("seed=007", "seed=008"):
        shown.page.get_by_role("checkbox", name=f"Select {name}").check()
    button = shown.page.get_by_role("button", name="Run the selected tasks")
    button.click()
    assert button.inner_text() == "Sure? 2"
    button.click()
    shown.answer()

    assert deeds == [("retry", [(record, 7)])]


def test_what_is_shown_is_saved_as_csv(shown):
    with shown.page.expect_download() as saved:
        shown.page.get_by_role("button", name="Save what is shown as CSV").click()
        shown.answer()

    lines = Path(saved.value.path()).read_text().splitlines()
    assert saved.value.suggested_filename == "scores.csv"
    assert lines[8] == "7,seed=007,FAILURE,0.6 s,local-1,ValueError: <img src=x> too small"
    assert len(lines) == N + 1


def test_a_saved_notebook_keeps_the_first_rows(shown):
    kept = shown.view._static()

    assert kept["text/plain"].startswith("scores: 450 tasks, the first 20 of them\n")
    assert "&lt;img src=x&gt; too small" in kept["text/html"]
