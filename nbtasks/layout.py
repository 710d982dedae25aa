"""Where the boxes of a graph stand, in layers from left to right, and what lines join (pure).

The same boxes always get the same places. `notebook/static/layout.js` does this step by step in a
browser; one set of cases holds both, to the last digit. So nothing is summed or rounded here but in
ways that come out the same there.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import floor
from typing import Final

WIDTH: Final = 168
HEIGHT: Final = 44
GAP_X: Final = 44
GAP_Y: Final = 14
MARGIN: Final = 8
SWEEPS: Final = 4
"""How often the boxes of each layer are put in the order of their neighbours."""

_BEND: Final = 10
"""The height of a place where lines only pass a layer, or meet."""


@dataclass(slots=True, eq=False)
class Spot:
    """A box, or the place where lines pass a layer, or meet.

    Attributes:
        is_box: Whether it is a box.
        is_dot: Whether lines meet here: all before it lead to all after it.
        before: The spots that lines come from; where no lines meet it is one at most.
        after: The spots that lines go to.
        x: Its left edge, in px.
        y: Its upper edge.
        width: How wide it is: of a place in a layer of boxes as wide as those.
        height: How high it is.
    """

    layer: int
    is_box: bool = False
    is_dot: bool = False
    before: "list[Spot]" = field(default_factory=list["Spot"])
    after: "list[Spot]" = field(default_factory=list["Spot"])
    place: int = 0
    x: int = 0
    y: float = 0.0
    width: int = 0

    @property
    def height(self) -> int:
        """How high it is, in px."""
        return HEIGHT if self.is_box else _BEND

    @property
    def middle(self) -> float:
        """The height of its middle on the page."""
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Layout:
    """A graph on a page: the boxes in the order given, and all spots."""

    width: int
    height: float
    boxes: Sequence[Spot]
    spots: Sequence[Spot]


def lay_out(before: Sequence[Sequence[int]]) -> Layout:
    """Give boxes their places.

    Args:
        before: For each box the places in this list of those that come before it; all are smaller
            than its own.
    """
    layers: list[list[Spot]] = []
    boxes = _layers(before, layers)
    _order(layers)
    width = _across(layers)
    height = _down(layers)
    return Layout(width, height, boxes, [spot for layer in layers for spot in layer])


def route(start: Spot, stop: Spot) -> list[Spot]:
    """The spots that the line from one box to another leads through, with both; [] for none."""
    ways = [[stop]]
    while ways:
        way = ways.pop()
        for spot in way[-1].before:
            if spot is start:
                return [start, *reversed(way)]
            if not spot.is_box:
                ways.append([*way, spot])
    return []


def _layers(before: Sequence[Sequence[int]], layers: list[list[Spot]]) -> list[Spot]:
    """Each box one layer after the last of those before it; a line has a place in each between."""
    known = [tuple(dict.fromkeys(each)) for each in before]
    alike = Counter(known)
    dots: dict[tuple[int, ...], Spot] = {}
    boxes: list[Spot] = []
    for each in known:
        near = [boxes[at] for at in each]
        if len(each) > 1 and alike[each] > 1:
            # All of these lead to all of those: one dot between them, and not a line for each pair.
            if each not in dots:
                dots[each] = _add(Spot(0, is_dot=True), near, layers)
            near = [dots[each]]
        boxes.append(_add(Spot(0, is_box=True), near, layers))
    return boxes


def _add(spot: Spot, near: Sequence[Spot], layers: list[list[Spot]]) -> Spot:
    spot.layer = max((each.layer + 1 for each in near), default=0)
    while len(layers) <= spot.layer:
        layers.append([])
    layers[spot.layer].append(spot)
    for each in near:
        _join(each, spot, layers)
    return spot


def _join(before: Spot, after: Spot, layers: list[list[Spot]]) -> None:
    at = before
    for layer in range(before.layer + 1, after.layer):
        # One line for all that go on from here: they part where they must.
        bend = next((spot for spot in at.after if not spot.is_box and not spot.is_dot), None)
        if bend is None:
            bend = Spot(layer, before=[at])
            at.after.append(bend)
            layers[layer].append(bend)
        at = bend
    at.after.append(after)
    after.before.append(at)


def _order(layers: list[list[Spot]]) -> None:
    """Put neighbours near each other: each layer by the mean place of those before, then after."""
    for layer in layers:
        _number(layer)
    last = len(layers) - 1
    for sweep in range(SWEEPS):
        is_down = sweep % 2 == 0
        for at in range(1, last + 1) if is_down else range(last - 1, -1, -1):
            layer = layers[at]
            means = {
                id(spot): _mean([each.place for each in near], spot.place)
                for spot in layer
                for near in (spot.before if is_down else spot.after,)
            }
            layer.sort(key=lambda spot: means[id(spot)])
            _number(layer)


def _number(layer: Sequence[Spot]) -> None:
    for place, spot in enumerate(layer):
        spot.place = place


def _across(layers: Sequence[Sequence[Spot]]) -> int:
    """Give each layer its place from left to right; the width of the page."""
    x = MARGIN
    for layer in layers:
        width = WIDTH if any(spot.is_box for spot in layer) else 0
        for spot in layer:
            spot.x, spot.width = x, width
        x += width + GAP_X
    return x - GAP_X + MARGIN if layers else 2 * MARGIN + WIDTH


def _down(layers: Sequence[Sequence[Spot]]) -> float:
    """Give each spot its height on the page, near those before it; the height of the page."""
    for layer in layers:
        wanted = [
            _mean([each.middle for each in spot.before], spot.place * (HEIGHT + GAP_Y))
            - spot.height / 2
            for spot in layer
        ]
        bottom = wanted[0]
        moves: list[float] = []
        for spot, y in zip(layer, wanted, strict=True):
            spot.y = max(y, bottom)
            bottom = spot.y + spot.height + GAP_Y
            moves.append(y - spot.y)
        # Those that were pushed down take the others half of the way up.
        shift = _mean(moves, 0.0)
        for spot in layer:
            spot.y += shift
    spots = [spot for layer in layers for spot in layer]
    top = min((spot.y for spot in spots), default=0.0)
    for spot in spots:
        spot.y = floor((spot.y - top + MARGIN) * 10 + 0.5) / 10
    return max((spot.y + spot.height for spot in spots), default=0.0) + MARGIN


def _mean(values: Sequence[float], default: float) -> float:
    # Not sum(): since Python 3.12 it mends what is lost in between, and a browser does not.
    total = 0.0
    for value in values:
        total += value
    return total / len(values) if values else default
