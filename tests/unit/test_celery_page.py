"""The page on Celery names tests that exist, at least one for each row."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "celery.md").read_text("utf-8")
SAME = PAGE.partition("## The same")[2].partition("\n## ")[0]
ROWS = dict(re.findall(r"^\| (.+?) \| (.+) \|$", SAME, re.MULTILINE)[2:])
TESTS = sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)))


@pytest.mark.parametrize("row", ROWS)
def test_every_row_names_a_test(row):
    assert re.search(r"`[\w/]+\.py::test_\w+`", ROWS[row])


@pytest.mark.parametrize(("file", "name"), TESTS, ids="::".join)
def test_every_test_that_the_page_on_celery_names_exists(file, name):
    text = (ROOT / "tests" / file).read_text("utf-8")
    assert re.search(rf"^(async )?def {name}\(", text, re.MULTILINE)


def test_the_table_is_read_whole():
    assert len(ROWS) == SAME.count("\n| ") - 2
    assert len(ROWS) > 20
