"""What a child gives a task of those before it: values in their places, and nothing forged."""

from contextlib import nullcontext
from dataclasses import replace

import pytest

from nbtasks.clock import SystemClock
from nbtasks.context import Replaced
from nbtasks.errors import BadSignature, TaskRevoked, UnknownTask
from nbtasks.failure import encode_failure, read_exception, system_body
from nbtasks.functions import FunctionCache
from nbtasks.inputs import Inputs
from nbtasks.plan import All, Many, Node, One, Plan
from nbtasks.record import Header
from nbtasks.retry import NEVER
from nbtasks.serializers import Codec, encode_json
from nbtasks.signing import Signer
from nbtasks.states import FAILURE, SUCCESS
from nbtasks.worker.library import Library
from nbtasks.worker.work import REPLACED, RETRYABLE, ChildSettings, Work

CODEC = Codec()
SIGNER = Signer(b"k" * 32, "app")
LIST_OF_A = Inputs(sources=("wA",), take=["l", [["a", 0]]])
ANY_OF_A = replace(LIST_OF_A, takes_errors=True)


def whole(*args, **kwargs):
    return args, kwargs


def value(rid, index, found):
    return SIGNER.results(rid).seal(index, CODEC.encode(found, "a value")[0])


def error(rid, index, found):
    return SIGNER.results(rid).seal(index, encode_failure(found, "", CODEC))


def values(rid, *found):
    return [b"S" * len(found), *(value(rid, index, each) for index, each in enumerate(found))]


def run_of(inputs, delivered, calls, *, function=whole, start=0, bind=False):
    """A slice of calls as a child has it."""
    code = FunctionCache().code(function, "fit", bind=bind)
    name = SIGNER.code_name(code.hash)
    header = Header(task="fit", code=name, key_id=SIGNER.key_id, retry=NEVER, inputs=inputs)
    data = header.encode()
    seal = SIGNER.arguments("rid", data).seal
    bodies = [
        seal(index, CODEC.encode(call, "arguments")[0]) for index, call in enumerate(calls, start)
    ]
    blob = SIGNER.code().seal(0, code.blob)
    facts = (1, 1, "rid", 9, start, data, name, 0)
    work = Work(*facts, is_async=False, bodies=bodies, blob=blob, inputs=delivered)
    settings = ChildSettings(worker="w", signer=SIGNER, max_value=100_000)
    return Library(settings, SystemClock()).slice(work)


def call(function, _, args, kwargs):
    return function(*args, **kwargs)


def ended(run, index=0):
    """What a member returned; what it raised is raised."""
    body = run.work.bodies[index - run.work.start]
    state, sealed = run.run(index, body, call, nullcontext())
    if state == SUCCESS:
        return CODEC.decode(run.results.open(index, sealed, "a value"), "a value")
    assert state in {FAILURE, RETRYABLE}
    if sealed[:1] == b"\0":
        raise BadSignature(sealed.decode())
    raise read_exception(run.results.open(index, sealed, "an error"))


def result(inputs, *delivered, args=(), kwargs=None, **options):
    return ended(run_of(inputs, delivered, [(args, kwargs or {})], **options))


def test_the_value_of_the_task_before_becomes_the_first_argument():
    inputs = Inputs(sources=("wA",), take=["v", 0])
    assert result(inputs, values("A", 7), args=(1,), kwargs={"b": 2}) == ((7, 1), {"b": 2})


def test_a_chord_gets_a_list_in_the_order_of_its_header():
    inputs = Inputs(sources=("wA", "wB"), take=["l", [["v", 1], ["a", 0], ["l", [["a", 0]]]]])
    (first,), _ = result(inputs, values("A", 1, 2), values("B", 3))
    assert first == [3, 1, 2, [1, 2]]


def test_a_member_of_another_record_is_taken_by_its_index():
    inputs = Inputs(sources=("1A/5",), take=["v", 0])
    assert result(inputs, [b"S", value("A", 5, "five")]) == (("five",), {})


