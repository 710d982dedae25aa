"""The page on reliability names tests that exist, at least one for each fault."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text("utf-8")
MATRIX = PAGE.partition("## The fault matrix")[2].partition("\n## ")[0]
ROWS = dict(re.findall(r"^\| (.+?) \| (.+) \|$", MATRIX, re.MULTILINE)[2:])
TESTS = sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)))


@pytest.mark.parametrize("fault", ROWS)
def test_every_fault_names_a_test(fault):
    assert re.search(r"`[\w/]+\.py::test_\w+`", ROWS[fault])


@pytest.mark.parametrize(("file", "name"), TESTS, ids="::".join)
def test_every_test_that_the_page_names_exists(file, name):
    text = (ROOT / "tests" / file).read_text("utf-8")
    assert re.search(rf"^(async )?def {name}\(", text, re.MULTILINE)


def test_the_matrix_is_read_whole():
    assert len(ROWS) == MATRIX.count("\n| ") - 2
