"""Compressed arguments and values, on a real worker: in all places, also encrypted."""

import chores
import form_chores
import pytest
from patience import wait_until
from worker_side import OwnWorker

from nbtasks.app import App
from nbtasks.canvas import chain, group
from nbtasks.errors import TooBig
from nbtasks.serializers import form_of, head_of

BIG = "one and the same " * 10_000
FORMS = ("pickle", "json", "msgpack")


@pytest.fixture(scope="module")
def app(shared_app, tmp_path_factory):
    """The app, with a worker that encrypts what came encrypted."""
    log = tmp_path_factory.mktemp("w") / "log"
    worker = OwnWorker(shared_app, "w", log, encrypt=True, accept_content=FORMS, max_input=300_000)
    wait_until(shared_app.workers, "the worker is up")
    yield shared_app
    assert worker.stop() == 0


@pytest.fixture
def make_app(app):
    """An app of the same name with other settings."""
    made = []

    def make(**settings):
        config = app.config
        made.append(App(config.name, broker=config.url, key=config.key, **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def stored(app):
    """How many bytes arguments or value of a task take, and what they begin with."""

    def stored(result):
        body = app.store.call("HGET", app.store.keys.record(result.id), "m0")
        return len(body), body[:1], body[17:18]

    return stored


@pytest.mark.parametrize("method", ["zlib", "bzip2", "lzma", "zstd"])
def test_a_value_is_compressed_as_its_task_says(app, stored, method):
    result = app.task(form_chores.say, compression=method).delay(20_000)
    assert result.get(20) == "the same " * 20_000
    size, _, letter = stored(result)
    assert size < 2000
    assert letter == b"Z"


def test_a_call_says_so_too_and_wins_over_the_settings(make_app, stored):
    app = make_app(task_compression="gzip")
    result = app.task(chores.noop).apply_async((BIG,), countdown=60)
    plain = app.task(chores.noop).apply_async((BIG,), countdown=60, compression="none")
    assert (stored(result)[0] < 2000, stored(plain)[0] > len(BIG)) == (True, True)
    result.revoke()
    plain.revoke()


def test_it_is_compressed_before_it_is_encrypted(make_app, stored):
    app = make_app(task_compression="zlib", encrypt=True)
    result = app.task(chores.noop).delay(BIG)
    assert result.get(20) == BIG
    assert stored(result)[0] < 2000
    assert stored(result)[1] == b"\x02"


def test_what_is_delivered_in_a_canvas_is_compressed(make_app):
    app = make_app(task_compression="zlib")
    same = app.task(chores.noop)
    total = app.task(len)
    canvas = chain(group(same.s(BIG), same.s([BIG])), total.s()) | same.s()
    assert canvas.delay().get(20) == 2
    assert same.delay(same.delay(BIG)).get(20) == BIG
    assert group(same.s(BIG) for _ in range(3)).delay().get(20) == [BIG] * 3


def test_a_stream_and_a_checkpoint_are_compressed(make_app):
    app = make_app(task_compression="zlib")

    @app.task(bind=True)
    def parts(self):
        self.checkpoint("the same " * 5000)
        yield self.last_checkpoint
        yield 5

    assert list(parts.delay().stream(timeout=20)) == ["the same " * 5000, 5]


def test_a_large_value_is_too_big_however_small_it_is_stored(app, make_app):
    task = app.task(form_chores.say, compression="zlib")
    with pytest.raises(TooBig):
        task.delay(100_000).get(20)
    with pytest.raises(TooBig):
        make_app(max_input=1000).task(chores.noop).apply_async((BIG,), compression="zlib")
    result = task.delay(20_000)
    result.get(20)
    small = make_app(max_input=1000).AsyncResult(result.id)
    with pytest.raises(TooBig, match="the value of task"):
        small.get(20)


def test_a_worker_refuses_what_would_be_larger_than_it_allows(app):
    with pytest.raises(TooBig, match="refused task"):
        app.task(len).apply_async(("x" * 1_000_000,), compression="zlib").get(20)


def test_a_replaced_task_answers_in_its_own_form(make_app, stored):
    app = make_app(accept_content=FORMS)
    task = app.task(form_chores.replaced, bind=True, serializer="msgpack", compression="zlib")
    result = task.delay(BIG)
    assert result.get(20) == [[BIG], {}]
    body = app.store.call("HGET", app.store.keys.record(result.id), "m0")
    assert form_of(body[17:]) == "msgpack"
    assert head_of(body[17:]) == b"X\x07msgpack"
    assert stored(result)[2] == b"Z"


def test_an_eager_run_compresses_too(make_app):
    app = make_app(task_compression="zlib")
    assert app.task(chores.noop).apply((BIG,)).get() == BIG
