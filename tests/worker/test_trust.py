"""What is signed for one purpose does not serve another."""

import json

import pytest
from chores import noop, spin

from nbtasks import BadSignature


def header_of(app, result):
    return json.loads(app.store.call("HGET", app.store.keys.record(result.id), "h"))


@pytest.fixture
def pair(app):
    """A task that waits, its code's hash, and the hash of other code signed by the same key."""
    with pytest.warns(UserWarning, match="no worker listens"):
        result = app.task(noop).delay(1)
    other = app.task(spin).delay(0)
    hashes = [header_of(app, each)["code"] for each in (result, other)]
    other.revoke()
    return result, *hashes


def test_signed_code_is_refused_under_the_name_of_other_code(app, pair, start_worker):
    result, own, foreign = pair
    keys = app.store.keys
    app.store.call("SET", keys.code(own), app.store.call("GET", keys.code(foreign)), "KEEPTTL")

    start_worker("-c", "1")

    with pytest.raises(BadSignature, match="refused the code of task"):
        result.get(10)


def test_a_record_cannot_be_pointed_at_other_code(app, pair, start_worker):
    result, own, foreign = pair
    header = json.dumps({**header_of(app, result), "code": foreign}, separators=(",", ":"))
    app.store.call("HSET", app.store.keys.record(result.id), "h", header)

    start_worker("-c", "1")

    with pytest.raises(BadSignature, match=r"refused task 'chores\.noop'"):
        result.get(10)
    # Which code is still needed was counted by what the record says: that is wrong now.
    app.store.call("UNLINK", f"{app.store.keys.prefix}refs", app.store.keys.code(own))
