"""Large canvases: few records, in linear time, and no deep recursion."""

from functools import reduce
from operator import or_
from time import process_time

import pytest
from plans import make_tasks, text

from nbtasks.canvas import chain, chord, group
from nbtasks.errors import ConfigError
from nbtasks.plan import Known, Sources
from nbtasks.signature import Signature

T = make_tasks()
APP = T.app
MANY = 5000


def test_a_header_of_10000_is_one_record():
    plan = APP.compile(chord((T.a.s(n) for n in range(10_000)), T.t.s()))
    assert text(plan) == "a×10000; t!([a×10000]) = t"
    assert [source.text for source in Sources(plan.nodes[1]).all] == ["w"]


def test_equal_chains_are_a_record_for_each_step():
    members = (T.a.s(n) | T.b.s() | T.c.s() for n in range(1000))
    plan = APP.compile(T.x.s() | group(members) | T.t.s())
    assert text(plan) == "x; a×1000(x); b×1000{a}; c×1000{b}; t!([c×1000]) = t"


LONG = [
    ("a chain", lambda: chain(T.a.s() for _ in range(MANY))),
    ("a chain of |", lambda: reduce(or_, (T.a.s() for _ in range(MANY)))),
    ("a chain of groups", lambda: chain(group(T.a.s(), T.b.s()) for _ in range(MANY // 2))),
    ("tasks and groups", lambda: reduce(or_, [T.a.s(), group(T.a.s(), T.b.s())] * (MANY // 4))),
]


@pytest.mark.parametrize("build", [row[1] for row in LONG], ids=[row[0] for row in LONG])
def test_a_long_canvas_is_no_deep_one(build):
    canvas = build()
    plan = APP.compile(canvas)
    nodes = len(plan.nodes)
    assert nodes >= MANY // 2
    assert canvas == canvas.clone()
    assert Signature.from_dict(dict(canvas), APP) == canvas
    assert len(repr(canvas)) > nodes
    assert str(plan).count("\n") == nodes - 1


def test_what_is_nested_too_deep_is_refused():
    canvas = T.a.s()
    for _ in range(2000):
        canvas = chord([canvas], T.t.s())
    with pytest.raises(ConfigError, match="a canvas is nested too deep"):
        APP.compile(canvas)


def test_lists_of_plain_values_are_not_gone_through():
    values = [float(n) for n in range(1_000_000)]
    began = process_time()
    (node,) = APP.compile(T.a.s(values, key={"rows": [values] * 10})).nodes
    assert process_time() - began < 1
    assert node.calls[0][0][0] is values


def test_a_result_in_each_of_many_lists_is_found_in_linear_time():
    class Sent:
        def __init__(self, index):
            self.index = index

        def as_value(self):
            return Known("r", self.index, MANY)

    (node,) = APP.compile(T.a.s([Sent(n) for n in range(MANY)])).nodes
    assert [source.text for source in Sources(node).all] == ["wr"]


def test_a_large_argument_of_one_member_is_gone_through_once():
    values = [float(n) for n in range(1_000_000)]
    began = process_time()
    plan = APP.compile(group(T.a.s(values if n == 0 else n) for n in range(2000)))
    assert process_time() - began < 1
    assert text(plan) == "a×2000 = [a×2000]"
