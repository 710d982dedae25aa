"""A cell that displays results one by one: beyond 20 they are one table."""

import pytest

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def tasks(kernel):
    kernel.ok("%%task def square(n)\nn * n")
    kernel.ok("alone = [square.delay(n) for n in range(25)]\n[each.get() for each in alone]")
    kernel.ok("%%task group -b --for n in range(30)\nn * n")
    return kernel


def shown(cell):
    return [data for data in cell.displays if data]


def test_twenty_results_have_a_place_each(tasks):
    cell = tasks.ok("for each in alone[:20]: display(each)")

    assert len(shown(cell)) == 20
    assert WIDGET not in str(cell.displays)


def test_more_are_one_table_in_the_place_of_the_first(tasks):
    cell = tasks.ok("for each in alone: display(each)")
    (table,) = shown(cell)

    assert cell.displays[0] is table
    assert WIDGET in table
    assert table["text/plain"].startswith("square: 21 tasks, the first 20 of them\n")

    tasks.ok("%workers")
    tasks.ok("for each in alone[:21]: display(each)")
    tasks.read()
    (kept,) = shown(cell)
    assert WIDGET not in kept
    assert kept["text/plain"].startswith("square: 25 tasks, the first 20 of them\n")
    assert "361" in kept["text/plain"].splitlines()[21]


def test_of_a_group_those_are_shown_that_were_displayed_each_once(tasks):
    cell = tasks.ok("for each in [*group[5:], *group[5:]]: display(each)")
    tasks.ok("%tasks table group")
    tasks.read()
    (kept,) = shown(cell)

    assert kept["text/plain"].startswith("group: 25 tasks, the first 20 of them\n")
    assert kept["text/plain"].splitlines()[2].split() == ["n=5", "SUCCESS", "25"]


def test_the_next_cell_begins_anew(tasks):
    for _ in range(2):
        assert len(shown(tasks.ok("for each in alone[:15]: display(each)"))) == 15


def test_a_program_that_runs_the_notebook_gets_all_rows_counted(tasks):
    tasks.ok("import os\nos.environ['NBTASKS_UI'] = 'html'")
    cell = tasks.ok("for each in alone: display(each)")
    tasks.ok("del os.environ['NBTASKS_UI']")

    (table,) = shown(cell)
    assert table["text/plain"].startswith("square: 25 tasks, the first 20 of them\n")
