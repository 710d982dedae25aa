"""What tasks take from others, where something goes wrong: tries, deaths, forms, forgeries."""

import uuid

import chores
import plain_chores
import pytest
from patience import wait_until
from worker_side import wait_for_leases

from nbtasks import chord, group
from nbtasks.app import App
from nbtasks.errors import BadSignature, TaskRevoked, UnknownTask

WORD = uuid.uuid4().hex


@pytest.fixture
def add(app):
    return app.task(lambda *numbers: sum(numbers), name="add")


def test_a_body_gets_the_values_again_when_its_process_has_died(app, add, worker, tmp_path):
    path = str(tmp_path / "tries")

    def body(values):
        chores.note(path, len(values))
        if len(chores.lines(path)) == 1:
            chores.crash("kill")
        return sum(values)

    assert worker
    assert chord([add.s(n) for n in range(5)], app.task(body).s())().get(20) == 10
    assert chores.lines(path) == [["5"], ["5"]]


def test_a_body_gets_the_values_again_at_the_next_try(app, add, worker, tmp_path):
    path = str(tmp_path / "tries")

    def body(self, values):
        values.append("changed")
        chores.note(path, len(values))
        if self.request.retries == 0:
            raise ValueError("not yet")
        return values

    task = app.task(body, bind=True, max_retries=1, default_retry_delay=0)
    assert worker
    assert chord([add.s(1), add.s(2)], task.s())().get(20) == [1, 2, "changed"]


def test_a_task_that_dies_when_it_was_replaced_is_replaced_again(app, add, worker, tmp_path):
    path = str(tmp_path / "tries")

    def replaced(self, x):
        try:
            self.replace(add.s(x, 100))
        finally:
            chores.note(path, x)
            if len(chores.lines(path)) == 1:
                chores.crash("kill")

    assert worker
    assert (app.task(replaced, bind=True).s(1) | add.s(1000)).delay().get(20) == 1101
    assert len(chores.lines(path)) == 2
    wait_for_leases(app)  # of the first replacement


def test_a_failed_replacement_that_is_queued_again_ends_all_that_waited_for_it(
    app, add, worker, tmp_path
):
    path = tmp_path / "may"

    def inner(x):
        if not path.exists():
            raise ValueError("not yet")
        return x

    def outer(self, x):
        self.replace(add.s(x) | task.s())

    task = app.task(inner)
    assert worker
    result = (app.task(outer, bind=True).s(1) | add.s(10)).delay()
    with pytest.raises(ValueError, match="not yet"):
        result.get(10)
    path.write_text("now")
    assert app.requeue([result]) == 1
    assert result.get(10) == 11


def test_a_replaced_task_that_is_revoked_ends_what_waits_for_it(app, add, worker, tmp_path):
    def outer(self):
        self.replace(hold.s())

    hold = app.task(lambda: chores.hold(str(tmp_path), "inner"), name="hold")
    assert worker
    result = (app.task(outer, bind=True).s() | add.s(1)).delay()
    wait_until((tmp_path / "started").exists, "the replacement runs")
    result.parent.revoke()
    with pytest.raises(TaskRevoked):
        result.get(10)
    (tmp_path / "go-inner").touch()
    wait_for_leases(app)


def test_each_member_of_a_group_takes_the_value_before_it_in_slices(add, worker):
    assert worker
    chains = group(add.s(n) | add.s(1000) | add.s(n) for n in range(300))
    assert chains().get(20) == [1000 + 2 * n for n in range(300)]


# Pools and forms

POOLS = {
    "threads": ["--pool", "threads", "-c", "2"],
    "solo": ["--pool", "solo"],
    "spawn": ["--start-method", "spawn", "-c", "1"],
    "forkserver": ["--start-method", "forkserver", "-c", "1"],
}


@pytest.mark.parametrize("options", POOLS.values(), ids=POOLS)
def test_tasks_are_replaced_in_every_pool(app, add, start_worker, options):
    def outer(self, x):
        self.replace(add.s(x, 100))

    async def grow(self, x):
        self.add_to_chord(add.s(x, 1))
        return x

    start_worker(*options)
    header = [app.task(outer, bind=True).s(n) for n in range(3)]
    header += [app.task(grow, bind=True).s(n) for n in (10, 20)]
    found = chord(header, app.task(sorted).s())().get(20)
    assert found == [10, 11, 20, 21, 100, 101, 102]


@pytest.fixture
def plain(server, app):
    """A client that speaks JSON."""
    plain = App(app.config.name, broker=server.url, key=app.config.key, serializer="json")
    yield plain
    plain.close()


def test_canvases_of_a_client_that_speaks_json_need_no_pickle(plain, start_own):
    start_own(serializer="json")
    echo, fail = plain.task(plain_chores.echo), plain.task(plain_chores.fail)
    outer = plain.task(plain_chores.replaced, bind=True)
    assert (echo.s(1) | echo.s(2)).delay().get(10) == [[[[1], {}], 2], {}]
    assert chord([echo.s(1), outer.s(2)], echo.s())().get(10) == [
        [[[[1], {}], ["replaced", {"x": 2}]]],
        {},
    ]
    with pytest.raises(KeyError, match="'k'"):
        chord([echo.s(1), fail.s("builtin")], echo.s())().get(10)


def test_a_worker_that_pickles_answers_a_replaced_task_as_it_was_asked(plain, start_own):
    start_own()
    assert plain.task(plain_chores.replaced, bind=True).delay(2).get(10) == ["replaced", {"x": 2}]


def test_what_tasks_take_from_others_cannot_be_read_in_redis(server, app, start_own):
    secret = App(app.config.name, broker=server.url, key=app.config.key, encrypt=True)
    start_own(encrypt=True)
    add = secret.task(lambda *words: "".join(words), name="join")

    def outer(self, word):
        self.replace(add.s(word, "!"))

    last = (secret.task(outer, bind=True).s(WORD) | add.s("?")).delay()
    assert last.get(10) == f"{WORD}!?"
    with server.client() as redis:
        keys = list(redis.scan_iter(f"{app.store.keys.prefix}r:*"))
        stored = [value for key in keys for value in redis.hvals(key)]
    assert len(keys) == 3
    assert WORD.encode() not in b"".join(stored)
    secret.close()


# Forgeries


@pytest.mark.filterwarnings("ignore:no worker listens")
def test_a_value_that_somebody_has_exchanged_in_redis_is_refused(app, add, server, start_own):
    start_own()
    stranger = app.task(lambda: 666).delay()
    result = (add.s(1) | add.s(2).set(queue="later")).delay()
    first, keys = result.parent, app.store.keys
    assert (first.get(10), stranger.get(10)) == (1, 666)
    with server.client() as redis:
        redis.hset(keys.record(first.id), "m0", redis.hget(keys.record(stranger.id), "m0"))
    start_own(queues=["later"])
    with pytest.raises(BadSignature):
        result.get(10)


@pytest.mark.filterwarnings("ignore:no worker listens")
def test_a_value_that_is_no_longer_stored_fails_what_takes_it(app, add, server, start_own):
    start_own()
    result = (add.s(1) | add.s(2).set(queue="later")).delay()
    first = result.parent
    assert first.get(10) == 1
    with server.client() as redis:
        redis.hdel(app.store.keys.record(first.id), "m0")
    start_own(queues=["later"])
    with pytest.raises(UnknownTask):
        result.get(10)
