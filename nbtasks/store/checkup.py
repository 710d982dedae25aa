"""What a Redis tells of itself, gathered for `nbtasks doctor`; judged there.

Only commands that a user with read rights has are needed; what it may not ask stays unknown.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from nbtasks.clock import Clock
from nbtasks.errors import StoreRefused
from nbtasks.store.keys import Keys
from nbtasks.store.link import Link
from nbtasks.store.store import Store

OVERDUE_MS: Final = 5000
"""How long a lease may have run out before that says that nobody looks after them."""

_SETTINGS: Final = (
    "appendfsync",
    "bind",
    "min-replicas-to-write",
    "port",
    "protected-mode",
    "save",
    "tls-port",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSays:
    """A live worker as `doctor` looks at it."""

    name: str
    python: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """What was found out.

    Attributes:
        info: The fields of INFO.
        settings: Those of CONFIG GET that matter; empty where this user may not ask.
        user: The ACL user we are; empty where unknown.
        is_almighty: Whether this user may run every command; None where unknown.
        has_password: Whether this user needs a password; None where unknown.
        ahead_ms: How far the clock of Redis is before ours.
        workers: The live workers of the app.
        overdue: Leases that ran out a while ago, and that nobody has taken over.
        dead: Tasks that were given up.
    """

    info: Mapping[str, str]
    settings: Mapping[str, str]
    user: str
    is_almighty: bool | None
    has_password: bool | None
    ahead_ms: float
    workers: tuple[WorkerSays, ...]
    overdue: int
    dead: int

    def number(self, name: str) -> int:
        """A field of INFO as a number; 0 where there is none."""
        text = self.info.get(name, "")
        return int(text) if text.lstrip("-").isdecimal() else 0


def examine(url: str, app: str, clock: Clock) -> Checkup:
    """Ask a Redis all that matters.

    Raises:
        ConfigError: The URL is none.
        StoreUnavailable: Nobody answers.
        StoreRefused: Redis does not let us in, or does not let us see the keys of the app.
    """
    link = Link(url)
    try:
        link.call("PING")
        keys = Keys(app)
        now_ms, ahead_ms = _clocks(link, clock)
        user, is_almighty, has_password = _user(link)
        return Checkup(
            info=_info(link),
            settings=_settings(link),
            user=user,
            is_almighty=is_almighty,
            has_password=has_password,
            ahead_ms=ahead_ms,
            workers=_workers(link, keys, now_ms),
            overdue=link.call("ZCOUNT", f"{keys.prefix}lease", "-inf", now_ms - OVERDUE_MS),
            dead=link.call("ZCARD", f"{keys.prefix}dead"),
        )
    finally:
        link.close()


def server_info(store: Store) -> Mapping[str, str]:
    """The fields of INFO; empty where this user may not ask.

    Raises:
        StoreUnavailable: Nobody answers.
    """
    try:
        return store.attempt(_info)
    except StoreRefused:
        return {}


def _clocks(link: Link, clock: Clock) -> tuple[int, float]:
    """The time of Redis, and how far it is before ours; the way there and back counts for half."""
    before = clock.wall_ms()
    seconds, micros = link.call("TIME")
    after = clock.wall_ms()
    now = int(seconds) * 1000 + int(micros) / 1000
    return int(now), now - (before + after) / 2


def _info(link: Link) -> dict[str, str]:
    lines = link.call("INFO").decode("utf-8", "replace").splitlines()
    pairs = (line.partition(":") for line in lines if not line.startswith("#"))
    return {name: value for name, colon, value in pairs if colon}


def _settings(link: Link) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _SETTINGS:
        with suppress(StoreRefused):  # managed servers and careful users do not allow it
            found |= _pairs(link.call("CONFIG", "GET", name))
    return found


def _user(link: Link) -> tuple[str, bool | None, bool | None]:
    user = ""
    with suppress(StoreRefused):
        user = link.call("ACL", "WHOAMI").decode()
    try:
        fields: list[Any] = link.call("ACL", "GETUSER", user or "default")
    except StoreRefused:
        return user, None, None
    rights = dict(zip(fields[::2], fields[1::2], strict=True))
    commands = rights.get(b"commands", b"").decode()
    return user, commands == "+@all", b"nopass" not in rights.get(b"flags", [])


def _workers(link: Link, keys: Keys, now_ms: int) -> tuple[WorkerSays, ...]:
    found: list[WorkerSays] = []
    for name in link.call("ZRANGEBYSCORE", keys.fleet, now_ms, "+inf"):
        text = name.decode("utf-8", "replace")
        facts = link.call("HMGET", keys.worker(text), "python", "version")
        python, version = ((fact or b"").decode("utf-8", "replace") for fact in facts)
        found.append(WorkerSays(name=text, python=python, version=version))
    return tuple(found)


def _pairs(flat: list[bytes]) -> dict[str, str]:
    texts = [item.decode("utf-8", "replace") for item in flat]
    return dict(zip(texts[::2], texts[1::2], strict=True))
