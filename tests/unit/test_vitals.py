"""What a worker tells of itself is measured over a while, however often it tells it."""

import os

import pytest

from nbtasks.worker.vitals import LEAST_MS, OTHERS, Tally, Vitals


class Clock:
    """Time stands still until it is moved."""

    def __init__(self):
        self.now = 0.0

    def tick_ms(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_how_many_a_second_is_measured_from_one_look_to_the_next(clock):
    tally = Tally()
    vitals = Vitals(tally, clock)
    clock.now += 2000
    tally.add("fit", 10, 0)
    assert vitals.look([])["rate"] == 5
    clock.now += 1000
    assert vitals.look([])["rate"] == 0


def test_a_look_soon_after_another_tells_the_same_speed_and_the_newest_counts(clock):
    tally = Tally()
    vitals = Vitals(tally, clock)
    clock.now += 2000
    tally.add("fit", 10, 0)
    vitals.look([])
    clock.now += LEAST_MS / 2
    tally.add("fit", 1, 0)
    found = vitals.look([os.getpid()])
    assert (found["rate"], found["total"]) == (5, {"fit": 11})
    clock.now += LEAST_MS / 2
    assert vitals.look([])["rate"] == 1, "nothing was left out of the next measure"


def test_of_too_many_names_the_last_are_counted_together():
    tally = Tally()
    for number in range(300):
        tally.add(str(number), 1, 0)
    assert len(tally.counts) == 201
    assert tally.counts[OTHERS] == 100