def test_each_member_takes_the_value_of_its_own_number():
    inputs = Inputs(sources=("eA",), take=["v", 0])
    delivered = [[b"SS", value("A", 3, "three"), value("A", 4, "four")]]
    run = run_of(inputs, delivered, [((), {}), ((), {})], start=3)
    assert [ended(run, 3), ended(run, 4)] == [(("three",), {}), (("four",), {})]


def test_values_are_put_into_arguments_before_one_is_taken():
    inputs = Inputs(
        sources=("wA", "wB"), take=["v", 0], puts=(((0, 0, 1), ["v", 1]), ((1, 0), ["l", []]))
    )
    found = result(inputs, values("A", 1), values("B", 2), args=([0, None],), kwargs={"b": None})
    assert found == ((1, [0, 2]), {"b": []})


def test_members_of_a_slice_do_not_share_what_they_were_given():
    def change(taken):
        taken.append("changed")
        return taken

    inputs = Inputs(sources=("wA",), take=["v", 0])
    run = run_of(inputs, [values("A", [1])], [((), {})] * 2, function=change)
    assert [ended(run, 0), ended(run, 1)] == [[1, "changed"]] * 2


def two_slices(first, second, function):
    """What the first member of each of two slices of a group returned."""
    run = run_of(LIST_OF_A, [first], [((), {})], function=function)
    library = Library(run.settings, SystemClock())
    return [ended(library.slice(replace(run.work, inputs=[item]))) for item in (first, second)]


def test_slices_that_take_the_same_share_no_list():
    def change(taken):
        taken.append("changed")
        return taken

    assert two_slices(values("A", 1, 2), values("A", 1, 2), change) == [[1, 2, "changed"]] * 2
    nested = two_slices(values("A", [1]), values("A", [1]), lambda taken: change(taken[0]))
    assert nested == [[1, "changed"]] * 2


def test_what_was_opened_for_one_slice_does_not_stand_for_another_value():
    assert two_slices(values("A", 1), values("A", 2), list) == [[1], [2]]
    with pytest.raises(BadSignature):
        two_slices(values("A", 1), [b"S", value("B", 0, 1)], list)


def test_what_did_not_succeed_stands_there_as_its_error_or_as_none():
    system = system_body("WorkerLost", deaths=1, reason="signal 9")
    delivered = [b"SFFRsI", value("A", 0, 0), error("A", 1, ValueError("x")), system, b"", b"", b""]
    (found,), _ = result(ANY_OF_A, delivered, function=lambda found: ((list(map(repr, found)),), 0))
    assert found[:2] == ["0", "ValueError('x')"]
    assert found[2].startswith("WorkerLost('A-2'")
    assert found[3:] == ["TaskRevoked('A-3', 'revoked')", "None", "None"]


def test_the_error_of_a_revoked_task_says_which_it_was():
    (found,), _ = result(ANY_OF_A, [b"R", b""], function=lambda found: (found, 0))
    assert isinstance(found, TaskRevoked)
    assert found.args[0] == "A"


def dependency(rid, index, **fields):
    blamed = {"of": f"{rid}-{index}", "rid": rid, "i": index, "n": 9, **fields}
    return system_body("Dependency", **blamed)


def passed_on(cause, *, chord):
    """What a task gets whose source failed because member 2 of B did."""
    body = dependency("B", 2, chord=chord) + b"\n" + cause
    return result(
        ANY_OF_A, [b"F", body], function=lambda found: (repr(found[0]), repr(found[0].__cause__))
    )


def test_an_error_that_was_passed_on_along_a_chain_is_that_error_itself():
    assert passed_on(error("B", 2, ValueError("x")), chord=False)[0] == "ValueError('x')"
    assert passed_on(system_body("WorkerLost"), chord=False)[0].startswith("WorkerLost('B-2'")
    assert passed_on(b"", chord=False)[0] == "TaskRevoked('B-2', 'revoked')"


def test_the_error_of_a_chord_that_did_not_run_names_the_one_that_it_came_from():
    found = passed_on(error("B", 2, ValueError("x")), chord=True)
    assert found == ("ChordError('B-2', 'ValueError: x')", "ValueError('x')")


def test_an_error_of_another_task_behind_one_that_was_passed_on_is_refused():
    with pytest.raises(BadSignature):
        passed_on(error("B", 3, ValueError("x")), chord=False)


