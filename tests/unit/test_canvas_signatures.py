"""Signatures as values: copied, changed, combined, shown, and as JSON."""

import json
import pickle
from datetime import UTC, datetime

import cloudpickle
import pytest
from plans import calls, make_tasks, text

from nbtasks.app import current_app
from nbtasks.canvas import chain, chord, group
from nbtasks.errors import ConfigError
from nbtasks.mapping import chunks, xmap, xstarmap
from nbtasks.sender import set_sender
from nbtasks.signature import Signature

T = make_tasks()
APP = T.app


def one(name, *args, **kwargs):
    return getattr(T, name).s(*args, **kwargs)


SHAPES = [
    ("task", lambda: one("a", 1, k=2).set(priority=3)),
    ("immutable", lambda: T.a.si(1)),
    ("chain", lambda: one("a", 1) | one("b")),
    ("chain with options", lambda: (one("a") | one("b")).set(queue="q").clone((1,), {"k": 2})),
    ("group", lambda: group(one("a", n) for n in range(3))),
    ("chord", lambda: chord([one("a"), one("b")], one("t"))),
    ("chord without a body", lambda: chord([one("a")])),
    (
        "nested",
        lambda: one("x") | group(one("a") | one("b"), chord([one("c")], one("d"))) | one("t"),
    ),
    ("links", lambda: one("a").on_error(one("e") | one("d")).set(link=[one("y")])),
    ("map", lambda: T.a.map([1, 2])),
    ("starmap", lambda: T.a.starmap([(1, 2)])),
    ("chunks", lambda: T.a.chunks([(1,), (2,), (3,)], 2)),
    ("times", lambda: one("a").set(eta=datetime(2030, 1, 1, tzinfo=UTC))),
    ("stamps", lambda: one("a").stamp(job=1)),
]
IDS = [row[0] for row in SHAPES]
BUILDS = [row[1] for row in SHAPES]


@pytest.mark.parametrize("build", BUILDS, ids=IDS)
def test_it_survives_json(build):
    signature = build()
    again = Signature.from_dict(json.loads(json.dumps(dict(signature))), APP)
    if signature.subtask_type != "chunks":
        assert json.dumps(again.to_dict()) == json.dumps(signature.to_dict())
    if not isinstance(signature, chord) or signature.body:
        assert text(APP.compile(again)) == text(APP.compile(signature))


@pytest.mark.parametrize("build", BUILDS, ids=IDS)
def test_it_may_be_an_argument_of_a_task(build):
    signature = build()
    again = pickle.loads(cloudpickle.dumps(signature))
    assert again == signature
    assert type(again) is type(signature)
    if not isinstance(signature, chord) or signature.body:
        assert text(APP.compile(again)) == text(APP.compile(signature))


def test_a_frozen_one_travels_with_its_id_and_without_its_result():
    signature = one("a")
    frozen = signature.freeze()
    frozen.id.result = open  # not to be sent
    assert pickle.loads(cloudpickle.dumps(signature)).id == frozen.id


@pytest.mark.parametrize("build", BUILDS, ids=IDS)
def test_a_copy_is_equal_and_on_its_own(build):
    signature = build()
    before = signature.to_dict()
    copy = signature.clone()
    assert copy == signature
    copy.set(priority=9, immutable=True)
    copy.link(one("s"))
    copy.stamp(n=1)
    assert signature.to_dict() == before
    assert copy != signature


@pytest.mark.parametrize("other", BUILDS, ids=IDS)
@pytest.mark.parametrize("build", BUILDS, ids=IDS)
def test_or_changes_neither_of_its_operands(build, other):
    left, right = build(), other()
    before = left.to_dict(), right.to_dict()
    whole = left | right
    whole.set(priority=1)
    whole.link(one("s"))
    assert (left.to_dict(), right.to_dict()) == before


def test_in_place_or_makes_a_new_one():
    first = whole = one("a")
    whole |= one("b")
    assert (first, whole) == (one("a"), chain(one("a"), one("b")))


