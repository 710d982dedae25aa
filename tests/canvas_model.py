"""What a canvas comes to, said in plain Python: written from the rules, not from the code.

`foretell` says of a spec what its value may be, how it may fail, how
often each task runs, and how often each callback and errback does. Where tasks are revoked while
they run, and where two fail at once, there is more than one possible end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from canvas_spec import FLAKY_TRIES, Chain, Chord, Group, Spec, Task, tasks_of

REVOKED = "revoked"
MISSING: Any = object()


@dataclass(frozen=True)
class Fail:
    """A failure: of which task it is, and whether it comes as a `ChordError`."""

    words: str
    chord: bool = False


@dataclass(frozen=True)
class Ends:
    """How something may end: with a value, unless it is MISSING, or with one of these failures."""

    value: Any = MISSING
    fails: frozenset[Fail] = frozenset()

    @property
    def may_succeed(self) -> bool:
        """Whether there may be a value."""
        return self.value is not MISSING


@dataclass(frozen=True)
class Times:
    """How often something happens: one of these numbers."""

    numbers: frozenset[int]

    @classmethod
    def of(cls, *numbers: int) -> "Times":
        """One of these."""
        return cls(frozenset(numbers))

    def __add__(self, other: "Times") -> "Times":
        return Times(frozenset(one + two for one in self.numbers for two in other.numbers))


@dataclass
class Seen:
    """A task as foretold: how it ends, and whether it fails by itself (True, False or both)."""

    task: Task
    ends: Ends
    own: frozenset[bool]
    may_be_missing: bool


@dataclass
class Done:
    """What became of a spec; a list of values has `parts`, and `watched` may call its errback.

    `hears` are those that an errback of it goes to in its place: members, or the body.
    """

    ends: Ends
    parts: "list[Done] | None" = None
    watched: list[Seen] = field(default_factory=list)
    hears: "list[Done]" = field(default_factory=list)


@dataclass
class Story:
    """What is foretold of a whole canvas."""

    done: Done
    tasks: dict[str, Seen]
    runs: dict[str, Times]
    calls: dict[str, Times]


class Ambiguous(Exception):
    """The rules leave too much open to say what a value is."""


@dataclass(frozen=True, kw_only=True)
class Before:
    """What a step comes after: a step that is done, or nothing but some arguments.

    `maybe` says that it is not even sure that the step is sent.
    """

    done: Done | None = None
    args: tuple[Any, ...] = ()
    maybe: bool = False


def show(value: Any) -> str:
    """A value as the names of tasks show it."""
    if isinstance(value, list):
        return f"[{','.join(map(show, value))}]"
    if isinstance(value, Fail):
        return f"{'!!' if value.chord else '!'}{value.words}"
    return str(value)


def foretell(
    spec: Spec,
    args: tuple[Any, ...] = (),
    *,
    revoked: Sequence[str] = (),
    earlier: Sequence[Done] = (),
) -> Story:
    """What a spec comes to.

    Args:
        spec: The canvas.
        args: What it is sent with.
        revoked: Names of tasks that are revoked, nobody knows when. What is sent in the place of
            one is revoked with it.
        earlier: What became of the canvases that were sent before.
    """
    along = [
        inner.name
        for task in tasks_of(spec)
        if task.name in revoked and task.kind == "replaced"
        for inner in tasks_of(task.inner[0])
    ]
    teller = _Teller(frozenset((*revoked, *along)), earlier)
    done = teller.tell(spec, Before(args=args))
    return Story(done, teller.tasks, teller.runs, teller.calls)


class _Teller:
    def __init__(self, revoked: frozenset[str], earlier: Sequence[Done]) -> None:
        self.tasks: dict[str, Seen] = {}
        self.runs: dict[str, Times] = {}
        self.calls: dict[str, Times] = {}
        self._revoked = revoked
        self._earlier = earlier

    def tell(self, spec: Spec, before: Before) -> Done:
        """What becomes of a spec there."""
        match spec:
            case Task():
                done = self._task(spec, before)
            case Chain(steps=steps):
                done = self._chain(steps, before)
            case Group(members=members):
                done = self._group(members, before)
            case Chord():
                done = self._chord(spec, before)
        if spec.heard:
            self._hear(done, spec.heard)
        return done

    # Who hears of it

    def _hear(self, done: Done, name: str) -> None:
        """A group has an errback for each member, a chord for its body, all others one in all."""
        if done.hears:
            for each in done.hears:
                self._hear(each, name)
        else:
            self._call(name, [seen.own for seen in done.watched])

    def _call(self, name: str, owns: Sequence[frozenset[bool]]) -> None:
        if any(own == {True} for own in owns):
            times = Times.of(1)
        else:
            times = Times.of(0, 1) if any(True in own for own in owns) else Times.of(0)
        self.calls[name] = self.calls.get(name, Times.of(0)) + times

    # Shapes

    def _chain(self, steps: Sequence[Spec], before: Before) -> Done:
        steps = [step for step in _spliced(steps) if not _is_nothing(step)]
        watched: list[Seen] = []
        done = Done(Ends())
        for at, step in enumerate(steps):
            is_last = at == len(steps) - 1
            members = _flat(step.members) if isinstance(step, Group) else []
            if len(members) == 1 and len(steps) > 1:
                done = self.tell(members[0], before)
                if step.heard:
                    self._hear(done, step.heard)
            else:
                done = self.tell(step, before)
            # A group that something follows is the header of a chord: its body hears of it.
            if is_last or done.parts is None:
                watched += done.watched
            before = Before(done=done, maybe=before.maybe)
        return Done(done.ends, done.parts, watched)

    def _group(self, members: Sequence[Spec], before: Before) -> Done:
        parts: list[Done] = []
        watched: list[Seen] = []
        hears: list[Done] = []
        for member in _flat(members):
            done = self.tell(member, before)
            hears.append(done)
            watched += done.watched
            if isinstance(member, Group):
                parts += done.parts or []
            else:
                parts.append(done)
        if len(parts) == 1 and parts[0].parts is not None:
            parts = parts[0].parts
        return Done(_ends_of(parts), parts, watched, hears)

    def _chord(self, spec: Chord, before: Before) -> Done:
        header = [member for member in spec.header if not _is_nothing(member)]
        if not header:
            return self.tell(spec.body, Before(args=([],), maybe=before.maybe))
        done = self._group(header, before)
        # What is added comes last, and its failure is one of the header's.
        added = [each for member in header for each in self._added(member)]
        if added:
            parts = [*(done.parts or []), *added]
            done = Done(_ends_of(parts), parts, done.watched)
        found = self.tell(spec.body, Before(done=done, maybe=before.maybe))
        return Done(found.ends, found.parts, found.watched, [found])

    def _added(self, member: Spec) -> Iterator[Done]:
        if isinstance(member, Task) and member.kind == "adds":
            runs = self.runs[member.name].numbers
            maybe = 0 in runs or member.name in self._revoked
            for each in member.inner if max(runs) else ():
                yield self.tell(each, Before(maybe=maybe))

    # Tasks

    def _task(self, task: Task, before: Before) -> Done:
        ends, own, tries = self._run(task, before)
        runs = {0} if before.maybe else set[int]()
        if ends.may_succeed or tries:
            runs |= {tries}
        if task.name in self._revoked:
            ends = Ends(ends.value, ends.fails | {Fail(REVOKED)})
            own |= {True}
            runs |= set(range(tries + 1))
        if before.maybe:
            own |= {False}
        if _may_be_kept(task, before, self._earlier):
            runs |= {0}
        seen = Seen(task, ends, own, before.maybe)
        self.tasks[task.name] = seen
        self.runs[task.name] = Times(frozenset(runs or {0}))
        if task.linked:
            self.calls[task.linked] = self._calls_of(ends, before)
        return Done(ends, None, [seen])

    def _calls_of(self, ends: Ends, before: Before) -> Times:
        """How often a callback runs."""
        if not ends.may_succeed:
            return Times.of(0)
        return Times.of(0, 1) if ends.fails or before.maybe else Times.of(1)

    def _run(self, task: Task, before: Before) -> tuple[Ends, frozenset[bool], int]:
        """How a task ends, whether it fails by itself, and how often it is tried if it runs."""
        given, is_list = _given(task, before)
        fails = set[Fail]()
        owns = set[bool]()
        for fail in given.fails:
            fails.add(Fail(fail.words, fail.chord or is_list))
            owns.add(is_list)
        runs = given.may_succeed
        args: list[Any] = list(given.value) if runs and not task.immutable else []
        if task.depends is not None:
            put = self._earlier[task.depends].ends
            fails |= {Fail(fail.words, fail.chord or is_list) for fail in put.fails}
            owns |= {is_list for _ in put.fails}
            args.append(put.value)
            runs = runs and put.may_succeed
        if not runs:
            return Ends(fails=frozenset(fails)), frozenset(owns), 0
        maybe = before.maybe or bool(fails) or task.name in self._revoked
        ends, tries = self._outcome(task, args, maybe=maybe)
        whole = Ends(ends.value, ends.fails | fails)
        owns |= {True for _ in ends.fails} | {False for _ in [0] if ends.may_succeed}
        return whole, frozenset(owns), tries

    def _outcome(self, task: Task, args: list[Any], *, maybe: bool) -> tuple[Ends, int]:
        """How a task ends that runs with these arguments, and how often it is tried."""
        value = f"{task.name}({','.join(map(show, args))})" if args else task.name
        match task.kind:
            case "fail":
                return Ends(fails=frozenset({Fail(task.name)})), 1
            case "hopeless":
                return Ends(fails=frozenset({Fail(task.name)})), 1 + FLAKY_TRIES
            case "flaky":
                return Ends(value), 2
            case "map":
                return Ends([f"{task.name}{letter}" for letter in "abc"]), 3
            case "replaced":
                inside = self.tell(task.inner[0], Before(args=tuple(args), maybe=maybe))
                return Ends(inside.ends.value, inside.ends.fails), 1
            case _:
                return Ends(value), 1


def _given(task: Task, before: Before) -> tuple[Ends, bool]:
    """What a task gets as a list of arguments, or how that may fail; and whether it is of a group.

    An `all_done` one gets failures in place of values.
    """
    done = before.done
    if done is None:
        return Ends(list(before.args)), False
    is_list = done.parts is not None
    if task.all_done:
        if task.immutable:
            return Ends([]), is_list
        return Ends([_in_place(done)]), is_list
    value = [done.ends.value] if done.ends.may_succeed else MISSING
    return Ends(value, done.ends.fails), is_list


def _in_place(done: Done) -> Any:
    if done.parts is not None:
        return [_in_place(part) for part in done.parts]
    ends = done.ends
    if len(ends.fails) + ends.may_succeed != 1:
        raise Ambiguous
    return ends.value if ends.may_succeed else next(iter(ends.fails))


def _ends_of(parts: Sequence[Done]) -> Ends:
    """How a list of these may end."""
    fails = frozenset(fail for part in parts for fail in part.ends.fails)
    if not all(part.ends.may_succeed for part in parts):
        return Ends(fails=fails)
    return Ends([part.ends.value for part in parts], fails)


def _may_be_kept(task: Task, before: Before, earlier: Sequence[Done]) -> bool:
    """Whether a task that might run may not, as what comes before it may fail."""
    fails = bool(before.done and before.done.ends.fails) and not task.all_done
    return fails or (task.depends is not None and bool(earlier[task.depends].ends.fails))


def _spliced(steps: Sequence[Spec]) -> Iterator[Spec]:
    """The steps of chains among steps are steps, where such a chain has no errback of its own."""
    for step in steps:
        if isinstance(step, Chain) and not step.heard:
            yield from _spliced(step.steps)
        else:
            yield step


def _flat(members: Sequence[Spec]) -> list[Spec]:
    """The members of groups among members are members, likewise."""
    found: list[Spec] = []
    for member in members:
        bare = isinstance(member, Group) and not member.heard
        found += _flat(member.members) if isinstance(member, Group) and bare else [member]
    return found


def _is_nothing(spec: Spec) -> bool:
    return isinstance(spec, Group) and all(map(_is_nothing, spec.members))