SHORT = {
    "fewer values": [b"S", value("A", 0, 1)],
    "more values": values("A", 1, 2, 3),
    "one that has not ended": [b"Ss", value("A", 0, 1), b""],
    "one that was not needed": [b"SI", value("A", 0, 1), b""],
}


@pytest.mark.parametrize("item", SHORT.values(), ids=SHORT)
def test_a_list_of_other_values_than_the_header_says_is_refused(item):
    assert result(replace(LIST_OF_A, counts=(2,)), values("A", 1, 2)) == (([1, 2],), {})
    with pytest.raises(BadSignature):
        result(replace(LIST_OF_A, counts=(2,)), item)


def test_a_task_whose_sources_are_to_succeed_fails_with_the_error_of_one_that_has_not():
    with pytest.raises(ValueError, match="x"):
        result(LIST_OF_A, [b"SF", value("A", 0, 1), error("A", 1, ValueError("x"))])


FORGED = {
    "of another record": [b"S", value("B", 0, 1)],
    "of another member": [b"S", value("A", 1, 1)],
    "of another key": [b"S", Signer(b"x" * 32, "app").results("A").seal(0, b"J1")],
    "an error as a value": [b"S", error("A", 0, ValueError())],
    "a value as an error": [b"F", value("A", 0, 1)],
    "a system body as a value": [b"S", system_body("WorkerLost")],
    "more states than bodies": [b"SS", value("A", 0, 1)],
    "fewer states than bodies": [b"", value("A", 0, 1)],
}


@pytest.mark.parametrize("item", FORGED.values(), ids=FORGED)
def test_a_value_that_is_not_what_the_header_says_is_refused(item):
    with pytest.raises(BadSignature):
        result(Inputs(sources=("wA",), take=["v", 0]), item)


@pytest.mark.parametrize("source", ["1A/3", "eA"])
def test_a_value_of_another_index_is_refused(source):
    with pytest.raises(BadSignature):
        result(Inputs(sources=(source,), take=["v", 0]), [b"S", value("A", 1, 1)])


def test_a_source_that_was_not_delivered_is_refused():
    with pytest.raises(BadSignature):
        result(Inputs(sources=("wA", "wB"), take=["v", 0]), values("A", 1))


@pytest.mark.parametrize("item", [[b"S", b""], [b""]], ids=["its value", "its record"])
def test_a_value_that_is_no_longer_stored_fails_the_task(item):
    with pytest.raises(UnknownTask, match="'A'"):
        result(Inputs(sources=("wA",), take=["v", 0]), item)


# What was added to a chord

X = (["wX"], ["v", 0])


def note(rid, index, number, what, signer=SIGNER):
    fields = {"number": number, "from": what[0], "take": what[1]}
    sealed = signer.results(f"+{rid}").seal(index, encode_json(fields))
    return [f"+{rid}/{index}/{number}".encode(), sealed]


def test_what_a_header_task_has_added_stands_behind_the_declared_values():
    one = [note("A", 1, 0, X), values("X", "x")]
    two = [note("A", 0, 0, (["wY", "1Z/2"], ["l", [["a", 0], ["v", 1]]]))]
    two += [values("Y", 1, 2), [b"S", value("Z", 2, 3)]]
    (found,), _ = result(LIST_OF_A, values("A", "a", "b"), *one, *two)
    assert found == ["a", "b", "x", [1, 2, 3]]


NOTES = {
    "of a stranger": note("B", 1, 0, X),
    "of another number": [b"+A/1/7", note("A", 1, 0, X)[1]],
    "of another member": [b"+A/2/0", note("A", 1, 0, X)[1]],
    "of another key": note("A", 1, 0, X, Signer(b"x" * 32, "app")),
    "without a name": [b"+", note("A", 1, 0, X)[1]],
}


@pytest.mark.parametrize("found", NOTES.values(), ids=NOTES)
def test_what_somebody_else_adds_to_a_chord_is_refused(found):
    with pytest.raises(BadSignature):
        result(LIST_OF_A, values("A", "a", "b"), found, values("X", "x"))


# Errbacks

FAILED = [b"A/2/9", b"F", error("A", 2, ValueError("broken"))]
WATCHES = Inputs(sources=("wB", "wA"), is_errback=True)


