"""`nbtasks doctor`: says plainly what is wrong with a Redis, a key or the workers, and what to do.

Each check is a function from what was found out to findings, without I/O.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from nbtasks import __version__, keyring
from nbtasks.clock import Clock
from nbtasks.config import ENV_KEY, ENV_KEY_FILE, Config
from nbtasks.connection import resolve
from nbtasks.errors import ConfigError, NbTasksError
from nbtasks.serializers import PYTHON_TAG
from nbtasks.signing import Signer
from nbtasks.store.checkup import Checkup, examine
from nbtasks.store.link import Link, hide_password

FULL: Final = 0.8
"""Part of the memory above which there is a warning."""

CLOCK_MS: Final = 2000.0
LAG_S: Final = 10

_REDIS: Final = (6, 2)
_VALKEY: Final = (8, 0)


class Level(IntEnum):
    """How bad a finding is; the worst one is the exit code."""

    FINE = 0
    WARNING = 1
    BROKEN = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says, and what to do about it; nothing where it is fine."""

    check: str
    level: Level
    text: str
    advice: str = ""


def diagnose(
    config: Config, clock: Clock, environ: Mapping[str, str] = os.environ
) -> list[Finding]:
    """All findings about these settings, in the order of the checks."""
    findings = list(key_file(environ))
    try:
        if config.url:
            Link(config.url)  # what is no URL is not a matter of keys
        config = _with_key(config, findings)
        found = examine(config.url, config.name, clock)
    except NbTasksError as error:
        return [*findings, Finding("reachable", Level.BROKEN, str(error))]
    findings.append(Finding("reachable", Level.FINE, hide_password(config.url)))
    for check in CHECKS:
        findings += check(found)
    return [*findings, *transport(config.url)]


def _with_key(config: Config, findings: list[Finding]) -> Config:
    """The settings with what a client would fill in; what there is to say of its key is added."""
    if config.insecure:
        text = "insecure is set: nothing is signed"
        findings.append(Finding("key", Level.WARNING, text, _MAKE_A_KEY))
        return config
    try:
        config, _ = resolve(config)
        findings += signing_key(config)
    except ConfigError as error:
        findings.append(Finding("key", Level.BROKEN, str(error)))
    return config


# Keys

_MAKE_A_KEY: Final = "make a key with `nbtasks key add`, and give it to every client and worker"


