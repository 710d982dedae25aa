"""Boxes and arrows in layers, as SVG (pure): the same boxes always make the same drawing.

Boxes bring their own light ground and dark text, and lines are of a grey between, so a drawing can
be read on a light page and on a dark one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

WIDTH: Final = 168
HEIGHT: Final = 44
GAP_X: Final = 44
GAP_Y: Final = 14
MARGIN: Final = 8
NAME_LIMIT: Final = 20
SWEEPS: Final = 4
"""How often the boxes of each layer are put in the order of their neighbours."""

_BEND: Final = 10
"""The height of a line's place in a layer that it only passes."""

_FORM: Final = 'font-family="system-ui, sans-serif" fill="#1f2328"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A box.

    Attributes:
        name: Its first line.
        detail: Its second line.
        hint: What is shown when the pointer rests on it.
        fill: The colour of its ground.
        edge: The colour of its border and of its bar.
        dashed: Whether its border is.
        share: How much of its bar is full, from 0 to 1.
        before: The places of those that come before it; all are smaller than its own.
    """

    name: str
    detail: str = ""
    hint: str = ""
    fill: str = "#f0f1f3"
    edge: str = "#6e7781"
    dashed: bool = False
    share: float = 0.0
    before: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Drawing:
    """A picture; a notebook shows it."""

    svg: str

    def __repr__(self) -> str:
        return f"<Drawing: {len(self.svg):,} characters of SVG>"

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> None:
        """Write it to a file."""
        Path(path).write_text(self.svg, "utf-8")


@dataclass(slots=True, eq=False)
class _Spot:
    """A box, or the place where a line passes a layer, as it is laid out."""

    layer: int
    height: int
    before: "list[_Spot]"
    after: "list[_Spot]"
    box: Box | None = None
    y: float = 0.0

    @property
    def x(self) -> int:
        return MARGIN + self.layer * (WIDTH + GAP_X)

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


def draw(boxes: Sequence[Box], *, title: str, description: str) -> Drawing:
    """Draw boxes and what comes before them.

    Args:
        boxes: Each after those that come before it.
        title: What the drawing is, for those who cannot see it.
        description: What is to be seen, likewise.
    """
    layers = _layers(boxes)
    _order(layers)
    height = _place(layers)
    width = 2 * MARGIN + max(1, len(layers)) * (WIDTH + GAP_X) - GAP_X
    spots = [spot for layer in layers for spot in layer]
    lines = [_line(spot, after) for spot in spots for after in spot.after]
    shapes = [_shape(spot, spot.box) for spot in spots if spot.box is not None]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:g}"'
        f' viewBox="0 0 {width} {height:g}" style="max-width:100%;height:auto" role="img"'
        f' aria-label="{escape(title)}. {escape(description)}">'
    )
    told = f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
    return Drawing("\n".join((head, told, *lines, *shapes, "</svg>")))


def _layers(boxes: Sequence[Box]) -> list[list[_Spot]]:
    """Each box one layer after the last of those before it; a line has a place in each between."""
    layers: list[list[_Spot]] = []
    spots: list[_Spot] = []
    for box in boxes:
        layer = max((spots[at].layer + 1 for at in box.before), default=0)
        spot = _Spot(layer, HEIGHT, [], [], box)
        spots.append(spot)
        while len(layers) <= layer:
            layers.append([])
        layers[layer].append(spot)
        for at in dict.fromkeys(box.before):
            _join(spots[at], spot, layers)
    return layers


def _join(before: _Spot, after: _Spot, layers: list[list[_Spot]]) -> None:
    at = before
    for layer in range(before.layer + 1, after.layer):
        # One line for all that go on from here: they part where they must.
        bend = next((spot for spot in at.after if spot.box is None), None)
        if bend is None:
            bend = _Spot(layer, _BEND, [at], [])
            at.after.append(bend)
            layers[layer].append(bend)
        at = bend
    at.after.append(after)
    after.before.append(at)


def _order(layers: list[list[_Spot]]) -> None:
    """Put neighbours near each other: each layer by the mean place of those before, then after."""
    last = len(layers) - 1
    for sweep in range(SWEEPS):
        is_down = sweep % 2 == 0
        for at in range(1, last + 1) if is_down else range(last - 1, -1, -1):
            beside = layers[at - 1] if is_down else layers[at + 1]
            places = {id(spot): float(place) for place, spot in enumerate(beside)}
            means = {
                id(spot): _mean([places[id(each)] for each in near], place)
                for place, spot in enumerate(layers[at])
                for near in (spot.before if is_down else spot.after,)
            }
            layers[at].sort(key=lambda spot: means[id(spot)])


def _place(layers: list[list[_Spot]]) -> float:
    """Give each spot its height on the page, near those before it; the height of the page."""
    for layer in layers:
        bottom = 0.0
        wanted = [
            _mean([each.middle for each in spot.before], place * (HEIGHT + GAP_Y)) - spot.height / 2
            for place, spot in enumerate(layer)
        ]
        for spot, y in zip(layer, wanted, strict=True):
            spot.y = max(y, bottom) if spot is not layer[0] else y
            bottom = spot.y + spot.height + GAP_Y
        # Those that were pushed down take the others half of the way up.
        shift = _mean([y - spot.y for spot, y in zip(layer, wanted, strict=True)], 0.0)
        for spot in layer:
            spot.y += shift
    spots = [spot for layer in layers for spot in layer]
    top = min((spot.y for spot in spots), default=0.0)
    for spot in spots:
        spot.y = round(spot.y - top + MARGIN, 1)
    return max((spot.y + spot.height for spot in spots), default=0.0) + MARGIN


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _line(start: _Spot, stop: _Spot) -> str:
    """A line from the right of one spot to the left of another, with a head where a box is."""
    x0, y0 = start.x + WIDTH, start.middle
    x1, y1 = stop.x, stop.middle
    half = GAP_X / 2
    across = f"M{start.x} {y0:g}H{x0}" if start.box is None else f"M{x0} {y0:g}"
    head = "m-6 -4l6 4l-6 4" if stop.box is not None else ""
    path = f"{across}C{x0 + half:g} {y0:g} {x1 - half:g} {y1:g} {x1} {y1:g}{head}"
    return f'<path d="{path}" fill="none" stroke="#8b949e" stroke-width="1.5"/>'


def _shape(spot: _Spot, box: Box) -> str:
    x, y = spot.x, spot.y
    dash = ' stroke-dasharray="5 3"' if box.dashed else ""
    name = box.name if len(box.name) <= NAME_LIMIT else f"{box.name[: NAME_LIMIT - 1]}…"
    parts = [
        f"<g><title>{escape(box.hint or box.name)}</title>",
        (
            f'<rect x="{x}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="6"'
            f' fill="{box.fill}" stroke="{box.edge}" stroke-width="1.5"{dash}/>'
        ),
    ]
    if box.share:
        bar = round((WIDTH - 12) * min(1.0, box.share), 1)
        parts.append(
            f'<rect x="{x + 6}" y="{y + HEIGHT - 7:g}" width="{bar:g}" height="3" rx="1.5"'
            f' fill="{box.edge}"/>'
        )
    parts += [
        (
            f'<text x="{x + 9}" y="{y + 17:g}" font-size="13" font-weight="600" {_FORM}>'
            f"{escape(name)}</text>"
        ),
        f'<text x="{x + 9}" y="{y + 32:g}" font-size="11" {_FORM}>{escape(box.detail)}</text></g>',
    ]
    return "".join(parts)
