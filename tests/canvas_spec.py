"""A canvas as data, for the model of what it comes to and for making the real one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

FLAKY_TRIES = 3
"""Tries after the first one that a task has which always fails so."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Task:
    """A task that says what it got: `a(x)`.

    Attributes:
        name: What it is called in the history; no other has it.
        kind: `mark`; `fail` raises; `flaky` succeeds at the second try, `hopeless` never;
            `replaced` by what is `inner`; `adds` all of `inner` to the chord that it is in; `map`
            is one call for each of three letters.
        immutable: Whether it takes nothing from what comes before it.
        all_done: Whether it runs when all before it have ended, in whatever way.
        inner: Specs that it sends.
        depends: Which of the canvases sent before stands among its arguments; None for none.
        heard: The name of its errback, empty for none.
        linked: The name of its callback, empty for none.
    """

    name: str = ""
    kind: str = "mark"
    immutable: bool = False
    all_done: bool = False
    inner: "tuple[Spec, ...]" = ()
    depends: int | None = None
    heard: str = ""
    linked: str = ""

    def __repr__(self) -> str:
        words = [self.kind, *map(repr, self.inner)]
        words += [name for name in ("immutable", "all_done") if getattr(self, name)]
        words += [] if self.depends is None else [f"after earlier {self.depends}"]
        words += [self.heard, self.linked]
        return f"{self.name}<{', '.join(filter(None, words))}>"


@dataclass(frozen=True, kw_only=True, repr=False)
class Chain:
    """Steps, one after the other."""

    steps: "tuple[Spec, ...]"
    heard: str = ""

    def __repr__(self) -> str:
        return f"chain{self.steps}{self.heard}"


@dataclass(frozen=True, kw_only=True, repr=False)
class Group:
    """Members, side by side."""

    members: "tuple[Spec, ...]"
    heard: str = ""

    def __repr__(self) -> str:
        return f"group{self.members}{self.heard}"


@dataclass(frozen=True, kw_only=True, repr=False)
class Chord:
    """A header, and a body that gets the list of its values."""

    header: "tuple[Spec, ...]"
    body: "Spec"
    heard: str = ""

    def __repr__(self) -> str:
        return f"chord({list(self.header)}, {self.body}){self.heard}"


Spec = Task | Chain | Group | Chord


def tasks_of(spec: Spec) -> Iterator[Task]:
    """All tasks in a spec, with those that they send."""
    match spec:
        case Task(inner=inner):
            yield spec
            inside: Sequence[Spec] = inner
        case Chain(steps=steps):
            inside = steps
        case Group(members=members):
            inside = members
        case Chord(header=header, body=body):
            inside = (*header, body)
    for each in inside:
        yield from tasks_of(each)
