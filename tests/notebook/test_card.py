"""One task: what its card says, keeps, and finds out about it."""

from ast import literal_eval
from dataclasses import replace
from fractions import Fraction

import pytest
from board_side import record, succeed

from nbtasks.live import ErrorText
from nbtasks.notebook.card import SHOWN_FOR_MS, Card
from nbtasks.notebook.card_page import card_text, card_view
from nbtasks.notebook.facts import short_id, way
from nbtasks.notebook.inquiry import Inquiry
from nbtasks.notebook.sent import Sent, read_note, write_note
from nbtasks.notebook.tally import Tally
from nbtasks.result import AsyncResult
from nbtasks.states import FAILURE, RETRY

pytestmark = pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning")


def drained(one):
    found = Tally([one])
    found.drain()
    return found


def ended(one):
    one.begin(0, "w", 998_500)
    one.write(0, "value", "0.93")
    succeed(one, 0)
    return one


def test_as_text_it_is_a_line():
    one = record()
    one.rid = "3f2a91bc77aa01"

    assert card_text(drained(one), "fit") == "<Task 3f2a91bc… fit PENDING>"
    assert card_text(drained(ended(one)), "fit") == "<Task 3f2a91bc… fit SUCCESS 1.5 s>"


def test_a_member_of_many_has_its_number_in_its_short_id():
    one = record(30)
    one.rid = "3f2a91bc77aa01"

    assert short_id(drained(one), 12) == "3f2a91bc…-12"


def test_a_folded_card_is_saved_with_the_beginning_of_its_value():
    tally = drained(ended(record()))

    assert "<div>0.93</div>" in card_view(tally, "fit", opened=False)
    assert "<details open" not in card_view(tally, "fit", opened=False)
    assert "<div>0.93</div>" not in card_view(tally, "fit")


def test_its_way_has_every_try_and_what_ended_it():
    one = record()
    one.begin(0, "w1", 999_100)
    one.errors[0] = ErrorText("OSError", "away")
    one.back(0, RETRY, 999_300)
    one.begin(0, "w2", 999_500)
    one.back(0, ord("p"), 999_700)
    one.finish(0, bytes([FAILURE]), [b""], "", 999_900)

    assert [(step.at_ms, step.words) for step in way(drained(one), 0)] == [
        (999_000, "sent"),
        (999_100, "started on w1"),
        (999_300, "failed: OSError"),
        (999_500, "started on w2"),
        (999_700, "its worker was lost"),
        (999_900, ""),
    ]


def test_one_that_failed_and_is_shown_again_can_be_retried(make, wire):
    one = record()
    one.finish(0, bytes([FAILURE]), [b""], "", 999_900)
    again = []
    make(one, kind=Card, retry=again.extend).show("board")

    wire.clicks({"t": "retry", "spans": [[0, 1]], "id": "c1"})

    assert again == [(one, 0)]


def test_a_folded_card_sends_no_output_until_it_is_opened(make, thread, wire):
    one = record()
    make(one, kind=Card, opened=False).show("board")
    one.write(0, "stdout", "first\n")
    thread.flush(100.0)
    assert wire.custom()[-1][0]["details"] == []

    wire.clicks({"t": "detail", "i": 0, "id": "c1"})

    assert wire.custom("ack")[0][0]["details"]["out"] == [("", "first\n")]


def test_arguments_and_code_are_those_of_the_call(fresh_app):
    result = fresh_app.task(pow, name="pow").delay(2, list(range(50)), mod=None)
    inquiry = Inquiry(fresh_app, fresh_app)

    call = inquiry.call(result.record, 0)

    assert call["args"] == [("", "2"), ("", "[0, 1, 2, 3, 4, 5, 6, 7, ...]"), ("mod", "None")]
    assert call["code"] == f"pow.delay(2, {list(range(50))}, mod=None)"
    assert inquiry.place(result.record, 0) == {"ahead": 0, "due": None}
    assert inquiry.answer("stack", result.record, 0)[0].startswith("task ")
    fresh_app.control.purge()


@pytest.mark.parametrize(
    "given",
    [
        "two  blanks",
        "a ... and <b>",
        "\x1b[31mred\x1b[0m\n\u202e",
        {"C": [0.1, (1,), {2}], "x" * 150: b"\0"},
    ],
)
def test_code_to_copy_calls_with_the_same_arguments(fresh_app, given):
    result = fresh_app.task(repr, name="repr").delay(given)

    code = Inquiry(fresh_app, fresh_app).call(result.record, 0)["code"]

    assert literal_eval(code.removeprefix("repr.delay(").removesuffix(")")) == given
    fresh_app.control.purge()


@pytest.mark.parametrize(
    "given", [float("nan"), object, Fraction(1, 3), {"x": [object]}, "x" * 5000]
)
def test_code_to_copy_says_what_is_to_be_put_in(fresh_app, given):
    result = fresh_app.task(repr, name="repr").delay(given)

    code = Inquiry(fresh_app, fresh_app).call(result.record, 0)["code"]

    assert (
        code == "# Put in what stands here as `...`: it cannot be copied as code.\nrepr.delay(...)"
    )
    fresh_app.control.purge()


def test_a_task_that_is_not_due_says_when_it_is(fresh_app):
    result = fresh_app.task(abs, name="abs").s(1).apply_async(countdown=60)

    place = Inquiry(fresh_app, fresh_app).place(result.record, 0)

    assert place["ahead"] is None
    assert 50_000 < place["due"] - fresh_app.clock.wall_ms() <= 60_000
    result.revoke()


def test_a_card_whose_value_is_not_known_stays_for_a_while(make, fresh_app):
    one = record()
    card = make(one, kind=Card, inquiry=Inquiry(fresh_app, fresh_app))
    card.show("board")
    succeed(one, 0)

    assert card._stays_ms() == SHOWN_FOR_MS
    one.write(0, "value", "7")
    assert card._stays_ms() < SHOWN_FOR_MS


def test_what_was_captured_is_noted_with_what_was_sent(fresh_app):
    sent = Sent("fit", AsyncResult(fresh_app, record()), inputs=[("X", 2_100_000)])

    assert read_note(write_note(sent)).fields["inputs"] == [["X", 2_100_000]]


@pytest.mark.parametrize("encrypt", [False, True])
def test_what_is_encrypted_is_not_saved_in_the_notebook(make, fresh_app, wire, encrypt):
    fresh_app.config = replace(fresh_app.config, encrypt=encrypt)
    result = fresh_app.task(abs, name="abs").delay(-271828)
    card = make(result.record, kind=Card, inquiry=Inquiry(fresh_app, fresh_app))
    card.show("board")

    wire.clicks({"t": "detail", "i": 0, "id": "c1"})

    told = wire.custom("ack")[0][0]["details"]["call"]["args"]
    assert told == [("", "-271828")]
    assert ("271828" in card._static()["text/html"]) != encrypt
    fresh_app.control.purge()
