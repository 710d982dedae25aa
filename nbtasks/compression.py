"""Payloads made smaller, and large again: never larger than the reader allows (pure).

A compressed payload is `Z`, a letter for the method, how many bytes it stands for, the first bytes
of the payload (which say its form, so that one that is not accepted is not even made large), and
the rest, compressed.
"""

import bz2
import lzma
import struct
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from nbtasks.errors import ConfigError, ContentRefused, TooBig
from nbtasks.spelling import nearest

PACKED: Final = b"Z"
MIN_SIZE: Final = 1000
"""Bytes; what is smaller is left as it is: it would gain nothing to speak of."""

MEMORY: Final = 128 * 1024**2
"""Bytes that a method may need beside what it gives."""

_FRAME: Final = struct.Struct("<ccQ")
HEAD: Final = _FRAME.size
"""Bytes of a compressed payload before the first ones of the payload itself."""


@dataclass(frozen=True, slots=True)
class Method:
    """A way to compress: its letter, and two functions.

    `expand` gets how many bytes are wanted, and gives at most one more than that.
    """

    letter: bytes
    squeeze: Callable[[memoryview], bytes]
    expand: Callable[[memoryview, int], bytes]
    package: str = ""


def _expand_zlib(data: memoryview, size: int) -> bytes:
    return zlib.decompressobj().decompress(data, size + 1)


def _expand_bzip2(data: memoryview, size: int) -> bytes:
    return bz2.BZ2Decompressor().decompress(data, size + 1)


def _expand_lzma(data: memoryview, size: int) -> bytes:
    found = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY)
    return found.decompress(data, size + 1)


def _squeeze_zstd(data: memoryview) -> bytes:
    zstd: Any = import_module("zstandard")
    return bytes(zstd.ZstdCompressor().compress(data))


def _expand_zstd(data: memoryview, size: int) -> bytes:
    zstd: Any = import_module("zstandard")
    found = zstd.ZstdDecompressor(max_window_size=MEMORY)
    return bytes(found.stream_reader(data).read(size + 1))


METHODS: Final = {
    "zlib": Method(b"z", zlib.compress, _expand_zlib),
    "bzip2": Method(b"b", bz2.compress, _expand_bzip2),
    "lzma": Method(b"l", lzma.compress, _expand_lzma),
    "zstd": Method(b"s", _squeeze_zstd, _expand_zstd, "zstandard"),
}
"""By their names; what needs a package is there once that is installed."""

NONE: Final = "none"
"""What a call says that is not to be compressed, whatever its task and the settings say."""

_ALIASES: Final = {
    "gzip": "zlib",
    "application/x-gzip": "zlib",
    "bzip": "bzip2",
    "application/x-bz2": "bzip2",
    "xz": "lzma",
    "application/x-lzma": "lzma",
    "zstandard": "zstd",
    "application/zstd": "zstd",
}
"""Celery's names."""

_BY_LETTER: Final = {method.letter: name for name, method in METHODS.items()}


def check_method(name: object) -> str:
    """The name of a method, if there is one of that name here; empty for none.

    Raises:
        ConfigError: There is none, or its package is not installed.
    """
    if not isinstance(name, str):
        raise ConfigError(f"compression is {name!r}: it must be one of {', '.join(METHODS)}")
    found = _ALIASES.get(name, name)
    if found in {"", NONE}:
        return ""
    if found not in METHODS:
        raise ConfigError(f"there is no compression {name!r}{nearest(name, [*METHODS, *_ALIASES])}")
    if missing := _missing(found):
        raise ConfigError(f"compression {name!r} needs a package: {missing}")
    return found


def is_packed(payload: bytes | memoryview) -> bool:
    """Whether a payload is a compressed one."""
    return len(payload) > HEAD and payload[0] == PACKED[0]


def pack(payload: bytes, head: int, method: str) -> bytes:
    """The payload compressed, where that makes it smaller; else as it is.

    Args:
        payload: A payload.
        head: How many of its first bytes say its form.
        method: The name of a method.
    """
    found = METHODS[method]
    small = found.squeeze(memoryview(payload)[head:])
    if HEAD + head + len(small) >= len(payload):
        return payload
    return b"".join((_FRAME.pack(PACKED, found.letter, len(payload)), payload[:head], small))


def size_of(payload: bytes | memoryview) -> int:
    """How many bytes a payload has, or stands for."""
    return int(_FRAME.unpack_from(payload)[2]) if is_packed(payload) else len(payload)


def check(payload: bytes | memoryview, limit: int, what: str) -> str:
    """The method of a compressed payload, if it may be made large here.

    Raises:
        TooBig: It would be larger than the limit.
        ContentRefused: It is compressed in a way that is not known here; `what` says whose it is.
    """
    _, letter, size = _FRAME.unpack_from(payload)
    name = _BY_LETTER.get(letter, "")
    check_here(name, what)
    if size > limit:
        raise TooBig(what, size, limit, "max_input")
    return name


def check_here(name: str, what: str) -> None:
    """Refuse what is compressed, or asks to be answered so, in a way that is not known here.

    Raises:
        ContentRefused: It is; `what` says whose it is.
    """
    if name not in METHODS:
        raise ContentRefused(what, f"compressed ({name!r})", "install the nbtasks of its sender")
    if missing := _missing(name):
        raise ContentRefused(what, f"compressed with {name}", missing)


def unpack(payload: bytes | memoryview, head: int, limit: int, what: str) -> bytes:
    """The payload that a *verified*, compressed one stands for.

    Args:
        payload: What `pack` made.
        head: How many bytes say the form of what is in it.
        limit: The most bytes that it may come to.
        what: Whose it is, for the error.

    Raises:
        TooBig: It would be larger than the limit.
        ContentRefused: It is compressed in a way that is not known here, or is damaged.
    """
    name = check(payload, limit, what)
    start = HEAD + head
    view, size = memoryview(payload), size_of(payload)
    try:
        large = METHODS[name].expand(view[start:], size - head)
    except Exception as error:  # each library has an error of its own
        raise _damaged(what, name, f"{type(error).__name__}: {error}") from error
    if head + len(large) != size:
        raise _damaged(what, name, "it has another size than it says")
    return bytes(view[HEAD:start]) + large


def _damaged(what: str, name: str, reason: str) -> ContentRefused:
    return ContentRefused(what, f"compressed with {name}, and damaged", reason)


def _missing(name: str) -> str:
    package = METHODS[name].package
    if not package or package in sys.modules or find_spec(package) is not None:
        return ""
    return f"pip install 'nbtasks[{name}]'"
