"""Encryption, on real workers: nothing that a task gets or gives can be read in Redis."""

import uuid

import chores
import pytest
from patience import wait_until

from nbtasks.app import App
from nbtasks.errors import ContentRefused
from nbtasks.functions import cell_code
from nbtasks.options import TaskOptions
from nbtasks.result import AsyncResult
from nbtasks.sending import Submission

WORD = uuid.uuid4().hex


@pytest.fixture
def secret(server, app):
    """A client that encrypts, of the same app as the one that does not."""
    secret = App(app.config.name, broker=server.url, key=app.config.key, encrypt=True)
    yield secret
    secret.close()


def everything(app):
    """All that Redis holds of an app."""
    found = []
    for key in app.store.call("KEYS", f"{app.store.keys.prefix}*"):
        found += [key, app.store.call("DUMP", key)]
        if app.store.call("TYPE", key) == b"hash":
            found += app.store.call("HGETALL", key)
        elif app.store.call("TYPE", key) == b"stream":
            found.append(repr(app.store.call("XRANGE", key, "-", "+")).encode())
    return b"\n".join(found)


def test_arguments_values_errors_and_code_cannot_be_read_in_redis(secret, start_own):
    start_own(encrypt=True)
    assert secret.task(chores.noop).delay(WORD).get(10) == WORD
    with pytest.raises(ValueError, match=WORD):
        secret.task(chores.fail).delay(WORD).get(10)
    source = f"'{WORD}'"
    code = cell_code(source, name="c", filename="c", inputs={"x": WORD}, outputs=("x",))
    submission = Submission(code=code, name="c", calls=[((), {})], base=TaskOptions(), call={})
    result = AsyncResult(secret, secret.submit(submission))
    assert (result.get(10), result.outputs.x) == (WORD, WORD)
    assert WORD.encode() not in everything(secret)


def test_parts_checkpoints_and_stacks_cannot_be_read_in_redis_either(secret, start_own, tmp_path):
    start_own(encrypt=True)
    result = secret.task(bind=True)(chores.yield_and_hold).delay(WORD, str(tmp_path))
    assert next(result.stream(timeout=10)) == WORD
    assert "in yield_and_hold" in result.stack()
    wait_until(lambda: b"cp0" in everything(secret), "the checkpoint is stored")
    assert WORD.encode() not in everything(secret)
    (tmp_path / "go-held").touch()
    assert result.get(10) == [WORD]


def test_a_worker_that_encrypts_serves_clients_that_do_not(app, secret, start_own):
    start_own(encrypt=True)
    assert app.task(chores.noop).delay(WORD).get(10) == WORD
    assert secret.task(chores.noop).delay(WORD).get(10) == WORD
    with pytest.raises(ValueError, match=WORD):
        app.task(chores.fail).delay(WORD).get(10)


def test_a_worker_that_does_not_encrypt_says_what_to_do(secret, start_own):
    start_own()
    with pytest.raises(ContentRefused, match=r"it is encrypted, .*encryption is off on this side"):
        secret.task(chores.noop).delay(WORD).get(10)


def test_a_client_that_does_not_encrypt_is_told_so_when_it_looks_at_a_result(
    app, secret, start_own
):
    start_own(encrypt=True)
    good, bad = secret.task(chores.noop).delay(WORD), secret.task(chores.fail).delay(WORD)
    assert good.get(10) == WORD
    with pytest.raises(ValueError, match=WORD):
        bad.get(10)
    for result in (good, bad):
        with pytest.raises(ContentRefused, match=r"it is encrypted"):
            app.AsyncResult(result.id).get(10)
    assert "encryption is off" in app.error_text(app.AsyncResult(bad.id).records[0], 0).text
