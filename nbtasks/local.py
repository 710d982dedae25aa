"""Workers that this process starts on its own machine, each with a name and a log.

Those of the embedded server belong to the server: they outlive this process, and end by themselves
when nobody uses it any more. Those beside another Redis belong to this process: their standard
input is a pipe from it, and when that closes, however it ends, they finish what runs and go.
"""

import itertools
import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nbtasks import keeper
from nbtasks.clock import SystemClock
from nbtasks.config import ENV_KEY, ENV_URL, Config, to_environment
from nbtasks.embedded import (
    ENV_HOME,
    FOLDER,
    EmbeddedServer,
    private_folder,
    server_folder,
)
from nbtasks.errors import ConfigError, NbTasksError

LOGS: Final = "workers"
MAX_LOG: Final = 5_000_000
"""Bytes of a worker's log above which the next worker of that name begins anew."""
OLD_MS: Final = 7 * 86_400_000
"""How long the log of a worker stays whose name no other one will have."""

_clock = SystemClock()


@dataclass(frozen=True, slots=True)
class LocalWorker:
    """A worker that this process has started: `log` is the file that it writes to."""

    name: str
    log: Path
    process: "subprocess.Popen[bytes]"

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None


_started: list[LocalWorker] = []
"""All of this process: their pipes must not close before it ends."""


def _forget_in_child() -> None:
    """Close the pipes in a forked process: a worker would wait for its end, too."""
    for worker in _started:
        with suppress(OSError):
            if worker.process.stdin is not None:
                worker.process.stdin.close()
    _started.clear()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_forget_in_child)


def running_workers() -> list[LocalWorker]:
    """The workers that this process has started and that have not ended, in that order."""
    return [worker for worker in _started if worker.is_running]


def is_gone(host: str, pid: int) -> bool:
    """Whether this is a process of this machine that is no more.

    The last heartbeat of a worker that was killed counts for a while.
    """
    running_workers()  # takes the end of those that are our own children
    if sys.platform == "win32" or host != socket.gethostname():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # it is another user's
        return False
    return False


_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def start_workers(
    server: EmbeddedServer,
    count: int,
    *,
    queues: tuple[str, ...],
    concurrency: int = 1,
    cwd: Path | None = None,
) -> list[LocalWorker]:
    """Start workers that share the server; they outlive this process and end with the last client.

    Args:
        server: What `embedded.join` returned.
        count: How many. Their names are ``local-1@host`` and so on, with a free number each; what
            one prints goes to ``workers/<name>.log`` in the server's folder.
        queues: Which queues they take from.
        concurrency: Tasks at a time, for each of them.
        cwd: The folder that they run in, and import from; None for the current one.

    Raises:
        ConfigError: The server's folder has a name that a worker cannot find it by.
    """
    if server.folder.name != FOLDER:
        raise ConfigError(
            f"the server's folder is {str(server.folder)!r}: its last part must be {FOLDER!r},"
            f" because a worker looks for it in {ENV_HOME}"
        )
    environ = {**_environ(count * concurrency), ENV_HOME: str(server.folder.parent)}
    options = ("--local", "--concurrency", str(concurrency), "--queues", ",".join(queues))
    logs = private_folder(server.folder / LOGS)
    return [
        _start(options, logs, "local", environ, stdin=subprocess.DEVNULL, cwd=cwd)
        for _ in range(count)
    ]


def start_beside(
    config: Config,
    server: EmbeddedServer | None,
    count: int,
    *,
    queues: tuple[str, ...],
    concurrency: int = 1,
) -> list[LocalWorker]:
    """Start workers for a Redis that is not ours, or an app with settings of its own.

    They finish what runs, and end, when this process has ended.

    Args:
        config: The settings of the app.
        server: The embedded server, where the app uses that.
        count: How many. Their names are ``notebook-<pid>-1@host`` and so on.
        queues: Which queues they take from.
        concurrency: Tasks at a time, for each of them.
    """
    # The secret goes by the environment, which only this user can read, never by the command line.
    environ = {
        **_environ(count * concurrency),
        **to_environment(config),
        ENV_URL: config.url if server is None else server.url,
    }
    if server is not None and not config.key:
        environ[ENV_KEY] = server.key.decode()
    ways = ("--until-stdin-closes", "--app", config.name, "--loglevel", "warning")
    options = (*ways, "--concurrency", str(concurrency), "--queues", ",".join(queues))
    logs = private_folder(private_folder(server_folder(os.environ).parent) / LOGS)
    _remove_old(logs)
    return [
        _start(options, logs, f"notebook-{os.getpid()}", environ, stdin=subprocess.PIPE)
        for _ in range(count)
    ]


def _environ(tasks: int) -> dict[str, str]:
    """Our environment, in which tasks that run beside each other share the cores.

    Numeric libraries start a thread for each core in every process, and threads that wait for their
    turn in a spin made a fit forty times as long. What the user has set stays.
    """
    share = str(max(1, (os.cpu_count() or 1) // max(1, tasks)))
    return {**os.environ, **{name: os.environ.get(name) or share for name in _THREADS}}


def _start(
    options: Sequence[str],
    logs: Path,
    prefix: str,
    environ: Mapping[str, str],
    *,
    stdin: int,
    cwd: Path | None = None,
) -> LocalWorker:
    """Start a worker in a session of its own, so that no Ctrl-C or closed terminal reaches it."""
    name, path, log = _free_name(logs, prefix)
    command = [sys.executable, "-m", "nbtasks", "worker", *options, "--name", name]
    try:
        # A kernel shows what comes on its own stderr in whatever cell runs then.
        process = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=cwd,
            env=environ,
        )
    finally:
        os.close(log)
    worker = LocalWorker(name, path, process)
    _started.append(worker)
    return worker


def _free_name(logs: Path, prefix: str) -> tuple[str, Path, int]:
    """A name that no live worker has, and its log.

    The log is locked, and the worker inherits the lock along with it: a name is free again when the
    last process is gone that could still write there.
    """
    host = re.sub(r"[^A-Za-z0-9_.\-]", "-", socket.gethostname())
    for number in itertools.count(1):
        name = f"{prefix}-{number}@{host}"
        path = logs / f"{name}.log"
        log = keeper.open_private(path, os.O_WRONLY | os.O_APPEND)
        if keeper.try_lock(log):
            if os.fstat(log).st_size > MAX_LOG:
                os.ftruncate(log, 0)
            return name, path, log
        os.close(log)
    raise AssertionError("numbers do not end")


def _remove_old(logs: Path) -> None:
    """Remove logs that nobody has written to for long, and nobody will."""
    for path in logs.glob("notebook-*.log"):
        with suppress(OSError, NbTasksError):
            is_old = _clock.wall_ms() - path.stat().st_mtime * 1000 > OLD_MS
            if is_old and not keeper.is_locked(path, shared=True):
                path.unlink()
