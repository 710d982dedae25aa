"""What the buttons of a graph do to the tasks of an app."""

import pytest

from nbtasks import group
from nbtasks.notebook.deeds import cancel
from nbtasks.states import TaskState

pytestmark = pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning")


def test_only_the_tasks_of_a_branch_are_cancelled(app):
    def work(x):
        return x

    task = app.task(work)
    result = group(task.s(x) for x in range(8))()
    (record,) = result.records

    cancel(app, result, [(record, index) for index in (1, 2, 3, 6)])

    for index in (1, 2, 3, 6):
        assert isinstance(result[index].get(timeout=10, propagate=False), Exception)
    states = [result[index].state for index in range(8)]
    assert [at for at, state in enumerate(states) if state == TaskState.REVOKED] == [1, 2, 3, 6]
    app.control.purge()
