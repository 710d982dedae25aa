"""How a task was sent, as its header says it to the task itself and to people (pure)."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast

from nbtasks.errors import ConfigError
from nbtasks.header_fields import read_number, read_text

DEFAULT_QUEUE: Final = "default"
_LAST_MS: Final = 253_402_300_799_000
"""The end of the year 9999, as far as dates go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What a task was sent with; where it really waits is the store's to know.

    Attributes:
        eta_ms: When it was to start; 0 for at once.
        expires_ms: After when it was not to start any more; 0 for never.
        queue: Where it was sent.
        priority: 0 to 9.
        shadow: What people are shown in place of its name; empty for that.
    """

    eta_ms: int = 0
    expires_ms: int = 0
    queue: str = DEFAULT_QUEUE
    priority: int = 0
    shadow: str = ""

    def to_header(self) -> dict[str, Any]:
        """What is not as usual, for JSON."""
        found = {
            "eta": self.eta_ms,
            "exp": self.expires_ms,
            "q": "" if self.queue == DEFAULT_QUEUE else self.queue,
            "pr": self.priority,
            "as": self.shadow,
        }
        return {name: value for name, value in found.items() if value}

    @classmethod
    def from_header(cls, fields: Mapping[str, Any]) -> "Envelope":
        """What `to_header` made.

        Raises:
            TypeError: It is none.
        """
        return cls(
            eta_ms=read_number(fields.get("eta", 0)),
            expires_ms=read_number(fields.get("exp", 0)),
            queue=read_text(fields.get("q", DEFAULT_QUEUE)),
            priority=read_number(fields.get("pr", 0)),
            shadow=read_text(fields.get("as", "")),
        )

    @property
    def eta(self) -> str | None:
        """When it was to start, in ISO 8601; None for at once."""
        return _text(self.eta_ms)

    @property
    def expires(self) -> str | None:
        """After when it was not to start any more, in ISO 8601; None for never."""
        return _text(self.expires_ms)

    def delivery_info(self, *, is_again: bool) -> dict[str, Any]:
        """The way it came, in Celery's words; `is_again` after a worker that had it is lost."""
        return delivery_info(self.queue, self.priority, is_again=is_again)


def delivery_info(queue: str, priority: int, *, is_again: bool) -> dict[str, Any]:
    """The way a task came, in Celery's words."""
    return {
        "exchange": "",
        "routing_key": queue,
        "priority": priority,
        "redelivered": is_again,
    }


def _text(ms: int) -> str | None:
    if not ms:
        return None
    return datetime.fromtimestamp(min(ms, _LAST_MS) / 1000, UTC).isoformat()


USUAL: Final = Envelope()


def check_headers(headers: object) -> Mapping[str, Any]:
    """The headers of a call; None for none.

    Raises:
        ConfigError: They are not names and values of JSON.
    """
    if headers is None:
        return {}
    if isinstance(headers, Mapping):
        found = dict(cast("Mapping[Any, Any]", headers))  # type: ignore[redundant-cast] # pyright needs it
        with suppress(TypeError, ValueError, RecursionError):
            if all(isinstance(name, str) for name in found) and json.dumps(found):
                return found
    raise ConfigError(f"headers is {headers!r}: it must be a mapping of names to values of JSON")
