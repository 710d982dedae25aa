"""Where a front end places widgets itself, as marimo does: what stays a widget after its end."""

import threading
from contextlib import closing

import pytest
from board_side import record, succeed
from patience import wait_until
from workers import KEY

from nbtasks import App, ConfigError
from nbtasks.notebook.frontend import check_environment, is_stable, resolve_view
from nbtasks.notebook.inquiry import Inquiry
from nbtasks.notebook.live_view import FREEZE_AFTER_MS
from nbtasks.notebook.tally import CODE_SUCCESS
from nbtasks.states import FAILURE


def updates(wire):
    """The states that a page which comes later begins with."""
    told = [data for _, data, _ in wire.messages if data and data.get("method") == "update"]
    return [data["state"]["whole"] for data in told if "whole" in data["state"]]


def test_a_widget_that_is_handed_over_is_live_and_displays_nothing(make, thread, wire, shown):
    one = record(3)
    widget = make(one).hand_over()
    succeed(one, 1)
    thread.flush(0.0)

    (opened,) = wire.opened()
    assert widget.model_id == wire.comms[-1].comm_id
    assert wire.custom("d") or wire.custom("s")
    assert shown == []

    wire.messages.clear()  # a page that is loaded again begins with what the widget began with
    wire.clicks({"t": "resync", "id": "r1", "seq": opened["whole"]["seq"]})
    ((told, _),) = wire.custom("s")
    assert told["counts"][CODE_SUCCESS] == 1


def test_its_end_is_in_the_state_that_a_later_page_begins_with(make, thread, wire):
    one = record(3)
    make(one).hand_over()
    succeed(one, 0, 1, 2)
    thread.flush(0.0)
    assert updates(wire) == []
    thread.flush(FREEZE_AFTER_MS)
    thread.flush(2 * FREEZE_AFTER_MS)

    (state,) = updates(wire)
    assert state["done"]
    assert wire.custom("end") == []


def test_after_its_end_it_still_answers_and_hears_of_a_retry(make, thread, wire):
    one = record(2)
    board = make(one, retry=lambda _members: one.again(0, 1))
    board.hand_over()
    one.finish(0, bytes([FAILURE]) * 2, [b"", b""], "w", 9_000)
    thread.flush(0.0)
    thread.flush(60_000.0)
    assert updates(wire)

    wire.messages.clear()
    wire.clicks({"t": "retry", "spans": [[0, 1]], "id": "r1"})
    thread.flush(61_000.0)

    ((ack, _),) = wire.custom("ack")
    assert ack["ok"]
    assert wire.custom("s") or wire.custom("d")


def test_after_its_end_the_value_comes_with_the_answer(make, thread, wire):
    eager = App("here", task_always_eager=True)
    result = eager.task(abs, name="abs").delay(-271828)
    make(result.record, inquiry=Inquiry(eager, result.source)).hand_over()
    thread.flush(0.0)
    thread.flush(60_000.0)
    assert updates(wire)

    wire.clicks({"t": "value", "i": 0, "id": "v1"})

    ((ack, _),) = wire.custom("ack")
    assert ack["details"]["value"] == [("", "271828")]


def test_a_cell_that_runs_again_leaves_no_monitor_behind(fresh_app, wire, monkeypatch):
    monkeypatch.setenv("NBTASKS_UI", "widget")
    assert fresh_app.workers() == []
    before = set(threading.enumerate())
    for _ in range(3):
        fresh_app._display_()

    def watchers():
        return [each for each in set(threading.enumerate()) - before if "watch" in each.name]

    wait_until(lambda: len(watchers()) == 1, "the others have ended")
    assert len(wire.opened()) == 3


def test_an_entry_is_shown_as_one_of_its_own_app(own_server, monkeypatch):
    monkeypatch.setenv("NBTASKS_UI", "html")
    with closing(App("own", broker=own_server.url, key=KEY)) as app:
        App("later").set_default()
        app.schedules.add("nightly", app.task(abs, name="abs").s(-1), "0 7 * * mon-fri")

        told = repr(app.schedules["nightly"]._display_())

    assert "abs(-1)" in told


@pytest.mark.parametrize(("setting", "told"), [("text", "<App"), ("off", "None")])
def test_what_an_object_shows_follows_the_setting(monkeypatch, setting, told):
    monkeypatch.setenv("NBTASKS_UI", setting)

    assert str(App()._display_()).startswith(told)


def test_outside_of_a_notebook_an_object_shows_its_words():
    assert App("words")._display_() == "<App words>"


@pytest.mark.parametrize("name", ["NBTASKS_UI", "NBTASKS_UI_FLUSH"])
def test_a_display_that_there_is_not_is_refused_at_once(monkeypatch, name):
    monkeypatch.setenv(name, "widgets")

    with pytest.raises(ConfigError, match=f"{name} is 'widgets': use one of auto, "):
        check_environment()


def test_a_setting_is_read_the_same_by_all(monkeypatch):
    monkeypatch.setenv("NBTASKS_UI", " Text ")

    check_environment()
    assert resolve_view("auto") == "text"
    assert is_stable()
