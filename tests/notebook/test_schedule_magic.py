"""`%schedule` and `%%schedule` in a real kernel."""

import pytest
from kernel_side import COMPLETE, Kernel, users_of
from patience import wait_until

DEFINE = """
from nbtasks import current_app
scale = 3
@current_app().task
def triple(x):
    return 3 * x
"""


@pytest.fixture(autouse=True)
def _clean(kernel):
    yield
    kernel.ok("for name in current_app().schedules: current_app().schedules.remove(name)")


@pytest.fixture(autouse=True)
def _defined(kernel):
    kernel.ok(DEFINE)


def shown(kernel, line):
    """What a line shows, as text."""
    (view,) = kernel.ok(line).displays
    assert "text/html" in view
    return view["text/plain"]


def said(kernel, line):
    return kernel.ok(line).text("stdout").strip()


def ended(kernel, name):
    """The history of an entry, once a run has ended."""
    return wait_until(
        lambda: [row for row in shown(kernel, f"%schedule history {name}").splitlines()
                 if "SUCCESS" in row],
        "a run has ended",
    )  # fmt: skip


def test_a_cell_is_scheduled_with_what_it_reads(kernel):
    head = shown(kernel, "%%schedule tick --every 0.5s --pause-on-failure 2\nscale * 14")
    assert head.startswith("tick is scheduled: every 0.5 seconds; next ")
    kernel.ok("scale = 0")
    assert ended(kernel, "tick")[0].endswith(" 42")


def test_a_signature_is_scheduled_with_a_time_of_a_zone(kernel):
    line = '%schedule third triple.s(14) --cron "0 7 * * mon-fri" --tz Europe/Paris -q night'
    assert "at 07:00, Monday to Friday, Europe/Paris; next " in shown(kernel, line)
    table = shown(kernel, "%schedule").splitlines()
    assert table[0] == "1 scheduled"
    assert "triple(14)" in table[2]
    assert table[2].endswith("active")
    assert len(shown(kernel, "%schedule next 3").splitlines()) == 5


def test_an_entry_is_run_paused_resumed_and_removed(kernel):
    kernel.ok("%schedule third triple.s(1) --every 1w -q default")
    assert said(kernel, "%schedule pause third").startswith("third is paused")
    assert "paused: by hand" in shown(kernel, "%schedule list")
    assert said(kernel, "%schedule resume third").startswith("third goes on; next Mon ")
    kernel.ok("%schedule other triple.s(14) --every 1w")
    kernel.ok("%schedule run other")
    assert "by hand" in ended(kernel, "other")[0]
    assert ended(kernel, "other")[0].endswith(" 42")
    assert "✓" in shown(kernel, "%schedule")
    assert said(kernel, "%schedule rm third other") == "third is removed\nother is removed"
    assert shown(kernel, "%schedule").startswith("Nothing is scheduled")


def test_an_entry_is_run_at_other_times(kernel):
    kernel.ok("%schedule third triple.s(1) --every 1w --jitter 5m")
    told = said(kernel, '%schedule edit third --cron "0 7 * * *" --tz Europe/Paris')
    assert told.startswith("third: every day at 07:00, Europe/Paris, up to 5 minutes later; next ")


def test_a_schedule_an_entry_and_a_rule_show_themselves(kernel):
    kernel.ok("%schedule third triple.s(14) --every 1w")
    kernel.ok('%schedule other triple.s(1) --cron "0 7 * * *"')
    table = shown(kernel, "current_app().schedules")
    assert table.startswith("2 scheduled")
    assert table == shown(kernel, "%schedule")
    assert "other" not in shown(kernel, "current_app().schedules['third']")
    told = kernel.ok("from nbtasks import cron\ncron('0 7 * * *')").displays[0]
    assert told["text/plain"] == "crontab(minute='0', hour='7')"
    assert told["text/html"].count(" 07:00<") == 5


