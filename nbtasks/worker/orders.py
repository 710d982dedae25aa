"""Hears what clients tell this worker: only what is signed for it and for now, and each once.

A worker gives a random challenge with its heartbeats, a new one every minute. An order that is not
signed for one of the last two is not obeyed, so none can be kept and sent again later, or to
another worker. Of those two it remembers what it has answered: what comes again because an answer
was lost is answered again, and not obeyed.
"""

import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from nbtasks.clock import Clock
from nbtasks.errors import BadSignature, ContentRefused, NbTasksError
from nbtasks.orders import PING, Envelope, Order
from nbtasks.serializers import encode_json
from nbtasks.signing import Signer
from nbtasks.store.keys import Keys
from nbtasks.store.link import Link

logger = logging.getLogger(__name__)

CHALLENGE_MS: Final = 60_000.0
"""How long a challenge is given; it counts for as long again."""

Obey = Callable[[str, Mapping[str, Any]], str]
"""Does what a verb says; says what has become of it, or raises an `NbTasksError`."""


@dataclass(slots=True)
class Challenge:
    """What orders are signed for; `answered` are those that came, with their answers."""

    text: str = field(default_factory=lambda: os.urandom(8).hex())
    answered: dict[str, bytes] = field(default_factory=dict[str, bytes])


class Orders:
    """The orders to one worker.

    Attributes:
        has_changed: Whether the worker is another one since this was last set to False: so its
            facts are to be told before its answers.

    Args:
        worker: Its name.
        keys: The keys of its app.
        signer: Opens orders, and signs answers.
        clock: Says when a challenge is over.
        obey: Does what is ordered.
    """

    def __init__(self, worker: str, keys: Keys, signer: Signer, clock: Clock, obey: Obey) -> None:
        self._worker = worker
        self._prefix = keys.prefix
        self._signer = signer
        self._clock = clock
        self._obey = obey
        self._challenges = [Challenge()]
        self._since_ms = clock.tick_ms()
        self._answers: list[str | bytes] = []
        self._has_refused = False
        self.has_changed = False

    def challenge(self) -> str:
        """What clients are to sign for from now on."""
        if self._clock.tick_ms() - self._since_ms >= CHALLENGE_MS:
            self._since_ms = self._clock.tick_ms()
            self._challenges = [Challenge(), self._challenges[0]]
            self._has_refused = False
        return self._challenges[0].text

    def hear(self, text: str) -> bool:
        """Do what a question from Redis says; False where it is no order."""
        envelope = Envelope.read(text)
        if envelope is None:
            return False
        for challenge in self._challenges:
            seal = self._signer.orders(
                self._worker, challenge.text, envelope.client, envelope.question
            )
            with suppress(BadSignature, ContentRefused):
                body = bytes(seal.open(0, envelope.body, "an order"))
                self._take(challenge, envelope, body)
                return True
        if not self._has_refused:
            self._has_refused = True
            logger.warning(
                "worker %s: an order was refused: it is not signed by this side's key for this"
                " worker and this minute",
                self._worker,
            )
        return True

    def answer(self, link: Link) -> None:
        """Say to clients what has become of their orders.

        Raises:
            StoreError: Redis is gone; they ask again.
        """
        if self._answers:
            answers, self._answers = self._answers, []
            link.call_script("answer", self._prefix, *answers)

    def _take(self, challenge: Challenge, envelope: Envelope, body: bytes) -> None:
        question = envelope.question
        if question not in challenge.answered:
            found = encode_json(self._found(body))
            seal = self._signer.answers(self._worker, question)
            challenge.answered[question] = seal.seal(0, found)
        self._answers += [envelope.client, question, challenge.answered[question]]

    def _found(self, body: bytes) -> dict[str, str]:
        try:
            order = Order.decode(body)
            said = self._obey(order.verb, order.arguments)
        except NbTasksError as error:
            return {"error": str(error)}
        if order.verb != PING:
            self.has_changed = True
            logger.info("worker %s: told to %s: %s", self._worker, order.verb, said)
        return {"ok": said}
