"""Which arguments and options of a canvas go to which of its tasks."""

import pytest
from plans import calls, make_tasks, options, text

from nbtasks.canvas import chain, chord, group
from nbtasks.errors import ConfigError
from nbtasks.plan import Rule

T = make_tasks()
APP = T.app

a, b, c, t = T.a.s("A"), T.b.s("B"), T.c.s("C"), T.t.s("T")

ARGUMENTS = [
    ("partial arguments come first", lambda: a, {"a": [("X", "A")]}),
    ("an immutable one takes none", lambda: T.a.si("A"), {"a": [("A",)]}),
    ("chain: the first step", lambda: a | b, {"a": [("X", "A")], "b": [("B",)]}),
    (
        "chain: the first step that is one",
        lambda: chain(group([]), chain(), a, b),
        {"a": [("X", "A")], "b": [("B",)]},
    ),
    (
        "chain: all of the first group",
        lambda: chain(group(a, b), t),
        {"a": [("X", "A")], "b": [("X", "B")], "t": [("T",)]},
    ),
    (
        "group: every member",
        lambda: group(a, b | c, T.s.si("S")),
        {"a": [("X", "A")], "b": [("X", "B")], "c": [("C",)], "s": [("S",)]},
    ),
    (
        "group: members of one record",
        lambda: group(T.a.s(1), T.a.s(2)),
        {"a": [("X", 1), ("X", 2)]},
    ),
    ("chord: the header only", lambda: chord([a], t), {"a": [("X", "A")], "t": [("T",)]}),
    ("chord of nothing: nobody", lambda: chord([], t), {"t": [([], "T")]}),
    (
        "group of a group",
        lambda: group(group(a).set(priority=1), b),
        {"a": [("X", "A")], "b": [("X", "B")]},
    ),
    ("map: nothing more", lambda: T.a.map([1, 2]), {"a.map": [([1, 2],)]}),
]


@pytest.mark.parametrize(
    ("build", "expected"), [pytest.param(*row[1:], id=row[0]) for row in ARGUMENTS]
)
def test_arguments_of_a_call_go_to_what_begins(build, expected):
    plan = APP.compile(build(), ("X",))
    for name, found in expected.items():
        assert calls(plan, name) == found


def test_keywords_are_merged_and_those_of_the_call_win():
    signature = T.a.s(1, k=1, x=2)
    assert calls(APP.compile(signature, (), {"k": 3}), "a") == [(1, {"k": 3, "x": 2})]
    assert calls(APP.compile(T.a.si(k=1), (), {"k": 3}), "a") == [({"k": 1},)]
    assert calls(APP.compile(group(T.a.s(x=1), T.a.s(x=2)), (), {"k": 3}), "a") == [
        ({"x": 1, "k": 3},),
        ({"x": 2, "k": 3},),
    ]


def test_a_canvas_may_have_arguments_of_its_own():
    assert calls(APP.compile((a | b).clone(("P",)), ("X",)), "a") == [("X", "P", "A")]
    assert calls(APP.compile(chord([a], t).clone(("P",))), "a") == [("P", "A")]


OPTIONS = [
    ("a task", lambda: a.clone(priority=1, queue="low"), {"a": {"queue": "q", "priority": 1}}),
    (
        "a chain: each step that sets none",
        lambda: a | b.clone(queue="own"),
        {"a": {"queue": "q"}, "b": {"queue": "own"}},
    ),
    (
        "a chain with options: those of the call win",
        lambda: (a | b).set(queue="chain", priority=2),
        {"a": {"queue": "q", "priority": 2}, "b": {"queue": "q", "priority": 2}},
    ),
    (
        "a group: each member",
        lambda: group(a, b.clone(queue="own", priority=3)),
        {"a": {"queue": "q"}, "b": {"queue": "q", "priority": 3}},
    ),
    (
        "a chord: header and body",
        lambda: chord([a, b], t.clone(queue="own")),
        {"a": {"queue": "q"}, "b": {"queue": "q"}, "t": {"queue": "own"}},
    ),
    (
        "a chain with a group",
        lambda: a | group(b.clone(queue="own"), c) | t,
        {"a": {"queue": "q"}, "b": {"queue": "own"}, "c": {"queue": "q"}, "t": {"queue": "q"}},
    ),
]


@pytest.mark.parametrize(
    ("build", "expected"), [pytest.param(*row[1:], id=row[0]) for row in OPTIONS]
)
def test_options_of_a_call_go_to(build, expected):
    assert options(APP.compile(build(), options={"queue": "q"})) == expected


