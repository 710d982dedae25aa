"""A process that outlives the worker by a moment, and ends what it leaves behind.

A worker that is killed cannot end its children. The kernel does so for those that it started, but
not for what their tasks have started. This process is in a session of its own, so that it does not
share the worker's fate. It is told which process groups there are, and when the pipe from the
worker closes, for whatever reason, it kills each of them.
"""

import gc
import logging
import os
import signal
import struct
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from nbtasks.worker.descriptors import close_others, read_nothing

logger = logging.getLogger(__name__)

_group = struct.Struct("<i")
_READ: Final = 1024 * _group.size
_IGNORED: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
"""A service manager signals all processes at once: this one is to see how it ends."""


class Watchdog:
    """The worker's end of the pipe, and the process at the other."""

    def __init__(self) -> None:
        self._pipe = -1
        self.pid = 0

    def start(self, groups: Iterable[int]) -> None:
        """Start it, or another where the last one has ended, and tell it of the groups there are.

        Raises:
            OSError: There is no memory, process or file for it now.
        """
        self._close_pipe()
        theirs, self._pipe = os.pipe()
        os.set_blocking(self._pipe, False)
        try:
            gc.freeze()  # a collection there would copy what it shares with us
            pid = os.fork()
        except OSError:
            os.close(theirs)
            self._close_pipe()
            raise
        if pid == 0:
            _watch(theirs)
        os.close(theirs)
        self.pid = pid
        for group in groups:
            self.add(group)

    @property
    def is_running(self) -> bool:
        """Whether there is one."""
        return self.pid != 0

    def add(self, group: int) -> None:
        """A process group is there."""
        self._tell(group)

    def remove(self, group: int) -> None:
        """It has ended: its number may soon be another's."""
        self._tell(-group)

    def has_ended(self) -> bool:
        """Whether it has just ended; another one is to be started then."""
        if not self.pid or os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            return False
        self.pid = 0
        return True

    def close(self) -> None:
        """End it. What it still knows of, it kills."""
        self._close_pipe()
        if self.pid:
            os.waitpid(self.pid, 0)
            self.pid = 0

    def _tell(self, number: int) -> None:
        if self.pid:
            try:
                os.write(self._pipe, _group.pack(number))
            except BrokenPipeError:
                pass  # it has ended: the next one is told of all groups
            except BlockingIOError:
                # It stands still. Its successor is told of all groups.
                logger.warning(
                    "the watchdog %d does not read: another one takes its place", self.pid
                )
                os.kill(self.pid, signal.SIGKILL)

    def _close_pipe(self) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1


def _watch(pipe: int) -> None:
    """What the process does; ends it."""
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)
        close_others(pipe)
        read_nothing()
        os.dup2(0, 1)
        os.dup2(0, 2)
        groups: set[int] = set()
        # Each number is written whole, so there is never a part of one.
        while data := os.read(pipe, _READ):
            for (number,) in _group.iter_unpack(data):
                groups.add(number) if number > 0 else groups.discard(-number)
        for group in groups:
            for kill in (os.killpg, os.kill):
                with suppress(ProcessLookupError, PermissionError):
                    kill(group, signal.SIGKILL)
    finally:
        os._exit(0)
