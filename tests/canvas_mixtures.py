"""The canvas table where shapes, failures and changes on the way meet."""

from collections.abc import Iterator
from typing import Any

from canvas_case import Case, Tasks, chain, chord, f, group, m, ms


def _heard(canvas: Any, t: Tasks) -> Any:
    canvas.link_error(t.eb.s())
    return canvas


def _replaced() -> Iterator[Case]:
    yield Case(
        name="equal chains in a header, each replaced in its last step",
        build=lambda t: chord([m(t, n) | t.by_task.s() for n in "ab"], m(t, "t")),
        value="t([r(a),r(b)])",
    )
    yield Case(
        name="equal chains in a header, each replaced in its first step",
        build=lambda t: chord([t.by_chain.s(n) | m(t, "q") for n in "ab"], m(t, "t")),
        value="t([q(s(r(a))),q(s(r(b)))])",
    )
    yield Case(
        name="a body replaced by a group",
        build=lambda t: chord(ms(t, "ab"), t.by_group.s()) | m(t, "u"),
        value="u([r([a,b]),s([a,b])])",
    )
    yield Case(
        name="a member replaced by a group",
        build=lambda t: group(t.by_group.s("x"), m(t, "b")),
        value=[["r(x)", "s(x)"], "b"],
    )
    yield Case(
        name="a callback of what is replaced by a group",
        build=lambda t: _called(t.by_group.s("x"), t),
        value=["r(x)", "s(x)"],
        notes=["value [r(x),s(x)]"],
    )
    yield Case(
        name="a failure behind a replaced step",
        build=lambda t: _heard(chain(t.by_chain.s("x"), f(t, "b"), m(t, "c")), t),
        error="ValueError: b",
        notes=["error b"],
    )
    yield Case(
        name="an errback of a member replaced by what fails",
        build=lambda t: group(t.by_failure.s("x").on_error(t.eb.s()), m(t, "b")),
        error="ValueError: r",
        notes=["error r"],
    )
    yield Case(
        name="a body replaced by what fails",
        build=lambda t: _heard(chord(ms(t, "ab"), t.by_failure.s()), t),
        error="ValueError: r",
        notes=["error r"],
    )
    yield Case(
        name="all_done after what is replaced by a failure",
        build=lambda t: t.by_failure.s("x") | m(t, "b").set(on_upstream="all_done"),
        value="b(!r)",
    )
    nothing = "chain() has nothing to run, so nobody can wait for it: give it a task, or return"
    yield Case(
        name="replaced by nothing",
        build=lambda t: _heard(t.by_nothing.s("x"), t),
        error=f"ConfigError: {nothing} the value",
        notes=[f"error {nothing} the value"],
    )


def _called(canvas: Any, t: Tasks) -> Any:
    canvas.link(t.note.s())
    return canvas


def _added() -> Iterator[Case]:
    yield Case(
        name="added by the last step of a chain in a header",
        build=lambda t: chord([t.same.s("a") | t.adds.s(), m(t, "b")], m(t, "t")),
        value="t([a,b,a1,a2])",
    )
    yield Case(
        name="added to the inner one of two chords",
        build=lambda t: chord([chord([t.adds.s("a")], m(t, "u")), m(t, "b")], m(t, "t")),
        value="t([u([a,a1,a2]),b])",
    )
    yield Case(
        name="added to a chord with a step behind it",
        build=lambda t: chord([t.adds.s("a"), m(t, "b")], m(t, "t")) | m(t, "u"),
        value="u(t([a,b,a1,a2]))",
    )
    yield Case(
        name="added to a chord with an immutable body",
        build=lambda t: chord([t.adds.s("a"), m(t, "b")], t.mark.si("t")),
        value="t",
    )
    yield Case(
        name="what is added to a chord with an all_done body fails",
        build=lambda t: chord(
            [t.adds_failure.s("a"), m(t, "b")], m(t, "t").set(on_upstream="all_done")
        ),
        value="t([a,b,!a1])",
    )
    yield Case(
        name="what is added to a chord with an immutable body fails",
        build=lambda t: chord([t.adds_failure.s("a"), m(t, "b")], t.mark.si("t")),
        error="ValueError: a1",
        chord=True,
    )
    yield Case(
        name="added by a task in no chord",
        build=lambda t: chain(t.same.s("a"), t.lonely.s()),
        value="ConfigError",
    )


