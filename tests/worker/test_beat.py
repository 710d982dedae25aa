"""The schedule of a program, and processes that do nothing but fire it."""

import os
import signal
import subprocess
import sys

import pytest
from patience import wait_until
from plain_chores import echo
from workers import KEY

from nbtasks.app import App
from nbtasks.errors import ConfigError
from nbtasks.schedule import crontab, every

PROGRAM = """
from nbtasks import App
from plain_chores import echo

app = App({name!r}, broker={url!r}, key={key!r})
say = app.task(echo, name="say")
app.conf.beat_schedule = {{"tick": {{"task": "say", "schedule": 0.3, "args": (1,)}}}}
app.add_periodic_task(1000, say.s(2), name="rare")
"""


@pytest.fixture
def schedules(app):
    yield app.schedules
    for name in app.schedules:
        app.schedules.remove(name)


@pytest.fixture
def task(app):
    return app.task(echo, name="say")


@pytest.fixture
def beat(app, tmp_path):
    """Run `nbtasks beat` for the app, in a folder of its own."""
    started = []

    def run(*options):
        log = tmp_path / f"beat{len(started)}.log"
        command = [sys.executable, "-m", "nbtasks", "beat", app.config.url]
        environment = {**os.environ, "NBTASKS_KEY": KEY}
        with log.open("wb") as output:
            started.append(
                subprocess.Popen(
                    [*command, "-a", app.config.name, *options],
                    env=environment, stdout=output, stderr=output, cwd=tmp_path,
                )
            )  # fmt: skip
        return started[-1], log

    yield run
    for process in started:
        process.kill()
        process.wait()


def every_day(task, **fields):
    return {"task": task, "schedule": crontab(hour=7, minute=0), **fields}


def test_nbtasks_beat_fires_where_workers_do_not(schedules, task, beat, start_worker):
    start_worker("-c", "1", "--no-beat")
    process, log = beat()
    schedules.add("tick", task.s(), 0.3)
    wait_until(lambda: any(run.ended for run in schedules.history("tick")), "it is fired")
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    assert "fires the schedule" in log.read_text()


@pytest.mark.usefixtures("program")
def test_it_declares_the_schedule_of_a_program(schedules, beat):
    process, log = beat("-A", "shop", "--declare")
    assert process.wait(20) == 0, log.read_text()
    found = {entry.name: (entry.program, entry.what) for entry in schedules.entries()}
    assert found == {"tick": ("shop", "say(1)"), "rare": ("shop", "say(2)")}


@pytest.mark.usefixtures("program")
def test_it_declares_it_again_where_redis_has_lost_it(app, schedules, beat, server):
    beat("-A", "shop")
    wait_until(lambda: "tick" in schedules and schedules.history("tick"), "it is fired")
    with server.client() as client:
        for key in client.scan_iter(f"{app.store.keys.prefix}*"):
            client.delete(key)
        client.client_kill_filter(_type="normal", skipme=True)
    wait_until(lambda: len(schedules) == 2, "it is declared again")


@pytest.fixture
def program(app, tmp_path):
    """A program with a schedule, in the folder that workers run in."""
    text = PROGRAM.format(name=app.config.name, url=app.config.url, key=KEY)
    (tmp_path / "shop.py").write_text(text)
    return tmp_path / "shop.py"


@pytest.mark.usefixtures("program")
def test_a_worker_declares_the_schedule_of_its_program_and_fires_it(
    app, schedules, start_worker, server
):
    start_worker("-c", "1", "-A", "shop")
    wait_until(lambda: "tick" in schedules and schedules.history("tick"), "it is fired")
    assert schedules["rare"].program == "shop"
    with server.client() as client:
        for key in client.scan_iter(f"{app.store.keys.prefix}*"):
            client.delete(key)
        client.client_kill_filter(_type="normal", skipme=True)
    wait_until(lambda: len(schedules) == 2, "it is declared again")


def test_a_worker_whose_schedule_is_wrong_runs_tasks_all_the_same(schedules, start_worker, program):
    with program.open("a") as file:
        file.write('\napp.conf.beat_schedule = {"tick": {"task": "say"}}\n')
    worker = start_worker("-c", "1", "-A", "shop")
    assert "of shop is not declared: beat_schedule['tick']: it has no 'sched" in worker.text()
    assert not schedules


@pytest.mark.usefixtures("program")
def test_a_worker_that_fires_nothing_declares_nothing(app, schedules, start_worker):
    start_worker("-c", "1", "-A", "shop", "--no-beat")
    assert app.send_task("say", (3,)).get(20) == [[3], {}]
    assert not schedules


@pytest.mark.parametrize("place", ["nowhere", "os:app"])
def test_a_program_without_an_app_is_one_line(beat, place):
    process, log = beat("-A", place)
    assert process.wait(20) == 2
    assert log.read_text().startswith(f"nbtasks: -A {place!r}: ")
    assert log.read_text().count("\n") == 1