REPRS = [
    (lambda: one("a", 1, k="x"), "a(1, k='x')"),
    (lambda: one("a", 1) | one("b"), "a(1) | b()"),
    (chain, "chain()"),
    (lambda: group(one("a", n) for n in range(5)).clone(), "group(a(0), a(1), a(2), …)"),
    (lambda: group(n for n in []), "group(…)"),
    (lambda: chord([one("a")], one("t")), "chord(group(a()), t())"),
    (lambda: T.a.map([1]), "[a(x) for x in [1]]"),
    (lambda: T.a.starmap([(1, 2)]), "[a(*x) for x in [(1, 2)]]"),
]


@pytest.mark.parametrize(("build", "expected"), [pytest.param(*row, id=row[1]) for row in REPRS])
def test_it_looks_like(build, expected):
    assert repr(build()) == expected


def test_a_call_may_be_shown_with_more_arguments():
    assert one("a", 1).reprcall(0, k=2) == "a(0, 1, k=2)"
    assert (one("a", 1) | one("b")).reprcall(0) == "a(0, 1) | b()"


def test_it_is_equal_where_it_says_the_same():
    assert one("a", 1) == one("a", 1)
    assert one("a", 1) != one("a", 2)
    assert one("a", 1) != T.a.si(1)
    assert one("a") != one("b")
    assert chain(one("a")) != one("a")
    assert group(one("a")) != group(one("a"), one("a"))
    assert one("a") != 5


def test_set_changes_it_and_returns_it():
    signature = one("a")
    assert signature.set(priority=1).set(queue="q", immutable=True) is signature
    assert (signature.options, signature.immutable) == ({"priority": 1, "queue": "q"}, True)


def test_a_copy_may_get_more():
    copy = one("a", 1, k=1).clone((0,), {"k": 2}, priority=3)
    assert copy == one("a", 0, 1, k=2).set(priority=3)
    assert T.a.si(1).clone((0,), {"k": 2}, priority=3) == T.a.si(1).set(priority=3)


def immutable_calls(canvas):
    canvas.set_immutable(True)
    return {name: calls(APP.compile(canvas, ("X",)), name) for name in "abt"}


def test_set_immutable_is_for_the_part_that_would_take_a_value():
    chained = immutable_calls(one("a") | one("b"))
    grouped = immutable_calls(group(one("a"), one("b")))
    header = immutable_calls(chord([one("a"), one("b")], one("t")))
    assert chained == {"a": [()], "b": [()], "t": []}
    assert grouped == {"a": [()], "b": [()], "t": []}
    assert header == {"a": [()], "b": [()], "t": [()]}
    assert "t!([a,b])" in text(APP.compile(chord([one("a"), one("b")], one("t"))))


def test_members_start_one_after_the_other():
    canvas = group(one("a", n) for n in range(4))
    assert canvas.skew(1, 3, 1.5) is canvas
    assert [each.options["countdown"] for each in canvas.tasks] == [1, 2.5, 3, 3]


def test_steps_may_be_taken_out_of_a_chain():
    canvas = one("a") | one("b")
    steps = canvas.unchain_tasks()
    assert steps == [one("a"), one("b")]
    steps[0].set(priority=1)
    assert canvas.tasks[0].options == {}


def test_a_generator_is_asked_once_and_not_before_it_must():
    asked = []

    def members():
        for n in range(3):
            asked.append(n)
            yield one("a", n)

    canvas = one("x") | group(members())
    chord(canvas.tasks[1], one("t"))
    assert asked == []
    assert text(APP.compile(canvas)) == text(APP.compile(canvas)) == "x; a×3(x) = [a×3]"
    assert asked == [0, 1, 2]


def test_a_signature_may_be_called_here():
    assert T.a.s(2)(1) == [1, 2, {}]
    assert T.a.signature((1,), {"k": 2}, priority=1) == one("a", 1, k=2).set(priority=1)


@pytest.fixture
def plans(monkeypatch):
    """What is sent."""
    found = []
    monkeypatch.setattr(APP, "send", found.append)
    return found


def test_a_chord_takes_its_body_when_it_is_called(plans):
    canvas = chord([one("a"), one("b")])
    canvas(one("t"))
    assert canvas.body is None
    chord([one("a")], one("t"))(priority=1)
    assert [text(plan) for plan in plans] == ["a; b; t!([a,b]) = t", "a; t!([a]) = t"]


