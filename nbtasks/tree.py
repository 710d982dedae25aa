"""Text of a graph as a tree: each part stands below the last one that all ways to it lead through.

load
→ split
├─ fit × 100
└─ plot
→ report
"""

from collections.abc import Container, Iterator, Sequence
from typing import Final

_ROOT: Final = -1


def draw(labels: Sequence[str], before: Sequence[Sequence[int]], side: Container[int] = ()) -> str:
    """The tree of a graph without circles.

    Args:
        labels: A line for each part; a part stands after those it follows.
        before: The parts that each one follows.
        side: Parts that lead nowhere, as callbacks: the line goes on past them.
    """
    above = _dominators(before)
    below: dict[int, list[int]] = {}
    for part, parent in enumerate(above):
        below.setdefault(parent, []).append(part)
    lines: list[str] = []
    stack = [(part, "→ " if before[part] else "", "") for part in reversed(below.get(_ROOT, []))]
    while stack:
        part, first, indent = stack.pop()
        lines.append(first + labels[part])
        found = below.get(part, [])
        onwards = [each for each in found if each not in side]
        is_join = onwards and list(before[onwards[-1]]) != [part]
        last = onwards[-1] if is_join or len(onwards) == 1 else None
        stack += reversed(list(_children(found, last, indent)))
    return "\n".join(lines)


def _children(
    parts: Sequence[int], last: int | None, indent: str
) -> Iterator[tuple[int, str, str]]:
    """Each part with what its first line and the others begin with; one may go straight on."""
    several = [part for part in parts if part != last]
    for part in several:
        is_end = part == several[-1]
        yield part, f"{indent}{'└' if is_end else '├'}─ ", f"{indent}{' ' if is_end else '│'}  "
    if last is not None:
        yield last, f"{indent}→ ", indent


def _dominators(before: Sequence[Sequence[int]]) -> list[int]:
    """For each part the last one that all ways to it lead through."""
    above: list[int] = []
    depth: list[int] = []
    for earlier in before:
        common = earlier[0] if earlier else _ROOT
        for other in earlier[1:]:
            at = other
            while at != common:
                if common == _ROOT or (at != _ROOT and depth[at] > depth[common]):
                    at = above[at]
                else:
                    common = above[common]
        above.append(common)
        depth.append(0 if common == _ROOT else depth[common] + 1)
    return above
