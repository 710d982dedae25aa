"""Callbacks, errbacks and stamps: on which tasks of a canvas they hang."""

import pytest
from plans import make_tasks, text

from nbtasks.canvas import chain, chord, group
from nbtasks.compiling import compile_canvas
from nbtasks.errors import ConfigError
from nbtasks.plan import Role, Rule
from nbtasks.stamping import StampingVisitor

T = make_tasks()
APP = T.app


def one(name):
    return getattr(T, name).s()


a, b, c, d, t, x = (one(name) for name in "abcdtx")


def linked(signature):
    signature.link(one("y"))
    return signature


def heard(signature):
    return signature.on_error(one("e"))


LINKS = [
    ("a task", lambda: linked(one("a")), "a; y~(a) = a"),
    ("a step", lambda: linked(one("a")) | b, "a; y~(a); b(a) = b"),
    ("a chain", lambda: linked(a | b), "a; b(a); y~(b) = b"),
    ("a chain that is a step", lambda: linked(a | b) | c, "a; b(a); y~(b); c(b) = c"),
    ("a chord", lambda: linked(chord([a, b], t)), "a; b; t!([a,b]); y~(t) = t"),
    ("a chord that goes on", lambda: linked(chord([a], t)) | c, "a; t!([a]); y~(t); c(t) = c"),
    ("a group", lambda: linked(group(a, b)), "a; b; y~<a> = [a,b]"),
    ("a group of one record", lambda: linked(group(a, a)), "a×2; y~<a.0> = [a×2]"),
    ("a group of groups", lambda: linked(group(x | group(a, b))), "x; a(x); b(x); y~<a> = [a,b]"),
    ("a group of one as a step", lambda: x | linked(group(one("a"))), "x; a(x); y~<a> = a"),
    (
        "a chain that ends in a group",
        lambda: linked(x | group(a, b)),
        "x; a(x); b(x); y~<a> = [a,b]",
    ),
    ("each member", lambda: group(linked(one("a")) for _ in "12"), "a×2; y×2~{a} = [a×2]"),
    (
        "each chain",
        lambda: group(linked(a | b) for _ in "12"),
        "a×2; b×2{a}; y×2~{b} = [b×2]",
    ),
    ("immutable", lambda: a.clone().on_error(T.e.si()), "a; e?<a> = a"),
]

ERRORS = [
    ("a task", lambda: heard(one("a")), "a; e?(a) = a"),
    ("a chain", lambda: heard(a | b | c), "a; b(a); c(b); e?([a×1,b×1,c×1]) = c"),
    ("a step", lambda: a | heard(one("b")), "a; b(a); e?(b) = b"),
    ("a group", lambda: heard(group(a, b)), "a; e?(a); b; e?(b) = [a,b]"),
    ("a group of one record", lambda: heard(group(a, a, a)), "a×3; e×3?{a} = [a×3]"),
    (
        "a group of chains",
        lambda: heard(group(a | b, c)),
        "a; b(a); e?([a×1,b×1]); c; e?(c) = [b,c]",
    ),
    (
        "a group of equal chains",
        lambda: heard(group(a | b, a | b)),
        "a×2; b×2{a}; e×2?{a}; e×2?{b} = [b×2]",
    ),
    ("a chord", lambda: heard(chord([a, b], t)), "a; b; t!([a,b]); e?(t) = t"),
    (
        "a chord with a chain as body",
        lambda: heard(chord([a, b], t | c)),
        "a; b; t!([a,b]); c(t); e?([t×1,c×1]) = c",
    ),
    (
        "a chain with a chord",
        lambda: heard(x | group(a, b) | t),
        "x; a(x); b(x); t!([a,b]); e?([x×1,t×1]) = t",
    ),
    ("a chain of nothing", lambda: heard(chain(group([]))) | a, "a = a"),
    ("a chord with nothing behind", lambda: heard(chord([a], chain())), "a; e?(a) = [a]"),
    ("an errback that is a chain", lambda: a.clone().on_error(c | d), "a; c?(a); d~(c) = a"),
    ("an errback that is a group", lambda: a.clone().on_error(group(c, d)), "a; c?(a); d?(a) = a"),
    (
        "an errback of a callback",
        lambda: a.clone().set(link=[heard(one("y"))]),
        "a; y~(a); e?(y) = a",
    ),
]


