"""Every row of the canvas table, run in this process: the same values and errors as of workers."""

import pytest
from canvas_case import judge
from canvas_table import CASES
from canvas_tasks import make_tasks, notes

from nbtasks.app import App
from nbtasks.states import is_finished


@pytest.fixture(scope="module")
def eager_app():
    """Nobody answers there: an eager run needs no Redis."""
    return App("eager-table", broker="redis://127.0.0.1:1", key="k" * 32, task_always_eager=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_canvas_comes_to_the_same_without_workers(case, eager_app, tmp_path):
    result = case.build(make_tasks(eager_app, tmp_path)).apply_async(case.args, dict(case.kwargs))
    judge(case, result)
    assert case.notes is None or notes(tmp_path) == sorted(case.notes)
    assert not eager_app.is_connected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_node_of_a_canvas_ends(case, eager_app, tmp_path):
    result = case.build(make_tasks(eager_app, tmp_path)).apply_async(case.args, dict(case.kwargs))
    if result is not None:
        records = result.source.records
        assert all(is_finished(code) for record in records.values() for code in record.states)