def test_what_a_program_no_longer_has_goes_and_what_was_paused_stays_so(app, schedules, task):
    app.conf.beat_schedule = {"a": every_day(task), "b": every_day("say")}
    assert len(schedules.declare("shop")) == 2
    schedules.pause("a")
    app.conf.beat_schedule = {"a": every_day(task, args=(1,))}
    schedules.declare("shop")
    assert [*schedules] == ["a"]
    assert schedules["a"].is_paused
    assert schedules["a"].what == "say(1)"


def test_entries_that_were_added_by_hand_are_left_alone(app, schedules, task):
    schedules.add("own", task.s(), 1000)
    app.conf.beat_schedule = {"own": every_day(task)}
    with pytest.raises(ConfigError, match="'own' was added by hand: remove it"):
        schedules.declare("shop")
    app.conf.beat_schedule = {"a": every_day(task)}
    schedules.declare("shop")
    with pytest.raises(ConfigError, match="'a' is declared by program 'shop'"):
        schedules.add("a", task.s(), 1000)
    app.conf.beat_schedule = {}
    schedules.declare("shop")
    assert [*schedules] == ["own"]


def second_version(app, **settings):
    """The same program, started again."""
    other = App(app.config.name, broker=app.config.url, key=KEY, **settings)
    other.task(echo, name="say")
    other.conf.beat_schedule = {"a": every_day("say", args=(2,))}
    return other


def test_of_two_versions_the_one_started_last_counts(app, schedules, task):
    app.conf.beat_schedule = {"a": every_day(task)}
    schedules.declare("shop")
    other = second_version(app)
    other.schedules.declare("shop")
    assert schedules.declare("shop") == []
    assert schedules["a"].what == "say(2)"
    other.close()


def test_or_the_one_with_the_higher_number(app, schedules, task):
    app.conf.update(beat_schedule={"a": every_day(task)}, beat_schedule_version=2)
    schedules.declare("shop")
    other = second_version(app, beat_schedule_version=1)
    assert other.schedules.declare("shop") == []
    assert schedules["a"].what == "say()"
    other.close()


def test_an_entry_that_stays_as_it_is_keeps_its_due_time(app, schedules, task):
    app.conf.beat_schedule = {"a": {"task": task, "schedule": every(1000)}}
    (first,) = schedules.declare("shop")
    app.store.call("HSET", app.store.keys.entry("a"), "due", 1000)
    (second,) = schedules.declare("shop")
    assert first.next_due > second.next_due


def test_settings_are_changed_by_name(app):
    app.conf.timezone = "Europe/Paris"
    assert (app.conf.timezone, app.config.zone) == ("Europe/Paris", "Europe/Paris")
    with pytest.raises(ConfigError, match="did you mean 'timezone'"):
        app.conf.timezon = "UTC"
    assert app.conf.enable_utc


def test_a_rule_without_a_zone_is_in_that_of_the_app(app, schedules, task):
    app.conf.timezone = "America/New_York"
    entry = schedules.add("a", task.s(), "0 7 * * *")
    assert entry.schedule.tz == "America/New_York"


BAD = {
    "an unknown task": ({"a": every_day("sai")}, "beat_schedule['a']: there is no task 'sai'"),
    "no task": ({"a": {"schedule": 1}}, "beat_schedule['a']: it has no 'task'"),
    "an unknown field": (
        {"a": every_day("say", argz=())}, "there is no field 'argz': did you mean 'args'",
    ),
    "no dict": ({"a": "say"}, "give a dict with task and schedule"),
    "no schedule": ({"a": {"task": "say", "schedule": "x"}}, "beat_schedule['a']: 'x' is no"),
    "an overlap that is none": ({"a": every_day("say", overlap="no")}, "there is no overlap 'no'"),
}  # fmt: skip


@pytest.mark.usefixtures("task")
@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_in_a_program_is_said_before_anything_is_stored(case, app, schedules):
    app.conf.beat_schedule, text = BAD[case]
    with pytest.raises(ConfigError) as caught:
        schedules.declare("shop")
    assert text in str(caught.value)
    assert len(schedules) == 0


def test_two_of_one_name_are_refused(app, schedules, task):
    app.add_periodic_task(10, task.s(), name="a")
    with pytest.raises(ConfigError, match="two schedule entries 'a'"):
        app.add_periodic_task(20, task.s(), name="a")
    app.conf.beat_schedule = {"a": every_day(task)}
    with pytest.raises(ConfigError, match="in beat_schedule and by add_periodic_task"):
        schedules.declare("shop")


def test_a_schedule_may_be_set_up_once_the_program_is_imported(app, schedules):
    told = []

    @app.on_after_configure.connect
    def set_up(sender, **_):
        sender.add_periodic_task(1000, later.s(1), name="late")
        told.append("configured")

    @app.on_after_finalize.connect
    def set_up_more(**_):
        told.append("finalized")

    later = app.task(echo, name="later")
    assert schedules.is_programmed
    assert [entry.name for entry in schedules.declare("shop")] == ["late"]
    assert told == ["configured", "finalized"]


def test_a_periodic_task_is_named_after_its_call(app, task):
    assert app.add_periodic_task(10.0, task.s(2), (1,)) == "say(1, 2)"
