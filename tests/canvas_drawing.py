"""Random specs of the model, for Hypothesis."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from canvas_spec import Chain, Chord, Group, Spec, Task
from hypothesis import strategies as st

DEPTH = 5
MOST_TASKS = 30
"""Tasks of one canvas: its values are text that may grow with each group."""


@dataclass(frozen=True)
class Example:
    """A canvas, what it is sent with, and what is done to it.

    Attributes:
        spec: The canvas.
        earlier: Canvases that are sent before it, on which its tasks may depend.
        args: What it is sent with.
        is_named: Whether its tasks have ids of their own. Then no two become one record.
        revoked: Numbers of tasks, in order, that are revoked; it is named then.
        after: How much is noted before that.
    """

    spec: Spec
    earlier: tuple[Spec, ...] = ()
    args: tuple[Any, ...] = ()
    is_named: bool = False
    revoked: tuple[int, ...] = ()
    after: int = 0


def _tasks(*, inner: "st.SearchStrategy[Spec] | None", depends: int) -> "st.SearchStrategy[Task]":
    heard = st.sampled_from(["", "", "", "eb"])
    linked = st.sampled_from(["", "", "", "cb"])
    kinds = ["mark"] * 6 + ["fail", "flaky", "hopeless"]
    plain = st.builds(
        Task,
        kind=st.sampled_from(kinds),
        immutable=st.sampled_from([False, False, False, True]),
        depends=st.sampled_from([None] * 4 + list(range(depends))),
        heard=heard,
        linked=linked,
    )
    others = [
        plain,
        plain,
        plain,
        plain,
        st.builds(Task, all_done=st.just(value=True), heard=heard),
        st.just(Task(kind="map", immutable=True)),
    ]
    if inner is not None:
        inside = inner.map(lambda spec: (spec,))
        others.append(st.builds(Task, kind=st.just("replaced"), inner=inside, heard=heard))
    return st.one_of(others)


# Kept: else Hypothesis would look through all that is below anew, at each draw.
@cache
def _specs(depth: int, depends: int) -> "st.SearchStrategy[Spec]":
    if depth == 0:
        return _tasks(inner=None, depends=depends)
    below = st.deferred(lambda: _specs(depth - 1, depends))
    apart = st.deferred(lambda: _specs(depth - 1, 0))
    task = _tasks(inner=apart, depends=depends)
    few = st.lists(below, min_size=1, max_size=3).map(tuple)
    heard = st.sampled_from(["", "", "eb"])
    added = st.lists(apart, min_size=1, max_size=2).map(tuple)
    adder = st.builds(lambda inner: (Task(kind="adds", inner=inner),), added)
    header = st.builds(
        lambda members, more: (*more, *members), few, st.one_of(st.just(()), st.just(()), adder)
    )
    # Equal chains side by side become one record for each step.
    equal = st.builds(
        lambda spec, count: Group(members=(spec,) * count),
        st.one_of(task, st.builds(Chain, steps=st.lists(task, min_size=2, max_size=3).map(tuple))),
        st.integers(2, 4),
    )
    return st.one_of(
        task,
        st.builds(Chain, steps=few, heard=heard),
        st.builds(Group, members=few, heard=heard),
        st.builds(Chord, header=header, body=below, heard=heard),
        equal,
    )


@st.composite
def examples(draw: Any, *, with_revokes: bool = False) -> Example:
    """Random canvases, with up to two that are sent before."""
    earlier = draw(st.lists(_specs(1, 0), max_size=2))
    spec = draw(_specs(draw(st.integers(1, DEPTH)), len(earlier)))
    numbers = _Numbers()
    earlier = [numbers.name(each) for each in earlier]
    first = numbers.tasks
    spec = numbers.name(spec)
    args = draw(st.sampled_from([(), (), ("x",)]))
    if not with_revokes:
        return Example(spec, tuple(earlier), args, draw(st.booleans()))
    some = st.lists(st.integers(first, max(first, numbers.tasks - 1)), min_size=1, max_size=3)
    revoked = tuple(draw(some))
    return Example(spec, tuple(earlier), args, True, revoked, draw(st.integers(0, 12)))  # noqa: FBT003


class _Numbers:
    """Gives each task, errback and callback a name that no other has."""

    def __init__(self) -> None:
        self.tasks = 0
        self._links = 0

    def name(self, spec: Spec) -> Any:
        """The same spec with names."""
        heard = self._link(spec.heard)
        match spec:
            case Task():
                name = f"t{self.tasks}"
                self.tasks += 1
                inner = tuple(self.name(each) for each in spec.inner)
                linked = self._link(spec.linked)
                return replace(spec, name=name, inner=inner, heard=heard, linked=linked)
            case Chain(steps=steps):
                return Chain(steps=tuple(self.name(each) for each in steps), heard=heard)
            case Group(members=members):
                return Group(members=tuple(self.name(each) for each in members), heard=heard)
            case Chord(header=header, body=body):
                header = tuple(self.name(each) for each in header)
                return Chord(header=header, body=self.name(body), heard=heard)

    def _link(self, name: str) -> str:
        if not name:
            return ""
        self._links += 1
        return f"{name}{self._links}"
