"""An entry that is to be due at other times keeps all else, whoever changes or fires it besides."""

import threading

import pytest
from click.testing import CliRunner
from patience import wait_until
from workers import KEY

from nbtasks.app import App
from nbtasks.cli import commands
from nbtasks.clock import SystemClock
from nbtasks.entry import Entry
from nbtasks.errors import BadSignature, ConfigError, UnknownEntry
from nbtasks.firing import Firer
from nbtasks.schedule import cron, crontab, every
from nbtasks.store.link import Link

pytestmark = pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning")
WEEKDAYS = "0 7 * * mon-fri"


@pytest.fixture
def task(app):
    return app.task(lambda *given: given, name="echo")


@pytest.fixture
def schedules(app):
    yield app.schedules
    for name in list(app.schedules):
        app.revoke_by_stamped_headers({"schedule": name})
        app.schedules.remove(name)


@pytest.fixture
def stored(app):
    """What workers read of an entry, checked as they do."""

    def read(name="nightly"):
        body = app.store.call("HGET", app.store.keys.entry(name), "b")
        return Entry.decode(name, body, app.connection.signer)

    return read


@pytest.fixture
def firer(app):
    link = Link(app.config.url)
    yield Firer(link, app.config, "w", SystemClock())
    link.close()


def test_another_rule_leaves_what_it_sends_and_how_it_went(schedules, task, stored):
    schedules.add("nightly", task.s(1, 2), WEEKDAYS, catch_up="2h", pause_on_failure=3)
    run = schedules.run("nightly")
    before, body = schedules["nightly"], stored()

    entry = schedules.update("nightly", schedule="30 8 * * *")

    assert entry.schedule == stored().schedule == crontab(30, 8, tz="UTC")
    assert entry.next_due == entry.schedule.next_after(before.next_due.replace(hour=0))
    assert (entry.what, entry.policy, entry.added) == (before.what, before.policy, before.added)
    assert (stored().payloads, stored().policy) == (body.payloads, body.policy)
    assert [each.id for each in schedules.history("nightly")] == [run.id]


def test_a_pause_stays(schedules, task, firer):
    schedules.add("nightly", task.s(), every(1))
    schedules.pause("nightly", "holidays")
    assert schedules.update("nightly", 0.1).paused == "holidays"
    assert firer.step() == 0


def test_the_new_times_are_fired(schedules, task, firer):
    schedules.add("nightly", task.s(), every("1w"))
    assert firer.step() == 0
    schedules.update("nightly", 0.1)
    firer.wake()
    wait_until(lambda: [firer.wake(), firer.step()][1], "it is fired")
    assert schedules.history("nightly")[-1].kind == "scheduled"


def test_a_time_that_was_about_to_be_fired_is_that_of_the_old_rule_no_more(schedules, task, firer):
    schedules.add("nightly", task.s(), every(0.1), overlap="allow")
    found = wait_until(lambda: (found := firer._look()).due and found, "it is due")
    schedules.update("nightly", every("1w"))
    firer._fire(found)
    assert schedules.history("nightly") == []
    assert schedules["nightly"].next_due.weekday() == 0


def test_the_same_rule_changes_nothing(schedules, task):
    before = schedules.add("nightly", task.s(), WEEKDAYS)
    assert schedules.update("nightly", WEEKDAYS) == before


def test_two_at_once_come_after_each_other(schedules, task, stored, app):
    schedules.add("nightly", task.s(), every("1w"))
    start = threading.Barrier(2)

    def change(minute):
        start.wait()
        for hour in range(20):
            schedules.update("nightly", crontab(minute, hour))

    threads = [threading.Thread(target=change, args=(minute,)) for minute in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert app.store.call("HGET", app.store.keys.entry("nightly"), "v") == b"41"
    assert stored().schedule == schedules["nightly"].schedule
    assert stored().schedule.hour == (19,)


def test_one_that_was_changed_meanwhile_is_read_again(schedules, task, app):
    schedules.add("nightly", task.s(), WEEKDAYS)
    late = ("w", "0", b"body", "mark", "{}", "", "", "when")
    assert app.store.run_script("alter", "nightly", *late) == 0
    assert schedules.update("nightly", "@hourly").schedule == cron("@hourly", tz="UTC")


def test_a_rule_that_has_ended_is_not_fired(schedules, task):
    schedules.add("nightly", task.s(), WEEKDAYS)
    entry = schedules.update("nightly", until="2001-01-01")
    assert (entry.state, entry.next_due) == ("ended", None)


def test_another_zone_or_jitter_is_told_alone(schedules, task):
    schedules.add("nightly", task.s(), WEEKDAYS)
    entry = schedules.update("nightly", tz="Europe/Paris", jitter="5m")
    assert entry.describe() == ("at 07:00, Monday to Friday, Europe/Paris, up to 5 minutes later")


def test_what_cannot_be_changed_says_why(schedules, app, task, server):
    app.conf.beat_schedule = {"own": {"task": "echo", "schedule": 60.0}}
    schedules.declare("shop")
    with pytest.raises(ConfigError, match="is declared by program 'shop': change it there"):
        schedules.update("own", 30)
    with pytest.raises(UnknownEntry, match="did you mean 'own'"):
        schedules.update("owm", 30)
    schedules.add("nightly", task.s(), WEEKDAYS)
    with pytest.raises(ConfigError, match="'soon' is no schedule"):
        schedules.update("nightly", "soon")
    stranger = App(app.config.name, broker=server.url, key="n" * 40)
    with pytest.raises(BadSignature, match="'nightly' is refused"):
        stranger.schedules.update("nightly", 30)
    stranger.close()


def test_the_command_line_has_it_due_at_other_times(schedules, task, app):
    schedules.add("nightly", task.s(), WEEKDAYS)

    def run(*words):
        place = ("-b", app.config.url, "--app", app.config.name)
        words = [*place, "schedule", "edit", "nightly", *words]
        return CliRunner().invoke(commands, words, env={"NBTASKS_KEY": KEY}).output

    told = run("at 07:30", "--tz", "Europe/Paris")
    assert told.startswith("nightly: every day at 07:30, Europe/Paris; next 2")
    assert "every 10 minutes, until 2001" in run("10m", "--until", "2001-01-01")
    assert "say when: nbtasks schedule edit NAME" in run()
    assert "'soon' is no schedule" in run("soon")
