"""Tasks for the tests of checkpoints: they count up to something, and die on the way."""

import os
import signal
import threading
from pathlib import Path

import chores

from nbtasks import checkpoint, last_checkpoint


def count_up(self, folder, last, dies_at):
    """Note each step; die once, right after the checkpoint of `dies_at`."""
    for step in range(self.last_checkpoint or 0, last):
        chores.note(Path(folder) / "steps", step)
        self.checkpoint(step + 1)
        if step + 1 == dies_at and not (Path(folder) / "died").exists():
            (Path(folder) / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return self.last_checkpoint


def count_with_no_self(folder, last, dies_at):
    for step in range(last_checkpoint() or 0, last):
        chores.note(Path(folder) / "steps", step)
        checkpoint(step + 1)
        if step + 1 == dies_at and not (Path(folder) / "died").exists():
            (Path(folder) / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)


async def count_in_a_loop(self, folder, last, dies_at):
    count_up(self, folder, last, dies_at)
    return self.last_checkpoint


def fail_on_the_way(self, folder, last):
    """Fail at each step, behind its checkpoint."""
    step = self.last_checkpoint or 0
    chores.note(Path(folder) / "steps", step)
    self.checkpoint(step + 1)
    if step + 1 < last:
        raise ValueError(step)
    return step


def hold_at(self, folder, step):
    """Keep a checkpoint and hold; a second try returns what it finds."""
    if self.last_checkpoint is not None:
        return self.last_checkpoint
    self.checkpoint(step)
    chores.hold(folder, "held")
    return "not killed"


def keep(self, value):
    self.checkpoint(value)
    found = self.last_checkpoint
    return found == value and found is not value


def keep_big(self, size):
    self.checkpoint(bytes(size))


def keep_fast(self, count):
    """A thousand in a row, and a death behind them."""
    if self.last_checkpoint is not None:
        return self.last_checkpoint
    for step in range(count):
        self.checkpoint(step)
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def what_is_left(self):
    return self.last_checkpoint


def keep_a_lock(self):
    self.checkpoint(threading.Lock())
