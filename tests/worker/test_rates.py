"""Limits over several workers, and over their deaths."""

from collections import Counter
from itertools import pairwise

import chores
import pytest
from patience import wait_until

from nbtasks.store.tidings import Taken, Tidings

RATE = 20


@pytest.fixture
def begins(app):
    """When members of a record were taken, in ms by Redis' clock."""
    tidings = Tidings(app.store)

    def read(rid, count):
        found = []
        while len(found) < count:
            taken = [item for item in tidings.read(100).items if isinstance(item, Taken)]
            found += [
                each.at_ms
                for each in taken
                if each.rid == rid
                for _ in range(each.start, each.stop)
            ]
        return found

    yield read
    tidings.close()


def test_a_rate_holds_over_two_workers_and_others_are_not_delayed(app, start_own, begins):
    for _ in range(2):
        start_own(concurrency=2)
    slow = app.task(chores.noop, name="slow", rate_limit=RATE)
    limited = slow.map_async(range(2 * RATE + 1))
    free = app.task(chores.noop, name="free")
    spent = []
    while not limited.ready():
        begin = app.clock.tick_ms()
        free.delay(1).get(10)
        spent.append(app.clock.tick_ms() - begin)

    times = begins(limited.id, 2 * RATE + 1)
    seconds = Counter((moment - times[0]) // 1000 for moment in times)
    assert max(seconds.values()) <= RATE * 1.1
    assert times[-1] - times[0] < 4000  # a loaded machine is slow to fetch some
    assert sorted(spent)[len(spent) // 2] < 100


def test_a_worker_may_heed_no_rates(app, start_own):
    start_own(concurrency=1, worker_disable_rate_limits=True)
    slow = app.task(chores.noop, name="slow", rate_limit="1/h")

    assert slow.map_async(range(20)).join(10) == list(range(20))


def test_who_holds_the_only_place_dies_and_the_next_one_gets_it(app, start_own, tmp_path):
    doomed = start_own(concurrency=2)
    task = app.task(chores.hold, name="hold", concurrency=1)
    results = [task.delay(str(tmp_path), name) for name in "abc"]
    wait_until(lambda: chores.lines(tmp_path / "started"), "the first one runs")
    start_own(concurrency=2)

    doomed.kill()
    for name in "abc":
        (tmp_path / f"go-{name}").touch()
    assert [result.get(20) > 0 for result in results] == [True] * 3

    begun, ended = (
        {(name, pid): float(moment) for name, pid, moment in chores.lines(tmp_path / kind)}
        for kind in ("started", "ended")
    )
    spans = sorted((begun[each], moment) for each, moment in ended.items())
    assert [name for name, *_ in chores.lines(tmp_path / "started")].count("a") == 2
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))
