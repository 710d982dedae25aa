"""What a worker forbids itself and its children, so that a task can do less harm."""

import ctypes
import logging
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)

# Linux counts here what a process may write to; elsewhere only the whole address space is counted.
_MEMORY: Final = resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS
_PR_SET_NO_NEW_PRIVS: Final = 38
_OOM_SCORE: Final = Path("/proc/self/oom_score_adj")
_EXPENDABLE: Final = "500"


def limit_memory(most: int) -> None:
    """Let this process and what it starts have so many bytes each; 0 for any number.

    More than that is a MemoryError in the task, where otherwise the kernel would kill something.
    """
    if most:
        resource.setrlimit(_MEMORY, (most, most))


def be_expendable() -> None:
    """Where memory is short, the kernel is to end this process rather than its parent."""
    with suppress(OSError):  # not Linux
        _OOM_SCORE.write_text(_EXPENDABLE, "ascii")


def forbid_new_privileges() -> None:
    """Let neither this process nor any that it starts gain rights, such as by a setuid program."""
    if sys.platform != "linux":
        logger.warning("--no-new-privs has no effect on %s", sys.platform)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def warn_of_root(worker: str) -> None:
    """Say once that tasks run with all rights."""
    if os.geteuid() == 0:
        logger.warning(
            "worker %s runs as root, and so does every task: run it as a user of its own", worker
        )