def key_file(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the key file is the user's alone."""
    path = Path(environ.get(ENV_KEY_FILE, "") or keyring.default_path(environ))
    if not path.exists():
        return
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if keyring.is_open_to_others(mode):
        yield Finding(
            "key file",
            Level.BROKEN,
            f"{str(path)!r} may be read by others than its owner (mode {mode:04o})",
            f"run `chmod 600 {path}`, and rotate the key: who has read it can run code on workers",
        )
    else:
        unused = f"; {ENV_KEY} is set and wins over it" if environ.get(ENV_KEY) else ""
        yield Finding("key file", Level.FINE, f"{str(path)!r} is its owner's alone{unused}")


def signing_key(config: Config) -> Iterator[Finding]:
    """Which key signs.

    Raises:
        ConfigError: It cannot be used.
    """
    signer = Signer(config.key, config.name, encrypt=config.encrypt)
    count = len(keyring.split(config.key))
    more = f", and {count - 1} more accepted" if count > 1 else ""
    yield Finding("key", Level.FINE, f"key {signer.key_id} signs{more}")


# The server


def version(found: Checkup) -> Iterator[Finding]:
    """Whether this server has the commands that are needed."""
    name, least, field = "Redis", _REDIS, "redis_version"
    if "valkey_version" in found.info:
        name, least, field = "Valkey", _VALKEY, "valkey_version"
    text = found.info.get(field, "")
    numbers = tuple(map(int, re.findall(r"\d+", text)[:2]))
    if numbers >= least:
        yield Finding("version", Level.FINE, f"{name} {text}")
        return
    yield Finding(
        "version",
        Level.BROKEN,
        f"this is {name} {text or 'of an unknown version'}",
        "use Redis 6.2 or newer, or Valkey 8 or newer",
    )


def role(found: Checkup) -> Iterator[Finding]:
    """Whether this server takes writes."""
    if found.info.get("role") == "slave":
        yield Finding(
            "role",
            Level.BROKEN,
            "this is a replica, and takes no writes",
            "give the URL of the primary",
        )


def eviction(found: Checkup) -> Iterator[Finding]:
    """Whether Redis may throw tasks away when its memory is short."""
    policy = found.info.get("maxmemory_policy", "unknown")
    if policy == "noeviction":
        yield Finding("eviction", Level.FINE, "noeviction")
        return
    has_limit = found.number("maxmemory") > 0
    yield Finding(
        "eviction",
        Level.BROKEN if has_limit else Level.WARNING,
        f"maxmemory-policy is {policy}"
        + (": tasks and results are thrown away when memory is short" if has_limit else ""),
        "CONFIG SET maxmemory-policy noeviction: a full Redis then refuses tasks, and loses none",
    )


def memory(found: Checkup) -> Iterator[Finding]:
    """How much room is left."""
    used = found.number("used_memory")
    limit = found.number("maxmemory") or found.number("total_system_memory")
    whose = "maxmemory" if found.number("maxmemory") else "this machine's memory"
    if not limit:
        return
    part = used / limit
    text = f"{used / 1e6:,.0f} MB used, {part:.0%} of {whose}"
    if part < FULL:
        yield Finding("memory", Level.FINE, text)
        return
    level = Level.BROKEN if part >= 1 else Level.WARNING
    yield Finding("memory", level, text, "raise maxmemory, or keep results for a shorter time")


def disk(found: Checkup) -> Iterator[Finding]:
    """What a crash of the server would lose."""
    for field, what in _WRITES.items():
        if found.info.get(field, "ok") != "ok":
            yield Finding(
                "disk",
                Level.BROKEN,
                f"{what} failed: {field} is {found.info[field]}",
                "look at the disk (full? read-only?) and at the log of Redis; until it is mended,"
                " Redis may refuse writes, and a restart loses tasks",
            )
    if found.info.get("aof_enabled") == "1":
        yield from _append_only(found.settings.get("appendfsync", ""))
    else:
        saves = bool(found.settings.get("save", found.info.get("rdb_saves", "")).strip("0"))
        what = "since its last snapshot" if saves else "that it holds"
        yield Finding(
            "disk",
            Level.WARNING,
            f"the append-only file is off: a crash of Redis loses all {what}",
            "CONFIG SET appendonly yes, and appendonly yes in its configuration file",
        )


_WRITES: Final = {
    "aof_last_write_status": "the last write to the append-only file",
    "aof_last_bgrewrite_status": "the last rewrite of the append-only file",
    "rdb_last_bgsave_status": "the last snapshot",
}


def _append_only(fsync: str) -> Iterator[Finding]:
    if fsync == "no":
        yield Finding(
            "disk",
            Level.WARNING,
            "appendfsync is no: a crash of the machine loses about 30 s",
            "CONFIG SET appendfsync everysec, or always where no submitted task may ever be lost",
        )
        return
    losses = {"always": "nothing is lost in a crash", "everysec": "a crash loses about a second"}
    said = f", appendfsync {fsync}: {losses.get(fsync, '')}" if fsync else ""
    yield Finding("disk", Level.FINE, f"append-only file{said}")


def replicas(found: Checkup) -> Iterator[Finding]:
    """Whether there is another copy, and how far it is behind."""
    count = found.number("connected_slaves")
    wanted = found.settings.get("min-replicas-to-write", "0")
    yield from map(_replica, (found.info.get(f"slave{at}", "") for at in range(count)))
    if wanted.isdecimal() and int(wanted) > found.number("min_slaves_good_slaves"):
        yield Finding(
            "replicas",
            Level.BROKEN,
            f"min-replicas-to-write is {wanted}, and fewer are there: Redis refuses all writes",
            "bring the replicas back, or CONFIG SET min-replicas-to-write 0",
        )
    elif count and wanted == "0":
        yield Finding(
            "replicas",
            Level.WARNING,
            "min-replicas-to-write is 0: a primary that is cut off goes on taking tasks, which are"
            " lost when a replica takes over",
            "CONFIG SET min-replicas-to-write 1",
        )
    elif not count:
        yield Finding("replicas", Level.FINE, "none: what the disk of Redis loses is lost")


def _replica(line: str) -> Finding:
    fields = dict(re.findall(r"(\w+)=([^,]*)", line))
    lag, state = fields.get("lag", "?"), fields.get("state", "unknown")
    text = f"replica {fields.get('ip')}:{fields.get('port')} is {state}, {lag} s behind"
    if state == "online" and lag.isdecimal() and int(lag) <= LAG_S:
        return Finding("replicas", Level.FINE, text)
    return Finding("replicas", Level.WARNING, text, "look at its log and at the network between")


# Who may come in


def access(found: Checkup) -> Iterator[Finding]:
    """Who can reach this server, and what they may do."""
    if found.is_almighty is None:
        text = f"user {found.user or '?'!r} is no administrator"
        yield Finding("access", Level.FINE, text)
        return
    outside = _listens_outside(found.settings)
    user = f"user {found.user or 'default'!r}"
    if found.has_password is False and outside:
        is_guarded = found.settings.get("protected-mode") == "yes" and found.user == "default"
        yield Finding(
            "access",
            Level.WARNING if is_guarded else Level.BROKEN,
            f"{user} needs no password, and Redis listens on {outside}"
            + ("; only protected-mode keeps others out" if is_guarded else ""),
            "make users with passwords (see the security page of the guide), bind Redis to an inner"
            " address, or use a Unix socket",
        )
    elif found.is_almighty and outside:
        yield Finding(
            "access",
            Level.WARNING,
            f"{user} may run every command, FLUSHALL and CONFIG among them",
            "make users for clients, workers and monitors: see the security page of the guide",
        )
    else:
        text = f"{user} may do everything" if found.is_almighty else f"{user} has only some rights"
        inside = "" if outside else "; Redis listens on this machine only"
        yield Finding("access", Level.FINE, text + inside)


def _listens_outside(settings: Mapping[str, str]) -> str:
    """Where a server listens that other machines may reach; empty where it does not."""
    if not settings:
        return "addresses that it does not tell"
    if settings.get("port", "0") == "0" and settings.get("tls-port", "0") == "0":
        return ""
    places = [place.lstrip("-") for place in settings.get("bind", "").split()]
    others = [place for place in places if not _is_loopback(place)]
    return ", ".join(others) if places else "every address"


def _is_loopback(host: str) -> bool:
    return host in {"::1", "localhost"} or host.startswith("127.")


def transport(url: str) -> Iterator[Finding]:
    """Whether what goes over the network can be read there."""
    parts = urlsplit(url)
    if parts.scheme == "rediss":
        yield Finding("transport", Level.FINE, "TLS")
    elif parts.scheme == "unix" or _is_loopback(parts.hostname or "localhost"):
        yield Finding("transport", Level.FINE, "stays on this machine")
    else:
        yield Finding(
            "transport",
            Level.WARNING,
            "there is no TLS: who sees the network sees the password, the tasks and the results",
            "use rediss:// (see the security page of the guide), or a tunnel",
        )


# Time, workers, tasks


def clocks(found: Checkup) -> Iterator[Finding]:
    """Whether this machine and Redis agree on the time."""
    seconds = found.ahead_ms / 1000
    if abs(found.ahead_ms) < CLOCK_MS:
        yield Finding("clock", Level.FINE, f"{abs(seconds):.1f} s apart")
        return
    where = "before" if seconds > 0 else "behind"
    yield Finding(
        "clock",
        Level.WARNING,
        f"the clock of Redis is {abs(seconds):,.1f} s {where} this machine's",
        "run an NTP service on both: `eta` and max_age_ms compare times of different machines",
    )


def workers(found: Checkup) -> Iterator[Finding]:
    """Whether somebody works, and with the same versions."""
    if not found.workers:
        yield Finding(
            "workers", Level.WARNING, "no worker is live", "start one with `nbtasks worker`"
        )
        return
    yield Finding("workers", Level.FINE, f"{len(found.workers)} live")
    for worker in found.workers:
        for what, theirs, ours in (
            ("Python", worker.python, PYTHON_TAG),
            ("nbtasks", worker.version, __version__),
        ):
            if theirs != ours:
                yield Finding(
                    "workers",
                    Level.WARNING,
                    f"{worker.name} runs {what} {theirs or '?'}, and here is {ours}",
                    f"use the same {what} on clients and workers",
                )


def tasks(found: Checkup) -> Iterator[Finding]:
    """Whether tasks are stuck, or were given up."""
    if found.overdue:
        yield Finding(
            "leases",
            Level.BROKEN,
            f"{found.overdue:,} leases have run out, and no worker takes their tasks over",
            "start a worker: each of them looks after all leases",
        )
    if found.dead:
        yield Finding(
            "dead tasks",
            Level.WARNING,
            f"{found.dead:,} tasks were given up, because their processes died again and again",
            "see `nbtasks dead list`, and run them again with `nbtasks dead requeue`",
        )


CHECKS: Final[tuple[Callable[[Checkup], Iterator[Finding]], ...]] = (
    version,
    role,
    eviction,
    memory,
    disk,
    replicas,
    access,
    clocks,
    workers,
    tasks,
)
