"""A worker obeys what is signed for it and for now, once; all else it refuses."""

import json

import pytest

from nbtasks.errors import ConfigError
from nbtasks.orders import Envelope, Order
from nbtasks.signing import Signer
from nbtasks.store.keys import Keys
from nbtasks.worker.orders import CHALLENGE_MS, Orders

KEY = b"sixteen bytes ok"


class Clock:
    """Time stands still until it is moved."""

    def __init__(self):
        self.now = 0.0

    def tick_ms(self):
        return self.now


class Wire:
    """Takes what a worker answers."""

    def __init__(self):
        self.sent = []

    def call_script(self, _name, _prefix, *args):
        self.sent += zip(*(args[at::3] for at in range(3)), strict=True)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def done():
    """What the worker has done."""
    return []


@pytest.fixture
def orders(clock, done):
    def obey(verb, arguments):
        done.append((verb, arguments))
        if verb == "pool_shrink":
            raise ConfigError("it cannot")
        return "so be it"

    return Orders("w1", Keys("main"), Signer(KEY, "main"), clock, obey)


def order(challenge, *, verb="pool_grow", worker="w1", key=KEY, signed_for="c1"):
    seal = Signer(key, "main").orders(worker, challenge, signed_for, "q1")
    body = seal.seal(0, Order(verb, {"n": 2}).encode())
    return Envelope("q1", "c1", body).text()


def answers(orders):
    wire = Wire()
    orders.answer(wire)
    seal = Signer(KEY, "main").answers("w1", "q1")
    return [(c, q, json.loads(bytes(seal.open(0, body, "it")))) for c, q, body in wire.sent]


def test_an_order_is_obeyed_and_answered(orders, done):
    assert orders.hear(order(orders.challenge()))
    assert done == [("pool_grow", {"n": 2})]
    assert orders.has_changed
    assert answers(orders) == [("c1", "q1", {"ok": "so be it"})]
    assert answers(orders) == []


def test_an_order_that_comes_twice_is_obeyed_once_and_answered_twice(orders, done, clock):
    text = order(orders.challenge())
    orders.hear(text)
    clock.now += CHALLENGE_MS
    orders.challenge()
    orders.hear(text)
    assert len(done) == 1
    assert answers(orders) == [("c1", "q1", {"ok": "so be it"})] * 2


def test_an_order_is_too_old_after_two_challenges(orders, done, clock):
    text = order(orders.challenge())
    for _ in range(2):
        clock.now += CHALLENGE_MS
        orders.challenge()
    assert orders.hear(text)
    assert done == answers(orders) == []


def test_what_cannot_be_done_is_answered_as_an_error(orders):
    orders.hear(order(orders.challenge(), verb="pool_shrink"))
    assert answers(orders) == [("c1", "q1", {"error": "it cannot"})]
    assert not orders.has_changed


def test_an_order_of_another_version_is_answered_as_an_error(orders, done):
    orders.hear(order(orders.challenge(), verb="pool_fly"))
    ((_, _, answer),) = answers(orders)
    assert "pool_fly" in answer["error"]
    assert done == []


@pytest.mark.parametrize(
    "changes",
    [{"worker": "w2"}, {"key": b"another 16 bytes"}, {"signed_for": "c2"}],
    ids=["of another worker", "of another key", "of another client"],
)
def test_an_order_that_is_not_for_here_is_refused_without_an_answer(orders, done, changes, caplog):
    assert orders.hear(order(orders.challenge(), **changes))
    assert orders.hear(order(orders.challenge(), **changes))
    assert done == answers(orders) == []
    assert len([each for each in caplog.records if "an order was refused" in each.message]) == 1


@pytest.mark.parametrize("body", [b"", b"\0", b"\1", b"\1" * 40, b"\2" * 40, b"\xff" * 40])
def test_a_body_that_nobody_has_signed_is_refused(orders, done, body):
    orders.challenge()
    assert orders.hear(Envelope("q1", "c1", body).text())
    assert done == answers(orders) == []


def test_an_order_for_another_challenge_is_refused(orders, done):
    orders.hear(order("0" * 16))
    assert done == answers(orders) == []


@pytest.mark.parametrize("text", ["q c 0 rid", "q c ! xyz", "!", "", "q c ! 00 00"])
def test_what_is_no_order_is_left_to_others(orders, text):
    assert not orders.hear(text)


@pytest.mark.parametrize(
    ("verb", "arguments", "words"),
    [
        ("autoscale", {"max": 1, "min": 2}, "first|most come first"),
        ("autoscale", {"max": 1001}, "1000"),
        ("add_consumer", {"queue": "worker@w2"}, "not a name"),
        ("time_limit", {"task_name": "fit", "soft": 3, "hard": 2}, "soft limit must be below"),
        ("time_limit", {"task_name": "fit", "soft": -1}, "give seconds"),
        ("time_limit", {"soft": 1}, "task_name"),
    ],
)
def test_an_order_that_makes_no_sense_says_why(verb, arguments, words):
    with pytest.raises(ConfigError, match=words):
        Order.checked(verb, arguments)


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'["ping", 3]', b"\xff"])
def test_nonsense_is_no_order(data):
    with pytest.raises(ConfigError):
        Order.decode(data)


def test_what_is_encoded_is_read_again():
    made = Order.checked("time_limit", {"task_name": "fit", "hard": 2.5})
    assert Order.decode(made.encode()) == made
