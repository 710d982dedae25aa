"""What every canvas comes to: one table for runs in this process and on real workers.

Tables of what goes wrong and of what changes on the way are in files of their own.
"""

from collections.abc import Iterator
from typing import Any

from canvas_case import Case, Tasks, chain, chord, group, m, ms
from canvas_failures import FAILURES
from canvas_mixtures import MIXTURES
from canvas_turns import TURNS


def _chains() -> Iterator[Case]:
    yield Case(name="a task", build=lambda t: m(t, "x", "a"), value="a(x)")
    yield Case(name="a|b|c", build=lambda t: m(t, "a") | m(t, "b") | m(t, "c"), value="c(b(a))")
    yield Case(name="chain(a,b,c)", build=lambda t: chain(*ms(t, "abc")), value="c(b(a))")
    yield Case(
        name="nested chains are spliced",
        build=lambda t: chain(m(t, "a"), chain(*ms(t, "bc")), m(t, "d")),
        value="d(c(b(a)))",
    )
    yield Case(name="chain of one", build=lambda t: chain(m(t, "a")), value="a")
    yield Case(name="chain of nothing", build=lambda _: chain())
    yield Case(
        name="immutable step", build=lambda t: m(t, "a") | t.mark.si("b") | m(t, "c"), value="c(b)"
    )
    yield Case(
        name="partial arguments come first",
        build=lambda t: m(t, "a") | m(t, "p", "b"),
        value="b(a,p)",
    )
    yield Case(
        name="keywords are merged, the call wins",
        build=lambda t: m(t, "a", k=1, x=2),
        kwargs={"k": 3},
        value="a(k=3,x=2)",
    )
    yield Case(
        name="chain.delay(x)", build=lambda t: chain(*ms(t, "ab")), args=("x",), value="b(a(x))"
    )
    yield Case(
        name="a chain of 300", build=lambda t: chain(t.add.si(0, 1), *[t.add.s(1)] * 299), value=300
    )
    yield Case(name="starmap", build=lambda t: t.add.starmap([(1, 2), (3, 4)]), value=[3, 7])
    yield Case(name="map", build=lambda t: t.mark.map("ab"), value=["a", "b"])
    yield Case(
        name="chunks", build=lambda t: t.add.chunks(zip("abc", "xyz", strict=True), 2).group(),
        value=[["ax", "by"], ["cz"]],
    )  # fmt: skip


def _groups() -> Iterator[Case]:
    yield Case(name="group(a,b)", build=lambda t: group(*ms(t, "ab")), value=["a", "b"])
    yield Case(name="group of a list", build=lambda t: group(ms(t, "ab")), value=["a", "b"])
    yield Case(
        name="group of a generator", build=lambda t: group(m(t, n) for n in "ab"), value=["a", "b"]
    )
    yield Case(name="group of nothing", build=lambda _: group([]), value=[])
    yield Case(
        name="group(group(a,b),c)",
        build=lambda t: group(group(ms(t, "ab")), m(t, "c")),
        value=["a", "b", "c"],
    )
    yield Case(
        name="group(chain(x,group(a,b)),c)",
        build=lambda t: group(chain(m(t, "x"), group(ms(t, "ab"))), m(t, "c")),
        value=[["a(x)", "b(x)"], "c"],
    )
    yield Case(
        name="group(chain(x,group(a,b)))",
        build=lambda t: group(chain(m(t, "x"), group(ms(t, "ab")))),
        value=["a(x)", "b(x)"],
    )
    yield Case(
        name="group of equal chains",
        build=lambda t: group(m(t, n) | m(t, "p") | m(t, "q") for n in "abc"),
        value=["q(p(a))", "q(p(b))", "q(p(c))"],
    )
    yield Case(
        name="group of other chains",
        build=lambda t: group(m(t, "a") | m(t, "p"), t.add.s(1, 2) | t.add.s(3)),
        value=["p(a)", 6],
    )
    yield Case(
        name="group.delay(x)",
        build=lambda t: group(*ms(t, "ab"), t.mark.si("c")),
        args=("x",),
        value=["a(x)", "b(x)", "c"],
    )


def _in_chains() -> Iterator[Case]:
    yield Case(
        name="t|group(a,b)",
        build=lambda t: m(t, "t") | group(m(t, "a"), t.mark.si("b")),
        value=["a(t)", "b"],
    )
    yield Case(name="t|group(a)", build=lambda t: m(t, "t") | group([m(t, "a")]), value="a(t)")
    yield Case(name="group(a)|t", build=lambda t: group([m(t, "a")]) | m(t, "t"), value="t([a])")
    yield Case(
        name="chain(group(a),t)", build=lambda t: chain(group([m(t, "a")]), m(t, "t")), value="t(a)"
    )
    yield Case(
        name="t|group()|u",
        build=lambda t: m(t, "t") | group([]) | m(t, "u"),
        value="u(t)",
    )
    yield Case(
        name="chain(t,group(),u)",
        build=lambda t: chain(m(t, "t"), group([]), m(t, "u")),
        value="u(t)",
    )
    yield Case(name="t|group()", build=lambda t: m(t, "t") | group([]), value="t")
    yield Case(
        name="a group twice in a chain",
        build=lambda t: chain(
            m(t, "x"), group(ms(t, "ab")), m(t, "y"), group(ms(t, "ab")), m(t, "z")
        ),
        value="z([a(y([a(x),b(x)])),b(y([a(x),b(x)]))])",
    )