@pytest.mark.parametrize(
    ("build", "expected"),
    [pytest.param(*row[1:], id=f"{kind} {row[0]}") for kind in ("link", "error")
     for row in (LINKS if kind == "link" else ERRORS)],
)  # fmt: skip
def test_it_hangs_on(build, expected):
    plan = APP.compile(build())
    assert text(plan) == expected
    errbacks = [node for node in plan.nodes if node.role is Role.ERRBACK]
    assert all(node.rule is Rule.ONE_FAILED for node in errbacks)


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda: heard(chord([a, b], t)), "a; e?(a); b; e?(b); t!([a,b]); e?(t) = t"),
        (lambda: heard(chord([a, a], t)), "a×2; e×2?{a}; t!([a×2]); e?(t) = t"),
    ],
    ids=["header", "header of one record"],
)
def test_an_errback_of_a_chord_may_be_one_of_its_header_too(build, expected):
    assert text(compile_canvas(build(), header_errbacks=True)) == expected
    app = make_tasks(task_allow_error_cb_on_chord_header=True).app
    assert text(app.compile(build())) == expected


def test_callbacks_and_errbacks_may_be_given_to_a_call():
    more = {"link": one("y"), "link_error": [one("e"), one("d")]}
    plan = APP.compile(heard(one("a")), options=more)
    assert text(plan) == "a; y~(a); e?(a); e?(a); d?(a) = a"


def test_the_same_callback_is_linked_once():
    signature = linked(linked(one("a")))
    assert text(APP.compile(signature)) == "a; y~(a) = a"
    assert signature.link(one("d")) == one("d")
    assert [each.name for each in signature.flatten_links()] == ["a", "y", "d"]


def test_options_of_a_task_are_not_those_of_its_callbacks():
    plan = APP.compile(linked(one("a")).set(priority=3), options={"countdown": 9, "queue": "q"})
    assert [dict(node.options) for node in plan.nodes] == [
        {"priority": 3, "countdown": 9, "queue": "q"}, {},
    ]  # fmt: skip


def test_what_is_linked_to_itself_is_refused():
    loop = one("a")
    loop.link(loop)
    with pytest.raises(ConfigError, match="a canvas contains itself: a -> a"):
        APP.compile(loop)
    circle, other = one("a"), one("b")
    circle.link(chain(other, c))
    other.link_error(circle)
    with pytest.raises(ConfigError, match=r"contains itself: a -> nbtasks\.chain -> b -> a"):
        APP.compile(circle)


def stamps(plan):
    return {node.task.name: dict(node.stamps) for node in plan.nodes}


def test_stamps_go_to_all_that_is_in_a_canvas_and_linked_to_it():
    canvas = linked(a.clone() | group(heard(one("b")), one("c")) | t.clone())
    assert canvas.stamp(job=7) is canvas
    assert stamps(APP.compile(canvas)) == {name: {"job": 7} for name in "abcety"}


def test_stamps_of_a_call_are_those_of_all_tasks_and_its_own_win():
    canvas = heard(a | linked(b.clone().stamp(job="own")))
    canvas |= linked(group(one("t"), one("d")))
    plan = APP.compile(canvas, options={"stamps": {"job": "call", "n": 1}})
    found = stamps(plan)
    assert found.pop("b") == {"job": "own", "n": 1}
    assert found == {name: {"job": "call", "n": 1} for name in "aydte"}


class Names(StampingVisitor):
    """Stamps all tasks with their names, and parts with what they are in."""

    def __init__(self):
        self.seen = []

    def on_signature(self, sig, **_headers):
        return {"name": sig.name}

    def on_chain_start(self, sig, **_headers):
        self.seen.append(f"{len(sig)} steps")
        return {"chain": True}

    def on_chain_end(self, sig, **_headers):
        self.seen.append(f"{len(sig)} steps done")

    def on_group_start(self, sig, **_headers):
        return {"group": len(sig)}

    def on_chord_header_start(self, sig, **_headers):
        return {"header": len(sig)}

    def on_chord_body(self, sig, **_headers):
        return {"body": sig.subtask_type}

    def on_callback(self, sig, **headers):
        return {"callback": headers["job"] + len(sig.args)}

    def on_errback(self, sig, **_headers):
        return {"errback": sig.name}


def test_a_visitor_says_which_stamps_each_part_gets():
    visitor = Names()
    canvas = a.clone() | chord([heard(one("b")), one("c")], linked(one("t")))
    canvas.stamp(visitor, job=1)
    found = stamps(APP.compile(canvas))
    inside = {"job": 1, "chain": True}
    assert found["a"] == {**inside, "name": "a"}
    assert found["c"] == {**inside, "header": 2, "group": 2, "name": "c"}
    assert found["e"] == {**found["c"], "errback": "e", "name": "e"}
    assert found["t"] == {**inside, "body": "chord", "name": "t"}
    assert found["y"] == {**inside, "body": "chord", "callback": 1, "name": "y"}
    assert visitor.seen == ["2 steps", "2 steps done"]


def test_members_with_other_stamps_are_other_records():
    members = [one("a").stamp(n=n) for n in (1, 1, 2)]
    assert text(APP.compile(group(members))) == "a×2; a = [a×2,a]"
