"""What is installed here: the distributions on the path, by the names of their metadata folders.

Nothing is opened where the folder's name says it all: a worker looks when it starts.
"""

import os
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_INFO = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)\.dist-info")
_VERSION = re.compile(r"^Version: *(\S+)", re.MULTILINE)


def installed(path: Iterable[str] | None = None) -> dict[str, str]:
    """Versions by name, as `plain_name` has it; of two the first on the path, as an import does.

    Args:
        path: Folders; None for where this process imports from.
    """
    found: dict[str, str] = {}
    for folder in sys.path if path is None else path:
        try:
            names = sorted(os.listdir(folder or "."))  # noqa: PTH208 - names, not paths
        except OSError:
            continue  # a zip file, or nothing
        for name in names:
            if info := _INFO.fullmatch(name):
                found.setdefault(plain_name(info["name"]), info["version"])
            elif name.endswith(".egg-info"):
                title = name.removesuffix(".egg-info").partition("-")[0]
                found.setdefault(plain_name(title), _version(Path(folder, name)))
    return found


def plain_name(name: str) -> str:
    """A name as it is compared: in lower case, with one dash for each run of `-`, `_` and `.`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _version(path: Path) -> str:
    with suppress(OSError):
        text = (path / "PKG-INFO" if path.is_dir() else path).read_text("utf-8", "replace")
        if version := _VERSION.search(text):
            return version[1]
    return "?"
