"""Tasks for the tests of the worker: workers import them by name, so only what they have."""

import asyncio
import contextlib
import ctypes
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from nbtasks.context import current_task
from nbtasks.errors import SoftTimeLimitExceeded

STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
while True:
    signal.pause()
"""

_pause = threading.Event()


def note(path, *words):
    """Append a line, whole, whoever else does so now."""
    number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(number, (" ".join(map(str, words)) + "\n").encode())
    os.close(number)


def lines(path):
    """The lines of `note`, in words."""
    path = Path(path)
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def noop(value):
    return value


def spin(ms):
    """Keep the processor busy."""
    end = time.monotonic() + ms / 1000
    while time.monotonic() < end:
        pass
    return ms


def spin_and_note(path, ms, number):
    spin(ms)
    note(path, number)
    return number


def hold(folder, name):
    """Run until the file `go-<name>` or `go-<pid>` is there; the pid."""
    folder = Path(folder)
    note(folder / "started", name, os.getpid(), time.monotonic())
    while not (folder / f"go-{name}").exists() and not (folder / f"go-{os.getpid()}").exists():
        _pause.wait(0.003)
    note(folder / "ended", name, os.getpid(), time.monotonic())
    return os.getpid()


def hold_or_return(folder, name):
    """Hold where the name is `long`, else return at once."""
    return hold(folder, name) if name == "long" else name


def crash(how):
    """End this process."""
    if how == "segfault":
        ctypes.string_at(0)
    elif how == "exit":
        os._exit(3)
    os.kill(os.getpid(), signal.SIGKILL)


def crash_first(path, how):
    """Crash at the first try; the times of both starts at the second."""
    before = lines(path)
    note(path, time.monotonic(), os.getpid())
    if not before:
        crash(how)
    return [float(line[0]) for line in lines(path)]


def crash_at(path, bad, number):
    """Crash where the number is the bad one."""
    note(path, number)
    if number == bad:
        crash("kill")
    return number


def fork_then_crash(path):
    """At the first try leave a process behind that holds all that was open, and crash."""
    if not lines(path):
        multiprocessing.get_context("fork").Process(target=_pause.wait, daemon=True).start()
        note(path, os.getpid())
        crash("kill")
    return "second try"


def close_all_files(path):
    """At the first try close every file, also the worker's, and go on."""
    if not lines(path):
        note(path, os.getpid())
        os.closerange(3, 256)
        _pause.wait()
    return "second try"


