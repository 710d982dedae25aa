"""A canvas in words and as a drawing, each of its tasks in the colour of its state (pure)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nbtasks.drawing import Box, Drawing, draw
from nbtasks.plan import Role
from nbtasks.result.critical import critical_path
from nbtasks.result.steps import Step
from nbtasks.states import TaskState

MOST_ROWS: Final = 200
"""Tasks that a text lists."""

MOST_BOXES: Final = 40
"""More are drawn as fewer: those of one name that come after the same ones are one box."""

MOST_DRAWN: Final = 300
"""Boxes in a drawing; what comes after those is left out, and counted."""

_COLOURS: Final = {
    TaskState.PENDING: ("#f0f1f3", "#6e7781"),
    TaskState.STARTED: ("#ddf0ff", "#0969da"),
    TaskState.PROGRESS: ("#ddf0ff", "#0969da"),
    TaskState.RETRY: ("#fff1cc", "#9a6700"),
    TaskState.SUCCESS: ("#dcf5e2", "#1a7f37"),
    TaskState.FAILURE: ("#ffe3e0", "#cf222e"),
    TaskState.REVOKED: ("#f3e8ff", "#8250df"),
    TaskState.IGNORED: ("#fafbfc", "#8b949e"),
}
"""The ground and the border of a box; the words in it say the state, too."""

_FIRST_SEEN: Final = (
    TaskState.FAILURE,
    TaskState.REVOKED,
    TaskState.STARTED,
    TaskState.RETRY,
    TaskState.PENDING,
    TaskState.SUCCESS,
    TaskState.IGNORED,
)
"""Which state gives a box of many tasks its colour."""

_MARKS: Final = {
    TaskState.SUCCESS: "✔",
    TaskState.FAILURE: "✘",
    TaskState.REVOKED: "✘",
    TaskState.STARTED: "▶",
    TaskState.RETRY: "↻",
    TaskState.PENDING: "·",
    TaskState.IGNORED: "o",
}


@dataclass(slots=True)
class Crowd:
    """Steps that are drawn as one box."""

    name: str
    role: Role
    before: tuple[int, ...]
    count: int
    states: Counter[TaskState]
    is_critical: bool = False


def table(steps: Sequence[Step]) -> str:
    """A line for each task: its state, its name, and what it comes after."""
    crowds = _crowds(steps, are_merged=False)
    lines = [_row(crowd, crowds) for crowd in crowds[:MOST_ROWS]]
    if len(crowds) > MOST_ROWS:
        lines.append(f"… and {len(crowds) - MOST_ROWS:,} more")
    return "\n".join(lines)


def crowds_of(steps: Sequence[Step]) -> list[Crowd]:
    """What is drawn as one box each: of many steps those that are alike together."""
    return _crowds(steps, are_merged=len(steps) > MOST_BOXES)


def picture(steps: Sequence[Step], *, marks_path: bool = False) -> Drawing:
    """A drawing: time goes from left to right.

    Args:
        steps: What is drawn.
        marks_path: Whether lines are thick along what it has waited for, once it has ended: which
            that was is another in each run.
    """
    crowds = crowds_of(steps)
    for crowd in crowds:
        crowd.is_critical &= marks_path
    left_out = sum(crowd.count for crowd in crowds[MOST_DRAWN:])
    boxes = [_box(crowd) for crowd in crowds[:MOST_DRAWN]]
    total = sum((crowd.states for crowd in crowds), Counter[TaskState]())
    more = f"; {left_out:,} more tasks are not drawn" if left_out else ""
    if left_out:
        boxes.append(Box(name=f"{left_out:,} more", hint="not drawn", before=(len(boxes) - 1,)))
    return draw(
        boxes,
        title=f"Canvas of {sum(total.values()):,} tasks",
        description=f"{_words(total)}{more}",
    )


def _crowds(steps: Sequence[Step], *, are_merged: bool) -> list[Crowd]:
    crowds: list[Crowd] = []
    place_of: list[int] = []
    known: dict[tuple[object, ...], int] = {}
    is_over = all(step.record.is_done(None) for step in steps)
    critical = {at for at, _ in critical_path(steps)} if is_over else set[int]()
    for at, step in enumerate(steps):
        before = tuple(dict.fromkeys(place_of[link.before] for link in step.links))
        key = (step.record.name, step.role, before) if are_merged else (at,)
        place = known.setdefault(key, len(crowds))
        if place == len(crowds):
            crowds.append(Crowd(step.record.name, step.role, before, 0, Counter()))
        crowds[place].count += step.record.n
        crowds[place].states.update(_counts(step))
        crowds[place].is_critical |= at in critical
        place_of.append(place)
    return crowds


def _counts(step: Step) -> Counter[TaskState]:
    return Counter(step.record.counts())


def _row(crowd: Crowd, crowds: Sequence[Crowd]) -> str:
    state = _state(crowd)
    name = crowd.name if crowd.count == 1 else f"{crowd.name} ×{crowd.count:,}"
    role = "" if crowd.role is Role.TASK else f" ({crowd.role})"
    names = list(dict.fromkeys(crowds[at].name for at in crowd.before))
    after = f"  after {names[0]}" if names else ""
    if len(names) > 1:
        after += f" and {len(names) - 1} more"
    return f"{_MARKS[state]} {name}{role}  {_words(crowd.states)}{after}"


def _box(crowd: Crowd) -> Box:
    fill, edge = _COLOURS[_state(crowd)]
    done = sum(crowd.states[state] for state in _ENDS)
    detail = _words(crowd.states)
    name = crowd.name if crowd.role is Role.TASK else f"{crowd.role}: {crowd.name}"
    if crowd.count > 1:
        detail = f"×{crowd.count:,} · {done:,} done"
        if failed := crowd.states[TaskState.FAILURE] + crowd.states[TaskState.REVOKED]:
            detail += f" · {failed:,} failed"
    return Box(
        name=name,
        detail=detail,
        hint=f"{name}: {_words(crowd.states)}",
        fill=fill,
        edge=edge,
        dashed=crowd.role is not Role.TASK,
        share=done / crowd.count if crowd.count > 1 else 0.0,
        before=crowd.before,
        is_critical=crowd.is_critical,
    )


_ENDS: Final = (TaskState.SUCCESS, TaskState.FAILURE, TaskState.REVOKED, TaskState.IGNORED)


def _state(crowd: Crowd) -> TaskState:
    return next((state for state in _FIRST_SEEN if crowd.states[state]), TaskState.PENDING)


def _words(states: Counter[TaskState]) -> str:
    """How many are in each state; of a task alone, its state."""
    if sum(states.values()) == 1:
        return str(next(iter(states.elements())))
    found = [f"{states[state]:,} {state}" for state in _FIRST_SEEN if states[state]]
    return ", ".join(found)
