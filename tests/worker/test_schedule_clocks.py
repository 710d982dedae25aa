"""Schedule entries where a clock is wrong, or is set anew: each time is fired once all the same."""

from datetime import timedelta
from itertools import pairwise

import pytest
from patience import wait_until
from plain_chores import echo
from servers import Server, WrongClock

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def clock(tmp_path):
    return WrongClock(tmp_path, 0)


@pytest.fixture
def own_server(tmp_path, clock):
    """A server that goes by that clock."""
    server = Server(tmp_path, "--appendonly", "no", environment=clock.environment)
    server.start()
    yield server
    server.kill()


def tick(app, **policy):
    return app.schedules.add("tick", app.task(echo).s(), 1, overlap="allow", **policy)


def more(app, number):
    """All runs that were fired, the oldest first, when there are so many more."""

    def fired():
        return [run for run in reversed(app.schedules.history("tick", 100)) if run.id]

    before = len(fired())
    return wait_until(lambda: len(found := fired()) >= before + number and found, "more fire")


@pytest.mark.slow
def test_a_leap_of_the_clock_of_redis_fires_nothing_twice_and_stops_nothing(
    durable_app, start_durable, clock
):
    start_durable()
    due = tick(durable_app, catch_up=0).next_due
    more(durable_app, 2)
    clock.set(3600)
    ahead = more(durable_app, 2)[-1].due
    assert ahead - due > HOUR - 10 * SECOND
    assert any(run.kind == "missed" for run in durable_app.schedules.history("tick"))
    clock.set(0)
    assert durable_app.schedules["tick"].next_due - ahead <= 5 * SECOND
    clock.set(3600)
    assert all(a.due < b.due for a, b in pairwise(more(durable_app, 2)))


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [3600, -3600], ids=["ahead", "behind"])
def test_a_worker_whose_clock_is_wrong_fires_in_time(app, start_own, tmp_path, seconds):
    start_own(environment=WrongClock(tmp_path, seconds).environment)
    due = tick(app).next_due
    runs = more(app, 2)
    app.schedules.pause("tick")
    wait_until(lambda: not app.schedules["tick"].running, "all runs have ended")
    app.schedules.remove("tick")
    assert runs[0].due == due
    assert all(timedelta(0) <= run.fired - run.due < 5 * SECOND for run in runs)
