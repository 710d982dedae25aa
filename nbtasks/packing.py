"""The source of a module or package, packed: the same files always give the same bytes."""

import io
import os
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from keyword import iskeyword
from pathlib import Path, PurePosixPath
from typing import Final

from nbtasks.errors import BadSignature, ConfigError

MAX_SOURCE: Final = 10_000_000
"""Bytes of all files together: more is data, which should not travel as code."""

SUFFIXES: Final = frozenset(
    {".py", ".pyi", ".typed", ".json", ".toml", ".yaml", ".yml", ".ini", ".cfg", ".txt", ".md"}
    | {".sql", ".csv", ".tsv", ".html", ".css", ".js", ".j2"}
)
"""What counts as source: Python, and text that a package reads."""

SKIPPED: Final = frozenset({"__pycache__", "node_modules", "venv", "build", "dist"})
_TAKEN: Final = {"nbtasks", "cloudpickle", "redis", *sys.stdlib_module_names}
_DATE: Final = (1980, 1, 1, 0, 0, 0)
"""The first that the form can have: when a file was written says nothing of what is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A packed module: `name` is what an import calls it, `size` its bytes before packing.

    `left_out` has the files that are no source.
    """

    name: str
    blob: bytes = field(repr=False)
    files: Sequence[str]
    size: int
    left_out: Sequence[str]


def pack(path: Path) -> Packed:
    """Pack a `.py` file, or a folder with all source below it.

    Raises:
        ConfigError: It is not there, nothing can be imported from it, or it is too large.
    """
    path = path.absolute()
    name = path.stem if path.is_file() else path.name
    if not path.exists():
        raise ConfigError(f"there is no file or folder {str(path)!r}")
    is_module = path.suffix == ".py" if path.is_file() else not path.suffix
    if not is_module or not name.isidentifier() or iskeyword(name):
        raise ConfigError(
            f"{str(path)!r} cannot be imported: give a .py file, or the folder of a package"
        )
    if name in _TAKEN:
        raise ConfigError(
            f"{name!r} is the name of a module that workers need themselves: give yours another"
        )
    if path.is_dir() and not (path / "__init__.py").exists():
        inside = sorted(each.name for each in path.iterdir() if _is_importable(each))
        raise ConfigError(
            f"{str(path)!r} is no package, for it has no __init__.py: give what is in it that you"
            f" import ({', '.join(inside[:4]) or 'there is nothing'})"
        )
    found = [path] if path.is_file() else sorted(_files(path))
    source = [file for file in found if file.suffix in SUFFIXES]
    contents = {file.relative_to(path.parent).as_posix(): file.read_bytes() for file in source}
    _check_size(name, {file: len(data) for file, data in contents.items()})
    return Packed(
        name=name,
        blob=_zipped(contents),
        files=list(contents),
        size=sum(map(len, contents.values())),
        left_out=[str(file.relative_to(path.parent)) for file in found if file not in source],
    )


def unpack(blob: bytes | memoryview, name: str, folder: Path) -> None:
    """Write the files of a *verified* package below a folder.

    Raises:
        BadSignature: It is none: it holds something else.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(blob)) as archive:
            infos = archive.infolist()
            sizes = sum(info.file_size for info in infos)
            if sizes > MAX_SOURCE or not all(_belongs(info.filename, name) for info in infos):
                raise BadSignature(f"package {name!r} is refused")
            archive.extractall(folder)
    except zipfile.BadZipFile:
        raise BadSignature(f"package {name!r} is refused") from None


def _is_importable(path: Path) -> bool:
    return path.suffix == ".py" or (path / "__init__.py").exists()


def _files(folder: Path) -> Iterator[Path]:
    for entry in os.scandir(folder):
        if entry.name.startswith(".") or entry.name in SKIPPED or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from _files(Path(entry.path))
        elif entry.is_file() and not entry.name.endswith((".pyc", ".pyo")):
            yield Path(entry.path)


def _check_size(name: str, sizes: dict[str, int]) -> None:
    total = sum(sizes.values())
    if total > MAX_SOURCE:
        largest = max(sizes, key=lambda file: sizes[file])
        raise ConfigError(
            f"{name!r} has {total / 1e6:,.0f} MB of source, and may have {MAX_SOURCE / 1e6:.0f} MB:"
            f" keep data elsewhere, such as {largest!r} ({sizes[largest] / 1e6:,.1f} MB)"
        )


def _zipped(contents: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, data in contents.items():
            archive.writestr(zipfile.ZipInfo(file, _DATE), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _belongs(file: str, name: str) -> bool:
    path = PurePosixPath(file)
    return ".." not in path.parts and path.parts[0] in {name, f"{name}.py"} and "\\" not in file
