"""Canvases that Redis loses, wholly or in part, and ids that are taken."""

import pytest
from canvas_side import Canvas, run_all

from nbtasks.clock import SystemClock
from nbtasks.errors import ConfigError, UnknownTask
from nbtasks.redrive import Redrive


class Kept(Canvas):
    """A canvas whose client keeps what it sends."""

    def __init__(self, store, redis):
        super().__init__(store)
        self.redis = redis
        self.redrive = Redrive(SystemClock())

    def send(self):
        records = self.with_edges()
        for record in records:
            assert self.redrive.keep(record, lambda: b"code", 4, 10**7)
        super().send()
        for record in records:
            self.redrive.sent(record.rid)

    def end(self, name, states="S"):
        self.redrive.ended(self.rid(name), 0, states.encode())

    def lose(self, *names):
        for name in names:
            for letter in "rs":
                self.redis.delete(f"{self.store.keys.prefix}{letter}:{self.rid(name)}")

    def check(self):
        self.redrive.check(self.store, {}, is_gapless=True)


@pytest.fixture
def canvas(store, redis):
    return Kept(store, redis)


def test_a_canvas_that_is_lost_is_sent_again_whole(canvas, worker, redis):
    canvas.add("head", n=3)
    canvas.add("body", "w:head", is_chord=True)
    canvas.add("after", "w:body")
    canvas.send()
    redis.flushdb()
    canvas.check()
    assert run_all(worker, canvas) == ["head", "body", "after"]


def test_what_had_ended_runs_again_where_what_waits_for_it_was_lost_with_it(canvas, worker, redis):
    canvas.chain("a", "b", "c")
    canvas.send()
    worker.finish(worker.take_one())
    canvas.end("a")
    redis.flushdb()
    canvas.check()
    assert run_all(worker, canvas) == ["a", "b", "c"]


def test_the_part_that_was_lost_looks_up_the_part_that_was_not(canvas, worker):
    canvas.chain("a", "b", "c", "d")
    canvas.send()
    worker.finish(worker.take_one())
    canvas.end("a")
    canvas.lose("c")
    canvas.check()
    assert run_all(worker, canvas) == ["b", "c", "d"]
    assert canvas.states() == dict.fromkeys("abcd", "S")


def test_a_canvas_whose_commit_was_lost_is_committed(canvas, worker, redis):
    canvas.chain("a", "b")
    canvas.send()
    for name in "ab":
        redis.hset(canvas.store.keys.record(canvas.rid(name)), "hold", 1)
        redis.set(f"{canvas.store.keys.prefix}s:{canvas.rid(name)}", "w")
    redis.delete(canvas.store.keys.ready("default"))
    canvas.check()
    assert run_all(worker, canvas) == ["a", "b"]


def test_a_canvas_that_has_ended_is_no_longer_kept(canvas, worker):
    canvas.chain("a", "b")
    canvas.send()
    run_all(worker, canvas)
    canvas.end("a")
    assert len(canvas.redrive) == 2
    canvas.end("b")
    assert len(canvas.redrive) == 0


def test_a_canvas_cannot_take_up_a_task_that_is_stored(canvas, submit):
    taken = submit()
    canvas.add("a")
    canvas.add("b", "w:a", fields={"rid": taken})
    with pytest.raises(ConfigError, match="or in another canvas"):
        Canvas.send(canvas)
    assert canvas.states() == {"a": "", "b": "p"}


def test_a_value_that_somebody_waits_for_is_not_forgotten(canvas, worker):
    canvas.chain("a", "b")
    canvas.send()
    worker.finish(worker.take_one())
    assert not canvas.store.forget(canvas.rid("a"))
    run_all(worker, canvas)
    assert canvas.store.forget(canvas.rid("a"))


def test_what_is_not_committed_cannot_be_revoked(canvas, redis):
    canvas.chain("a", "b")
    canvas.send()
    redis.hset(canvas.store.keys.record(canvas.rid("a")), "hold", 1)
    with pytest.raises(UnknownTask):
        canvas.store.revoke(canvas.rid("a"), 0, 1, terminate=False)
