"""durable="replica": a submit returns once a replica has it, or says that none has."""

import pytest
from replicas import fail_over

from nbtasks.errors import NotReplicated

pytestmark = pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning")
SOON_MS = 200


def has(server, app, rid):
    with server.client() as client:
        return client.exists(app.store.keys.record(rid)) == 1


def test_a_durable_submit_returns_once_the_replica_has_it(pair, make_app):
    servers, clients, _ = pair
    app = make_app(clients.url, durable="replica")
    for _ in range(50):
        assert has(servers[1], app, app.task(len).delay("abc").id)


def test_one_task_or_one_call_can_be_durable(pair, make_app):
    _, clients, link = pair
    app = make_app(clients.url, replica_patience_ms=SOON_MS)
    link.stall()
    app.task(len).delay("abc")
    with pytest.raises(NotReplicated, match=r"is stored and runs, but no replica .* within 0.2 s"):
        app.task(len, durable="replica").delay("abc")
    with pytest.raises(NotReplicated):
        app.task(len).apply_async(["abc"], durable="replica")
    app.task(len, durable="replica").apply_async(["abc"], durable="")


def test_a_task_that_was_not_replicated_can_be_sent_again_under_its_id(pair, make_app, add_worker):
    servers, clients, link = pair
    app = make_app(clients.url, durable="replica", replica_patience_ms=SOON_MS)
    task = app.task(len)
    link.stall()
    with pytest.raises(NotReplicated) as caught:
        task.delay("abc")
    rid = caught.value.args[0]
    assert app.AsyncResult(rid).state == "PENDING"
    link.cut()
    app.config = app.config.with_settings({"replica_patience_ms": 20_000})
    result = task.apply_async(["abc"], task_id=rid)
    assert has(servers[1], app, rid)
    assert app.store.call("ZCARD", app.store.keys.ready("default")) == 1
    add_worker(app)
    assert result.get(20) == 3


def test_a_lost_answer_of_the_replica_is_asked_for_again(pair, make_app):
    servers, clients, _ = pair
    app = make_app(clients.url, durable="replica")
    app.task(len).delay("abc")
    clients.lose_reply(b"WAIT")
    assert has(servers[1], app, app.task(len).delay("abc").id)
    assert clients.dropped == 1


def test_without_a_replica_nothing_is_durable(own_server, make_app):
    app = make_app(own_server.url, durable="replica", replica_patience_ms=SOON_MS)
    with pytest.raises(NotReplicated):
        app.task(len).delay("abc")


def test_what_was_durable_survives_a_failover_without_redrive(pair, make_app, add_worker):
    _, clients, link = pair
    app = make_app(clients.url, durable="replica", redrive=False)
    results = [app.task(abs).delay(-number) for number in range(100)]
    link.stall()
    fail_over(pair)
    add_worker(app)
    assert [result.get(20) for result in results] == list(range(100))