def test_a_canvas_is_sent_where_it_is_called(plans):
    (one("a") | one("b"))("X", priority=1)
    group(one("a"), one("b")).delay("X")
    assert [calls(plan, "a") for plan in plans] == [[("X",)], [("X",)]]


def test_a_canvas_is_sent_by_the_app_of_its_first_task():
    make_tasks("a")  # now another app is the current one
    empty = group([])
    first = [
        one("a"),
        empty | one("a"),
        chain(chain(), group(empty, one("a"))),
        chord([], one("a")),
    ]
    assert all(canvas.sender is APP for canvas in first)
    assert empty.sender is current_app()
    assert empty.sender is not APP


def test_a_task_may_be_named():
    assert APP.signature("a", (1,), priority=2) == one("a", 1).set(priority=2)
    named = Signature("a", (1,)) | Signature("b")
    assert text(APP.compile(named)) == "a; b(a) = b"
    for wrong in (lambda: APP.signature("aa"), lambda: APP.compile(Signature("aa"))):
        with pytest.raises(ConfigError, match="there is no task 'aa': did you mean 'a'"):
            wrong()


def test_dicts_may_stand_for_signatures():
    set_sender(lambda: APP)
    try:
        canvas = chain(dict(one("a")), group([dict(one("b")), dict(one("c"))]), dict(one("t")))
    finally:
        set_sender(current_app)
    assert text(APP.compile(canvas)) == "a; b(a); c(a); t!([b,c]) = t"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({**T.a.s().to_dict(), "task": "q"}, "there is no task 'q'"),
        ({**T.a.s().to_dict(), "subtask_type": "tree"}, "no signature can be made of"),
        ({**T.a.s().to_dict(), "task": None}, "no signature can be made of"),
        ({**T.a.s().to_dict(), "options": {"countdwn": 1}}, "no task option 'countdwn'"),
    ],
    ids=["task", "kind", "no task", "option"],
)
def test_what_is_no_signature_is_not_read(fields, message):
    with pytest.raises(ConfigError, match=message):
        Signature.from_dict(fields, APP)


BAD = [
    ("chain", lambda: chain(one("a"), 5), "a chain takes signatures like fit.s(0.1), and got 5"),
    ("a task", lambda: chain(T.a), "a chain takes signatures like fit.s(0.1), and got <Task a>"),
    ("group", lambda: group([one("a"), len]), "a group takes signatures like fit.s(0.1), and got"),
    ("header", lambda: chord([5], one("t")), "a group takes signatures like fit.s(0.1), and got 5"),
    ("body", lambda: chord([one("a")], len), "the body of a chord is a signature like fit.s(0.1)"),
    ("link", lambda: one("a").link(len), "link takes a signature like fit.s(), and got <built-in"),
    ("link_error", lambda: group(one("a")).link_error(5), "link_error takes a signature"),
    (
        "option",
        lambda: chain(one("a")).set(countdwn=1),
        "option 'countdwn': did you mean 'countdown'?",
    ),
    ("a link option", lambda: one("a").set(link=[5]), "link takes a signature like fit.s(), and"),
    ("chunks", lambda: T.a.chunks([], 0), "chunks of 0: it must be a whole number from 1"),
    ("dict", lambda: chain({"tsk": 1}), "a chain takes signatures like fit.s(0.1), and got {'tsk'"),
]


@pytest.mark.parametrize(("build", "message"), [pytest.param(*row[1:], id=row[0]) for row in BAD])
def test_what_a_canvas_cannot_take_is_named(build, message):
    with pytest.raises(ConfigError) as caught:
        build()
    assert message in str(caught.value)


def test_only_signatures_can_be_combined():
    with pytest.raises(TypeError, match="unsupported operand"):
        one("a") | 5


def test_maps_are_signatures_of_the_same_names_as_in_celery():
    assert isinstance(T.a.map([1]), xmap)
    assert isinstance(T.a.starmap([(1,)]), xstarmap)
    assert isinstance(T.a.chunks([(1,)], 1), chunks)
