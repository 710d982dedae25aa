"""Packages that a client has sent with `App.sync`: the parent fetches, a child checks and imports.

A task names the packages it was sent with, by their content. The parent puts those as they are into
a folder of this user that all workers of the machine share. A child checks the signature, unpacks,
and imports from there. When the next task names others, the child forgets the modules that differ,
so that it loads them anew; what runs keeps those it has.
"""

import importlib
import logging
import os
import shutil
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from nbtasks.app import current_app
from nbtasks.clock import SystemClock
from nbtasks.embedded import ENV_HOME, private_folder
from nbtasks.errors import BadSignature, NoServer, RemoteError
from nbtasks.functions import digest
from nbtasks.packing import MAX_SOURCE, unpack
from nbtasks.record import Header
from nbtasks.signing import HEAD, PACKAGE, Signer, is_named
from nbtasks.store.keys import Keys
from nbtasks.store.link import Link
from nbtasks.store.packages import KEPT_MS

logger = logging.getLogger(__name__)

OLD_MS: Final = 30 * 86_400_000
"""What was not used for so long is removed; it is fetched again where a task names it after all."""

PACKED: Final = ".pack"

RENEW_MS: Final = 86_400_000.0
"""How often a package that is used gets its full time in Redis again."""

_clock = SystemClock()


class Shipments:
    """Fetches packages for the children of a worker, once for all workers of a machine."""

    def __init__(self, link: Link, keys: Keys) -> None:
        self._link = link
        self._keys = keys
        self._renewed: dict[str, float] = {}
        self._folder: Path | None = None

    def bring(self, packages: tuple[str, ...]) -> None:
        """Have these packages at hand; one that is not to be had is missed by the child.

        Raises:
            StoreError: Redis is gone, or refuses.
        """
        for reference in packages:
            try:
                self._bring(_parts(reference)[1])
            except (OSError, NoServer) as error:
                logger.warning("package %s cannot be kept here: %s", reference, error)

    def _bring(self, name: str) -> None:
        self._folder = self._folder or _folder()
        path, now = self._folder / f"{name}{PACKED}", _clock.tick_ms()
        if not path.exists():  # a child removes what is not signed
            _remove_old(self._folder)
            blob = self._link.call("GET", self._keys.package(name))
            if blob is None or len(blob) > MAX_SOURCE + HEAD:
                return
            _write(blob, path)
        if now - self._renewed.get(name, -RENEW_MS) >= RENEW_MS:
            self._link.call("PEXPIRE", self._keys.package(name), KEPT_MS)
            self._renewed[name] = now


class Imports:
    """What this process imports from: one set of packages at a time.

    `generation` changes with them: code that was loaded before then may hold other modules.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._packages: tuple[str, ...] = ()
        self._folders: list[str] = []
        self.generation = 0

    def use(self, header: Header, signer: Signer) -> int:
        """Import from the packages that a task was sent with from now on; the generation.

        Raises:
            BadSignature: One is not signed by a key of ours.
            RemoteError: One is not there.
        """
        if header.packages != self._packages:
            with self._lock:
                if header.packages != self._packages:
                    self._switch(
                        header.packages, [_open(header, each, signer) for each in header.packages]
                    )
        return self.generation

    def _switch(self, packages: tuple[str, ...], folders: list[str]) -> None:
        changed = {each.partition(":")[0] for each in {*packages} ^ {*self._packages}}
        # Before all else: a module of this name may lie in the current folder, too.
        sys.path[:] = [*folders, *(path for path in sys.path if path not in self._folders)]
        for module in [name for name in sys.modules if name.partition(".")[0] in changed]:
            del sys.modules[module]
        importlib.invalidate_caches()
        # What a task sends runs with the packages that the task was sent with.
        current_app().packages = dict(_parts(each) for each in packages)
        self._packages, self._folders = packages, folders
        self.generation += 1


def _open(header: Header, reference: str, signer: Signer) -> str:
    """The folder of a package, unpacked if need be."""
    name, code = _parts(reference)
    what = f"package {name!r} of task {header.task!r}"
    try:
        path = _folder() / f"{code}{PACKED}"
        folder = path.with_suffix("")
        if not folder.is_dir():
            _unpack(_verified(path, code, signer, what), name, folder)
        os.utime(path)
    except (OSError, NoServer) as error:
        raise RemoteError(
            "PackageLost",
            f"{what} is no longer stored, or cannot be kept on the worker ({error}):"
            f" %workers sync {name}, and send the task again",
        ) from None
    return str(folder)


def _verified(path: Path, code: str, signer: Signer, what: str) -> memoryview:
    try:
        payload = signer.code().open(PACKAGE, path.read_bytes(), f"{what} is refused")
        if is_named(code, digest(payload)):
            return payload
    except BadSignature:
        path.unlink(missing_ok=True)  # what is stored may be right when it is fetched again
        raise
    path.unlink(missing_ok=True)
    raise BadSignature(f"{what} is refused")


def _write(blob: bytes, path: Path) -> None:
    """Make a file appear whole."""
    handle, part = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(blob)
        Path(part).replace(path)
    except OSError:
        Path(part).unlink(missing_ok=True)
        raise


def _unpack(payload: memoryview, name: str, folder: Path) -> None:
    part = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        unpack(payload, name, part)
        with suppress(OSError):  # another process was quicker
            part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _parts(reference: str) -> tuple[str, str]:
    name, _, code = reference.partition(":")
    return name, code


def _folder() -> Path:
    """Where the parent puts packages, and a child unpacks them, each beside its file.

    A folder of this user alone: what lies there is run.

    Raises:
        OSError: It cannot be made.
        NoServer: It belongs to somebody else.
    """
    if home := os.environ.get(ENV_HOME):
        return private_folder(Path(home).expanduser().absolute() / "packages")
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        base = named if named.is_absolute() else Path.home() / ".cache"
        return private_folder(base / "nbtasks" / "packages")
    except (OSError, RuntimeError):  # there is no home, or it cannot be written to
        return private_folder(
            Path(tempfile.gettempdir()) / f"nbtasks-packages-{os.geteuid()}", may_be_link=False
        )


def _remove_old(folder: Path) -> None:
    for path in folder.glob(f"*{PACKED}"):
        with suppress(OSError):
            if _clock.wall_ms() - path.stat().st_mtime * 1000 > OLD_MS:
                shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                path.unlink()
