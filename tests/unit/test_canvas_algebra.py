"""Rules that hold for any canvas: found by trying many at random."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from plans import make_tasks, text

from nbtasks.canvas import Canvas, chain, chord, group
from nbtasks.naming import waits_for
from nbtasks.plan import All, Many, Role
from nbtasks.signature import Signature

T = make_tasks()
APP = T.app


def made(name, number, mark):
    """A task; `mark` says how it differs from others."""
    signature = getattr(T, name).s(number)
    if mark == "i":
        signature.set_immutable(True)
    elif mark == "p":
        signature.set(priority=number)
    elif mark == "l":
        signature.link(T.y.s())
    elif mark == "e":
        signature.on_error(T.e.s())
    return signature


tasks = st.builds(
    made, st.sampled_from("ab"), st.integers(0, 2), st.sampled_from(["", "", *"iple"])
)


def canvases(inner):
    several = st.lists(inner, max_size=4)
    return st.one_of(
        several.map(chain),
        several.map(group),
        st.builds(chord, several, tasks),
        st.builds(lambda left, right: left | right, inner, inner),
        st.builds(lambda part, n: group([part] * n), inner, st.integers(1, 3)),
        inner.map(lambda part: part.clone(queue="q")),
        inner.map(lambda part: part.clone().on_error(T.x.s())),
    )


anything = st.recursive(tasks, canvases, max_leaves=12)
quick = settings(max_examples=60)


@quick
@given(anything)
def test_nodes_stand_behind_those_they_wait_for_and_make_the_value(canvas):
    plan = APP.compile(canvas)
    seen = set()
    for node in plan.nodes:
        assert all(id(other) in seen for other in waits_for(node))
        assert node.each is None or len(node.each.calls) == len(node.calls)
        assert (node.role is Role.ERRBACK) == (node.task.name in "ex")
        seen.add(id(node))
    assert (plan.value is None) <= (not plan.nodes)


@quick
@given(anything)
def test_as_many_tasks_run_as_were_written(canvas):
    plan = APP.compile(canvas)
    run = [node for node in plan.nodes if node.role is Role.TASK]
    assert sum(len(node.calls) for node in run) == written(canvas)


def written(signature):
    if not isinstance(signature, Canvas):
        return 1
    return sum(written(part) for part in signature.parts())


@quick
@given(anything)
def test_copies_and_json_compile_to_the_same(canvas):
    before = text(APP.compile(canvas, ("X",)))
    again = Signature.from_dict(json.loads(json.dumps(dict(canvas))), APP)
    assert again == canvas == canvas.clone()
    assert text(APP.compile(again, ("X",))) == before
    assert text(APP.compile(canvas.clone(), ("X",))) == before
    assert text(APP.compile(canvas, ("X",))) == before


@quick
@given(anything, anything)
def test_or_is_one_after_the_other_and_changes_neither(left, right):
    before = dict(left), dict(right)
    whole = left | right
    assert written(whole) == written(left) + written(right)
    whole.set(priority=5, queue="other").link(T.y.s())
    whole.set_immutable(True)
    whole.stamp(n=1)
    assert (dict(left), dict(right)) == before


@quick
@given(st.lists(anything, min_size=2, max_size=4))
def test_a_group_has_a_value_for_each_member(members):
    members = [member for member in members if not isinstance(member, group) and written(member)]
    plan = APP.compile(group(members))
    if len(members) > 1:
        assert isinstance(plan.value, Many)
        assert sum(len(x.node.calls) if isinstance(x, All) else 1 for x in plan.value.items) == len(
            members
        )
