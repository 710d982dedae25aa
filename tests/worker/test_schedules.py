"""Entries of the schedule, fired by real workers."""

import os
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from chores import hold
from patience import wait_until
from plain_chores import echo, fail
from worker_side import HERE

from nbtasks import chain, group
from nbtasks.app import App
from nbtasks.clock import SystemClock
from nbtasks.errors import ConfigError, UnknownEntry
from nbtasks.firing import MOST_RUNS, Firer
from nbtasks.schedule import crontab, every
from nbtasks.store.link import Link

NEVER = every(weeks=50)


@pytest.fixture(scope="module", autouse=True)
def importable_chores():
    """The worker that these tests share finds them, too."""
    with pytest.MonkeyPatch.context() as patch:
        parts = [str(HERE), str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, parts)))
        yield


@pytest.fixture
def app(shared_app, shared_worker):
    assert shared_worker.process.poll() is None
    yield shared_app
    for name in shared_app.schedules:
        shared_app.schedules.remove(name)
        shared_app.revoke_by_stamped_headers({"schedule": name}, terminate=True)


@pytest.fixture
def schedules(app):
    return app.schedules


@pytest.fixture
def task(app):
    return app.task(echo)


@pytest.fixture
def held(app, tmp_path):
    """A task that runs until `go` is there."""
    return app.task(hold, name="held").s(str(tmp_path), "a")


def first(schedules, name):
    """The oldest run of an entry that has ended."""
    runs = wait_until(
        lambda: [run for run in schedules.history(name) if run.ended],
        f"a run of {name} has ended",
    )
    return runs[-1]


def test_a_worker_fires_an_entry_when_it_is_due(schedules, task):
    entry = schedules.add("tick", task.s(1, x=2), 0.5, overlap="allow")
    run = first(schedules, "tick")
    assert (run.kind, run.state) == ("scheduled", "SUCCESS")
    assert run.due == entry.next_due
    assert run.fired - run.due < timedelta(seconds=0.4)
    assert run.result.get(5) == [[1], {"x": 2}]


def test_the_runs_of_a_canvas_have_its_value(schedules, task):
    schedules.add("canvas", chain(task.s(1), group(task.s(2), task.s(3))), "0.5s")
    value = first(schedules, "canvas").result.get(5)
    assert value == [[[[[1], {}], 2], {}], [[[[1], {}], 3], {}]]


def test_an_entry_runs_by_hand_and_beside_its_schedule(schedules, task):
    before = schedules.add("now", task.s(7), NEVER).next_due
    assert schedules.run("now").get(5) == [[7], {}]
    assert first(schedules, "now").kind == "by hand"
    assert schedules["now"].next_due == before


def test_a_run_knows_which_entry_and_time_it_is_for(schedules, app):
    stamps = app.task(lambda self: dict(self.request.stamps), bind=True, name="stamps")
    schedules.add("stamped", stamps.s(), NEVER)
    found = schedules.run("stamped").get(5)
    assert found["schedule"] == "stamped"
    assert datetime.fromisoformat(found["due"]) == schedules.history("stamped")[0].due


def test_each_time_is_backfilled_once(schedules, task):
    schedules.add("daily", task.s(), crontab(hour=7, minute=0, tz="Europe/Paris"))
    start, stop = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC)
    runs = schedules.backfill("daily", start, stop)
    assert [run.get(5) for run in runs] == [[[], {}]] * 4
    assert schedules.backfill("daily", start, stop) == []
    dues = [f"{run.due:%d %H:%M}" for run in reversed(schedules.history("daily"))]
    assert dues == ["01 07:00", "02 07:00", "03 07:00", "04 07:00"]


def test_failures_in_a_row_pause_it_and_a_resume_goes_on(schedules, app):
    failing = app.task(fail, name="failing")
    schedules.add("bad", failing.s("ValueError"), 0.2, pause_on_failure=2)
    wait_until(lambda: schedules["bad"].is_paused, "it is paused")
    entry = schedules["bad"]
    assert (entry.state, entry.paused) == ("paused", "2 runs in a row have failed")
    assert len([run for run in schedules.history("bad") if run.state == "FAILURE"]) == 2
    schedules.resume("bad")
    wait_until(lambda: schedules["bad"].is_paused, "it is paused again")


def test_an_entry_that_somebody_else_has_written_is_not_fired(schedules, task, app, server):
    schedules.add("own", task.s(1), NEVER)
    schedules.add("other", task.s(2), 0.2)
    keys = app.store.keys
    with server.client() as client:
        client.hset(keys.entry("other"), "b", client.hget(keys.entry("own"), "b"))
        client.hincrby(keys.entry("other"), "v", 1)
    wait_until(lambda: schedules["other"].error, "it is refused")
    assert "not signed by this side's key" in schedules["other"].error
    assert schedules["other"].state == "refused"


