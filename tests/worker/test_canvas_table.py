"""Every row of the canvas table, on a real worker: values, errors, and how often errbacks run."""

from types import SimpleNamespace
from typing import Any

import pytest
from canvas_case import Case, is_at_rest, judge
from canvas_table import CASES
from canvas_tasks import make_tasks, notes
from patience import wait_until
from workers import WorkerProcess

from nbtasks.app import App

pytestmark = pytest.mark.usefixtures("shared_worker")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Where tasks write their notes."""
    return tmp_path_factory.mktemp("notes")


@pytest.fixture(scope="module")
def tasks(shared_app: App, folder: Any) -> SimpleNamespace:
    """The tasks of the table."""
    return make_tasks(shared_app, folder)


@pytest.fixture(autouse=True)
def no_notes(folder: Any) -> None:
    """Each row begins with none."""
    (folder / "notes").unlink(missing_ok=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_canvas_comes_to_this_on_a_real_worker(
    case: Case, tasks: SimpleNamespace, shared_app: App, folder: Any
) -> None:
    result = case.build(tasks).apply_async(case.args, dict(case.kwargs))
    judge(case, result)
    wait_until(lambda: is_at_rest(shared_app), "every node has ended")
    assert case.notes is None or notes(folder) == sorted(case.notes)


def test_no_process_of_the_worker_died(shared_worker: WorkerProcess) -> None:
    assert "ended" not in shared_worker.text()