def _chords() -> Iterator[Case]:
    ab = "[a,b]"
    yield Case(
        name="group(a,b)|t", build=lambda t: group(ms(t, "ab")) | m(t, "t"), value=f"t({ab})"
    )
    yield Case(name="chord([a],t)", build=lambda t: chord([m(t, "a")], m(t, "t")), value="t([a])")
    yield Case(name="chord([],t)", build=lambda t: chord([], m(t, "t")), value="t([])")
    yield Case(name="group([])|t", build=lambda t: group([]) | m(t, "t"), value="t([])")
    yield Case(
        name="chord with a generator",
        build=lambda t: chord((m(t, n) for n in "ab"), m(t, "t")),
        value=f"t({ab})",
    )
    yield Case(
        name="chord.delay(x)",
        build=lambda t: chord(ms(t, "ab"), m(t, "t")),
        args=("x",),
        value="t([a(x),b(x)])",
    )
    yield Case(
        name="chord with an immutable body",
        build=lambda t: chord(ms(t, "ab"), t.mark.si("t")),
        value="t",
    )
    yield Case(
        name="x|group(a,b)|t",
        build=lambda t: m(t, "x") | group(ms(t, "ab")) | m(t, "t"),
        value="t([a(x),b(x)])",
    )
    yield Case(
        name="group|group",
        build=lambda t: group(ms(t, "ab")) | group(ms(t, "cd")),
        value=[f"c({ab})", f"d({ab})"],
    )
    yield Case(
        name="group|group|t",
        build=lambda t: group(ms(t, "ab")) | group(ms(t, "cd")) | m(t, "t"),
        value=f"t([c({ab}),d({ab})])",
    )
    yield Case(
        name="group|group|group",
        build=lambda t: group(ms(t, "ab")) | group(ms(t, "cd")) | group(ms(t, "ef")),
        value=[f"e([c({ab}),d({ab})])", f"f([c({ab}),d({ab})])"],
    )
    yield Case(
        name="chord|t", build=lambda t: chord(ms(t, "ab"), m(t, "t")) | m(t, "u"),
        value=f"u(t({ab}))",
    )  # fmt: skip
    yield Case(
        name="chord|chain",
        build=lambda t: chord(ms(t, "ab"), m(t, "t")) | chain(*ms(t, "uv")),
        value=f"v(u(t({ab})))",
    )
    yield Case(
        name="chord|chord",
        build=lambda t: chord(ms(t, "ab"), m(t, "t")) | chord(ms(t, "cd"), m(t, "u")),
        value=f"u([c(t({ab})),d(t({ab}))])",
    )
    yield Case(
        name="a header keeps the order of nested groups",
        build=lambda t: chord(
            [m(t, "a"), group(ms(t, "bc")), chain(m(t, "d"), group(ms(t, "ef"))), m(t, "g")],
            m(t, "t"),
        ),
        value="t([a,b,c,[e(d),f(d)],g])",
    )
    yield Case(
        name="chord in group in chord",
        build=lambda t: chord(
            [group(chord(ms(t, "ab"), m(t, "t")), m(t, "c")), m(t, "d")], m(t, "u")
        ),
        value=f"u([t({ab}),c,d])",
    )
    yield Case(
        name="chord with chains in its header",
        build=lambda t: chord([m(t, "a") | m(t, "p"), m(t, "b") | m(t, "q")], m(t, "t")),
        value="t([p(a),q(b)])",
    )
    yield Case(
        name="chord of equal chains",
        build=lambda t: chord([m(t, n) | m(t, "p") | m(t, "q") for n in "ab"], m(t, "t")),
        value="t([q(p(a)),q(p(b))])",
    )
    yield Case(
        name="chord with a group as body and a step after it",
        build=lambda t: chord(ms(t, "ab"), group(ms(t, "cd")) | m(t, "t")),
        value=f"t([c({ab}),d({ab})])",
    )
    yield Case(
        name="a signature twice",
        build=lambda t: chord([m(t, "a")] * 2, m(t, "t")),
        value="t([a,a])",
    )
    yield Case(
        name="a frozen signature twice",
        build=lambda t: _frozen_twice(t),  # noqa: PLW0108 - it is defined below
        value="t([a,a])",
    )
    yield Case(
        name="a header of 300",
        build=lambda t: chord((t.same.s(i) for i in range(300)), t.total.s()),
        value=44850,
    )
    yield Case(
        name="values are not shared by members",
        build=lambda t: group([t.same.s(1), t.same.s(2)]) | group([t.one_more.s()] * 3),
        value=[3, 3, 3],
    )


def _frozen_twice(t: Tasks) -> Any:
    frozen = m(t, "a")
    frozen.freeze()
    return chord([frozen, frozen], m(t, "t"))


CASES: list[Case] = [
    *_chains(),
    *_groups(),
    *_in_chains(),
    *_chords(),
    *FAILURES,
    *TURNS,
    *MIXTURES,
]
