"""What each shape of the canvas table compiles to, and what its result looks like."""

import pytest
from plans import make_tasks, shape, text

from nbtasks.canvas import chain, chord, group

T = make_tasks()
APP = T.app


def s(names):
    """A signature for each letter."""
    return [getattr(T, name).s() for name in names]


def one(name):
    return getattr(T, name).s()


a, b, c, d, t, u, x, y = s("abcdtuxy")

CHAINS = [
    ("a", lambda: a, "a = a", "A"),
    ("a|b|c", lambda: a | b | c, "a; b(a); c(b) = c", "A<-A<-A"),
    ("chain(a,b,c)", lambda: chain(a, b, c), "a; b(a); c(b) = c", "A<-A<-A"),
    ("chain([a,b,c])", lambda: chain([a, b, c]), "a; b(a); c(b) = c", "A<-A<-A"),
    ("chain of a generator", lambda: chain(one(n) for n in "abc"), "a; b(a); c(b) = c", "A<-A<-A"),
    ("spliced", lambda: chain(a, chain(b, c), d), "a; b(a); c(b); d(c) = d", "A<-A<-A<-A"),
    ("a|(b|c)", lambda: a | (b | c), "a; b(a); c(b) = c", "A<-A<-A"),
    ("chain with chain()", lambda: chain(chain(), a, chain()) | b, "a; b(a) = b", "A<-A"),
    ("chain(a)", lambda: chain(a), "a = a", "A"),
    ("chain()", chain, "= nothing", "nothing"),
    ("immutable", lambda: a | T.b.si() | c, "a; b<a>; c(b) = c", "A<-A<-A"),
]

GROUPS = [
    ("group(a,b)", lambda: group(a, b), "a; b = [a,b]", "G[A,A]"),
    ("group([a,b])", lambda: group([a, b]), "a; b = [a,b]", "G[A,A]"),
    ("group(gen)", lambda: group(one(n) for n in "ab"), "a; b = [a,b]", "G[A,A]"),
    ("group(a,a)", lambda: group(a, a), "a×2 = [a×2]", "G[A,A]"),
    ("group(a,a,b,a)", lambda: group(a, a, b, a), "a×2; b; a = [a×2,b,a]", "G[A,A,A,A]"),
    ("group(a)", lambda: group(a), "a = [a]", "G[A]"),
    ("group([])", lambda: group([]), "= []", "G[]"),
    ("chain(group([]))", lambda: chain(group([])), "= []", "G[]"),
    ("group(group(a,b),c)", lambda: group(group(a, b), c), "a; b; c = [a,b,c]", "G[A,A,A]"),
    ("group(gen of groups)", lambda: group(group(n) for n in (a, b)), "a; b = [a,b]", "G[A,A]"),
    (
        "group of a group with options",
        lambda: group(group(a, b).set(priority=1), c),
        "a; b; c = [a,b,c]",
        "G[A,A,A]",
    ),
    (
        "group(chain(x,group(a,b)),c)",
        lambda: group(chain(x, group(a, b)), c),
        "x; a(x); b(x); c = [[a,b],c]",
        "G[G[A,A]<-A,A]",
    ),
    (
        "group(chain(x,group(a,b)))",
        lambda: group(chain(x, group(a, b))),
        "x; a(x); b(x) = [a,b]",
        "G[A,A]<-A",
    ),
    ("group(chain(a,b))", lambda: group(a | b), "a; b(a) = [b]", "G[A<-A]"),
    (
        "group of equal chains",
        lambda: group(a | b | T.c.si(n) for n in range(3)),
        "a×3; b×3{a}; c×3<{b}> = [c×3]",
        "G[A<-A<-A,A<-A<-A,A<-A<-A]",
    ),
    ("group of chains of one", lambda: group(chain(a), chain(a)), "a×2 = [a×2]", "G[A,A]"),
    (
        "group of other chains",
        lambda: group(a | b, a | c, a | b),
        "a; b(a); a; c(a); a; b(a) = [b,c,b]",
        "G[A<-A,A<-A,A<-A]",
    ),
    ("group with chain()", lambda: group(chain(), a), "a = [a]", "G[A]"),
    (
        "group(chord)",
        lambda: group(chord([a, b], t), c),
        "a; b; t!([a,b]); c = [t,c]",
        "G[A<-G[A,A],A]",
    ),
]

