"""Results among arguments: what a task waits for, and where the value is put."""

from typing import NamedTuple

import pytest
from plans import make_tasks, text

from nbtasks.canvas import chain, chord, group
from nbtasks.errors import ConfigError
from nbtasks.live import LiveRecord
from nbtasks.plan import All, Held, Known, Many, One, Sources
from nbtasks.result import AsyncResult, GroupResult
from nbtasks.routes import Routes

T = make_tasks()
APP = T.app


def sent(rid="r", index=0, n=1):
    """The result of a task that was sent before."""
    return AsyncResult(APP, LiveRecord(rid, n, "before"), index)


class Point(NamedTuple):
    x: int
    y: int


class Here:
    """A result that is there already."""

    def as_value(self):
        return Held("here")


def puts(node):
    return {path: _short(value) for path, value in node.puts}


def _short(value):
    match value:
        case Known(rid, index, n):
            return rid if n == 1 else f"{rid}.{index}"
        case One(node, _):
            return node.task.name
        case Many(items):
            return [_short(item) for item in items]
        case All(node):
            return f"{node.task.name}×{len(node.calls)}"


PLACES = [
    ("an argument", (sent(),), {}, ((None,), {}), {(0, 0): "r"}),
    ("a keyword", (1,), {"x": 2, "y": sent()}, ((1,), {"x": 2, "y": None}), {(1, 1): "r"}),
    ("a member", (1, sent("g", 2, 5)), {}, ((1, None), {}), {(0, 1): "g.2"}),
    ("a list of results", ([sent("r"), sent("q")],), {}, ((None,), {}), {(0, 0): ["r", "q"]}),
    ("a mixed list", ([1, sent(), 2],), {}, (([1, None, 2],), {}), {(0, 0, 1): "r"}),
    ("a tuple", ((sent(), 2),), {}, (((None, 2),), {}), {(0, 0, 0): "r"}),
    ("a dict", ({"k": 1, "v": sent()},), {}, (({"k": 1, "v": None},), {}), {(0, 0, 1): "r"}),
    (
        "deep",
        ([{"k": (1, [sent(), 5])}],),
        {},
        (([{"k": (1, [None, 5])}],), {}),
        {(0, 0, 0, 0, 1, 0): "r"},
    ),
    ("what is there already", (Here(), [Here(), 1]), {}, (("here", ["here", 1]), {}), {}),
    ("some there already", ([Here(), sent()],), {}, ((["here", None],), {}), {(0, 0, 1): "r"}),
    ("only there already", ([Here(), Here()],), {}, ((["here", "here"],), {}), {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("args", "kwargs", "call", "expected"), [pytest.param(*row[1:], id=row[0]) for row in PLACES]
)
def test_a_result_is_put_into(args, kwargs, call, expected):
    (node,) = APP.compile(T.a.s(*args, **kwargs)).nodes
    assert tuple(node.calls[0]) == call
    assert puts(node) == expected


@pytest.mark.parametrize(
    ("args", "expected"), [pytest.param(r[1], r[4], id=r[0]) for r in PLACES[:9]]
)
def test_results_that_a_call_brings_are_found_too(args, expected):
    if len(args) == 1:
        (node,) = APP.compile(T.a.s("own"), args).nodes
        found = {path: value for path, value in expected.items() if path[0] == 0}
        assert {path: puts(node)[path] for path in found} == found
        assert node.calls[0][0][-1] == "own"


def test_a_result_as_an_argument_is_not_changed():
    given = [1, sent()]
    signature = T.a.s(given)
    APP.compile(signature)
    assert signature.args[0] is given
    assert isinstance(given[1], AsyncResult)


def test_what_holds_no_result_is_handed_on_as_it_is():
    loop = []
    loop.append(loop)
    args = ([1, 2], (Point(1, 2),), {"k": [b"", None]}, loop)
    (node,) = APP.compile(T.a.s(*args)).nodes
    assert all(now is before for now, before in zip(node.calls[0][0], args, strict=True))
    assert node.puts == ()


def test_members_with_results_are_records_of_their_own():
    plan = APP.compile(group(T.a.s(1), T.a.s(2), T.a.s(sent()), T.a.s(3), T.a.s(4)))
    assert text(plan) == "a×2; a; a×2 = [a×2,a,a×2]"
    assert [bool(node.puts) for node in plan.nodes] == [False, True, False]
    chains = APP.compile(group(T.a.s(1) | T.b.s(n) for n in (1, sent(), 2)))
    assert text(chains) == "a; b(a); a; b(a); a; b(a) = [b,b,b]"


def test_a_result_of_a_call_to_a_group_is_waited_for_by_each_member():
    plan = APP.compile(group(T.a.s(1), T.a.s(2)), (sent(),))
    assert [puts(node) for node in plan.nodes] == [{(0, 0): "r"}] * 2


def test_a_group_result_is_a_list_and_a_whole_record_one_source():
    whole = GroupResult(APP, [LiveRecord("g", 1000, "before")])
    (node,) = APP.compile(T.a.s(whole)).nodes
    assert [source.text for source in Sources(node).all] == ["wg"]
    (node,) = APP.compile(T.a.s(list(whole)[1:3])).nodes
    assert [source.text for source in Sources(node).all] == ["1g/1", "1g/2"]


def test_map_async_and_delay_find_results():
    plans = []
    fields = {"send": lambda _, plan: plans.append(plan), "tasks": {}, "routes": Routes()}
    sender = type("Sender", (), fields)()
    task = type(T.a)(sender, len, "a", T.a.options)
    task.delay(sent())
    task.map_async([sent(), 1, 2])
    task.map_async([1, 2])
    assert [text(plan) for plan in plans] == ["a = a", "a; a×2 = [a,a×2]", "a×2 = [a×2]"]
    assert [puts(plan.nodes[0]) for plan in plans] == [{(0, 0): "r"}, {(0, 0): "r"}, {}]


# Results of the same canvas


def test_a_frozen_signature_is_waited_for_wherever_it_stands():
    first, second = T.a.s(1), T.b.s(2)
    both = T.c.s(first.freeze(), y=[second.freeze()])
    plan = APP.compile(group(both, second, first))
    assert text(plan) == "a; b; c = [c,b,a]"
    assert puts(plan.nodes[2]) == {(0, 0): "a", (1, 0): ["b"]}


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda: T.a.s() | T.b.s(), "b"),
        (lambda: chord([T.a.s(), T.b.s()], T.t.s()), "t"),
        (lambda: group(T.a.s(), T.a.s(), T.b.s()), ["a×2", "b"]),
        (lambda: T.x.s() | group(T.a.s(), T.b.s()), ["a", "b"]),
    ],
    ids=["chain", "chord", "group", "chain to group"],
)
def test_a_frozen_canvas_stands_for_its_value(build, expected):
    frozen = build()
    plan = APP.compile(group(T.c.s(frozen.freeze()), frozen))
    (last,) = [node for node in plan.nodes if node.task.name == "c"]
    assert puts(last) == {(0, 0): expected}
    assert plan.nodes[-1] is last