def _failures() -> Iterator[Case]:
    yield Case(
        name="two of some equal chains fail",
        build=lambda t: _heard(group(m(t, n) | t.odd.s() | m(t, "q") for n in "abcd"), t),
        error=["ValueError: b", "ValueError: d"],
        notes=["error b", "error d"],
    )
    yield Case(
        name="one of equal chains in a header fails",
        build=lambda t: _heard(
            chord([m(t, n) | t.odd.s() | m(t, "q") for n in "abc"], m(t, "t")), t
        ),
        error="ValueError: b",
        chord=True,
        notes=["ChordError"],
    )
    yield Case(
        name="a failure in a group in the middle of a chain",
        build=lambda t: _heard(
            m(t, "x") | group(t.odd.s("a"), t.odd.s("b")) | m(t, "t") | m(t, "u"), t
        ),
        error="ValueError: b",
        notes=["ChordError"],
    )
    yield Case(
        name="a failing chord in a group in a chord",
        build=lambda t: chord(
            [group(chord([f(t, "a"), m(t, "b")], m(t, "t")), m(t, "c")), m(t, "d")], m(t, "u")
        ),
        error="ValueError: a",
        chord=True,
    )
    yield Case(
        name="errbacks of a header task and of the body",
        build=lambda t: _heard(chord([f(t, "a").on_error(t.eb.s()), m(t, "b")], m(t, "t")), t),
        error="ValueError: a",
        chord=True,
        notes=["ChordError", "error a"],
    )
    yield Case(
        name="an errback with an argument of its own",
        build=lambda t: f(t, "a").on_error(t.eb_word.s("word")),
        error="ValueError: a",
        notes=["word a"],
    )
    yield Case(
        name="an immutable errback",
        build=lambda t: f(t, "a").on_error(t.note.si()),
        error="ValueError: a",
        notes=["called"],
    )
    yield Case(
        name="a bound errback",
        build=lambda t: f(t, "a").on_error(t.eb_bound.s()),
        error="ValueError: a",
        notes=["eb_bound a"],
    )
    yield Case(
        name="an errback that goes on",
        build=lambda t: f(t, "a").on_error(t.eb_id.s() | t.note.si()),
        error="ValueError: a",
        notes=["called", "id"],
    )
    yield Case(
        name="an errback that fails has an errback",
        build=lambda t: f(t, "a").on_error(t.eb_broken.s().on_error(t.eb.s())),
        error="ValueError: a",
        notes=["error broken by a"],
    )
    yield Case(
        name="all_done in the middle, a failure after it",
        build=lambda t: _heard(
            chain(f(t, "a"), m(t, "b").set(on_upstream="all_done"), f(t, "c")), t
        ),
        error="ValueError: c",
        notes=["error a"],
    )


def _shapes() -> Iterator[Case]:
    yield Case(
        name="an empty chord in a header",
        build=lambda t: chord([chord([], m(t, "u")), m(t, "a")], m(t, "t")),
        value="t([u([]),a])",
    )
    yield Case(
        name="a map in a header",
        build=lambda t: chord([t.mark.map("ab"), m(t, "c")], m(t, "t")),
        value="t([[a,b],c])",
    )
    yield Case(
        name="chunks and then a step",
        build=lambda t: t.add.chunks(zip("abc", "xyz", strict=True), 2).group() | m(t, "t"),
        value="t([[ax,by],[cz]])",
    )
    yield Case(
        name="coroutines in a chain",
        build=lambda t: m(t, "a") | t.amark.s("b") | m(t, "c"),
        value="c(b(a))",
    )
    yield Case(
        name="coroutines in a header",
        build=lambda t: chord([t.amark.s(n) for n in "abc"], t.amark.s("t")),
        value="t([a,b,c])",
    )
    yield Case(
        name="a coroutine is replaced",
        build=lambda t: chord([t.areplaced.s("x"), m(t, "b")], t.amark.s("t")),
        value="t([r(x),b])",
    )
    yield Case(
        name="a callback that is a chain",
        build=lambda t: _called_by(m(t, "a"), m(t, "c") | t.note.s()),
        value="a",
        notes=["value c(a)"],
    )
    yield Case(
        name="a callback that is a group",
        build=lambda t: _called_by(m(t, "a"), group(t.note.s(), m(t, "c") | t.note.s())),
        value="a",
        notes=["value a", "value c(a)"],
    )


def _called_by(canvas: Any, callback: Any) -> Any:
    canvas.link(callback)
    return canvas


def _results() -> Iterator[Case]:
    yield Case(
        name="a frozen handle among the arguments",
        build=_with_frozen,
        value=["x", "y(x)"],
    )
    yield Case(
        name="a result among the arguments",
        build=lambda t: m(t, t.mark.delay("z"), "y") | m(t, "a"),
        value="a(y(z))",
    )
    yield Case(
        name="results in a list among the arguments",
        build=lambda t: m(t, [t.mark.delay("y"), t.mark.delay("z")], "a"),
        value="a([y,z])",
    )
    yield Case(
        name="a group's result among the arguments",
        build=lambda t: m(t, group(ms(t, "yz")).delay(), "a"),
        value="a([y,z])",
    )
    yield Case(
        name="a failed result among the arguments",
        build=lambda t: _heard(m(t, t.fail.delay("z"), "y"), t),
        error="ValueError: z",
    )


def _with_frozen(t: Tasks) -> Any:
    x = m(t, "x")
    return group(x, m(t, x.freeze(), "y"))


MIXTURES: list[Case] = [
    *_replaced(),
    *_added(),
    *_failures(),
    *_shapes(),
    *_results(),
]
