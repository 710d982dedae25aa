"""What workers can be told while they run: each verb, and what goes with it (pure).

An order is signed for one worker, for a random challenge that it gave, and for who asks: so it
counts there, once, and for a minute or two.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any, Final, cast

from nbtasks.errors import ConfigError
from nbtasks.record import check_limits, check_name
from nbtasks.serializers import decode_json, encode_json
from nbtasks.spelling import nearest

PING: Final = "ping"
SHUTDOWN: Final = "shutdown"
POOL_GROW: Final = "pool_grow"
POOL_SHRINK: Final = "pool_shrink"
AUTOSCALE: Final = "autoscale"
ADD_CONSUMER: Final = "add_consumer"
CANCEL_CONSUMER: Final = "cancel_consumer"
TIME_LIMIT: Final = "time_limit"

MOST_TASKS: Final = 1000
"""More tasks at a time than this in one worker are a slip of the finger."""

MARK: Final = "!"
"""Stands in an order where a question about a task has the number of the task (ask.lua)."""

_WORDS: Final = 4


@dataclass(frozen=True, slots=True)
class Order:
    """What one worker is told.

    Attributes:
        verb: What to do.
        arguments: With what, by name: values of JSON.
    """

    verb: str
    arguments: Mapping[str, Any]

    @classmethod
    def checked(cls, verb: str, arguments: Mapping[str, Any]) -> "Order":
        """An order that makes sense, with all arguments there are.

        Raises:
            ConfigError: There is no such verb, or it takes something else.
        """
        if verb not in _CHECKS:
            raise ConfigError(f"workers know no order {verb!r}{nearest(verb, list(_CHECKS))}")
        check = _CHECKS[verb]
        try:
            signature(check).bind(**arguments)
        except TypeError as error:
            raise ConfigError(f"{verb}: {error}") from None
        return cls(verb, check(**arguments))

    @classmethod
    def decode(cls, data: bytes) -> "Order":
        """Of what `encode` has made.

        Raises:
            ConfigError: It is an order of another version of nbtasks, or none.
        """
        try:
            verb, arguments = cast("list[Any]", decode_json(data))
            return cls.checked(str(verb), dict(arguments))
        except (ValueError, TypeError) as error:
            raise ConfigError(f"this is no order: {error}") from error

    def encode(self) -> bytes:
        """As JSON."""
        return encode_json([self.verb, dict(self.arguments)])


@dataclass(frozen=True, slots=True)
class Envelope:
    """An order on its way: what anybody may read of it, and the signed rest.

    Attributes:
        question: A random name, by which its answer is known; it counts once.
        client: Who gets the answer.
        body: The order, signed.
    """

    question: str
    client: str
    body: bytes

    def text(self) -> str:
        """As it stands among the questions to a worker."""
        return f"{self.question} {self.client} {MARK} {self.body.hex()}"

    @classmethod
    def read(cls, text: str) -> "Envelope | None":
        """What `text` has made; None for anything else, such as a question about a task."""
        words = text.split(" ")
        if len(words) != _WORDS or words[2] != MARK:
            return None
        try:
            return cls(words[0], words[1], bytes.fromhex(words[3]))
        except ValueError:
            return None


def _nothing() -> dict[str, Any]:
    return {}


def _some(n: int = 1) -> dict[str, Any]:
    return {"n": _count(n, "n")}


def _bounds(max: int, min: int = 1) -> dict[str, Any]:  # noqa: A002 - Celery's names
    most, least = _count(max, "max"), _count(min, "min")
    if least > most:
        raise ConfigError(f"autoscale from {least} to {most}: the most come first, then the least")
    return {"max": most, "min": least}


def _queue(queue: str) -> dict[str, Any]:
    return {"queue": check_name(queue, "queue")}


def _limits(task_name: str, soft: float | None = None, hard: float | None = None) -> dict[str, Any]:
    found = {"soft": _seconds(soft, "soft"), "hard": _seconds(hard, "hard")}
    check_limits(*(round(1000 * (each or 0)) for each in found.values()))
    return {"task_name": check_name(task_name, "task"), **found}


def _count(number: object, name: str) -> int:
    if type(number) is not int or not 1 <= number <= MOST_TASKS:
        raise ConfigError(f"{name} is {number!r}: give a whole number from 1 to {MOST_TASKS}")
    return number


def _seconds(number: object, name: str) -> float | None:
    if number is None:
        return None
    is_number = isinstance(number, (int, float)) and not isinstance(number, bool)
    if not is_number or not 0 <= cast("float", number) < float("inf"):
        raise ConfigError(f"{name} is {number!r}: give seconds, 0 for no limit")
    return cast("float", number)


_CHECKS: Final[dict[str, Callable[..., dict[str, Any]]]] = {
    PING: _nothing,
    SHUTDOWN: _nothing,
    POOL_GROW: _some,
    POOL_SHRINK: _some,
    AUTOSCALE: _bounds,
    ADD_CONSUMER: _queue,
    CANCEL_CONSUMER: _queue,
    TIME_LIMIT: _limits,
}
VERBS: Final = tuple(_CHECKS)
