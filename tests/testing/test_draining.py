"""`drain` and `FakeClock`: all that waits is done here and now."""

from datetime import UTC, datetime, timedelta

import pytest

from nbtasks import ConfigError, chord, current_app, group
from nbtasks.testing import FakeClock, drain, eager_app


def double(x):
    return 2 * x


def test_what_waits_runs_here(nbtasks_app):
    result = nbtasks_app.task(double).delay(4)
    assert drain(nbtasks_app) == [result]
    assert result.ready()
    assert result.get() == 8
    assert drain(nbtasks_app) == []


def test_what_tasks_send_runs_as_well(nbtasks_app):
    def outer():
        current_app().send_task("double", [1])

    nbtasks_app.task(double, name="double")
    nbtasks_app.task(outer).delay()
    assert [result.get() for result in drain(nbtasks_app)] == [None, 2]


def test_a_canvas_runs_to_its_end(nbtasks_app):
    task, add_up = nbtasks_app.task(double), nbtasks_app.task(sum)
    result = chord(group(task.s(i) for i in range(5)))(add_up.s())
    assert len(drain(nbtasks_app)) == 6
    assert result.get(timeout=0) == 20


def test_coroutines_and_failures_end_too(nbtasks_app):
    async def half(x):
        return x / 2

    halves = nbtasks_app.map(half, [1, "a"])
    assert [each.state for each in drain(nbtasks_app)] == ["SUCCESS", "FAILURE"]
    assert halves[0].get() == 0.5


def test_only_the_queues_that_are_named_are_seen_to(nbtasks_app):
    task = nbtasks_app.task(double)
    there, here = task.apply_async((1,), queue="there"), task.apply_async((1,), queue="here")
    assert drain(nbtasks_app, queues=["here"]) == [here]
    assert not there.ready()


def test_a_task_that_always_sends_another_is_noticed(nbtasks_app):
    def again():
        current_app().send_task("again")

    nbtasks_app.task(again, name="again").delay()
    with pytest.raises(ConfigError, match="more than 20 tasks ran"):
        drain(nbtasks_app, limit=20)


def test_a_countdown_is_over_when_the_clock_says_so(nbtasks_app, nbtasks_clock):
    result = nbtasks_app.task(double).apply_async((1,), countdown=3600)
    assert drain(nbtasks_app) == []
    nbtasks_clock.advance(3601)
    assert drain(nbtasks_app) == [result]


def test_an_eta_is_by_the_clock(nbtasks_app):
    clock = FakeClock(nbtasks_app, datetime(2031, 5, 6, 7, 8, tzinfo=UTC))
    eta = clock.now() + timedelta(days=400)
    result = nbtasks_app.task(double).apply_async((1,), eta=eta)
    assert drain(nbtasks_app, seconds=timedelta(days=399)) == []
    assert drain(nbtasks_app, seconds=timedelta(days=2)) == [result]
    assert clock.now() > eta


def test_what_has_expired_does_not_run(nbtasks_app, nbtasks_clock):
    result = nbtasks_app.task(double).apply_async((1,), expires=60)
    nbtasks_clock.advance(61)
    assert drain(nbtasks_app) == []
    assert result.state == "REVOKED"


@pytest.mark.usefixtures("nbtasks_clock")
def test_retries_come_when_they_are_due(nbtasks_app):
    def fail():
        raise ValueError

    result = nbtasks_app.task(fail, max_retries=2, default_retry_delay=300).delay()
    assert drain(nbtasks_app) == []
    assert result.state == "RETRY"
    assert drain(nbtasks_app, seconds=650) == [result]
    assert (result.state, result.retries) == ("FAILURE", 2)


@pytest.mark.usefixtures("nbtasks_clock")
def test_entries_fire_when_they_are_due(nbtasks_app):
    nbtasks_app.add_periodic_task(3600, nbtasks_app.task(double).s(1), name="hourly")
    assert len(drain(nbtasks_app, seconds=timedelta(hours=6))) == 6


def test_a_clock_is_given_only_what_it_can_do(nbtasks_app, nbtasks_clock):
    with pytest.raises(ConfigError, match="does not go back"):
        nbtasks_clock.advance(-1)
    with pytest.raises(ConfigError, match="time zone"):
        FakeClock(nbtasks_app, datetime(2031, 1, 1))  # noqa: DTZ001 - just that is refused


def test_other_apps_have_other_needs(nbtasks_app):
    with pytest.raises(ConfigError, match="fake clock"):
        drain(nbtasks_app, seconds=1)
    before = current_app()
    with pytest.raises(ConfigError, match="waits for no time"):
        FakeClock(eager_app())
    before.set_default()


def test_output_of_a_task_goes_where_the_test_prints(nbtasks_app, capsys):
    nbtasks_app.task(print).delay("hello")
    drain(nbtasks_app)
    assert capsys.readouterr().out == "hello\n"


def shout(word):
    return double(word)


def test_a_patch_of_a_module_holds_in_tasks(nbtasks_app, monkeypatch):
    monkeypatch.setattr(f"{__name__}.double", str.upper)
    result = nbtasks_app.task(shout).delay("a")
    drain(nbtasks_app)
    assert result.get() == "A"
