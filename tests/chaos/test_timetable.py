"""Some seconds of what `python -m chaos.timetable` does for a minute."""

import pytest

from chaos.timetable import run


@pytest.mark.slow
def test_processes_that_fire_are_killed_and_each_time_is_fired_once(tmp_path):
    found = run(4, seed=5, folder=tmp_path)
    assert not found.problems, found.text()
    assert found.faults