def test_times_while_a_run_goes_on_are_skipped(schedules, held, tmp_path):
    schedules.add("slow", held, 0.2)
    wait_until(
        lambda: [run for run in schedules.history("slow") if run.kind == "skipped"], "one is"
    )
    assert schedules["slow"].running == 1
    (tmp_path / "go-a").touch()
    wait_until(lambda: len(_ended(schedules, "slow")) > 1, "it goes on")


def test_one_time_waits_for_the_run_before(app, schedules, held, tmp_path):
    entry = schedules.add("one", held, 0.3, overlap="buffer")
    second = entry.next(2)[1]
    buffered = f"{app.store.keys.prefix}en:one"
    wait_until(lambda: app.store.call("HGET", buffered, "buf"), "the second waits")
    (tmp_path / "go-a").touch()
    wait_until(lambda: len(_ended(schedules, "one")) > 1, "it has run")
    assert _ended(schedules, "one")[-2].due == second


def test_a_run_ends_the_one_before_where_it_is_to(schedules, held):
    schedules.add("last", held, 0.5, overlap="cancel_other")
    assert first(schedules, "last").state == "REVOKED"


def _ended(schedules, name):
    return [run for run in schedules.history(name, 100) if run.ended]


BAD = {
    "a name of spaces": (lambda s, t: s.add(" x ", t.s(), 1), "the name of a schedule entry"),
    "no schedule": (lambda s, t: s.add("x", t.s(), "nonsense"), "is no schedule"),
    "a wrong field": (lambda s, t: s.add("x", t.s(), "61 * * * *"), "61"),
    "an unknown zone": (
        lambda s, t: s.add("x", t.s(), crontab(tz="Europe/Pariss")),
        "did you mean 'Europe/Paris'",
    ),
    "an unknown overlap": (lambda s, t: s.add("x", t.s(), 1, overlap="skp"), "'skip'"),
    "an unknown option": (lambda s, t: s.add("x", t.s(), 1, que="a"), "'queue'"),
    "an id": (lambda s, t: s.add("x", t.s(), 1, task_id="a"), "task_id is for one run"),
    "a window that is none": (lambda s, t: s.add("x", t.s(), 1, catch_up="soon"), "length of time"),
    "failures that are none": (lambda s, t: s.add("x", t.s(), 1, pause_on_failure=-1), "whole"),
    "a moment without a zone": (
        lambda s, _: s.backfill("x", datetime(2026, 1, 1), datetime(2026, 1, 2)),  # noqa: DTZ001
        "no time zone",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_said_at_once(case, schedules, task):
    do, text = BAD[case]
    with pytest.raises(ConfigError, match=text):
        do(schedules, task)


def test_what_takes_an_earlier_result_cannot_run_again(schedules, task):
    with pytest.raises(ConfigError, match="put that task into the schedule as well"):
        schedules.add("x", task.s(task.delay(1)), 1)


def test_no_more_than_so_many_runs_begin_in_one_step(fresh_app, server):
    config = replace(fresh_app.config, url=server.url)
    link = Link(server.url)
    firer = Firer(link, config, "w", SystemClock())
    schedules, store = fresh_app.schedules, fresh_app.store
    schedules.add("much", fresh_app.task(echo).s(), 1, overlap="allow")
    due = int(schedules["much"].next_due.timestamp() * 1000) - 1_000_000
    store.call("HSET", store.keys.entry("much"), "due", due)
    store.call("ZADD", store.keys.due, due, "much")
    assert firer.step() == 1
    assert schedules["much"].running == MOST_RUNS
    link.close()
    schedules.remove("much")
    fresh_app.revoke_by_stamped_headers({"schedule": "much"})


def test_where_arguments_are_encrypted_nothing_of_an_entry_can_be_read(server):
    with closing(App("secret", broker=server.url, key="k" * 40, encrypt=True)) as app:
        app.schedules.add("hidden", app.task(echo, name="echo").s("canary"), NEVER)
        with server.client() as client:
            stored = b"".join(client.hgetall(app.store.keys.entry("hidden")).values())
        assert app.schedules["hidden"].what == "echo"
        app.schedules.remove("hidden")
    assert b"canary" not in stored


def test_an_unknown_name_is_told_the_nearest(schedules, task):
    schedules.add("nightly", task.s(), NEVER)
    for do in (schedules.run, schedules.pause, schedules.resume, schedules.remove):
        with pytest.raises(UnknownEntry, match="did you mean 'nightly'"):
            do("nightli")
    assert "nightly" in schedules
    assert [*schedules] == ["nightly"]
    assert len(schedules) == 1


def test_what_is_listed_is_what_was_added(schedules, task):
    schedules.add("report", task.s(1), "0 7 * * mon-fri", queue="night", catch_up="2h")
    entry = schedules["report"]
    assert (entry.what, entry.queue, entry.state) == ("plain_chores.echo(1)", "night", "active")
    assert entry.policy.catch_up_ms == 7_200_000
    assert [time.hour for time in entry.next(3)] == [7, 7, 7]
    assert [each.name for _, each in schedules.next(2)] == ["report", "report"]
