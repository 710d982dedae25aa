"""Tasks for the tests of streams: they yield, and wait, fail or die in between."""

import asyncio
import os
import signal
import threading
from pathlib import Path

import chores

from nbtasks import Unsendable


def count(last):
    yield from range(last)


def count_and_return(last):
    yield from range(last)
    return "the end"


def generator_of(last):
    """No generator function itself."""
    return (number * number for number in range(last))


async def count_in_a_loop(last):
    for number in range(last):
        await asyncio.sleep(0)
        yield number


def when_told(folder, last):
    """Each part once its file is there."""
    for number in range(last):
        while not (Path(folder) / f"go-{number}").exists():
            threading.Event().wait(0.003)
        yield number


def fail_behind(last):
    yield from range(last)
    raise ValueError("behind the parts")


def die_once(folder, last, dies_at):
    """Without checkpoints: from the first part again."""
    for number in range(last):
        if number == dies_at and not (Path(folder) / "died").exists():
            while not (Path(folder) / "die").exists():
                threading.Event().wait(0.003)
            (Path(folder) / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        chores.note(Path(folder) / "steps", number)
        yield number


def go_on(self, folder, last, dies_at):
    """With a checkpoint behind each part."""
    for number in range(self.last_checkpoint or 0, last):
        chores.note(Path(folder) / "steps", number)
        yield number
        self.checkpoint(number + 1)
        if number + 1 == dies_at and not (Path(folder) / "died").exists():
            (Path(folder) / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)


def fail_and_go_on(self, last):
    """An error behind each part, which is tried again."""
    number = self.last_checkpoint or 0
    yield number
    self.checkpoint(number + 1)
    if number + 1 < last:
        raise ConnectionError(number)


def much(parts, size):
    for number in range(parts):
        yield number.to_bytes(4, "big") + bytes(size)


def same_list():
    """What is yielded is what it was then."""
    growing = []
    for number in range(3):
        growing.append(number)
        yield growing


def lock_inside():
    """What cannot be sent comes back to the yield."""
    try:
        yield threading.Lock()
    except Unsendable as error:
        yield type(error).__name__


def clean_up(folder):
    try:
        yield 1
        threading.Event().wait(60)
    finally:
        (Path(folder) / "closed").touch()


def total(values):
    return sum(values)


def words(value):
    return f"{value}!"
