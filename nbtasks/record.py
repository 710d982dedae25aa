"""The unit that is sent and stored: a header that anybody may judge, and 1..n signed bodies.

The header is JSON and says, without unpickling anything: which code runs (the content hash of
`functions`), under which name, on which Python it can be loaded, and how it is retried. The body of
a member is its arguments. A `Slice` is a range of members: what is queued, leased and handed over.
"""

import os
import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from nbtasks.edges import Edges
from nbtasks.envelope import USUAL, Envelope
from nbtasks.errors import BadSignature, ConfigError, TooOld, VersionMismatch
from nbtasks.header_fields import read_flag, read_number, read_packages, read_policy, read_text
from nbtasks.inputs import Inputs
from nbtasks.retry import RetryPolicy
from nbtasks.serializers import PYTHON_TAG, decode_json, encode_json

FORMAT: Final = 1
MAX_PRIORITY: Final = 9
MAX_HEADER: Final = 2_000_000
"""Bytes; a longer header is not even read."""

KILL: Final = "SIGKILL"
"""What ends a revoked task that runs, where nothing else was asked for."""

IGNORES_VALUE: Final = "v"
IGNORES_ALL: Final = "a"
"""Values, and all of errors but their words."""

STDOUT: Final = "1"
STDERR: Final = "2"
VALUE: Final = "v"
DISPLAY: Final = "d"
RICH: Final = "V"
DROPPED: Final = "x"
STREAMS: Final = {
    STDOUT: "stdout",
    STDERR: "stderr",
    VALUE: "value",
    DISPLAY: "display",
    RICH: "rich",
    DROPPED: "dropped",
}
"""What a member writes goes to one of these streams: the letter travels, the name is shown."""
TEXT: Final = {STDOUT: 1, STDERR: 2}
"""The streams of text, and the file that each is of a process."""
WHOLE: Final = frozenset((DISPLAY, RICH))
"""What is of no use where only a part of it is left (report.lua)."""
NOT_WRITTEN: Final = frozenset(("value", "display", "rich"))
"""The streams that a task has not written as text."""

SHOW: Final = "s"
UPDATE: Final = "u"
CLEAR: Final = "c"
CLEAR_LATER: Final = "w"
"""How what is displayed begins; after the first two come its display id, a line break and JSON."""


class Dropped(NamedTuple):
    """What there was no room for; in a stream of its own it stands where that was (report.lua)."""

    lines: int = 0
    displays: int = 0
    size: int = 0

    @classmethod
    def read(cls, text: str) -> "Dropped":
        """What a part of that stream says; nothing, where it says something else."""
        numbers = text.split()
        if len(numbers) != len(cls._fields) or not all(map(str.isdecimal, numbers)):
            return cls()
        return cls(*map(int, numbers))

    def text(self) -> str:
        """As a part of that stream."""
        return " ".join(map(str, self))

    def words(self) -> str:
        """`3 lines and 1 display`; empty for nothing."""
        size = f"{self.size / 1e6:,.1f} MB" if self.size else ""
        counts = ((self.lines, "line"), (self.displays, "display"))
        found = [f"{n:,} {noun}{'' if n == 1 else 's'}" for n, noun in counts if n]
        return " and ".join([*found, size] if size else found)

    def line(self) -> str:
        """A line to stand among what is left."""
        return f"… {self.words()} dropped …\n" if any(self) else ""


SEPARATOR: Final = "\x1e"
"""Stands before each part of a stored log (report.lua), so it is taken out of the text."""

DIRECT: Final = "worker@"
"""Before the name of a worker: the queue that it alone takes from. No other queue has an `@`."""

