"""Private Redis servers, to be killed and started again, and a look at what is left in one."""

import os
import struct
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import redis
from patience import wait_until

from nbtasks.embedded import find_server


class Server:
    """A private Redis on a Unix socket; `options` are its own command line options."""

    def __init__(
        self, folder: Path, *options: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.socket = folder / "s"
        self.url = f"unix://{self.socket}"
        self.options = options
        self.environment = {**os.environ, **(environment or {})}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, with the data it had."""
        command = [find_server(), "--port", "0", "--unixsocket", self.socket, "--dir", self.folder]
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [*command, "--save", "", *self.options],
            env=self.environment, stdout=log, stderr=log,
        )  # fmt: skip
        log.close()
        wait_until(self.answers, "the test server answers")

    def answers(self) -> bool:
        """Whether it takes commands now."""
        with suppress(redis.RedisError, OSError), self.client() as client:
            return bool(client.ping())
        return False

    def client(self) -> redis.Redis:
        """A plain connection."""
        return redis.Redis.from_url(self.url)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def slow_disk(folder: Path, ms: int) -> dict[str, str]:
    """The environment of a server whose every fsync takes so much longer; compiled in a folder."""
    return {"LD_PRELOAD": _compile("slow_disk", folder), "SLOW_DISK_MS": str(ms)}


class WrongClock:
    """A time of day that is off by some seconds, for programs with its `environment`."""

    def __init__(self, folder: Path, seconds: int) -> None:
        self._file = folder / "wrong_clock"
        self.set(seconds)
        library = _compile("wrong_clock", folder)
        self.environment = {"LD_PRELOAD": library, "WRONG_CLOCK": str(self._file)}

    def set(self, seconds: int) -> None:
        """Let it jump, in all of them at once."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("l", seconds))


def _compile(name: str, folder: Path) -> str:
    library = folder / f"{name}.so"
    source = Path(__file__).with_name(f"{name}.c")
    command = ["cc", "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"]
    subprocess.run(command, check=True)
    return str(library)


def leaks(client: redis.Redis, prefix: str) -> list[str]:
    """Keys of an app that nobody will ever remove: with no TTL and no unfinished task."""
    unfinished = {
        key.rpartition(b":")[2]
        for key in client.scan_iter(f"{prefix}r:*")
        if int(client.hget(key, "left") or 0) > 0
    }
    needed = client.hkeys(f"{prefix}refs")  # the code of unfinished records, and of entries
    entries = client.zrange(f"{prefix}due", 0, -1)  # they stay until somebody removes them
    kept = {f"{kind}:".encode() + name for kind in ("en", "rn", "ro") for name in entries}
    kept |= {b"due", b"refs"} if entries else set()
    kept |= {b"programs", b"paused", b"limits"}
    found = []
    for key in client.scan_iter(f"{prefix}*"):
        name = key.rpartition(b":")[2]
        is_owned = name in unfinished or name in needed or (name == b"refs" and unfinished)
        is_owned = is_owned or key.removeprefix(prefix.encode()) in kept
        if client.ttl(key) == -1 and not is_owned:
            found.append(key.decode())
    return sorted(found)
