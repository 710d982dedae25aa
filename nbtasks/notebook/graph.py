"""How the tasks of a canvas hang together, as plain data for a browser, which lays it out itself.

Its nodes stand in the order of the board's records: the states that a board sends colour both.
"""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import accumulate
from typing import Final, cast
from urllib.parse import quote

from nbtasks.live import LiveRecord
from nbtasks.notebook.heard import Message
from nbtasks.notebook.render import LABEL_LIMIT
from nbtasks.notebook.words import clean
from nbtasks.plan import Role
from nbtasks.result.canvas import Canvas
from nbtasks.result.critical import critical_path
from nbtasks.result.picture import picture

_ROLES: Final = tuple(Role)
_SVG_LIMIT: Final = 24_000
_TEXT_LINES: Final = 40
_TEXT_CHARS: Final = 6_000


def syntax(canvas: Canvas) -> Message:
    """The nodes and edges: `tasks` are names, and a node says which it is, by its place there."""
    steps = canvas.steps
    tasks = list(dict.fromkeys(clean(step.record.name, LABEL_LIMIT) for step in steps))
    places = {name: at for at, name in enumerate(tasks)}
    return {
        "tasks": tasks,
        "nodes": [
            (places[clean(step.record.name, LABEL_LIMIT)], step.record.n, _ROLES.index(step.role))
            for step in steps
        ],
        "edges": [
            (link.before, at, link.span, link.index)
            for at, step in enumerate(steps)
            for link in dict.fromkeys(step.links)
        ],
    }


def critical_members(canvas: Canvas) -> list[int]:
    """What a canvas that has ended has waited for, as the board numbers its tasks."""
    starts = list(accumulate((step.record.n for step in canvas.steps), initial=0))
    return [starts[at] + index for at, index in critical_path(canvas.steps)]


def drawn(canvas: Canvas) -> str:
    """The canvas as HTML that a saved notebook keeps: a picture, or lines where that is large."""
    svg = picture(canvas.steps, marks_path=True).svg
    source = f"data:image/svg+xml,{quote(svg)}"
    if len(source) <= _SVG_LIMIT:
        words = f"Canvas of {sum(record.n for record in canvas.records):,} tasks"
        style = "display:block;max-width:100%;margin:8px 0"
        return f'<img alt="{words}" style="{style}" src="{source}">'
    text = escape(clean_lines(str(canvas))[:_TEXT_CHARS])
    return f'<pre style="font-size:12px;overflow:auto;max-height:320px">{text}</pre>'


def lines(canvas: Canvas) -> str:
    """The canvas as text: a line for each of its steps, the first of many."""
    found = clean_lines(str(canvas)).splitlines()
    more = [f"… and {len(found) - _TEXT_LINES:,} more"] if len(found) > _TEXT_LINES else []
    return "\n".join(f"  {line}" for line in [*found[:_TEXT_LINES], *more])


def clean_lines(text: str) -> str:
    """Each line without what a terminal or a browser would obey."""
    return "\n".join(clean(line) for line in text.splitlines())


def read_spans(given: object) -> list[tuple[int, int]] | None:
    """Pairs of numbers that a browser has sent; None for anything else."""
    found: list[tuple[int, int]] = []
    for each in cast("list[object]", given) if isinstance(given, list) else [None]:
        match each:
            case [int(first), int(stop)]:
                found.append((first, stop))
            case _:
                return None
    return found


def members_in(
    spans: Sequence[tuple[int, int]], records: Sequence[LiveRecord]
) -> Iterator[tuple[LiveRecord, int]]:
    """The tasks in some spans of a board's numbering, of the last record first.

    What comes after others is told first that it is to end: then nobody starts it.
    """
    starts = list(accumulate((record.n for record in records), initial=0))
    for record, start in reversed(list(zip(records, starts, strict=False))):
        for first, stop in spans:
            low, high = max(0, first - start), min(record.n, stop - start)
            yield from ((record, index) for index in range(low, high))
