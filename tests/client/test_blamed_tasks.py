"""What a client reads of a task that was not run, because another before it has failed."""

import json

import pytest

from nbtasks import AsyncResult, ChordError, GroupResult, TaskRevoked
from nbtasks.failure import encode_failure, system_body
from nbtasks.live import LiveRecord
from nbtasks.signing import SYSTEM
from nbtasks.states import FAILURE, REVOKED

ROOT, LATER = "root", "later"


def blames(index, *, chord):
    of = f"{ROOT}-{index}"
    return system_body("Dependency", of=of, rid=ROOT, i=index, n=3, chord=chord)


@pytest.fixture
def later(app):
    """A record of two members; the members of another have failed each in a way of its own."""
    key, states = app.store.keys.record(ROOT), app.store.keys.states(ROOT)
    error = encode_failure(ValueError("boom"), "")
    app.store.call("HSET", key, "e0", app.connection.signer.results(ROOT).seal(0, error))
    app.store.call("HSET", key, "e1", system_body("WorkerLost", deaths=3, reason="signal 9"))
    app.store.call("SET", states, "FFR", "EX", 60)
    app.store.call("EXPIRE", key, 60)
    return LiveRecord(LATER, 2, "later")


def fail(record, *bodies):
    record.finish(0, bytes([FAILURE]) * len(bodies), list(bodies), "", 1)


def test_a_chord_raises_the_error_before_it_and_shows_its_own(app, later):
    fail(later, blames(0, chord=True))
    result = AsyncResult(app, later)
    with pytest.raises(ValueError, match="boom"):
        result.get()
    error = result.get(propagate=False)
    assert isinstance(error, ChordError)
    assert str(error) == "Dependency root-0 raised ValueError: boom"
    assert isinstance(error.__cause__, ValueError)
    assert str(result.result) == str(error)


def test_a_step_of_a_chain_has_the_error_before_it(app, later):
    fail(later, blames(0, chord=False), blames(1, chord=False))
    group = GroupResult(app, [later])
    assert isinstance(group[0].result, ValueError)
    assert "signal 9" in str(group[1].result)
    with pytest.raises(ValueError, match="boom"):
        group.get()
    assert [type(each).__name__ for each in group.get(propagate=False)] == [
        "ValueError",
        "WorkerLost",
    ]


@pytest.mark.parametrize("chord", [True, False])
def test_a_task_before_it_that_was_revoked_is_named(app, later, chord):
    fail(later, blames(2, chord=chord))
    with pytest.raises(TaskRevoked, match="root-2"):
        AsyncResult(app, later).get()


@pytest.mark.parametrize("chord", [True, False])
def test_an_error_that_is_no_longer_stored_leaves_its_id(app, later, chord):
    app.store.call("UNLINK", app.store.keys.record(ROOT), app.store.keys.states(ROOT))
    fail(later, blames(0, chord=chord))
    with pytest.raises(ChordError, match="Dependency root-0 raised an error"):
        AsyncResult(app, later).get()


def test_its_traceback_is_that_of_the_error_before_it(app, later):
    fail(later, blames(0, chord=True))
    traceback = AsyncResult(app, later).traceback
    assert traceback is not None
    assert "ValueError: boom" in traceback
    assert later.errors[0].text == "Dependency root-0 raised ValueError: boom"


def test_a_board_says_in_words_what_this_client_has_heard(app):
    first = LiveRecord(ROOT, 3, "first")
    app.event_stream.follow(first)
    body = blames(0, chord=True)
    assert app.event_stream.error_text(LATER, 0, LATER, body).text == (
        "Dependency root-0 raised an error"
    )
    error = app.connection.signer.results(ROOT).seal(0, encode_failure(ValueError("boom"), ""))
    first.errors[0] = app.event_stream.error_text(ROOT, 0, "root-0", error)
    told = app.event_stream.error_text(LATER, 0, LATER, body)
    assert (told.type_name, told.text) == (
        "ChordError",
        "Dependency root-0 raised ValueError: boom",
    )
    told = app.event_stream.error_text(LATER, 0, LATER, blames(0, chord=False))
    assert (told.type_name, told.text) == ("ValueError", "boom")


@pytest.mark.parametrize("field", ["of", "rid", "i"])
def test_a_body_that_blames_nobody_is_still_an_error(app, later, field):
    fields = json.loads(blames(0, chord=True)[1:])
    del fields[field]
    fail(later, SYSTEM + json.dumps(fields).encode())
    with pytest.raises(ChordError):
        AsyncResult(app, later).get()


def test_an_error_that_blames_itself_ends(app, later):
    key = app.store.keys.record(ROOT)
    app.store.call("HSET", key, "e0", blames(0, chord=True))
    fail(later, blames(0, chord=True))
    with pytest.raises(ChordError):
        AsyncResult(app, later).get()


def test_a_set_of_failed_results_raises_the_first_in_order(app, later):
    other = LiveRecord("other", 1, "other")
    other.finish(0, bytes([REVOKED]), [b""], "", 1)
    fail(later, blames(0, chord=False), blames(1, chord=False))
    with pytest.raises(TaskRevoked, match="other"):
        GroupResult(app, [other, later]).maybe_throw()
    with pytest.raises(ValueError, match="boom"):
        GroupResult(app, [later, other]).maybe_reraise()
