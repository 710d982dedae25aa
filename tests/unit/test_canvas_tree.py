"""A plan as text."""

import pytest
from plans import make_tasks

from nbtasks.canvas import chain, chord, group
from nbtasks.plan import plan_tree
from nbtasks.tree import draw

T = make_tasks()
APP = T.app

TREES = [
    ("a task", lambda: T.a.s(1, k="x"), "a(1, k='x')"),
    ("nothing", chain, "nothing to run"),
    ("a chain", lambda: T.a.s(1) | T.b.s(2) | T.c.si(3), "a(1)\n→ b(…, 2)\n→ c(3)"),
    (
        "a chord of one record",
        lambda: T.x.s() | group(T.a.s(n) for n in range(1000)) | T.t.s(),
        "x()\n→ a × 1,000\n→ t(…)",
    ),
    ("no step before", lambda: chord([T.a.s(), T.b.s()], T.t.s()), "a()\nb()\n→ t(…)"),
    (
        "branches",
        lambda: T.x.s() | group(T.a.s() | T.b.s(), T.c.s()) | T.t.s() | T.u.s(),
        "x()\n├─ a(…)\n│  → b(…)\n└─ c(…)\n→ t(…)\n→ u(…)",
    ),
    (
        "branches at the end",
        lambda: T.x.s() | group(T.a.s(), T.b.s() | group(T.c.s(), T.d.s())),
        "x()\n├─ a(…)\n└─ b(…)\n   ├─ c(…)\n   └─ d(…)",
    ),
    (
        "equal chains",
        lambda: group(T.a.s() | T.b.s() for _ in "123"),
        "a × 3\n→ b × 3 (one for each)",
    ),
    (
        "callbacks",
        lambda: chain(T.a.s().set(link=[T.y.s()]).on_error(T.e.s()), T.b.s()),
        "a()\n├─ y(…) callback\n└─ e(…) errback\n→ b(…)",
    ),
    (
        "options and rules",
        lambda: T.a.s().set(queue="gpu", priority=3) | T.b.s().set(on_upstream="all_done"),
        "a() queue='gpu' priority=3\n→ b(…) all_done",
    ),
    ("a long argument", lambda: T.a.s("x" * 1000), "a('xxxxxxxxxxxx...xxxxxxxxxxxxx')"),
    ("lines in an argument", lambda: T.a.s(Lines()), r"a('1\n2')"),
]


class Lines:
    def __repr__(self):
        return "1\n2"


@pytest.mark.parametrize(
    ("build", "expected"), [pytest.param(*row[1:], id=row[0]) for row in TREES]
)
def test_it_prints_as(build, expected):
    assert str(APP.compile(build())) == expected


def test_a_plan_can_be_asked_for_before_it_is_sent():
    assert str((T.a.s(1) | T.b.s()).plan()) == "a(1)\n→ b(…)"


def test_results_among_arguments_are_dots():
    first = T.a.s(1)
    plan = APP.compile(group(first, T.b.s(2, first.freeze("one"), k=[first.freeze("one")])))
    assert str(plan) == "a(1) task_id='one'\n→ b(2, …, k=…)"


def test_more_may_be_said_of_a_node():
    plan = APP.compile(T.a.s() | T.b.s())
    assert plan_tree(plan, lambda node: f": {len(node.calls)}") == "a(): 1\n→ b(…): 1"


def test_a_part_stands_below_what_all_ways_to_it_lead_through():
    before = [[], [0], [1], [1], [0, 2], [2, 3], [4, 5]]
    assert draw("abcdefg", before) == "a\n├─ b\n│  ├─ c\n│  └─ d\n│  → f\n└─ e\n→ g"
