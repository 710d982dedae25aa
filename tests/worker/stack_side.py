"""Tasks for the tests of `stack()`: each says where it is, and stays there."""

import asyncio
import ctypes
import os
import threading
from pathlib import Path


def spin(folder):
    (Path(folder) / "started").touch()
    while not (Path(folder) / "go").exists():
        pass  # the line it is in


def outer(folder):
    return spin(folder)


def hold_the_lock(folder):
    """In C code that does not let go of the interpreter."""
    (Path(folder) / "started").touch()
    ctypes.PyDLL(None).read(os.pipe()[0], ctypes.create_string_buffer(1), 1)


def sleep_in_c(folder):
    (Path(folder) / "started").touch()
    threading.Event().wait(60)


def wait_named(folder, name):
    (Path(folder) / f"started-{name}").touch()
    while not (Path(folder) / "go").exists():
        threading.Event().wait(0.003)
    return name


async def inner(folder, name):
    (Path(folder) / f"started-{name}").touch()
    await asyncio.Event().wait()


async def outermost(folder, name):
    await inner(folder, name)


async def block_the_loop(folder):
    (Path(folder) / "started").touch()
    threading.Event().wait(1.5)


def deep(folder, left):
    return deep(folder, left - 1) if left else sleep_in_c(folder)
