"""What a worker says of itself with each heartbeat: where and what it is, and how it is set."""

import os
import platform
import socket
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, cast

from nbtasks import __version__
from nbtasks.config import Config
from nbtasks.distributions import installed
from nbtasks.registry import registered_names
from nbtasks.serializers import PYTHON_TAG, encode_json
from nbtasks.store.link import hide_password
from nbtasks.worker.options import WorkerOptions

_STDERR: Final = 2
WHOLE_EVERY: Final = 12
"""One heartbeat in so many also says what does not change, so that an emptied Redis hears it again:
what is installed, the settings, the tasks of the program."""

MOST_CHARACTERS: Final = 1000
"""Of a setting that is no plain value."""


class Description:
    """Gives the facts of a worker, by their names in Redis.

    Args:
        config: The settings.
        options: How it runs.
        owner: What its leases are marked with.
        since_ms: When it began, in ms since 1970.
    """

    def __init__(self, config: Config, options: WorkerOptions, owner: str, since_ms: float) -> None:
        self._fixed: dict[str, object] = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "python": PYTHON_TAG,
            "version": __version__,
            "since": int(since_ms),
            "owner": owner,
            "log": config.worker_log_file or _log_file(),
        }
        packages = {"python": platform.python_version(), **installed()}
        self._whole = {
            "packages": encode_json(packages),
            "conf": encode_json(shown_settings(config)),
            "registered": encode_json({"tasks": registered_names()}),
            "software": encode_json(_software(options)),
        }
        self._told = 0

    def __call__(self, live: Mapping[str, object]) -> dict[str, object]:
        """What the next heartbeat is to tell, with what is so just now."""
        self._told += 1
        rest = self._whole if self._told % WHOLE_EVERY == 1 else {}
        return {**self._fixed, **live, **rest}


def shown_settings(config: Config) -> dict[str, Any]:
    """The settings that may be shown: no key, no URL of the Redis, nothing that is sent."""
    return {
        each.name: _plain(getattr(config, each.name))
        for each in fields(config)
        if each.repr and each.name != "beat_schedule"
    }


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in cast("Sequence[object]", value)]
    return hide_password(str(value))[:MOST_CHARACTERS]


def _software(options: WorkerOptions) -> dict[str, str]:
    return {
        "nbtasks": __version__,
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "platform": platform.platform(),
        "pool": f"{options.pool.kind}, started by {options.pool.start}",
    }


def _log_file() -> str:
    """The file that stderr goes to; empty where it goes elsewhere, or the system does not tell."""
    try:
        if sys.platform != "linux" or not stat.S_ISREG(os.fstat(_STDERR).st_mode):
            return ""
        return str(Path(f"/proc/self/fd/{_STDERR}").readlink())
    except OSError:
        return ""
