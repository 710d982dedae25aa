"""A small TCP proxy before a server: it can change the server, stall, and lose a reply."""

import selectors
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from servers import Server

PIECE = 1 << 16


class Proxy:
    """Listens on a port of its own; each connection is one thread.

    Args:
        find: Gives the server that a new connection goes to.
    """

    def __init__(self, find: Callable[[], Server]) -> None:
        self._find = find
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.dropped = 0
        self._lost_reply = b""
        self._flows = threading.Event()
        self._flows.set()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def lose_reply(self, mark: bytes) -> None:
        """The next command with this in it is carried out, but its reply is lost with the line."""
        self._lost_reply = mark

    def stall(self) -> None:
        """Pass nothing on any more, and say nothing about it."""
        self._flows.clear()

    def cut(self) -> None:
        """End all connections; what was stalled is lost, and new connections flow again."""
        for each in tuple(self._open):
            _shut(each)
        self._flows.set()

    def close(self) -> None:
        """End it."""
        _shut(self._listener)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client, socket.socket(socket.AF_UNIX) as server:
            server.connect(str(self._find().socket))
            self._open |= {client, server}
            with selectors.DefaultSelector() as ready:
                ready.register(client, selectors.EVENT_READ)
                ready.register(server, selectors.EVENT_READ)
                self._pass_on(ready, client, server)
            self._open -= {client, server}

    def _pass_on(
        self, ready: selectors.BaseSelector, client: socket.socket, server: socket.socket
    ) -> None:
        is_losing = False
        while True:
            for key, _ in ready.select():
                piece = key.fileobj.recv(PIECE)  # type: ignore[union-attr] # both are sockets
                self._flows.wait()
                if not piece:
                    return
                if key.fileobj is client:
                    if self._lost_reply and self._lost_reply in piece:
                        is_losing, self._lost_reply = True, b""
                    server.sendall(piece)
                elif is_losing:
                    self.dropped += 1
                    return
                else:
                    client.sendall(piece)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
