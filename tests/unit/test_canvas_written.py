"""A canvas as text for elsewhere, and what it has waited for."""

import ast

import pytest

from nbtasks.live import LiveRecord
from nbtasks.notebook.graph import members_in, read_spans, syntax
from nbtasks.plan import Role
from nbtasks.result.canvas import Canvas
from nbtasks.result.critical import critical_path
from nbtasks.result.steps import Link, Step


def step(name, *links, n=1, role=Role.TASK):
    return Step(LiveRecord(f"{name}-id", n, name), role, links)


@pytest.fixture
def steps():
    """load | group(fit | score) | best, a report of the second fit, and an errback."""
    return [
        step("load"),
        step("lab.fit", Link(0, "w"), n=3),
        step("score", Link(1, "e"), n=3),
        step("best", Link(2, "w")),
        step("report now", Link(1, "1", 1)),
        step("tell", Link(3, "w"), role=Role.ERRBACK),
    ]


def test_code_has_the_same_form(steps):
    code = Canvas(None, steps).to_code()

    assert code.splitlines()[1:] == [
        "load_result = load.delay(...)",
        "fit_result = [fit.delay(load_result, ...) for _ in range(3)]",
        "score_result = [score.delay(each, ...) for each in fit_result]",
        "best_result = best.delay(score_result, ...)",
        "report_now_result = app.tasks['report now'].delay(fit_result[1], ...)",
        "# tell is an errback of best_result",
    ]
    ast.parse(code)


def test_mermaid_has_a_box_for_each_and_dotted_lines_to_errbacks(steps):
    lines = Canvas(None, steps).to_mermaid().splitlines()

    assert lines[:3] == ["flowchart LR", '  t0["load"]', '  t1["lab.fit × 3"]']
    assert lines[-2:] == ["  t1 --> t4", "  t3 -.-> t5"]


def test_names_cannot_break_out_of_mermaid():
    text = Canvas(None, [step('a"]\nclick t0 "javascript:x" <b>')]).to_mermaid()

    assert text.splitlines()[1] == ('  t0["a#quot;] click t0 #quot;javascript:x#quot; #lt;b#gt;"]')


def test_tasks_of_one_name_are_told_apart_in_code():
    code = Canvas(None, [step("fit"), step("fit", Link(0, "w"))]).to_code()

    assert "fit_2 = fit.delay(fit_1, ...)" in code


def end(step, *ends):
    for index, at_ms in enumerate(ends):
        step.record.begin(index, "w", 1)
        step.record.finish(index, b"S", [b""], "w", at_ms)


def test_the_critical_path_goes_from_the_end_to_what_ended_last_before(steps):
    for each, ends in zip(steps, [[10], [20, 50, 30], [60, 55, 40], [70], [52], []], strict=True):
        end(each, *ends)

    assert critical_path(steps) == [(0, 0), (1, 0), (2, 0), (3, 0)]


def test_a_side_line_that_ends_last_is_the_critical_path(steps):
    for each, ends in zip(steps, [[10], [20, 50, 30], [60, 55, 40], [70], [99], []], strict=True):
        end(each, *ends)

    assert critical_path(steps) == [(0, 0), (1, 1), (4, 0)]


def test_where_nothing_has_ended_there_is_no_critical_path(steps):
    assert critical_path(steps) == []


def test_a_browser_gets_names_once_and_edges_by_their_places(steps):
    told = syntax(Canvas(None, steps))

    assert told["tasks"][:2] == ["load", "lab.fit"]
    assert told["nodes"][:2] == [(0, 1, 0), (1, 3, 0)]
    assert told["edges"][:3] == [(0, 1, "w", 0), (1, 2, "e", 0), (2, 3, "w", 0)]


def test_members_of_spans_come_with_the_last_record_first(steps):
    records = [each.record for each in steps]

    found = [(record.name, index) for record, index in members_in([(0, 2), (6, 8)], records)]

    assert found == [("best", 0), ("score", 2), ("lab.fit", 0), ("load", 0)]


@pytest.mark.parametrize("given", [None, 3, "ab", [1, 2], [[1]], [["a", 2]], [[1, 2, 3]]])
def test_spans_that_are_none_are_refused(given):
    assert read_spans(given) is None
    assert read_spans([[1, 2], [5, 9]]) == [(1, 2), (5, 9)]
