"""Boxes and arrows in layers, as SVG (pure): the same boxes always make the same drawing.

Boxes bring their own light ground and dark text, and lines are of a grey between, so a drawing can
be read on a light page and on a dark one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape as escape_html
from itertools import pairwise
from pathlib import Path
from typing import Final

from nbtasks.layout import GAP_X, HEIGHT, WIDTH, Layout, Spot, lay_out, route

NAME_LIMIT: Final = 20

_NEVER: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML has no way to say: a drawing with it would not be shown at all."""

_THIN: Final = 'stroke="#8b949e" stroke-width="1.5"'
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
        is_critical: Whether lines between it and others that are so, too, are drawn thick.
    """

    name: str
    detail: str = ""
    hint: str = ""
    fill: str = "#f0f1f3"
    edge: str = "#6e7781"
    dashed: bool = False
    share: float = 0.0
    before: tuple[int, ...] = ()
    is_critical: bool = False


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


def draw(boxes: Sequence[Box], *, title: str, description: str) -> Drawing:
    """Draw boxes and what comes before them.

    Args:
        boxes: Each after those that come before it.
        title: What the drawing is, for those who cannot see it.
        description: What is to be seen, likewise.
    """
    layout = lay_out([box.before for box in boxes])
    width, height = layout.width, layout.height
    thick = _critical(layout, boxes)
    lines = [
        _line(spot, after, is_thick=(id(spot), id(after)) in thick)
        for spot in layout.spots
        for after in spot.after
    ]
    dots = [_dot(spot) for spot in layout.spots if spot.is_dot]
    of = {id(spot): box for spot, box in zip(layout.boxes, boxes, strict=True)}
    shapes = [_shape(spot, of[id(spot)]) for spot in layout.spots if spot.is_box]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:g}"'
        f' viewBox="0 0 {width} {height:g}" style="max-width:100%;height:auto" role="img"'
        f' aria-label="{_escape(title)}. {_escape(description)}">'
    )
    told = f"<title>{_escape(title)}</title><desc>{_escape(description)}</desc>"
    return Drawing("\n".join((head, told, *lines, *dots, *shapes, "</svg>")))


def _critical(layout: Layout, boxes: Sequence[Box]) -> set[tuple[int, int]]:
    """The lines between critical boxes, by the spots they join."""
    found: set[tuple[int, int]] = set()
    for at, box in enumerate(boxes):
        for before in box.before if box.is_critical else ():
            if boxes[before].is_critical:
                way = route(layout.boxes[before], layout.boxes[at])
                found |= {(id(start), id(stop)) for start, stop in pairwise(way)}
    return found


def _line(start: Spot, stop: Spot, *, is_thick: bool) -> str:
    """A line from the right of one spot to the left of another, with a head where a box is."""
    x0, y0 = start.x + start.width, start.middle
    x1, y1 = stop.x, stop.middle
    half = GAP_X / 2
    across = f"M{start.x} {y0:g}H{x0}" if not start.is_box else f"M{x0} {y0:g}"
    head = "m-6 -4l6 4l-6 4" if stop.is_box else ""
    path = f"{across}C{x0 + half:g} {y0:g} {x1 - half:g} {y1:g} {x1} {y1:g}{head}"
    stroke = 'stroke="#57606a" stroke-width="3.5"' if is_thick else _THIN
    return f'<path d="{path}" fill="none" {stroke}/>'


def _dot(spot: Spot) -> str:
    """Where lines meet that lead from all on its left to all on its right."""
    return f'<circle cx="{spot.x + spot.width / 2:g}" cy="{spot.middle:g}" r="4" fill="#8b949e"/>'


def _shape(spot: Spot, box: Box) -> str:
    x, y = spot.x, spot.y
    dash = ' stroke-dasharray="5 3"' if box.dashed else ""
    name = box.name if len(box.name) <= NAME_LIMIT else f"{box.name[: NAME_LIMIT - 1]}…"
    parts = [
        f"<g><title>{_escape(box.hint or box.name)}</title>",
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
            f"{_escape(name)}</text>"
        ),
        f'<text x="{x + 9}" y="{y + 32:g}" font-size="11" {_FORM}>{_escape(box.detail)}</text></g>',
    ]
    return "".join(parts)


def _escape(text: str) -> str:
    return escape_html(_NEVER.sub("\ufffd", text))