_NAME = re.compile(r"[A-Za-z0-9_.:<>\-]{1,255}")
_WORKER_NAME = re.compile(r"[A-Za-z0-9_.:<>@\-]{1,255}")
_MEMBER = re.compile(r"(.+)-(\d{1,9})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a worker may read of a record before it trusts it.

    `ignores` says what is not kept of its ends: `IGNORES_VALUE`, `IGNORES_ALL`, or nothing.
    `packs` is how its values are to be compressed, empty for not at all.
    `inputs` is what it takes from other records of its canvas; `root_id`, `parent_id`, `group_id`
    and `stamps` say where in a canvas it stands, and are empty for a task alone. `packages` are
    what `App.sync` has sent before it: names of modules, with the names that they are stored under.
    """

    task: str
    code: str
    python: str = ""
    fresh: bool = False
    key_id: str = ""
    limit_ms: int = 0
    soft_ms: int = 0
    is_async: bool = False
    once: bool = False
    ignores: str = ""
    packs: str = ""
    retry: RetryPolicy
    sent_ms: int = 0
    inputs: Inputs | None = None
    root_id: str = ""
    parent_id: str = ""
    group_id: str = ""
    stamps: Mapping[str, Any] = field(default_factory=dict[str, Any])
    headers: Mapping[str, Any] = field(default_factory=dict[str, Any])
    packages: tuple[str, ...] = ()
    envelope: Envelope = USUAL

    @property
    def title(self) -> str:
        """What people are shown as its name."""
        return self.envelope.shadow or self.task

    def encode(self) -> bytes:
        """As JSON, versioned.

        Raises:
            ConfigError: It names so many exception classes that it is too long.
        """
        fields: dict[str, Any] = {"v": FORMAT, "task": self.task, "code": self.code}
        # What is as usual is not said: each single task has a header of its own. The store reads
        # the Python behind the code (code_of in _base.lua).
        rest: dict[str, Any] = {
            "py": self.python,
            "kid": "" if self.code.split("-")[1:2] == [self.key_id] else self.key_id,
            "fresh": self.fresh,
            "limit": self.limit_ms,
            "soft": self.soft_ms,
            "async": self.is_async,
            "once": self.once,
            "retry": self.retry.to_header(),
            "at": self.sent_ms,
            "ign": self.ignores,
            "zip": self.packs,
            "in": self.inputs and self.inputs.to_header(),
            "root": self.root_id,
            "parent": self.parent_id,
            "group": self.group_id,
            "stamps": self.stamps,
            "headers": self.headers,
            "packages": self.packages,
            "sent": None if self.envelope is USUAL else self.envelope.to_header(),
        }
        fields |= {name: value for name, value in rest.items() if value}
        data = encode_json(fields)
        if len(data) > MAX_HEADER:
            raise ConfigError(
                f"the options of task {self.task!r} are {len(data):,} bytes, and may be"
                f" {MAX_HEADER:,}: name fewer exception classes to retry on"
            )
        return data

    @classmethod
    def decode(cls, data: bytes) -> "Header":
        """What `encode` wrote.

        Raises:
            ConfigError: A newer nbtasks wrote it.
            BadSignature: No nbtasks wrote it.
        """
        try:
            return cls._decode(decode_json(data if len(data) <= MAX_HEADER else b""))
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            if isinstance(error, ConfigError):
                raise
            raise BadSignature("a task is refused, because its header cannot be read") from None

    @classmethod
    def _decode(cls, fields: dict[str, Any]) -> "Header":
        version = fields.get("v")
        if version != FORMAT:
            raise ConfigError(
                f"a record has format {ascii(version)[:20]}, and this nbtasks reads {FORMAT}:"
                " install the same version of nbtasks on clients and workers"
            )
        code = read_text(fields["code"])
        return cls(
            task=read_text(fields["task"]),
            code=code,
            python=read_text(fields.get("py", "")),
            fresh=read_flag(fields.get("fresh", False)),
            key_id=read_text(fields.get("kid", "")) or "".join(code.split("-")[1:2]),
            limit_ms=read_number(fields.get("limit", 0)),
            soft_ms=read_number(fields.get("soft", 0)),
            is_async=read_flag(fields.get("async", False)),
            once=read_flag(fields.get("once", False)),
            ignores=read_text(fields.get("ign", "")),
            packs=read_text(fields.get("zip", "")),
            retry=read_policy(fields.get("retry", {})),
            sent_ms=read_number(fields.get("at", 0)),
            inputs=Inputs.from_header(fields["in"]) if "in" in fields else None,
            root_id=read_text(fields.get("root", "")),
            parent_id=read_text(fields.get("parent", "")),
            group_id=read_text(fields.get("group", "")),
            stamps=dict(fields.get("stamps", {})),
            headers=dict(fields.get("headers", {})),
            packages=read_packages(fields.get("packages", ())),
            envelope=Envelope.from_header(fields["sent"]) if "sent" in fields else USUAL,
        )

    def check_age(self, what: str, now_ms: float, max_age_ms: int) -> None:
        """Refuse what was signed too long ago; 0 is any age. `now_ms` is the time of day.

        Raises:
            TooOld: It was, or it does not say when; `what` says whose it is.
        """
        if not max_age_ms:
            return
        age_ms = now_ms - self.sent_ms
        if not self.sent_ms or age_ms > max_age_ms:
            raise TooOld(what, age_ms / 1000 if self.sent_ms else -1.0, max_age_ms / 1000)

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
    nothing where all are pending. A record with `edges` is part of a canvas: it is stored first,
    and queued once it is committed and nothing before it is unfinished; its delays count from then.
    `limit` says how often and how many at a time such members begin (`_limit.lua`), `keys` of what
    each member has that for itself. `unique` is a key of one record until some ms after its end.
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
    edges: Edges | None = None
    limit: str = ""
    unique: str = ""
    keys: Sequence[str] = ()


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


def worker_direct(worker: str) -> str:
    """The queue that only the worker of this name takes from, before all others.

    A task that is sent there waits for that worker, and where it has gone, for the next one of its
    name: `apply_async(queue=worker_direct("w1@host"))`.

    Raises:
        ConfigError: No worker can have this name.
    """
    return DIRECT + check_worker_name(worker)


def check_queue(name: object) -> str:
    """The name, if it may be that of a queue, or what `worker_direct` gives.

    Raises:
        ConfigError: It is empty, too long, or has a character that keys and logs cannot carry.
    """
    if isinstance(name, str) and name.startswith(DIRECT):
        return worker_direct(name.removeprefix(DIRECT))
    return check_name(name, "queue")


def place_of(queue: str) -> str:
    """Where a task goes, in words."""
    return f"on {queue.removeprefix(DIRECT)}" if queue.startswith(DIRECT) else f"queue {queue}"


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


def member_id(rid: str, index: int, count: int) -> str:
    """The id of one member of `count`: the record's own where there is just one."""
    return rid if count == 1 else f"{rid}-{index}"


def stack_of(question: str, rid: str) -> str:
    """What the answer to a question about a member of a record is signed for."""
    return f"{question}?{rid}"


def checkpoint_of(rid: str) -> str:
    """What the checkpoints of the members of a record are signed for."""
    return f"{rid}!"


def parts_of(rid: str, index: int) -> str:
    """What the parts that a member yields are signed for, each with its place."""
    return f"{rid}/{index}*"


def check_signal(name: object) -> str:
    """The name of a signal, if a task may get it.

    Raises:
        ConfigError: There is no such signal.
    """
    text = str(getattr(name, "name", name))
    if text not in signal.Signals.__members__:
        raise ConfigError(f"there is no signal {text!r}: write SIGKILL, SIGTERM or SIGINT")
    return text


def split_id(task_id: str) -> tuple[str, int] | None:
    """(record id, index) of a member's id, or None for the id of a record of one."""
    found = _MEMBER.fullmatch(task_id)
    return (found[1], int(found[2])) if found else None