def test_an_errback_of_one_parameter_gets_the_id():
    assert result(WATCHES, FAILED, function=lambda task_id: task_id) == "A-2"


def test_an_errback_of_more_parameters_gets_request_error_and_traceback():
    def note_it(request, exc, traceback):
        return request.id, request.task, repr(exc), traceback.splitlines()[-1]

    expected = ("A-2", "", "ValueError('broken')", "ValueError: broken")
    assert result(WATCHES, FAILED, function=note_it) == expected


def test_its_own_arguments_come_behind_and_count_as_given():
    found = result(
        WATCHES, FAILED, args=("own",), kwargs={"c": 3}, function=lambda a, b, c: (a, b, c)
    )
    assert found == ("A-2", "own", 3)


def test_an_errback_knows_the_task_that_failed_where_its_header_is_delivered():
    header = Header(task="train", code="", key_id=SIGNER.key_id, retry=NEVER, root_id="root")
    data = header.encode()
    body = SIGNER.arguments("A", data).seal(2, CODEC.encode(((1,), {"b": 2}), "arguments")[0])
    found = result(
        WATCHES,
        [*FAILED, data, body],
        function=lambda request, *_: (request.task, request.args, request.kwargs),
    )
    assert found == ("train", (1,), {"b": 2})


def test_a_failure_that_the_store_wrote_is_an_error_of_ours():
    system = system_body("TimeLimitExceeded", seconds=2)
    text = result(WATCHES, [b"A/0/1", b"F", system], function=lambda *found: str(found[1]))
    assert text.startswith("task 'A' ran longer than its time limit of 2 s")


STRANGERS = {
    "another record": (WATCHES, [b"C/2/9", *FAILED[1:]]),
    "another member": (Inputs(sources=("1A/3",), is_errback=True), FAILED),
    "another one of each": (Inputs(sources=("eA",), is_errback=True), FAILED),
    "no name": (WATCHES, [b"A", *FAILED[1:]]),
    "a value": (WATCHES, [b"A/2/9", b"S", value("A", 2, 1)]),
}


def test_an_errback_whose_error_is_no_longer_stored_fails_by_name():
    with pytest.raises(UnknownTask):
        result(WATCHES, [b"A/2/9", b"F", b""])


@pytest.mark.parametrize(("inputs", "item"), STRANGERS.values(), ids=STRANGERS)
def test_an_errback_is_not_called_for_what_it_does_not_watch(inputs, item):
    with pytest.raises(BadSignature):
        result(inputs, item)


# Replaced tasks


def test_a_replaced_task_returns_what_went_on_in_its_place():
    node = Node(task=None, calls=[((), {})] * 2, rid="A")

    def hand_on():
        raise Replaced(Plan([node], Many((All(node), One(node, 1)))))

    run = run_of(None, [], [((), {})], function=hand_on)
    state, body = run.run(0, run.work.bodies[0], call, nullcontext())
    sources, _, arguments = body.partition(b"\n")
    assert (state, sources) == (REPLACED, b"wA 1A/1")
    delivered = [values("A", 1, 2), [b"S", value("A", 1, 2)]]
    again = replace(run.work, bodies=[arguments], inputs=delivered)
    assert ended(Library(run.settings, SystemClock()).slice(again)) == [1, 2, 2]


def test_a_replaced_task_fails_with_the_error_of_what_went_on_in_its_place():
    def hand_on():
        raise Replaced(Plan([node], One(node)))

    node = Node(task=None, calls=[((), {})], rid="A")
    run = run_of(None, [], [((), {})], function=hand_on)
    arguments = run.run(0, run.work.bodies[0], call, nullcontext())[1].partition(b"\n")[2]
    again = replace(run.work, bodies=[arguments], inputs=[[b"F", error("A", 0, ValueError("x"))]])
    with pytest.raises(ValueError, match="x"):
        ended(Library(run.settings, SystemClock()).slice(again))


def test_a_task_replaced_by_a_group_of_none_returns_no_values():
    def hand_on():
        raise Replaced(Plan([], Many(())))

    assert result(None, function=hand_on) == []
