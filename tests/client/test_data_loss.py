"""Redis loses what it had acknowledged: what the client keeps makes up for it."""

from collections import Counter
from pathlib import Path

import pytest
from patience import wait_until
from replicas import fail_over
from servers import Server, slow_disk

from nbtasks.errors import UnknownTask

pytestmark = pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning")

TASKS = 3000
KILL_EVERY = 400
SLOW_MS = 1000
EVERYSEC = ("--appendonly", "yes", "--appendfsync", "everysec")


def note_in(path):
    """A function that notes in a file that it ran."""

    def note(number):
        with Path(path).open("a") as file:
            file.write(f"{number}\n")
        return number

    return note


def runs(path):
    """How often each number is in the file."""
    return Counter(int(line) for line in Path(path).read_text().split())


def restart(server):
    server.kill()
    server.start()


@pytest.fixture
def forgetful(tmp_path):
    """A server that writes nothing to disk."""
    (tmp_path / "forgetful").mkdir()
    server = Server(tmp_path / "forgetful", "--appendonly", "no")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def slow(tmp_path):
    """A server that writes to a slow disk once a second, as most are set up."""
    (tmp_path / "slow").mkdir()
    server = Server(tmp_path / "slow", *EVERYSEC, environment=slow_disk(tmp_path, SLOW_MS))
    server.start()
    yield server
    server.kill()


def send_amid_kills(app, server, path):
    """Handles on every other task; the others are fired and forgotten."""
    task = app.task(note_in(path))
    handles = []
    for number in range(TASKS):
        result = task.delay(number)
        if number % 2:
            handles.append(result)
        if number % KILL_EVERY == KILL_EVERY - 1:
            restart(server)
    return handles


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_none_of_3000_tasks_is_lost_by_a_redis_that_is_killed_on_a_slow_disk(
    slow, make_app, add_worker, tmp_path
):
    app = make_app(slow.url)
    add_worker(app)
    handles = send_amid_kills(app, slow, tmp_path / "runs")
    assert [result.get(60) for result in handles] == list(range(1, TASKS, 2))
    wait_until(lambda: len(runs(tmp_path / "runs")) == TASKS, "all have run", 60)
    wait_until(lambda: len(app._redrive) == 0, "nothing is kept any more", 20)
    assert app._redrive.size == 0


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_without_redrive_such_a_redis_loses_some_and_says_so(slow, make_app, add_worker, tmp_path):
    app = make_app(slow.url, redrive=False)
    add_worker(app)
    handles = send_amid_kills(app, slow, tmp_path / "runs")
    lost = 0
    for result in handles:
        try:
            result.get(60)
        except UnknownTask:
            lost += 1
    assert lost > 0


@pytest.mark.parametrize("how", ["flush", "restart"])
def test_tasks_that_redis_forgot_run_all_the_same(
    forgetful, make_app, add_worker, monkeypatch, how
):
    monkeypatch.setattr("nbtasks.events.RESYNC_MS", 200)
    app = make_app(forgetful.url)
    group = app.map(abs, range(-3000, 0))
    single = app.task(len).delay("abc")
    if how == "flush":
        with forgetful.client() as client:
            client.flushall()
    else:
        restart(forgetful)
    add_worker(app)
    assert group.get(20) == list(range(3000, 0, -1))
    assert single.get(20) == 3


def test_what_must_not_be_repeated_is_unknown_once_it_is_lost(forgetful, make_app):
    app = make_app(forgetful.url)
    kept = app.task(len).delay("abc")
    dropped = app.task(len).apply_async(["abc"], redrive=False)
    restart(forgetful)
    with pytest.raises(UnknownTask):
        dropped.get(10)
    assert kept.state == "PENDING"
    assert app.store.watch(kept.id).states == b"p"


def test_what_was_revoked_stays_revoked_when_it_is_sent_again(forgetful, make_app, add_worker):
    app = make_app(forgetful.url)
    group = app.map(abs, range(10))
    group[3].revoke()
    wait_until(group[3].ready, "the client knows that it is revoked")
    restart(forgetful)
    add_worker(app)
    wait_until(group.ready, "all have ended")
    assert [one.state for one in group] == ["SUCCESS"] * 3 + ["REVOKED"] + ["SUCCESS"] * 6


def test_values_that_the_client_has_are_not_computed_again(
    forgetful, make_app, add_worker, tmp_path
):
    app = make_app(forgetful.url)
    path = tmp_path / "runs"
    note, gate = note_in(path), tmp_path / "gate"

    def wait_at_gate(number):
        note(number)
        wait_until(lambda: number < 5 or gate.exists(), "the gate is open", 30)
        return number

    add_worker(app)
    group = app.map(wait_at_gate, range(6))
    wait_until(lambda: group.completed_count() == 5, "five have ended")
    restart(forgetful)
    gate.touch()
    assert group.get(20) == list(range(6))
    assert [runs(path)[number] for number in range(5)] == [1] * 5
    assert app.store.bodies(group.records[0].rid, [4], b"S")[0] is not None


# Failover


@pytest.mark.slow
@pytest.mark.parametrize("redrive", [True, False], ids=["redrive", "no redrive"])
def test_a_failover_to_a_replica_that_lags_loses_nothing_that_is_kept(
    pair, make_app, add_worker, redrive
):
    servers, clients, link = pair
    app = make_app(clients.url, redrive=redrive)
    before = app.map(abs, range(1000))
    with servers[0].client() as client:
        client.wait(1, 5000)
    link.stall()
    after = [app.task(abs).delay(-number) for number in range(500)]
    fail_over(pair)
    add_worker(app)
    assert before.get(20) == list(range(1000))
    if redrive:
        assert [result.get(20) for result in after] == list(range(500))
    else:
        wait_until(lambda: all(result.ready() for result in after), "the loss is known", 20)
        assert all(result._record.missing for result in after)
