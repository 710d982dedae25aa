"""The canvas table where something fails: how far it goes, who hears of it, and how often."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from canvas_case import Build, Case, Tasks, chain, chord, f, group, m, ms


def places(names: str, place: str, t: Tasks) -> dict[str, Any]:
    """A task for each letter; the one at `place` fails."""
    return {name: f(t, name) if name == place else m(t, name) for name in names}


def _chained_groups(count: int, place: str) -> Build:
    def build(t: Tasks) -> Any:
        names = "abcdefgh"[: 2 * count]
        of = places(names, place, t)
        whole = group([of["a"], of["b"]])
        for left, right in list(pairwise(names))[2::2]:
            whole |= group([of[left], of[right]])
        return whole

    return build


def _nested_chords(place: str, *, is_heard: bool) -> Build:
    def build(t: Tasks) -> Any:
        of = places("abtcudv", place, t)
        inner = chord([of["a"], of["b"]], of["t"])
        middle = chord([inner, of["c"]], of["u"])
        outer = chord([middle, of["d"]], of["v"])
        if is_heard:
            outer.link_error(t.eb.s())
        return outer

    return build


def _failure_everywhere() -> Iterator[Case]:
    for count in (2, 3, 4):
        for place in "abcdefgh"[: 2 * count]:
            yield Case(
                name=f"{count} groups, {place} fails",
                build=_chained_groups(count, place),
                error=f"ValueError: {place}",
            )
    for place in "abtcudv":
        yield Case(
            name=f"chords nested three deep, {place} fails",
            build=_nested_chords(place, is_heard=True),
            error=f"ValueError: {place}",
            chord=place != "v",
            notes=["error v" if place == "v" else "ChordError"],
        )
    yield Case(
        name="chords nested three deep",
        build=_nested_chords("", is_heard=True),
        value="v([u([t([a,b]),c]),d])",
    )


def _steps() -> Iterator[Case]:
    for place in "abc":
        yield Case(
            name=f"a|b|c, {place} fails",
            build=lambda t, place=place: _heard(chain(*places("abc", place, t).values()), t),
            error=f"ValueError: {place}",
            notes=[f"error {place}"],
        )
    yield Case(name="a task fails", build=lambda t: f(t, "a"), error="ValueError: a")
    yield Case(
        name="a task wants to leave",
        build=lambda t: t.leave.s("a"),
        error="RemoteError: SystemExit: a",
    )
    yield Case(
        name="the group behind a failed step",
        build=lambda t: chain(f(t, "a"), group(ms(t, "bc"))),
        error="ValueError: a",
    )
    yield Case(
        name="the chord behind a failed step",
        build=lambda t: f(t, "a") | group(ms(t, "bc")) | m(t, "d"),
        error="ValueError: a",
    )
    yield Case(
        name="an errback of the old kind",
        build=lambda t: f(t, "a").on_error(t.eb_id.s()),
        error="ValueError: a",
        notes=["id"],
    )
    yield Case(
        name="two errbacks",
        build=lambda t: f(t, "a").on_error(t.eb.s()).on_error(t.eb_id.s()),
        error="ValueError: a",
        notes=["error a", "id"],
    )
    yield Case(
        name="no errback without a failure",
        build=lambda t: _heard(chain(*ms(t, "ab")), t),
        value="b(a)",
    )


def _heard(canvas: Any, t: Tasks) -> Any:
    canvas.link_error(t.eb.s())
    return canvas


def _members() -> Iterator[Case]:
    yield Case(
        name="a group, one fails",
        build=lambda t: _heard(group(m(t, "a"), f(t, "b"), m(t, "c")), t),
        error="ValueError: b",
        notes=["error b"],
    )
    yield Case(
        name="a group of equal chains, one fails",
        build=lambda t: _heard(group(t.same.s(n) | t.add.s("x") for n in ("a", 1, "b")), t),
        error="TypeError: unsupported operand type(s) for +: 'int' and 'str'",
        notes=["error unsupported operand type(s) for +: 'int' and 'str'"],
    )
    for place in "abt":
        yield Case(
            name=f"a chord, {place} fails",
            build=lambda t, place=place: _heard(_chord(t, place), t),
            error=f"ValueError: {place}",
            chord=place != "t",
            notes=["error t" if place == "t" else "ChordError"],
        )
    yield Case(
        name="an errback of a header task",
        build=lambda t: chord([f(t, "a").on_error(t.eb.s()), m(t, "b")], m(t, "t")),
        error="ValueError: a",
        chord=True,
        notes=["error a"],
    )
    yield Case(
        name="a step after a failed chord",
        build=lambda t: _heard(_chord(t, "a") | m(t, "u"), t),
        error="ValueError: a",
        notes=["ChordError"],
    )
    yield Case(
        name="an errback of a step after a failed chord",
        build=lambda t: _chord(t, "a") | m(t, "u").on_error(t.eb.s()),
        error="ValueError: a",
        chord=True,
    )
    yield Case(
        name="a group of equal chains as the body of a failed chord",
        build=lambda t: _heard(
            chord([f(t, "a"), m(t, "b")], group(m(t, n) | m(t, "p") for n in "cd")), t
        ),
        error="ValueError: a",
        notes=["ChordError", "ChordError"],
    )
    yield Case(
        name="a chord with failing chains in its header",
        build=lambda t: chord([f(t, "a") | m(t, "p"), m(t, "b") | m(t, "q")], m(t, "t")),
        error="ValueError: a",
        chord=True,
    )


def _chord(t: Tasks, place: str) -> Any:
    of = places("abt", place, t)
    return chord([of["a"], of["b"]], of["t"])


def _rules() -> Iterator[Case]:
    def rule(t: Tasks, name: str, rule: str) -> Any:
        return m(t, name).set(on_upstream=rule)

    yield Case(
        name="all_done after a failure",
        build=lambda t: f(t, "a") | rule(t, "b", "all_done"),
        value="b(!a)",
    )
    yield Case(
        name="all_done after an inherited failure",
        build=lambda t: f(t, "a") | m(t, "b") | rule(t, "c", "all_done"),
        value="c(!a)",
    )
    yield Case(
        name="all_done after a success",
        build=lambda t: m(t, "a") | rule(t, "b", "all_done"),
        value="b(a)",
    )
    yield Case(
        name="all_done after a group",
        build=lambda t: chord([f(t, "a"), m(t, "b")], rule(t, "t", "all_done")),
        value="t([!a,b])",
    )
    yield Case(
        name="one_failed after a failure",
        build=lambda t: f(t, "a") | rule(t, "b", "one_failed"),
        value="b(!a)",
    )
    yield Case(
        name="one_failed without a failure",
        build=lambda t: m(t, "a") | rule(t, "b", "one_failed"),
        ignored=True,
    )
    yield Case(
        name="one_failed with nothing before it",
        build=lambda t: rule(t, "a", "one_failed") | m(t, "b"),
        value="b(a)",
    )
    yield Case(
        name="behind what is ignored",
        build=lambda t: m(t, "a") | rule(t, "b", "one_failed") | m(t, "c"),
        ignored=True,
    )


FAILURES: list[Case] = [*_failure_everywhere(), *_steps(), *_members(), *_rules()]
