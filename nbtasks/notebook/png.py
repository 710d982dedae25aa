"""Pictures of a few colours as PNG (pure)."""

import zlib
from collections.abc import Sequence
from struct import pack


def paletted_png(lines: Sequence[bytes], colours: Sequence[str]) -> bytes:
    """A picture of one byte a pixel: 0 is transparent, 1.. are the colours.

    Args:
        lines: From the top, at least one, all of one length.
        colours: As `#rrggbb`.
    """
    header = pack(">IIBBBBB", len(lines[0]), len(lines), 8, 3, 0, 0, 0)
    palette = bytes(3) + b"".join(bytes.fromhex(colour[1:]) for colour in colours)
    unfiltered = b"".join(b"\0" + line for line in lines)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", palette),
            _chunk(b"tRNS", bytes([0])),
            _chunk(b"IDAT", zlib.compress(unfiltered, 9)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))
