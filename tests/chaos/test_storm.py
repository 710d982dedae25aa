"""Storms of some seconds: samples of what `make chaos` does."""

import os

import pytest

from chaos.plan import Storm
from chaos.storm import weather

SOME = 800
CHORDS = int(os.environ.get("CHAOS_CHORDS", "50"))  # about: their headers differ in size
KILLS = CHORDS // 8
DEADLINE_S = 150

# Longer than a worker may have to wait for the processor while other tests run.
LEASE = {"lease_ms": 4000, "heartbeat_ms": 800}


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_storm_loses_no_task_and_ends_none_twice(tmp_path):
    report = weather(Storm(seed=7, **LEASE).scaled(SOME), tmp_path, DEADLINE_S)
    assert not report.findings.problems, report.text()
    assert report.findings.submitted == SOME


# Bodies are executed again only where a process was lost that ran one; each ends once, with all
# values in order.
@pytest.mark.slow
@pytest.mark.timeout(200)
def test_workers_killed_amid_chords_cost_none_its_body_and_no_body_a_value(tmp_path):
    none = dict.fromkeys(("pills", "child_kills", "terms", "stops"), 0)
    calm = dict.fromkeys(("redis_kills", "cuts", "sleeps", "busy", "fills", "flushes"), 0)
    storm = Storm(
        seed=11, tasks=CHORDS * 11, worker_kills=KILLS, is_of_chords=True, **none, **calm, **LEASE
    )
    report = weather(storm, tmp_path, DEADLINE_S)
    assert not report.findings.problems, report.text()
    assert report.faults["KillWorker"] == KILLS


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
