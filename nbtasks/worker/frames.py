"""Messages between a worker and its children: a length and a marshalled tuple.

Both ends are the same interpreter, and marshal carries only plain values: the parent never
unpickles anything, not even what its own children send.
"""

import marshal
import socket
import struct
from typing import Any, Final

_length = struct.Struct("<Q")
_PLAIN: Final = 2  # the marshal version without back-references: half the time for bytes
_RECEIVE: Final = 262_144

NOTHING_NOW: Final = -1
GONE: Final = 0


def send_frame(sock: socket.socket, message: tuple[Any, ...]) -> None:
    """Send a message whole, however long that takes."""
    data = marshal.dumps(message, _PLAIN)
    head = _length.pack(len(data))
    if len(data) < _RECEIVE:
        sock.sendall(head + data)
    else:
        sock.sendall(head)
        sock.sendall(data)


class FrameWriter:
    """Sends messages without ever blocking: what the other end has no room for waits here.

    A parent that blocked on one child could neither renew leases nor read what that child, blocked
    on its parent in turn, wants to be rid of.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._waiting = bytearray()

    @property
    def is_behind(self) -> bool:
        """Whether something waits for room: `flush` is to be called when the socket has some."""
        return bool(self._waiting)

    def send(self, message: tuple[Any, ...]) -> None:
        """Send a message, or as much of it as there is room for."""
        data = marshal.dumps(message, _PLAIN)
        frame = _length.pack(len(data)) + data
        sent = 0 if self._waiting else self._send(frame)
        if sent < len(frame):
            self._waiting += memoryview(frame)[sent:]

    def flush(self) -> None:
        """Send what waits, as far as there is room."""
        with memoryview(self._waiting) as view:
            sent = self._send(view)
        del self._waiting[:sent]

    def _send(self, data: bytes | memoryview) -> int:
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            return len(data)  # the other end is gone, which is noticed elsewhere


class FrameReader:
    """Cuts what comes out of a socket into messages."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray()

    def fileno(self) -> int:
        """The socket's file number."""
        return self._sock.fileno()

    def receive(self) -> int:
        """Read once: how many bytes, or GONE, or NOTHING_NOW where the socket does not block."""
        try:
            data = self._sock.recv(_RECEIVE)
        except BlockingIOError:
            return NOTHING_NOW
        except ConnectionError:
            return GONE
        self._buffer += data
        return len(data)

    def next(self) -> tuple[Any, ...] | None:
        """The next whole message, or None."""
        buffer = self._buffer
        if len(buffer) < _length.size:
            return None
        (size,) = _length.unpack_from(buffer)
        stop = _length.size + size
        if len(buffer) < stop:
            return None
        with memoryview(buffer) as view:
            # From our own child, which may run anything anyway; marshal calls nothing.
            message: tuple[Any, ...] = marshal.loads(view[_length.size : stop])  # noqa: S302
        del buffer[:stop]
        return message

    def wait(self) -> tuple[Any, ...] | None:
        """Block for the next message; None when the other end is gone."""
        while (message := self.next()) is None:
            if self.receive() == GONE:
                return None
        return message
