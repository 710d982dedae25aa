"""What the tasks do: workers import this module by name. Each notes that it is executed."""

import asyncio
import os
import signal
import threading
import zlib

from chaos.history import executing

RETRIES = 2
"""How often `flaky` fails before it succeeds."""

_pause = threading.Event()


class Trouble(Exception):
    """What tasks raise on purpose."""


def instant(number):
    with executing(number):
        return number * 7


def wait(number, ms):
    with executing(number):
        _pause.wait(ms / 1000)
        return number * 7


async def wait_async(number, ms):
    with executing(number):
        await asyncio.sleep(ms / 1000)
        return number * 7


def flaky(context, number):
    with executing(number):
        if context.request.retries < RETRIES:
            raise Trouble(number)
        return number * 7


def fail(number):
    with executing(number):
        raise Trouble(number)


def tell(context, number):
    """Print and report progress."""
    with executing(number):
        for part in range(5):
            print(f"part {part} of {number}")  # noqa: T201 - the task prints
            context.progress(part + 1, 5)
            _pause.wait(0.005)
        return number * 7


def weigh(number, data):
    """Take a large argument."""
    with executing(number):
        return [number * 7, len(data), zlib.crc32(data)]


def take_all(values, number, first, stop):  # noqa: ARG001 - those two say what it expects
    """The body of a chord, whose header are the tasks from `first` to before `stop`."""
    with executing(number):
        return values


def bulk(number):
    """What `produce` returns: too much to come with an event."""
    return number.to_bytes(4, "big") * 5000


def produce(number):
    with executing(number):
        return bulk(number)


def poison(number):
    """Kill the process that runs it, whenever it is run."""
    with executing(number):
        os.kill(os.getpid(), signal.SIGKILL)
        _pause.wait()
