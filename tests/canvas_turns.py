"""The canvas table where tasks change the canvas: callbacks, retries, replace and add_to_chord."""

from collections.abc import Iterator
from typing import Any

from canvas_case import Case, Tasks, chain, chord, f, group, m, ms


def _linked(canvas: Any, t: Tasks) -> Any:
    canvas.link(t.note.s())
    return canvas


def _callbacks() -> Iterator[Case]:
    yield Case(
        name="a callback", build=lambda t: _linked(m(t, "a"), t), value="a", notes=["value a"]
    )
    yield Case(
        name="a callback of a chain",
        build=lambda t: _linked(chain(*ms(t, "ab")), t),
        value="b(a)",
        notes=["value b(a)"],
    )
    yield Case(
        name="a callback of a group",
        build=lambda t: _linked(group(*ms(t, "ab")), t),
        value=["a", "b"],
        notes=["called"],
    )
    yield Case(
        name="a callback of a chord",
        build=lambda t: _linked(chord(ms(t, "ab"), m(t, "t")), t),
        value="t([a,b])",
        notes=["value t([a,b])"],
    )
    yield Case(
        name="no callback after a failure",
        build=lambda t: _linked(f(t, "a"), t),
        error="ValueError: a",
    )
    yield Case(
        name="a callback that fails fails alone",
        build=lambda t: _linked_to(m(t, "a"), f(t, "c").on_error(t.eb.s())),
        value="a",
        notes=["error c"],
    )


def _linked_to(canvas: Any, callback: Any) -> Any:
    canvas.link(callback)
    return canvas


def _retries() -> Iterator[Case]:
    yield Case(name="a retried task", build=lambda t: t.flaky.s(2), value="try2")
    yield Case(name="tries that run out", build=lambda t: t.flaky.s(9), error="OSError: try 3")
    yield Case(
        name="a retried step",
        build=lambda t: m(t, "a") | t.flaky.s(1) | m(t, "b"),
        value="b(try1(a))",
    )
    yield Case(
        name="a retried header task counts once",
        build=lambda t: chord([t.flaky.s(1), t.flaky.s(0), t.flaky.s(2)], m(t, "t")),
        value="t([try1,try0,try2])",
    )
    yield Case(
        name="an errback hears only of the last try",
        build=lambda t: t.flaky.s(9).on_error(t.eb.s()),
        error="OSError: try 3",
        notes=["error try 3"],
    )


def _replaced() -> Iterator[Case]:
    whole = {
        "by_task": "r(x)",
        "by_chain": "s(r(x))",
        "by_group": ["r(x)", "s(x)"],
        "by_chord": "t([r(x),s])",
        "by_chain_to_group": ["s(r(x))", "t(r(x))"],
        "by_replaced": "r(x)",
    }
    for name, value in whole.items():
        shown = f"[{','.join(value)}]" if isinstance(value, list) else value
        yield Case(
            name=f"replaced {name}",
            build=lambda t, name=name: getattr(t, name).s("x"),
            value=value,
        )
        yield Case(
            name=f"a step replaced {name}",
            build=lambda t, name=name: m(t, "x") | getattr(t, name).s() | m(t, "z"),
            value=f"z({shown})",
        )
        yield Case(
            name=f"a header task replaced {name}",
            build=lambda t, name=name: chord([getattr(t, name).s("x"), m(t, "b")], m(t, "z")),
            value=f"z([{shown},b])",
        )
    yield Case(
        name="replaced header tasks of one kind",
        build=lambda t: chord([t.by_task.s("x"), t.by_task.s("y")], m(t, "z")),
        value="z([r(x),r(y)])",
    )


def _replaced_and_heard() -> Iterator[Case]:
    def heard(t: Tasks) -> Any:
        return _linked(t.by_failure.s("x"), t).on_error(t.eb.s())

    yield Case(
        name="callbacks of what is replaced",
        build=lambda t: _linked(t.by_chain.s("x"), t).on_error(t.eb.s()),
        value="s(r(x))",
        notes=["value s(r(x))"],
    )
    yield Case(
        name="replaced by what fails",
        build=heard,
        error="ValueError: r",
        notes=["error r"],
    )
    yield Case(
        name="a chain with a step replaced by what fails",
        build=lambda t: chain(m(t, "a"), t.by_failure.s(), m(t, "b")).on_error(t.eb.s()),
        error="ValueError: r",
        notes=["error r"],
    )
    yield Case(
        name="a header task replaced by what fails",
        build=lambda t: chord([t.by_failure.s("x"), m(t, "b")], m(t, "t")).on_error(t.eb.s()),
        error="ValueError: r",
        chord=True,
        notes=["ChordError"],
    )


def _added() -> Iterator[Case]:
    yield Case(
        name="added to a chord",
        build=lambda t: chord([t.adds.s("a"), m(t, "b")], m(t, "t")),
        value="t([a,b,a1,a2])",
    )
    yield Case(
        name="a group added to a chord",
        build=lambda t: chord([t.adds_group.s("a"), m(t, "b")], m(t, "t")),
        value="t([a,b,[p,q]])",
    )
    yield Case(
        name="what is added fails",
        build=lambda t: chord([t.adds_failure.s("a"), m(t, "b")], m(t, "t")).on_error(t.eb.s()),
        error="ValueError: a1",
        chord=True,
        notes=["ChordError"],
    )
    yield Case(
        name="added, then replaced",
        build=lambda t: chord([t.adds_and_is_replaced.s("a"), m(t, "b")], m(t, "t")),
        value="t([ar,b,a1])",
    )
    yield Case(
        name="added to a chord of a group",
        build=lambda t: group([t.adds.s("a"), m(t, "b")]) | group(ms(t, "cd")),
        value=["c([a,b,a1,a2])", "d([a,b,a1,a2])"],
    )


TURNS: list[Case] = [
    *_callbacks(),
    *_retries(),
    *_replaced(),
    *_replaced_and_heard(),
    *_added(),
]