def test_a_diamond_is_four_tasks():
    top = T.a.s()
    left, right = T.b.s(top.freeze()), T.c.s(top.freeze())
    plan = APP.compile(chain(group(top, left, right), T.d.s()))
    assert text(plan) == "a; b; c; d!([a,b,c]) = d"
    assert [puts(node) for node in plan.nodes[1:3]] == [{(0, 0): "a"}] * 2


def test_a_frozen_signature_of_another_canvas_is_one_that_was_sent():
    (node,) = APP.compile(T.a.s(T.b.s().freeze("elsewhere"))).nodes
    assert puts(node) == {(0, 0): "elsewhere"}


def test_a_frozen_signature_keeps_its_id():
    signature = T.a.s()
    frozen = signature.freeze()
    assert frozen.id == signature.id == signature.freeze().id == signature.clone().id
    assert signature.freeze("other").id == signature.id == "other"
    with pytest.raises(ConfigError, match="task_id 'a b' is not a name"):
        signature.freeze("a b")


def circle(*names):
    """Tasks that each wait for the next, and the last for the first."""
    signatures = [getattr(T, name).s() for name in names]
    handles = [signature.freeze() for signature in signatures]
    for signature, handle in zip(signatures, [*handles[1:], handles[0]], strict=True):
        signature.args = (handle,)
    return signatures


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: group(circle("a", "b", "c")), "in a circle: a -> "),
        (lambda: circle("a")[0], "in a circle: a -> a"),
        (lambda: chain(T.x.s(), group(circle("a", "b"))), "in a circle: a -> b -> a|b -> a -> b"),
    ],
    ids=["three", "itself", "in a chain"],
)
def test_tasks_that_wait_for_each_other_are_named(build, message):
    with pytest.raises(ConfigError, match=message):
        APP.compile(build())


def test_a_step_that_waits_for_a_later_one_is_named():
    last = T.b.s()
    with pytest.raises(ConfigError, match="tasks wait for each other in a circle"):
        APP.compile(T.a.s(last.freeze()) | last)


def test_a_frozen_canvas_that_is_sent_twice_runs_twice(monkeypatch):
    plans = []
    monkeypatch.setattr(APP, "send", plans.append)
    first = T.a.s()
    frozen = first.freeze()
    canvas = group(first, T.b.s(frozen))
    canvas.delay()
    canvas.delay()
    assert [[node.rid for node in plan.nodes] for plan in plans] == [[frozen.id, ""], ["", ""]]
    assert [puts(plan.nodes[1]) for plan in plans] == [{(0, 0): "a"}] * 2
    assert first.freeze().id != frozen.id
