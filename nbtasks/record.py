"""The unit that is sent and stored: a header that anybody may judge, and 1..n signed bodies.

The header is JSON and says, without unpickling anything: which code runs (the content hash of
`functions`), under which name, on which Python it can be loaded, and how it is retried. The body of
a member is its arguments. A `Slice` is a range of members: what is queued, leased and handed over.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from nbtasks.errors import BadSignature, ConfigError, VersionMismatch
from nbtasks.retry import RetryPolicy
from nbtasks.serializers import PYTHON_TAG, decode_json, encode_json

FORMAT: Final = 1
MAX_PRIORITY: Final = 9

STDOUT: Final = "1"
STDERR: Final = "2"
VALUE: Final = "v"
STREAMS: Final = {STDOUT: "stdout", STDERR: "stderr", VALUE: "value"}
"""What a member writes goes to one of these streams: the letter travels, the name is shown."""

SEPARATOR: Final = "\x1e"
"""Stands before each part of a stored log (report.lua), so it is taken out of the text."""

_NAME = re.compile(r"[A-Za-z0-9_.:<>\-]{1,255}")
_WORKER_NAME = re.compile(r"[A-Za-z0-9_.:<>@\-]{1,255}")
_MEMBER = re.compile(r"(.+)-(\d{1,9})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a worker may read of a record before it trusts it."""

    task: str
    code: str
    python: str = ""
    fresh: bool = False
    key_id: str = ""
    limit_ms: int = 0
    soft_ms: int = 0
    retry: RetryPolicy

    def encode(self) -> bytes:
        """As JSON, versioned."""
        fields: dict[str, Any] = {
            "v": FORMAT,
            "task": self.task,
            "code": self.code,
            "py": self.python,
            "fresh": self.fresh,
            "kid": self.key_id,
            "limit": self.limit_ms,
            "soft": self.soft_ms,
            "retry": self.retry.to_header(),
        }
        return encode_json(fields)

    @classmethod
    def decode(cls, data: bytes) -> "Header":
        """What `encode` wrote.

        Raises:
            ConfigError: A newer nbtasks wrote it.
            BadSignature: No nbtasks wrote it.
        """
        try:
            return cls._decode(decode_json(data))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, ConfigError):
                raise
            raise BadSignature("a task is refused, because its header cannot be read") from None

    @classmethod
    def _decode(cls, fields: dict[str, Any]) -> "Header":
        if fields.get("v") != FORMAT:
            raise ConfigError(
                f"a record has format {fields.get('v')!r}, and this nbtasks reads {FORMAT}: install"
                " the same version of nbtasks on clients and workers"
            )
        return cls(
            task=fields["task"],
            code=fields["code"],
            python=fields["py"],
            fresh=fields["fresh"],
            key_id=fields["kid"],
            limit_ms=fields["limit"],
            soft_ms=fields.get("soft", 0),
            retry=RetryPolicy.from_header(fields["retry"]),
        )

    def check_python(self, task_id: str) -> None:
        """Refuse code that would crash this interpreter.

        Raises:
            VersionMismatch: It was pickled by value on another Python.
        """
        if self.python and self.python != PYTHON_TAG:
            raise VersionMismatch(task_id, self.python, PYTHON_TAG)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """1..n members over one function: what `Store.submit` takes.

    `bodies` are signed arguments, one a member. `delay_ms` is counted from the moment Redis takes
    the record; `expires_ms` likewise, 0 for never; `keep_ms` is how long it stays once finished.
    `max_queued` bounds the members that wait in its queue, 0 for any number. `states` is for a
    record that Redis forgot: a byte a member (then the body of a finished one is its value), or
    nothing where all are pending.
    """

    rid: str
    header: bytes
    python: str
    code: str
    name: str
    queue: str
    bodies: Sequence[bytes]
    priority: int = 0
    delay_ms: int = 0
    expires_ms: int = 0
    keep_ms: int
    max_deliveries: int
    max_queued: int = 0
    states: bytes = b""


def new_id() -> str:
    """A fresh record id: 80 random bits, so a client may name a record before Redis knows it."""
    return os.urandom(10).hex()


def check_name(name: object, what: str) -> str:
    """The name, if it may be one.

    Raises:
        ConfigError: It is empty, too long, or has a character that keys and logs cannot carry.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(
            f"{what} {name!r} is not a name: use 1 to 255 of the letters A-Z a-z, digits and"
            " _ . : < > -"
        )
    return name


def check_worker_name(name: str) -> str:
    """The name, if a worker may have it: as any other, and `@` before the host.

    Raises:
        ConfigError: It is empty, too long, or has another character.
    """
    if not _WORKER_NAME.fullmatch(name):
        raise ConfigError(
            f"worker name {name!r} is not a name: use 1 to 255 of the letters A-Z a-z, digits and"
            " _ . : < > @ -"
        )
    return name


def check_limits(soft_ms: int, limit_ms: int) -> None:
    """Refuse a soft time limit that the hard one would always come before; 0 is no limit.

    Raises:
        ConfigError: It is not below the hard one.
    """
    if soft_ms and limit_ms and soft_ms >= limit_ms:
        raise ConfigError(
            f"soft_time_limit is {soft_ms / 1000:g} s and time_limit {limit_ms / 1000:g} s: the"
            " soft limit must be below the hard one, which kills the task"
        )


def split_id(task_id: str) -> tuple[str, int] | None:
    """(record id, index) of a member's id, or None for the id of a record of one."""
    found = _MEMBER.fullmatch(task_id)
    return (found[1], int(found[2])) if found else None
