"""The keeper: runs the embedded server as its child, and ends it when nobody uses it any more.

A program of its own: `nbtasks.embedded` starts this file by its path. It takes the standard library
alone and imports nothing of nbtasks, so it stays small however long it runs, and it is nobody's
child, so neither a kernel nor its whole process tree takes it along.

Who uses what is told by locks (`flock`) on files in the server's folder, not by asking: a process
cannot leave one behind, however it dies, and who waits for one sleeps.

    start.lock    exclusive: the process that looks for the server, or has it started
    users.lock    shared: each client and each local worker; exclusive: the keeper, to end
    clients.lock  shared: each client
    keeper.lock   exclusive: the keeper
    server.lock   exclusive: the keeper and the server, which inherits it: so a server that outlives
                  a killed keeper still bars a second one from its data. Its pid and host are inside
"""

import os
import re
import signal
import string
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from types import FrameType
from typing import Final

if sys.platform != "win32":
    import fcntl

START_LOCK: Final = "start.lock"
USERS_LOCK: Final = "users.lock"
CLIENTS_LOCK: Final = "clients.lock"
KEEPER_LOCK: Final = "keeper.lock"
SERVER_LOCK: Final = "server.lock"
CONFIG_FILE: Final = "server.conf"
ENV_GRACE: Final = "NBTASKS_GRACE"
GRACE: Final = "10"
"""Seconds without a user before the server ends: the restart of a kernel takes less."""
BUSY: Final = b"busy"
"""What a keeper tells the starter when another one has the folder."""
KILL_AFTER: Final = 30.0
"""Seconds that the server has to write its data before it is killed."""
RESTARTS: Final = 3
"""How often one keeper starts a server again that a signal killed."""
SETTINGS: Final = """\
port 0
unixsocketperm 700
daemonize no
logfile ""
loglevel notice
save ""
appendonly yes
appendfsync everysec
# As commands, not as a snapshot: then another server can read it, an older one or the other make.
aof-use-rdb-preamble no
maxmemory-policy noeviction
stop-writes-on-bgsave-error no
"""
"""What Redis 7 and Valkey take alike; the log goes to the keeper's."""

QUOTED_LINES: Final = 3

# What a server puts in front of each line of its log: pid and role, date and time, level.
_PREFIX: Final = re.compile(r"^\d+:[A-Z] \d+ \w+ \d+ [\d:.]+ [.\-*#] ")
_PLAIN: Final = frozenset(os.fsencode(string.ascii_letters + string.digits + "/._-+@"))