IN_CHAINS = [
    ("t|group(a,b)", lambda: t | group(a, b), "t; a(t); b(t) = [a,b]", "G[A,A]<-A"),
    ("t|group(a,a)", lambda: t | group(a, a), "t; a×2(t) = [a×2]", "G[A,A]<-A"),
    ("t|group(a,si)", lambda: t | group(a, T.b.si()), "t; a(t); b<t> = [a,b]", "G[A,A]<-A"),
    ("t|group(a)", lambda: t | group(a), "t; a(t) = a", "A<-A"),
    ("t|group(gen of one)", lambda: t | group(n for n in [a]), "t; a(t) = a", "A<-A"),
    ("t|group(a|b)", lambda: t | group(a | b), "t; a(t); b(a) = b", "A<-A<-A"),
    ("t|group(a)|u", lambda: t | group(a) | u, "t; a(t); u(a) = u", "A<-A<-A"),
    ("group(a)|t", lambda: group(a) | t, "a; t!([a]) = t", "A<-G[A]"),
    ("chord([a],t)", lambda: chord([a], t), "a; t!([a]) = t", "A<-G[A]"),
    ("chain(group(a),t)", lambda: chain(group(a), t), "a; t(a) = t", "A<-A"),
    ("t|group([])", lambda: t | group([]), "t = t", "A"),
    ("t|group([])|u", lambda: t | group([]) | u, "t; u(t) = u", "A<-A"),
    ("chain(t,group([]),u)", lambda: chain(t, group([]), u), "t; u(t) = u", "A<-A"),
    (
        "t|group of equal chains",
        lambda: t | group(a | b, a | b),
        "t; a×2(t); b×2{a} = [b×2]",
        "G[A<-A,A<-A]<-A",
    ),
    (
        "a group twice in a chain",
        lambda: x | group(a, b) | y | group(a, b) | t,
        "x; a(x); b(x); y!([a,b]); a(y); b(y); t!([a,b]) = t",
        "A<-G[A,A]<-A<-G[A,A]<-A",
    ),
]

