"""What clicks in a board do, without a browser."""

import threading

import pytest
from board_side import record, succeed

from nbtasks.live import ErrorText
from nbtasks.notebook.card import Card
from nbtasks.states import FAILURE, REVOKED


def test_cancel_all_reaches_the_caller_and_is_acked(make, wire):
    calls = []
    make(record(3), cancel=calls.append).show("board")

    wire.clicks({"t": "cancel", "id": "c1", "i": None})

    assert calls == [None]
    assert wire.custom("ack")[0][0] == {
        "t": "ack",
        "id": "c1",
        "ok": True,
        "error": "",
        "details": None,
    }


def test_cancel_of_one_names_its_record_and_index(make, wire):
    calls = []
    first, second = record(2), record(3)
    make(first, second, cancel=calls.append).show("board")

    wire.clicks({"t": "cancel", "id": "c1", "i": 4})

    assert calls == [[(second, 2)]]


def test_cancel_of_a_finished_member_does_nothing(make, wire):
    calls = []
    one = record(2)
    make(one, cancel=calls.append).show("board")
    succeed(one, 1)

    wire.clicks({"t": "cancel", "id": "c1", "i": 1})

    assert calls == []
    assert wire.custom("ack")[0][0]["ok"] is True


def test_a_cancel_that_fails_says_so_on_the_button_and_prints_nothing(make, wire, capsys):
    def refuse(_members):
        raise ConnectionError("Redis is gone")

    make(record(2), cancel=refuse).show("board")

    wire.clicks({"t": "cancel", "id": "c1", "i": None})

    assert wire.custom("ack")[0][0]["error"] == "ConnectionError: Redis is gone"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "content",
    [
        None,
        {},
        [],
        {"t": "cancel"},
        {"t": "cancel", "id": 5, "i": None},
        {"t": "cancel", "id": "a", "i": 99},
        {"t": "cancel", "id": "a", "i": -1},
        {"t": "cancel", "id": "a", "i": "0"},
        {"t": "purge", "id": "a"},
    ],
)
def test_a_malformed_message_is_ignored(make, wire, content):
    calls = []
    make(record(3), cancel=calls.append).show("board")

    wire.clicks(content)

    assert calls == []
    assert wire.custom() == []


def test_output_is_sent_for_the_member_that_somebody_looks_at(make, thread, wire):
    one = record(40)
    make(one).show("board")
    wire.clicks({"t": "detail", "id": "d1", "i": 7})
    one.write(7, "stderr", "careful\n")
    one.write(8, "stdout", "unseen\n")

    thread.flush(100.0)

    assert wire.custom("ack")[0][0]["details"]["i"] == 7
    details = wire.custom()[-1][0]["details"]
    assert [(one["i"], one["out"]) for one in details] == [(7, [("err", "careful\n")])]


def test_a_single_task_sends_its_output_unasked(make, thread, wire):
    one = record(1)
    make(one, kind=Card).show("board")
    one.write(0, "stdout", "hello\n")
    one.write(0, "value", "42")

    thread.flush(100.0)

    (details,) = wire.custom()[0][0]["details"]
    assert (details["out"], details["value"]) == ([("", "hello\n")], [("", "42")])


def test_a_click_from_another_thread_is_served(make, wire):
    make(record(3)).show("board")
    clicker = threading.Thread(target=wire.clicks, args=({"t": "resync", "id": "r"},))

    clicker.start()
    clicker.join(10)

    assert wire.custom("ack")


def failed(n, *indices):
    one = record(n)
    for index in indices:
        one.errors[index] = ErrorText("ValueError", f"row {index}")
        one.finish(index, bytes([FAILURE]), [b""], "w", 2_000)
    return one


def test_what_waits_is_cancelled_by_itself(make, wire):
    calls = []
    make(record(3), cancel_waiting=lambda: calls.append("waiting")).show("board")
    assert wire.opened()[0]["whole"]["caps"] == ["cancel", "waiting"]

    wire.clicks({"t": "cancel", "id": "c1", "waiting": True})

    assert calls == ["waiting"]
    assert wire.custom("ack")[0][0]["ok"] is True


def test_all_that_has_failed_is_retried_with_its_members(make, wire):
    calls = []
    first, second = failed(3, 1), failed(4, 0, 3)
    second.finish(1, bytes([REVOKED]), [b""], "w", 2_000)
    make(first, second, retry=calls.append).show("board")

    wire.clicks({"t": "retry", "id": "r1", "i": None})

    assert calls == [[(first, 1), (second, 0), (second, 3)]]


def test_the_ids_of_what_has_failed_are_told(make, wire):
    make(failed(4, 1, 3)).show("board")

    wire.clicks({"t": "ids", "id": "i1"})

    assert wire.custom("ack")[0][0]["details"] == {"text": "a1-1\na1-3"}


def test_lines_are_told_of_the_members_that_a_filter_lets_through(make, wire):
    make(failed(400, 7, 390)).show("board")

    wire.clicks({"t": "page", "id": "p1", "of": [7, 390, 400, -1, "8"]})

    rows = wire.custom("ack")[0][0]["details"]["rows"]
    assert [(row["i"], row["label"], row["err"]) for row in rows] == [
        (7, "fit[7]", "ValueError: row 7"),
        (390, "fit[390]", "ValueError: row 390"),
    ]


def test_no_more_than_a_page_is_told_at_once(make, wire):
    make(record(400)).show("board")

    wire.clicks({"t": "page", "id": "p1", "of": list(range(400))})

    assert len(wire.custom("ack")[0][0]["details"]["rows"]) == 100
