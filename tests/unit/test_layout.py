"""One set of cases for two languages: tests/js/layouts.json says where everything stands."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtasks.layout import GAP_Y, lay_out, route

FILE = Path(__file__).parents[1] / "js" / "layouts.json"
CASES = json.loads(FILE.read_text("utf-8"))


def told(layout):
    """A layout as plain values: spots by their numbers."""
    number = {id(spot): at for at, spot in enumerate(layout.spots)}
    return {
        "width": layout.width,
        "height": layout.height,
        "boxes": [number[id(box)] for box in layout.boxes],
        "spots": [[spot.x, spot.y, spot.width] for spot in layout.spots],
        "lines": [
            [number[id(spot)], number[id(after)]] for spot in layout.spots for after in spot.after
        ],
    }


@st.composite
def graphs(draw):
    """For each of a few boxes some of those in front of it."""
    count = draw(st.integers(0, 25))
    return [draw(st.lists(st.integers(0, max(0, at - 1)), max_size=at)) for at in range(count)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_boxes_stand_where_the_browser_puts_them(case):
    expected = {name: case[name] for name in case if name not in {"name", "before"}}

    assert told(lay_out(case["before"])) == expected


@settings(max_examples=60)
@given(graphs())
def test_boxes_stand_behind_those_before_them_and_never_on_each_other(before):
    layout = lay_out(before)

    for at, box in enumerate(layout.boxes):
        assert all(layout.boxes[each].x < box.x for each in before[at])
        assert all(route(layout.boxes[each], box) for each in before[at])
    columns = {}
    for spot in sorted(layout.spots, key=lambda each: each.y):
        above = columns.setdefault(spot.x, [])
        assert not above or above[-1].y + above[-1].height + GAP_Y <= spot.y + 0.2
        above.append(spot)


def test_between_two_groups_is_one_dot_and_not_a_line_for_each_pair():
    firsts, seconds = range(20), range(20, 40)

    layout = lay_out([*([] for _ in firsts), *(list(firsts) for _ in seconds)])

    assert sum(len(spot.after) for spot in layout.spots) == 40
    (dot,) = (spot for spot in layout.spots if spot.is_dot)
    assert route(layout.boxes[3], layout.boxes[33]) == [layout.boxes[3], dot, layout.boxes[33]]