def open_private(path: Path, mode: int = os.O_RDWR) -> int:
    """Open a file, made for this user alone if need be; programs started here do not inherit it."""
    return os.open(path, mode | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def lock(fd: int, *, shared: bool = False) -> None:
    """Take a lock, and sleep until it can be had."""
    fcntl.flock(fd, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)


def try_lock(fd: int, *, shared: bool = False) -> bool:
    """Take a lock if it can be had now."""
    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(fd: int) -> None:
    """Let a lock go, also in the name of forked processes that inherited it."""
    fcntl.flock(fd, fcntl.LOCK_UN)


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Hold the exclusive lock of a file."""
    fd = open_private(path)
    try:
        lock(fd)
        yield
        unlock(fd)
    finally:
        os.close(fd)


def is_locked(path: Path, *, shared: bool = True) -> bool:
    """Whether a shared (else an exclusive) lock cannot be had now."""
    fd = open_private(path)
    try:
        if not try_lock(fd, shared=shared):
            return True
        unlock(fd)
        return False
    finally:
        os.close(fd)


def settings(folder: Path, path: Path) -> str:
    """The server's configuration file.

    Args:
        folder: Where its data goes, into ``data``.
        path: Its socket.
    """
    return f"unixsocket {_quoted(path)}\ndir {_quoted(folder / 'data')}\n{SETTINGS}"


def _quoted(path: Path) -> str:
    parts = (chr(byte) if byte in _PLAIN else f"\\x{byte:02x}" for byte in os.fsencode(path))
    return f'"{"".join(parts)}"'


def last_words(log: str) -> str:
    """What a server said before it ended, as one line."""
    lines = (_PREFIX.sub("", line).strip(" ^") for line in log.splitlines())
    # What it warns of at each start, on almost every machine, is not why it ended.
    told = [line for line in lines if line and not line.startswith("WARNING Memory overcommit")]
    return "; ".join(told[-QUOTED_LINES:])


class Keeper:
    """Starts the server, waits for its end and for the end of its users.

    Args:
        binary: The server program. Folder and settings are those of the current directory.
        grace: Seconds without a user before it ends.
    """

    def __init__(self, binary: str, grace: float) -> None:
        self._binary = binary
        self._grace = grace
        self._server = 0
        self._stopping = Event()
        self._ended = Event()

    def run(self, server_lock: int) -> None:
        """Keep the server until it ends; start it again where a signal killed it under its users.

        Args:
            server_lock: The lock that the server inherits.
        """
        signal.signal(signal.SIGTERM, self._terminated)
        for ignored in (signal.SIGINT, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)
        Thread(target=self._end_when_idle, daemon=True).start()
        for _ in range(1 + RESTARTS):
            code = self._serve(server_lock)
            if self._stopping.is_set() or code >= 0:
                break
            _say(f"the server was killed by signal {-code}")
        self._ended.set()

    def _serve(self, server_lock: int) -> int:
        os.set_inheritable(server_lock, True)  # noqa: FBT003 - positional only
        # On its standard input, because it takes a path for a pattern: in a folder with [ or ? in
        # its name it would find no settings, say nothing, and open port 6379.
        stdin = [(os.POSIX_SPAWN_OPEN, 0, CONFIG_FILE, os.O_RDONLY, 0)]
        try:
            pid = os.posix_spawn(self._binary, [self._binary, "-"], os.environ, file_actions=stdin)
        except OSError as error:
            sys.exit(f"{self._binary}: {error.strerror}")
        owner = f"{pid} {os.uname().nodename}\n".encode()
        os.ftruncate(server_lock, os.pwrite(server_lock, owner, 0))
        self._server = pid
        if self._stopping.is_set():  # set while there was no process to signal
            self._signal(signal.SIGTERM)
        status = os.waitpid(pid, 0)[1]
        self._server = 0
        return os.waitstatus_to_exitcode(status)

    def _signal(self, number: int) -> None:
        if self._server:
            os.kill(self._server, number)

    def _terminated(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping.set()
        self._signal(signal.SIGTERM)

    def _end_when_idle(self) -> None:
        # A signal that this thread took would not wake the main one from its wait.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        users = open_private(Path(USERS_LOCK))
        while True:
            lock(users)
            unlock(users)
            self._ended.wait(self._grace)
            if try_lock(users):
                break
        # Held to the end: who comes now waits for the lock, then finds no server and starts one.
        _say("nobody uses the server any more")
        self._stopping.set()
        self._signal(signal.SIGTERM)
        if not self._ended.wait(KILL_AFTER):
            _say("the server does not end, so it is killed")
            self._signal(signal.SIGKILL)


def _say(text: str) -> None:
    sys.stderr.write(f"keeper {os.getpid()}: {text}\n")
    sys.stderr.flush()


def main(folder: Path, path: Path, binary: str, starter: int) -> None:
    """Become a process of its own and keep the server of a folder.

    Args:
        folder: The server's folder.
        path: Its socket.
        binary: The server program.
        starter: A pipe to the process that waits for the server: it is closed when the keeper ends.
    """
    if os.fork():
        os._exit(0)  # the starter reaps this one; the keeper is now nobody's child
    os.set_inheritable(starter, False)  # noqa: FBT003 - positional only
    os.umask(0o077)
    os.chdir(folder)
    keeper_lock, server_lock = open_private(Path(KEEPER_LOCK)), open_private(Path(SERVER_LOCK))
    if try_lock(keeper_lock) and try_lock(server_lock):
        Path(CONFIG_FILE).write_text(settings(folder, path), encoding="ascii")
        Keeper(binary, float(os.environ.get(ENV_GRACE, GRACE))).run(server_lock)
    else:
        os.write(starter, BUSY)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