LATER = [
    ("chain: the first step", lambda: a | b, "a"),
    ("chain: all of its first group", lambda: chain(group(a, b), t), "ab"),
    ("group: all", lambda: group(a, b | c), "ab"),
    ("chord: the header", lambda: chord([a, b], t), "ab"),
    ("chain of a chord: its header", lambda: chord([a], t) | c, "a"),
]


@pytest.mark.parametrize(("build", "names"), [pytest.param(*row[1:], id=row[0]) for row in LATER])
def test_a_countdown_holds_for(build, names):
    found = options(APP.compile(build(), options={"countdown": 5}))
    assert {name for name, each in found.items() if each == {"countdown": 5}} == set(names)
    assert all(name in names or each == {} for name, each in found.items())


def test_a_step_that_has_an_eta_of_its_own_keeps_it():
    later = T.a.s().set(countdown=7)
    assert options(APP.compile(later | b, options={"eta": "x"}))["a"] == {"countdown": 7}
    assert options(APP.compile(group(later, b), options={"eta": "x"}))["a"] == {"eta": "x"}


NAMED = [
    ("a task", lambda: a, "a"),
    ("chain: the last", lambda: a | b, "b"),
    ("chain with an empty end", lambda: chain(a, b, group([])), "b"),
    ("chord: its body", lambda: chord([a, b], t), "t"),
    ("chord with a chain as body", lambda: chord([a, b], t | c), "c"),
    ("chain that ends in a chord", lambda: a | group(b, c) | t, "t"),
    ("chain that ends in a group of one", lambda: a | group(b), "b"),
]


@pytest.mark.parametrize(("build", "name"), [pytest.param(*row[1:], id=row[0]) for row in NAMED])
def test_a_task_id_names(build, name):
    plan = APP.compile(build(), options={"task_id": "mine"})
    assert {node.task.name: node.rid for node in plan.nodes if node.rid} == {name: "mine"}


@pytest.mark.parametrize(
    "build",
    [lambda: group(a, b), lambda: a | group(b, c), lambda: chord([a, b], group(b, c))],
    ids=["group", "chain", "chord"],
)
def test_a_task_id_is_the_id_of_a_group(build):
    plan = APP.compile(build(), options={"task_id": "mine"})
    assert plan.value.group_id == "mine"
    assert not any(node.rid for node in plan.nodes)


def test_members_know_the_group_that_they_are_in():
    plan = APP.compile(a | group(b, c | T.d.s(), group(T.e.s())).set(task_id="g") | t)
    assert {node.task.name: node.group_id for node in plan.nodes} == {
        "a": "", "b": "g", "c": "g", "d": "g", "e": "g", "t": "",
    }  # fmt: skip


RULES = [
    ("a step", lambda: a | T.b.s().set(on_upstream="all_done"), "b"),
    ("chain: its first step", lambda: a | chain(b, c).set(on_upstream="all_done"), "b"),
    ("group: its members", lambda: a | group(b, c).set(on_upstream="all_done"), "bc"),
    ("chord: its body", lambda: chord([a, b], t).set(on_upstream="all_done"), "t"),
]


@pytest.mark.parametrize(("build", "names"), [pytest.param(*row[1:], id=row[0]) for row in RULES])
def test_a_rule_holds_for(build, names):
    plan = APP.compile(build())
    found = {node.task.name for node in plan.nodes if node.rule is Rule.ALL_DONE}
    assert found == set(names)
    assert all("on_upstream" not in node.options for node in plan.nodes)


def test_members_with_other_options_are_other_records():
    loud = T.a.s().set(priority=9)
    assert text(APP.compile(group(T.a.s(), T.a.s(), loud, loud.clone()))) == "a×2; a×2 = [a×2,a×2]"


def test_a_signature_that_is_used_twice_runs_twice_and_has_its_id_once():
    twice = T.a.s(1)
    twice.freeze("mine")
    plan = APP.compile(group(twice, twice) | twice.clone())
    assert text(plan) == "a; a; a!([a,a]) = a"
    assert [node.rid for node in plan.nodes] == ["mine", "", ""]
    assert ["task_id" in node.options for node in plan.nodes] == [True, False, False]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: a | T.b.s().set(on_upstream="some"), "on_upstream is 'some': it must be one of"),
        (lambda: chord([a, b]), "has no body: nothing would get the values"),
    ],
    ids=["rule", "no body"],
)
def test_what_cannot_be_compiled_is_named(build, message):
    with pytest.raises(ConfigError, match=message):
        APP.compile(build())
