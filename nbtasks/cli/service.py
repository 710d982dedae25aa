"""What commands that go on for long are called, and which queues a worker takes from."""

import os
import re
import socket
from typing import Final

from nbtasks.config import Config
from nbtasks.errors import ConfigError
from nbtasks.record import check_name, check_worker_name

_PART: Final = re.compile("%(.?)")


def service_name(text: str, kind: str) -> str:
    """The name of a worker or the like, as in `-n w1@%h`.

    Args:
        text: What was said, with `%h` for the name of this host, `%n` for that without its domain,
            `%d` for the domain, `%%` for a `%`; empty for `kind-PID@HOST`.
        kind: What it is.

    Raises:
        ConfigError: It is no name.
    """
    host = socket.gethostname()
    if not text:
        return check_worker_name(f"{kind}-{os.getpid()}@{host}")
    name, _, domain = host.partition(".")
    parts = {"h": host, "n": name, "d": domain, "%": "%"}

    def fill(found: re.Match[str]) -> str:
        if found[1] not in parts:
            raise ConfigError(f"the name {text!r} has {found[0]!r}: write %h, %n, %d or %%")
        return parts[found[1]]

    return check_worker_name(_PART.sub(fill, text))


def choose_queues(wanted: str, excluded: str, config: Config) -> tuple[str, ...]:
    """The queues of a worker, in their order: those that were named, or else the usual ones.

    Args:
        wanted: Names with commas between; empty for the usual ones.
        excluded: Those of them that it is not to take from, likewise.
        config: The settings.

    Raises:
        ConfigError: One has no such name, or none is left.
    """
    chosen = _names(wanted) or config.usual_queues
    left_out = _names(excluded)
    for name in (*chosen, *left_out):
        config.routes.check(check_name(name, "queue"))
    found = tuple(name for name in chosen if name not in left_out)
    if not found:
        raise ConfigError(
            f"--exclude-queues {excluded!r} leaves no queue: the worker would take from"
            f" {', '.join(chosen)}"
        )
    return found


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
