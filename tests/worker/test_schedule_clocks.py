"""Schedule entries where a clock is wrong, or is set anew: nothing is fired twice or stops."""

from datetime import timedelta

import pytest
from chores import lines, note
from patience import wait_until
from plain_chores import echo
from servers import Server, WrongClock

HOUR_S = 3600
SECOND = timedelta(seconds=1)


@pytest.fixture
def clock(tmp_path):
    """The clock of Redis."""
    return WrongClock(tmp_path, 0)


@pytest.fixture
def own_server(tmp_path, clock):
    """A server that goes by that clock."""
    server = Server(tmp_path, "--appendonly", "no", environment=clock.environment)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def tick(durable_app, tmp_path):
    """Add an entry of 5 times a second, whose runs note what they are for."""
    ran = tmp_path / "ran"

    def noted(self, path):
        note(path, self.request.stamps["due"])

    task = durable_app.task(noted, name="noted", bind=True)

    def add(**policy):
        durable_app.schedules.add("tick", task.s(str(ran)), 0.2, **policy)
        wait_until(lambda: lines(ran), "it is fired")
        return ran

    return add


def more(ran, n=4):
    """Wait for so many more runs; no due time has two."""
    before = len(lines(ran))
    wait_until(lambda: len(lines(ran)) >= before + n, "it goes on")
    dues = [words[0] for words in lines(ran)]
    assert len(dues) == len(set(dues))


@pytest.mark.slow
def test_the_clock_of_redis_leaps_and_goes_back(start_durable, tick, clock):
    worker = start_durable()
    ran = tick()
    for seconds in (HOUR_S, 0, -HOUR_S, 0):
        clock.set(seconds)
        more(ran)
    assert worker.text().count("the clock of Redis was set back") >= 2


@pytest.mark.slow
def test_what_has_run_for_a_time_does_not_run_when_that_comes_again(
    durable_app, start_durable, tick, clock
):
    start_durable()
    ran = tick(overlap="allow", catch_up=1)
    clock.set(30)
    more(ran)
    clock.set(0)
    more(ran)
    history = durable_app.schedules.history
    wait_until(lambda: any(run.kind == "missed" for run in history("tick", 100)), "it is missed")


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [HOUR_S, -HOUR_S], ids=["ahead", "behind"])
def test_a_worker_whose_clock_is_wrong_fires_in_time(app, start_own, tmp_path, seconds):
    start_own(environment=WrongClock(tmp_path, seconds).environment)
    due = app.schedules.add("tick", app.task(echo).s(), 1, overlap="allow").next_due
    wait_until(lambda: len(app.schedules.history("tick")) > 1, "it is fired")
    app.schedules.pause("tick")
    wait_until(lambda: not app.schedules["tick"].running, "all runs have ended")
    runs = [run for run in app.schedules.history("tick") if run.id]
    app.schedules.remove("tick")
    assert runs[-1].due == due
    assert all(timedelta(0) <= run.fired - run.due < 5 * SECOND for run in runs)
