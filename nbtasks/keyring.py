"""Signing keys: the first of a ring signs, all of them are accepted, and a file keeps them.

The file has one key a line; what begins with `#` is a comment. Only its owner may read it, because
who reads it can run code on every worker.
"""

import os
import secrets
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Final, cast

from nbtasks import keeper
from nbtasks.errors import ConfigError

KEY_BYTES: Final = 32
"""Random bytes in a key that is made here; they are written in hexadecimal."""

MIN_KEY_BYTES: Final = 16

_HEADING: Final = (
    "# Signing keys of nbtasks, one a line. The first one signs, all are accepted.\n"
    "# Who can read this file can run code on every worker. Change it with `nbtasks key`.\n"
)


def split(text: bytes) -> tuple[bytes, ...]:
    """The keys of a ring as it is written: one a line, without comments and empty lines."""
    try:
        lines = [line.strip() for line in text.decode().split("\n")]
    except UnicodeDecodeError:
        return (text,)  # random bytes, which may hold a line break by chance, are one key
    if not all(line.isprintable() for line in lines):
        return (text,)
    return tuple(line.encode() for line in lines if line and not line.startswith("#"))


def join(given: object) -> bytes:
    """The ring that a user gives: a key as text or bytes, or a list of them.

    Raises:
        ConfigError: It is nothing of the kind, or a key of several holds a line break or is one
            that a ring would take for a comment.
    """
    several = cast("Sequence[object]", given if isinstance(given, (list, tuple)) else (given,))
    ring = tuple(key.encode() if isinstance(key, str) else key for key in several)
    for key in ring:
        if not isinstance(key, bytes):
            # Not the value itself: it may be a secret.
            raise ConfigError(
                f"key is of type {type(key).__name__}: it must be bytes or text, or a list of them"
            )
    keys = cast("tuple[bytes, ...]", ring)
    text = b"\n".join(keys)
    if len(keys) > 1 and split(text) != keys:
        raise ConfigError(
            "a key of several must be one line of text, without spaces around it, that does not"
            " begin with #: make one with `nbtasks key add`"
        )
    return text


def derive(key: bytes) -> bytes:
    """What is used in place of a key, so that its length and its text do not matter."""
    return blake2b(key, digest_size=32, person=b"nbt-key").digest()


def key_id(key: bytes) -> str:
    """A short name for a key, which tells keys apart and tells nothing else."""
    return blake2b(derive(key), digest_size=4, person=b"nbt-key-id").hexdigest()


def default_path(environ: Mapping[str, str]) -> Path:
    """Where the key file of this user is, from XDG_CONFIG_HOME or the home."""
    config = Path(environ.get("XDG_CONFIG_HOME", ""))
    if not config.is_absolute():  # the standard wants relative ones to be ignored
        config = Path.home() / ".config"
    return config / "nbtasks" / "key"


def read(path: Path, named_by: str = "") -> bytes:
    """The ring in a file; `named_by` is the variable that names it, for errors.

    Raises:
        ConfigError: It cannot be read, others may read it, or it holds no key.
    """
    return b"\n".join(split(_text(path, named_by)))


def _text(path: Path, named_by: str = "") -> bytes:
    what = f"key file {str(path)!r}" + (f" ({named_by})" if named_by else "")
    try:
        # Opened first and looked at then: what is judged is what is read.
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read()
    except OSError as error:
        raise ConfigError(f"{what} cannot be read: {error.strerror}") from error
    if is_open_to_others(mode):
        raise ConfigError(
            f"{what} may be read by others than its owner (mode {mode:04o}), and who has the key"
            f" can run code on every worker: run `chmod 600 {path}`, and rotate the key if others"
            " may have read it"
        )
    if not split(text):
        raise ConfigError(f"{what} holds no key: delete it, and `nbtasks key add` makes a new one")
    return text


def is_open_to_others(mode: int) -> bool:
    """Whether these permissions let group or others do anything; Windows has none of the kind."""
    return sys.platform != "win32" and bool(mode & 0o077)


def write_private(path: Path, text: bytes) -> None:
    """Write a file that only its owner may read; it is there whole or not at all."""
    draft = path.with_name(f"{path.name}.new")
    fd = keeper.open_private(draft, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(fd, text)
        os.fsync(fd)
    finally:
        os.close(fd)
    draft.replace(path)


def new_key() -> bytes:
    """A new random key, as text."""
    return secrets.token_hex(KEY_BYTES).encode()


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The lines of a key file, comments included. Changes give a new one; `save` writes it."""

    path: Path
    lines: tuple[str, ...] = field(repr=False)

    @classmethod
    def open(cls, path: Path) -> "KeyFile":
        """Read it; where there is none, make it, with one new key.

        Raises:
            ConfigError: It cannot be read or made, or others may read it.
        """
        if not path.exists():
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                write_private(path, f"{_HEADING}{new_key().decode()}\n".encode())
            except OSError as error:
                raise ConfigError(
                    f"key file {str(path)!r} cannot be made: {error.strerror}"
                ) from error
        return cls(path, tuple(_text(path).decode().splitlines()))

    @property
    def keys(self) -> tuple[bytes, ...]:
        """Its keys; the first one signs."""
        return split("\n".join(self.lines).encode())

    def add(self, key: bytes) -> "KeyFile":
        """With one more key, accepted but not used for signing."""
        self._check_new(key)
        return KeyFile(self.path, (*self.lines, key.decode()))

    def rotate(self, identity: str = "") -> "KeyFile":
        """With this key as the one that signs; with a new one, where none is named.

        Raises:
            ConfigError: There is no such key.
        """
        key = self._find(identity) if identity else new_key()
        lines = [line for line in self.lines if line.strip().encode() != key]
        first = next(
            (at for at, line in enumerate(lines) if split(line.encode())), len(lines)
        )  # comments stay where they are
        lines.insert(first, key.decode())
        return KeyFile(self.path, tuple(lines))

    def drop(self, identity: str) -> "KeyFile":
        """Without a key.

        Raises:
            ConfigError: There is no such key, or it is the one that signs.
        """
        key = self._find(identity)
        if key == self.keys[0]:
            raise ConfigError(
                f"key {identity} signs, so it cannot be dropped: first let another one sign, with"
                " `nbtasks key rotate`"
            )
        kept = (line for line in self.lines if line.strip().encode() != key)
        return KeyFile(self.path, tuple(kept))

    def save(self) -> None:
        """Write it.

        Raises:
            ConfigError: It cannot be written.
        """
        try:
            write_private(self.path, "".join(f"{line}\n" for line in self.lines).encode())
        except OSError as error:
            raise ConfigError(
                f"key file {str(self.path)!r} cannot be written: {error.strerror}"
            ) from error

    def _find(self, identity: str) -> bytes:
        for key in self.keys:
            if key_id(key) == identity:
                return key
        known = ", ".join(key_id(key) for key in self.keys)
        raise ConfigError(f"there is no key {identity!r} in {str(self.path)!r}: there are {known}")

    def _check_new(self, key: bytes) -> None:
        if split(key) != (key,) or len(key) < MIN_KEY_BYTES:
            raise ConfigError(
                f"this is not a key: give one line of text of at least {MIN_KEY_BYTES} bytes, for"
                " example the output of `openssl rand -hex 32`"
            )
        if key in self.keys:
            raise ConfigError(f"key {key_id(key)} is in {str(self.path)!r} already")
