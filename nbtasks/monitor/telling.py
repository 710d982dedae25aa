"""Telling running workers what to do, and hearing what has become of it."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Final, cast

from nbtasks.connection import Connection
from nbtasks.errors import BadSignature, ContentRefused
from nbtasks.orders import Envelope, Order
from nbtasks.serializers import decode_json
from nbtasks.store.fleet import told_by

AGAIN_S: Final = 0.5
"""An order may be lost with a connection: it is sent again, and counts once."""

_OLD: Final = "it takes no orders: it is of another version of nbtasks"

_FORGED: Final = (BadSignature, ContentRefused)

Answer = Mapping[str, str]
"""`{"ok": what has become of it}`, or `{"error": why not}`."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An order that was sent to a worker."""

    worker: str
    envelope: Envelope


def tell(
    connection: Connection, workers: Sequence[str], order: Order, timeout: float | None
) -> dict[str, Answer]:
    """Tell workers something; what each of them answers, by name, within the time.

    Args:
        connection: To where they are.
        workers: Their names.
        order: What they are told.
        timeout: Seconds to wait at most; None waits for nothing.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    challenges = told_by(connection.store, workers, ["challenge"])
    found: dict[str, Answer] = {}
    sent: list[Sent] = []
    for worker, told in challenges.items():
        if told["challenge"]:
            sent.append(Sent(worker, _sealed(connection, worker, told["challenge"], order)))
        else:
            found[worker] = {"error": _OLD}
    if timeout is None:
        _send(connection, sent)
        return {}
    found |= _asked(connection, sent, timeout)
    return {worker: found[worker] for worker in workers if worker in found}


def _sealed(connection: Connection, worker: str, challenge: str, order: Order) -> Envelope:
    question, client = os.urandom(8).hex(), connection.store.client
    seal = connection.signer.orders(worker, challenge, client, question)
    return Envelope(question, client, seal.seal(0, order.encode()))


def _send(connection: Connection, sent: Sequence[Sent]) -> None:
    if sent:
        flat = [part for each in sent for part in (each.worker, each.envelope.text())]
        connection.store.run_script("order", *flat)


def _asked(connection: Connection, sent: Sequence[Sent], timeout: float) -> dict[str, Answer]:
    answers: SimpleQueue[tuple[Sent, bytes]] = SimpleQueue()
    clock, events = connection.store.clock, connection.events
    for each in sent:
        events.expect(each.envelope.question, partial(_put, answers, each))
    end_ms = clock.tick_ms() + timeout * 1000
    found: dict[str, Answer] = {}
    try:
        while waiting := [each for each in sent if each.worker not in found]:
            _send(connection, waiting)
            again_ms = min(end_ms, clock.tick_ms() + AGAIN_S * 1000)
            while len(found) < len(sent) and clock.tick_ms() < again_ms:
                with suppress(Empty, *_FORGED):  # the answer of the worker itself is to follow
                    each, body = answers.get(timeout=max(0.0, again_ms - clock.tick_ms()) / 1000)
                    found[each.worker] = _opened(connection, each, body)
            if clock.tick_ms() >= end_ms:
                break
    finally:
        for each in sent:
            events.give_up(each.envelope.question)
    return found


def _put(answers: "SimpleQueue[tuple[Sent, bytes]]", sent: Sent, body: bytes) -> None:
    answers.put((sent, body))


def _opened(connection: Connection, sent: Sent, body: bytes) -> Answer:
    seal = connection.signer.answers(sent.worker, sent.envelope.question)
    payload = seal.open(0, body, f"the answer of worker {sent.worker!r}")
    return cast("dict[str, str]", decode_json(payload))