def print_from_a_pool():
    """Print in two forked processes, many times, while this one prints too."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = pool.map(_print_and_square, range(200))
        print("from the task")  # noqa: T201 - the task prints
    return found


def end_new_processes(count):
    """Fork processes and end each at once, as early as can be; their exit codes."""
    codes = []
    for _ in range(count):
        process = multiprocessing.get_context("fork").Process(target=_pause.wait, args=(60,))
        process.start()
        process.terminate()
        process.join()
        codes.append(process.exitcode)
    return codes


def _print_and_square(number):
    print(f"number {number}")  # noqa: T201 - the task prints
    return number * number


def fail(text):
    raise ValueError(text)


def fail_and_note(path, text):
    note(path, time.monotonic())
    raise ValueError(text)


def tell(parts):
    """Write to stdout and stderr, in this order."""
    for stream, text in parts:
        (sys.stdout if stream == "out" else sys.stderr).write(text)
    return len(parts)


def log(text):
    logging.getLogger("chores").warning(text)


def print_much(megabytes):
    for number in range(megabytes):
        print("x" * 1_000_000)  # noqa: T201 - the task prints
        print(f"megabyte {number}")  # noqa: T201 - the task prints
    print("the end")  # noqa: T201 - the task prints
    return "returned"


def modules(names):
    """Which of these are imported here, and in the worker that this process was forked from."""
    return [name for name in names if name in sys.modules]


def big(size, ms):
    spin(ms)
    return b"v" * size


def swallow(data, size):
    """Take much and give much."""
    return bytes([len(data) % 251]) * size


def when():
    return time.monotonic()


def note_time(path, name):
    note(path, name, time.monotonic())
    return os.getppid()


def sleep_ms(ms):
    _pause.wait(ms / 1000)
    return os.getppid()


def give_up_in_time(ms=60_000):
    try:
        _pause.wait(ms / 1000)
    except SoftTimeLimitExceeded:
        return "gave up"
    return "in time"


def swallow_limits(path):
    """Start a process that ignores SIGTERM, note its pid, and run on whatever is raised here."""
    started = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE)
    started.stdout.readline()
    note(path, started.pid)
    while True:
        with contextlib.suppress(SoftTimeLimitExceeded):
            _pause.wait(60)


def slow_first(path):
    """Take for ever at the first try."""
    if not lines(path):
        note(path, os.getpid())
        _pause.wait(60)
    return "second try"


def print_for_ever():
    while True:
        print("x" * 1000)  # noqa: T201 - the task prints


def clean_up(path):
    try:
        note(path, "begun")
        _pause.wait(60)
    finally:
        note(path, "cleaned up")


def ignore_signals(path):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note(path, "begun")
    _pause.wait(60)


def read_words(path):
    return Path(path).read_text().split()


def files_of_a_program():
    """The open files of a program that gets all that it may; one of them is the pipe to us."""
    script = "for file in /proc/$$/fd/*; do readlink $file; done; true"
    return subprocess.check_output(["sh", "-c", script], text=True, close_fds=False).split()


def note_both_ends(path, number):
    note(path, "begin", number)
    spin(5)
    note(path, "end", number)


class LoudError(Exception):
    """Carries more than a result may hold."""


def fail_with(size):
    raise LoudError("x" * size)


def noop_and_pid():
    return os.getpid()


_hoard = []


def hoard(size):
    """Keep memory in use for as long as this process lives; its pid."""
    _hoard.append(b"h" * size)
    return os.getpid()


async def wait_s(seconds):
    await asyncio.sleep(seconds)
    return os.getpid()


async def hold_async(folder, name):
    """As `hold`, without keeping others from running."""
    folder = Path(folder)
    note(folder / "started", name, os.getpid(), time.monotonic())
    while not (folder / f"go-{name}").exists():  # noqa: ASYNC110 - the event is in another process
        await asyncio.sleep(0.003)
    note(folder / "ended", name, os.getpid(), time.monotonic())
    return name


async def stubborn(folder, name):
    """Hold, and swallow every attempt to end it."""
    while True:
        try:
            return await hold_async(folder, name)
        except BaseException as error:  # noqa: BLE001 - that is what it is for
            note(Path(folder) / "swallowed", name, type(error).__name__)


async def talk(name, times):
    """Print and report in turns with others; what `current_task` says each time."""
    ids = set()
    for number in range(times):
        print(f"{name} {number}")  # noqa: T201 - the task prints
        context = current_task.get()
        context.progress(number + 1, times, name)
        ids.add(context.request.id)
        await asyncio.sleep(0.002)
    return ids


async def fail_soon(text):
    await asyncio.sleep(0.01)
    raise ValueError(text)


async def crash_soon(how):
    await asyncio.sleep(0.05)
    crash(how)


async def leave_running(path):
    """End while a task that was started here still runs."""

    async def forever():
        try:
            await asyncio.sleep(3600)
        finally:
            note(path, "cancelled")

    asyncio.get_running_loop().leftover = asyncio.create_task(forever())
    await asyncio.sleep(0)


async def exit_inside():
    """Start a task that asks the whole loop to end."""

    async def leave():
        raise SystemExit(3)

    asyncio.get_running_loop().leaver = asyncio.create_task(leave())
    await asyncio.sleep(0.05)
    return "still here"


def report(name):
    """Report some progress; the id of this task as `current_task` says it."""
    context = current_task.get()
    for number in range(3):
        context.progress(number, 2, name)
        _pause.wait(0.005)
    return context.request.id


def sleep_and_pid(ms):
    _pause.wait(ms / 1000)
    return os.getpid()


def yield_and_hold(self, word, folder):
    yield word
    self.checkpoint(word)
    hold(folder, "held")
