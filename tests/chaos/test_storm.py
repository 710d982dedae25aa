"""Storms of some seconds: samples of what `make chaos` does."""

import pytest

from chaos.plan import Storm
from chaos.storm import weather

SOME = 800
DEADLINE_S = 150

# Longer than a worker may have to wait for the processor while other tests run.
LEASE = {"lease_ms": 4000, "heartbeat_ms": 800}


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_storm_loses_no_task_and_ends_none_twice(tmp_path):
    report = weather(Storm(seed=7, **LEASE).scaled(SOME), tmp_path, DEADLINE_S)
    assert not report.findings.problems, report.text()
    assert report.findings.submitted == SOME


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_pills_take_no_neighbour_with_them(tmp_path):
    report = weather(Storm(seed=8, **LEASE).scaled(SOME).calmed(6), tmp_path, DEADLINE_S)
    assert not report.findings.problems, report.text()
    assert report.findings.pills == 6


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_redis_that_forgets_what_it_said_loses_no_task(tmp_path):
    storm = Storm(seed=9, fsync="everysec", slow_disk_ms=800, **LEASE).scaled(SOME)
    report = weather(storm, tmp_path, DEADLINE_S)
    assert not report.findings.problems, report.text()