CHORDS = [
    ("group(a,b)|t", lambda: group(a, b) | t, "a; b; t!([a,b]) = t", "A<-G[A,A]"),
    ("chain(group(a,b),t)", lambda: chain(group(a, b), t), "a; b; t!([a,b]) = t", "A<-G[A,A]"),
    ("chord(gen,t)", lambda: chord((n for n in (a, b)), t), "a; b; t!([a,b]) = t", "A<-G[A,A]"),
    ("chord([a]*3,t)", lambda: chord([a] * 3, t), "a×3; t!([a×3]) = t", "A<-G[A,A,A]"),
    ("chord([],t)", lambda: chord([], t), "t = t", "A<-G[]"),
    ("group([])|t", lambda: group([]) | t, "t = t", "A<-G[]"),
    ("x|chord([],t)", lambda: x | chord([], t), "x; t<x> = t", "A<-G[]<-A"),
    (
        "x|group(a,b)|t",
        lambda: x | group(a, b) | t,
        "x; a(x); b(x); t!([a,b]) = t",
        "A<-G[A,A]<-A",
    ),
    (
        "group|group",
        lambda: group(a, b) | group(c, d),
        "a; b; c!([a,b]); d!([a,b]) = [c,d]",
        "G[A,A]<-G[A,A]",
    ),
    ("group|group(c)", lambda: group(a, b) | group(c), "a; b; c!([a,b]) = [c]", "G[A]<-G[A,A]"),
    (
        "group|group|t",
        lambda: group(a, b) | group(c, d) | t,
        "a; b; c!([a,b]); d!([a,b]); t!([c,d]) = t",
        "A<-G[A,A]<-G[A,A]",
    ),
    (
        "group|group|group",
        lambda: group(a, b) | group(c, d) | group(x, y),
        "a; b; c!([a,b]); d!([a,b]); x!([c,d]); y!([c,d]) = [x,y]",
        "G[A,A]<-G[A,A]<-G[A,A]",
    ),
    ("chord|t", lambda: chord([a, b], t) | u, "a; b; t!([a,b]); u(t) = u", "A<-A<-G[A,A]"),
    (
        "chord|chain",
        lambda: chord([a, b], t) | (x | y),
        "a; b; t!([a,b]); x(t); y(x) = y",
        "A<-A<-A<-G[A,A]",
    ),
    (
        "chord|chord",
        lambda: chord([a, b], t) | chord([c, d], u),
        "a; b; t!([a,b]); c(t); d(t); u!([c,d]) = u",
        "A<-G[A,A]<-A<-G[A,A]",
    ),
    (
        "chord|group",
        lambda: chord([a, b], t) | group(c, d),
        "a; b; t!([a,b]); c(t); d(t) = [c,d]",
        "G[A,A]<-A<-G[A,A]",
    ),
    (
        "chord|group(c)",
        lambda: chord([a, b], t) | group(c),
        "a; b; t!([a,b]); c(t) = c",
        "A<-A<-G[A,A]",
    ),
    (
        "nested groups in a header",
        lambda: chord([a, group(b, c), d | group(x, y)], t),
        "a; b; c; d; x(d); y(d); t!([a,b,c,[x,y]]) = t",
        "A<-G[A,A,A,G[A,A]<-A]",
    ),
    (
        "chord in group in chord",
        lambda: chord([group(chord([a, b], t), c), d], u),
        "a; b; t!([a,b]); c; d; u!([t,c,d]) = u",
        "A<-G[A<-G[A,A],A,A]",
    ),
    (
        "chord of equal chains",
        lambda: chord([a | b] * 3, t),
        "a×3; b×3{a}; t!([b×3]) = t",
        "A<-G[A<-A,A<-A,A<-A]",
    ),
    ("group|group([])", lambda: group(a, b) | group([]), "a; b = [a,b]", "G[A,A]"),
    ("group|chain()", lambda: group(a) | chain(), "a = [a]", "G[A]"),
    ("group|chain()|t", lambda: group(a) | chain() | t, "a; t!([a]) = t", "A<-G[A]"),
    ("chord([],group([]))", lambda: chord([], group([])), "= []", "G[]"),
    ("x|chord([],chain())", lambda: x | chord([], chain()), "x = x", "A"),
    ("immutable body", lambda: chord([a, b], T.t.si()), "a; b; t!<[a,b]> = t", "A<-G[A,A]"),
]

MAPS = [
    ("f.map(xs)", lambda: T.a.map([1, 2, 3]), "a.map = a.map", "A"),
    ("f.starmap(xs)", lambda: T.a.starmap([(1, 2)]), "a.starmap = a.starmap", "A"),
    (
        "f.chunks(it,n)",
        lambda: T.a.chunks(zip(range(10)), 3),
        "a.starmap×4 = [a.starmap×4]",
        "G[A,A,A,A]",
    ),
    (
        "f.chunks(it,n).group()",
        lambda: T.a.chunks(zip(range(10)), 3).group(),
        "a.starmap×4 = [a.starmap×4]",
        "G[A,A,A,A]",
    ),
    ("x|f.map(xs)|t", lambda: x | T.a.map([1]) | t, "x; a.map<x>; t(a.map) = t", "A<-A<-A"),
    (
        "f.chunks(it,n)|t",
        lambda: T.a.chunks(zip(range(4)), 2) | t,
        "a.starmap×2; t!([a.starmap×2]) = t",
        "A<-G[A,A]",
    ),
]

TABLE = [*CHAINS, *GROUPS, *IN_CHAINS, *CHORDS, *MAPS]


@pytest.mark.parametrize(
    ("build", "nodes", "result"),
    [pytest.param(*row[1:], id=row[0]) for row in TABLE],
)
def test_a_canvas_becomes(build, nodes, result):
    plan = APP.compile(build())
    assert text(plan) == nodes
    assert shape(plan.value) == result


@pytest.mark.parametrize("build", [pytest.param(row[1], id=row[0]) for row in TABLE])
def test_a_canvas_may_be_compiled_twice_and_as_a_copy(build):
    signature = build()
    first = text(APP.compile(signature))
    assert text(APP.compile(signature)) == first
    assert text(APP.compile(signature.clone())) == first
