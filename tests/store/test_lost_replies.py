"""A reply is lost after Redis has done what was asked: asking again changes nothing."""

import pytest
from proxy import Proxy
from store_side import make_record

from nbtasks.clock import SystemClock
from nbtasks.store.scripts import SCRIPTS
from nbtasks.store.store import Found, Store
from nbtasks.store.submission import CHUNK


@pytest.fixture
def proxy(server):
    proxy = Proxy(lambda: server)
    yield proxy
    proxy.close()


@pytest.fixture
def lossy(store, proxy):
    """A store of the same app and client whose next reply to a script can be lost."""
    lossy = Store(proxy.url, store.keys.app, SystemClock(), 5000)
    lossy.client = store.client
    lossy.connect()
    yield lossy
    lossy.close()


@pytest.fixture
def lose(proxy):
    """Lose the reply to the next call of a script: `lose("submit")`."""
    names = []
    yield lambda name: (names.append(name), proxy.lose_reply(SCRIPTS[name].sha.encode()))
    assert proxy.dropped == len(names) > 0


def test_a_submit_is_stored_and_queued_once(lossy, lose, store, states):
    record = make_record(3)
    lossy.submit(record, lambda: b"code")
    lose("submit")
    other = make_record(3)
    lossy.submit(other, lambda: b"code")
    assert states(other.rid) == "ppp"
    assert store.call("ZCARD", store.keys.ready("default")) == 2


def test_a_submit_of_many_chunks_is_stored_and_queued_once(lossy, lose, states, worker):
    record = make_record(7 * CHUNK)
    lossy.submit(make_record(), lambda: b"code")
    worker.take_one()
    lose("submit")
    lossy.submit(record, lambda: b"code")
    assert states(record.rid) == "p" * 7 * CHUNK
    taken = worker.take(slots=9, budget_us=10**9, most=CHUNK)
    assert sum(len(one.bodies) for one in taken) == 7 * CHUNK


def test_a_submit_that_is_cut_amid_its_chunks_is_stored_and_queued_once(
    lossy, proxy, states, worker
):
    bodies = [b"early"] * 4 * CHUNK + [b"late"] * 3 * CHUNK
    record = make_record(bodies=bodies)
    proxy.lose_reply(b"late")
    lossy.submit(record, lambda: b"code")
    assert proxy.dropped == 1
    assert states(record.rid) == "p" * 7 * CHUNK
    taken = worker.take(slots=9, budget_us=10**9, most=CHUNK)
    assert [body for one in taken for body in one.bodies] == bodies


def test_a_revoke_says_how_many_it_has_revoked(lossy, lose, submit, states):
    rid = submit(3)
    lose("revoke")
    assert lossy.revoke(rid, 1, 3, terminate=True) == 2
    assert states(rid) == "pRR"


def test_a_forget_says_that_the_record_is_gone(lossy, lose, submit, worker):
    rid = submit()
    worker.finish(worker.take_one())
    lose("forget")
    assert lossy.forget(rid)


def test_a_withdraw_leaves_nothing(lossy, lose, store, redis):
    record = make_record(3)
    store.submit(record, lambda: b"code")
    redis.hset(store.keys.record(record.rid), "up", 2)
    lose("withdraw")
    lossy.withdraw(record)
    assert store.watch(record.rid) is None


def test_a_look_is_as_good_the_second_time(lossy, lose, submit):
    rid = submit()
    lose("look")
    assert list(lossy.look([rid, "other"])) == [(rid, Found.WHOLE), ("other", Found.NOT_STORED)]


def test_a_watch_follows_a_record_once(lossy, lose, submit, redis):
    rid = submit()
    lossy.client = "another"
    lose("watch")
    assert lossy.watch(rid).states == b"p"
    assert redis.hget(lossy.keys.record(rid), "c").split().count(b"another") == 1
