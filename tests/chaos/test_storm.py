"""Storms of some seconds: samples of what `make chaos` does."""

from dataclasses import replace

import pytest

from chaos.plan import Storm
from chaos.storm import weather

SOME = 1500
DEADLINE_S = 150


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_storm_loses_no_task_and_ends_none_twice(tmp_path):
    report = weather(Storm(seed=7).scaled(SOME), tmp_path, DEADLINE_S)
    assert not report.findings.problems, report.text()
    assert report.findings.submitted == SOME


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_pills_take_no_neighbour_with_them(tmp_path):
    report = weather(Storm(seed=8).scaled(SOME).calmed(10), tmp_path, DEADLINE_S)
    assert not report.findings.problems, report.text()
    assert report.findings.pills == 10


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_redis_that_forgets_what_it_said_loses_no_task(tmp_path):
    storm = replace(Storm(seed=9).scaled(SOME), fsync="everysec", slow_disk_ms=1500)
    report = weather(storm, tmp_path, DEADLINE_S)
    assert not report.findings.problems, report.text()
