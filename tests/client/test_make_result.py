"""What a plan returns, as results: which parts a group has, and what came before what."""

from typing import Any

import pytest

from nbtasks import App, AsyncResult, GroupResult
from nbtasks.live import LiveRecord
from nbtasks.plan import All, Many, Node, One, Value
from nbtasks.result import ResultSet, make_result
from nbtasks.states import FAILURE, IGNORED, SUCCESS


def node(app: App, count: int = 1) -> Node:
    return Node(task=app.task(len), calls=[((), {})] * count)


def made(app: App, value: Value, *nodes: Node) -> tuple[Any, dict[Node, LiveRecord]]:
    lives = {each: LiveRecord(f"r{at}", len(each.calls), "len") for at, each in enumerate(nodes)}
    return make_result(app, value, lives), lives


def end(record: LiveRecord, index: int, state: int) -> None:
    record.finish(index, bytes([state]), [b""], "", 1)


def test_nothing_to_run_is_no_result(app: App) -> None:
    assert make_result(app, None, {}) is None


def test_a_step_of_a_chain_knows_those_before_it(app: App) -> None:
    first, second, third = node(app), node(app), node(app)
    value = One(third, 0, One(second, 0, One(first)))
    result, _ = made(app, value, first, second, third)
    assert [result.id, *(each.id for each in result.parents())] == ["r2", "r1", "r0"]
    assert result.root.id == "r0"
    assert result.as_tuple() == (("r2", (("r1", (("r0", None), None)), None)), None)


def test_a_chain_may_be_longer_than_the_stack(app: App) -> None:
    nodes = [node(app) for _ in range(5000)]
    value = One(nodes[0])
    for each in nodes[1:]:
        value = One(each, 0, value)
    result, _ = made(app, value, *nodes)
    assert len(list(result.parents())) == 4999
    assert result.as_tuple()[0][0] == "r4999"


def test_a_group_holds_whole_records_members_and_groups(app: App) -> None:
    before, many, two = node(app), node(app, 3), node(app, 2)
    inner = Many((All(two),), "inner", One(before))
    result, _ = made(app, Many((One(many, 2), inner, All(many)), "g"), before, many, two)
    assert len(result) == 5
    ids = [each.id for each in result]
    assert ids == ["r1-2", "inner", "r1-0", "r1-1", "r1-2"]
    assert [result[at].id for at in range(-5, 0)] == ids
    assert isinstance(result[1], GroupResult)
    assert result[1].parent == AsyncResult(app, LiveRecord("r0", 1, ""))
    assert result.id == "g"
    with pytest.raises(IndexError, match="no task 5: the group has 5"):
        result[5]


def test_a_group_of_mixed_parts_counts_its_results(app: App) -> None:
    many, two = node(app, 3), node(app, 2)
    inner = Many((All(two),), "inner")
    result, lives = made(app, Many((All(many), inner)), many, two)
    for index in range(3):
        end(lives[many], index, SUCCESS)
    assert (result.completed_count(), result.ready(), result.waiting()) == (3, False, True)
    end(lives[two], 0, SUCCESS)
    assert result.completed_count() == 3
    end(lives[two], 1, FAILURE)
    assert (result.completed_count(), result.ready(), result.failed()) == (4, True, True)
    assert not result.successful()


def test_an_errback_that_was_not_needed_has_neither_failed_nor_succeeded(app: App) -> None:
    one = node(app)
    result, lives = made(app, One(one), one)
    end(lives[one], 0, IGNORED)
    assert (result.ready(), result.successful(), result.failed()) == (True, False, False)
    assert result.state == "IGNORED"
    assert result.get() is None


def test_a_large_group_makes_no_handles_before_they_are_asked_for(app: App) -> None:
    many = node(app, 50_000)
    result, _ = made(app, Many((All(many),)), many)
    assert len(result) == 50_000
    assert len(result.waits()) == 1
    assert result[49_999].id == "r0-49999"


def test_results_are_equal_by_their_ids(app: App) -> None:
    record = LiveRecord("r", 2, "f")
    group = GroupResult[int](app, [record])
    assert group[0] == AsyncResult(app, record, 0)
    assert group[0] != group[1]
    assert len({group[0], AsyncResult(app, record, 0)}) == 1
    assert group == GroupResult(app, [record])


def test_a_set_takes_each_result_once_and_gives_it_back(app: App) -> None:
    first, second = (AsyncResult[int](app, LiveRecord(rid, 1, "f")) for rid in "ab")
    found = ResultSet[int]([first, first])
    found.add(second)
    found.update([first, second])
    assert [each.id for each in found] == ["a", "b"]
    found.remove(first)
    found.discard(first)
    with pytest.raises(KeyError):
        found.remove(first)
    assert found.results == [second]
    found.clear()
    assert found.get() == []


def test_a_member_of_a_whole_record_can_be_taken_out(app: App) -> None:
    group = GroupResult[int](app, [LiveRecord("r", 3, "f")])
    group.remove(group[1])
    assert [each.id for each in group] == ["r-0", "r-2"]
    group.add(group[0])
    assert len(group) == 2