def test_an_entry_shows_itself_as_one_of_its_own_app(kernel):
    kernel.ok("%schedule third triple.s(14) --every 1w")
    kernel.ok("from nbtasks import App\nown = current_app()\nApp('later').set_default()")
    told = shown(kernel, "own.schedules['third']")
    kernel.ok("own.set_default()")

    assert "triple(14)" in told


def test_times_in_the_past_are_run_once(kernel):
    kernel.ok('%schedule daily triple.s(1) --cron "0 7 * * *"')
    line = "%schedule backfill daily --from 2026-03-01 --to 2026-03-03"
    assert said(kernel, line) == "daily: 3 runs begun"
    assert said(kernel, line) == "daily: no run begun"
    assert "backfilled" in ended(kernel, "daily")[0]


WRONG = {
    '%%schedule x --cron "61 * * * *"\n1': "61",
    '%%schedule x --cron "0 7 * * *" --tz Europe/Pariss\n1': "did you mean 'Europe/Paris'",
    "%%schedule x\n1": "say when: --every 10m, or --cron",
    "%%schedule --every 10m\n1": "%%schedule needs one name",
    "%%schedule x --every 10m --cron @daily\n1": "--every and --cron both say when: give one",
    "%%schedule x --evry 10m\n1": "there is no option --evry: did you mean '--every'?",
    "%%schedule x --every 10m --overlap skp\n1": "did you mean 'skip'",
    "%%schedule x --every soon\n1": "'soon' is no schedule",
    "%%schedule x --every 10m\n%matplotlib inline": "needs a notebook, and a worker has none",
    "%%schedule x --every 10m\n\n \n": "the cell is empty",
    "%schedule x triple --every 10m": "missing a required argument: 'x'",
    "%%schedule list --every 10m\n1": "'list' is a command of %schedule",
    "%schedule paus x": "there is no such command: did you mean 'pause'?",
    "%schedule pause x": "there is no schedule entry 'x'",
    "%schedule edit x --queue gpu": "say when: %schedule edit x --every 10m",
    "%schedule edit x --every 10m": "there is no schedule entry 'x'",
    "%schedule pause": "%schedule pause needs a name of an entry: there are none yet",
    "%schedule x triple(1) --every 10m": "is of type int, and no signature",
    "%schedule x triple.s( --every 10m": "is no expression",
    "%schedule next many": "%schedule next takes a number",
    "%schedule --every 10m": "the first word is a command or a new name",
    "%%schedule x --every 10m --catch-up soon\n1": "write a length of time such as 10m",
}


@pytest.mark.parametrize("cell", WRONG)
def test_what_is_wrong_is_one_line(kernel, cell):
    assert WRONG[cell] in kernel.run(cell).usage
    assert shown(kernel, "%schedule").startswith("Nothing is scheduled")


OFFERED = {
    "%schedule pa": "%schedule pause",
    "%schedule pause ni": "%schedule pause nightly",
    "%%schedule x --tz Europe/Par": "%%schedule x --tz Europe/Paris",
    "%%schedule x --over": "%%schedule x --overlap",
}


def test_commands_names_and_zones_are_completed(kernel):
    kernel.ok(COMPLETE)
    kernel.ok("%schedule nightly triple.s(1) --every 1d")
    for text, wanted in OFFERED.items():
        assert kernel.ok(f"offered({text!r})").value == str([wanted])


def test_it_survives_the_kernel_that_made_it(tmp_path):
    first = Kernel(tmp_path)
    note = tmp_path / "runs"
    first.ok("%load_ext nbtasks")
    first.ok("%broker --start 1")
    first.ok(f"%%schedule note --every 0.5s\nwith open({str(note)!r}, 'a') as f: f.write('x')")
    first.manager.shutdown_kernel(now=True)
    before = note.stat().st_size if note.exists() else 0
    wait_until(lambda: note.exists() and note.stat().st_size > before + 2, "it goes on", 20)
    second = Kernel(tmp_path)
    second.ok("%load_ext nbtasks")
    assert "note" in shown(second, "%schedule")
    second.ok("%schedule rm note")
    first.client.stop_channels()
    second.close()
    assert not users_of(second.home)
