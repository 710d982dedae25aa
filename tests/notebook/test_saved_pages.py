"""A saved notebook on the pages of others, which take styles, scripts and pictures away."""

import json

import bleach
import pytest
from sanitizing import WITH_PICTURES, WITHOUT, on_github

from nbtasks.demo import quickstart
from nbtasks.live import ErrorText, LiveRecord
from nbtasks.notebook.render import html_view
from nbtasks.notebook.tally import Tally
from nbtasks.states import FAILURE, SUCCESS


def words(page):
    return bleach.clean(page, tags=[], strip=True)


def saved_page(protocols=WITHOUT):
    cells = json.loads(quickstart().read_text())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    pages = ["".join(each.get("data", {}).get("text/html", "")) for each in outputs]
    return on_github("".join(pages), protocols)


@pytest.mark.parametrize(
    "told",
    [
        "Connected to the embedded server: 2 workers",
        "search &nbsp;48 / 48",
        "✓" * 40,
        "✓ success 48",
        "chosen['C']=3",
        "98.4% in cross-validation",
        "broken &nbsp;✕ failure",
        "ValueError: cannot reshape array of size 64 into shape (9,9)",
        "4 tasks of this notebook",
    ],
)
def test_the_saved_quickstart_tells_its_story_without_a_style(told):
    found = words(saved_page()).replace("\xa0", "&nbsp;").replace("&#x27;", "'")

    assert told in found


def test_a_picture_that_is_taken_away_leaves_its_words_in_no_more_room_than_it_had():
    page = saved_page()

    assert 'src="data:' in saved_page(WITH_PICTURES)
    assert '<img alt="48 tasks, one cell each" width="672" height="14">' in page


def test_a_bar_that_loses_its_style_is_one_of_signs():
    record = LiveRecord("a1", 40, "fit")
    record.finish(0, bytes([SUCCESS]) * 20, [b""] * 20, "w", 9_000)
    record.errors[20] = ErrorText("ValueError", "too small")
    record.finish(20, bytes([FAILURE]), [b""], "w", 9_000)
    tally = Tally([record])
    tally.drain()

    page = words(on_github(html_view(tally, "fit")))

    assert f"{'✓' * 20}✕{'·' * 19}" in page
    assert "✕ ValueError (1): too small" in page
