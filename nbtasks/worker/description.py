"""What a worker says of itself with each heartbeat: where and what it is, and whether it ends."""

import os
import platform
import socket
import stat
import sys
from pathlib import Path
from typing import Final

from nbtasks import __version__
from nbtasks.distributions import installed
from nbtasks.serializers import PYTHON_TAG, encode_json
from nbtasks.worker.options import WorkerOptions

_STDERR: Final = 2
WHOLE_EVERY: Final = 12
"""One heartbeat in so many also says what is installed, so that an emptied Redis hears it again."""


class Description:
    """Gives the facts of a worker, by their names in Redis.

    Args:
        options: How it runs.
        owner: What its leases are marked with.
        since_ms: When it began, in ms since 1970.
    """

    def __init__(self, options: WorkerOptions, owner: str, since_ms: float) -> None:
        self._fixed: dict[str, object] = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "python": PYTHON_TAG,
            "version": __version__,
            "queues": " ".join(options.all_queues),
            "concurrency": options.concurrency,
            "since": int(since_ms),
            "owner": owner,
            "log": _log_file(),
        }
        packages = {"python": platform.python_version(), **installed()}
        self._packages = {"packages": encode_json(packages)}
        self._told = 0

    def __call__(self, *, ends: bool) -> dict[str, object]:
        """What the next heartbeat is to tell."""
        self._told += 1
        rest = self._packages if self._told % WHOLE_EVERY == 1 else {}
        return {**self._fixed, "ends": int(ends), **rest}


def _log_file() -> str:
    """The file that stderr goes to; empty where it goes elsewhere, or the system does not tell."""
    try:
        if sys.platform != "linux" or not stat.S_ISREG(os.fstat(_STDERR).st_mode):
            return ""
        return str(Path(f"/proc/self/fd/{_STDERR}").readlink())
    except OSError:
        return ""
