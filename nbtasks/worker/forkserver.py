"""A process that has run nothing of a user's, has one thread, and is forked in the worker's place.

Its children are not the worker's to wait for. So it says how they have ended, and rings the worker
with the signal that the kernel would have sent.
"""

import os
import selectors
import signal
import socket
import struct
import sys
from contextlib import suppress
from typing import Any, Final

from nbtasks.worker.child import run_children
from nbtasks.worker.frames import GONE, FrameReader, send_frame
from nbtasks.worker.process import Process
from nbtasks.worker.spawning import Boot, cells_file, start_python
from nbtasks.worker.starting import (
    become_child,
    close_pairs,
    socket_pairs,
    take_process,
)
from nbtasks.worker.work import Cells, ChildSettings

STARTED: Final = "started"
ENDED: Final = "ended"

_MAIN: Final = "from nbtasks.worker.forkserver import run_server; run_server()"
_ANSWER_S: Final = 15.0
_FILES_AT_ONCE: Final = 100  # the kernel passes no more than 253 with a message
_KILLED: Final = -int(signal.SIGKILL)
_number = struct.Struct("<I")


class ServedProcess(Process):
    """A child of the server."""

    def __init__(self, pid: int, server: "ForkServer") -> None:
        super().__init__(pid)
        self._server = server

    def wait(self) -> None:
        """Block until it has ended."""
        while self._exit_code() is None:
            self._server.listen(_ANSWER_S)

    def _exit_code(self) -> int | None:
        return self._server.exit_code(self.pid)


class ForkServer:
    """Starts processes through the server, and the server when there is none."""

    def __init__(self, boot: Boot) -> None:
        self._boot = boot
        self._pid = 0
        self._control: socket.socket | None = None
        self._reader: FrameReader | None = None
        self._started: list[int] = []
        self._codes: dict[int, int] = {}

    def start(self, count: int) -> Process:
        """A process with so many children.

        Raises:
            OSError: There is no memory, process or file for it now, or the server has ended.
        """
        control = self._control or self._launch()
        pairs = socket_pairs(count)
        try:
            with cells_file(count) as file:
                cells = [Cells(file.fileno(), place) for place in range(count)]
                theirs = [file.fileno(), *(pair[1].fileno() for pair in pairs)]
                control.settimeout(_ANSWER_S)
                for at in range(0, len(theirs), _FILES_AT_ONCE):
                    part = theirs[at : at + _FILES_AT_ONCE]
                    socket.send_fds(control, [_number.pack(len(theirs))], part)
            pid = self._wait_for_start()
        except OSError:
            close_pairs(pairs)
            raise
        return take_process(ServedProcess(pid, self), pairs, cells)

    def close(self) -> None:
        """End the server."""
        if self._control is not None:
            self._control.close()
            self._control = self._reader = None
            os.waitpid(self._pid, 0)

    def exit_code(self, pid: int) -> int | None:
        """How a process of the server has ended; None while it lives. Asked once it has ended."""
        if pid not in self._codes:
            self.listen(0.0)
        if self._control is None:
            return self._codes.pop(pid, _KILLED)  # the kernel killed it together with the server
        return self._codes.pop(pid, None)

    def listen(self, seconds: float) -> None:
        """Hear what the server says; wait so long for it."""
        if self._control is None or self._reader is None:
            return
        self._control.settimeout(seconds)
        with suppress(TimeoutError):
            if self._reader.receive() == GONE:
                self.close()
                return
        while (message := self._reader.next()) is not None:
            kind, pid, *rest = message
            if kind == STARTED:
                self._started.append(pid)
            else:
                self._codes[pid] = rest[0]

    def _launch(self) -> socket.socket:
        # Two: a read of what it must know could take the first files with it, and lose them.
        boot, (ours, theirs) = socket_pairs(2)
        try:
            self._pid = start_python(_MAIN, [boot[1].fileno(), theirs.fileno()])
            self._boot.send(boot[0])
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
            close_pairs([boot])
        self._control, self._reader = ours, FrameReader(ours)
        return ours

    def _wait_for_start(self) -> int:
        self.listen(_ANSWER_S)
        while not self._started:
            if self._control is None:
                raise OSError("the fork server has ended")
            self.listen(_ANSWER_S)
        return self._started.pop()


def run_server() -> None:
    """What the server does, until the worker is gone."""
    boot_sock, control = [socket.socket(fileno=int(text)) for text in sys.argv[1:]]
    boot = Boot.receive(boot_sock)
    if boot is None:
        return
    become_child(boot.parent, [control.fileno()])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, _ignore)  # the worker says when it ends
    signal.signal(signal.SIGCHLD, _ignore)
    bell, theirs = socket.socketpair()
    for sock in (bell, theirs):
        sock.setblocking(False)  # noqa: FBT003 - the socket's own method
    signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    with suppress(ConnectionError, ProcessLookupError):  # the worker is gone
        _serve(control, bell, boot.apply(), boot.parent)
    signal.set_wakeup_fd(-1)  # its socket is closed before the last signal may come


def _serve(
    control: socket.socket, bell: socket.socket, settings: ChildSettings, parent: int
) -> None:
    selector = selectors.DefaultSelector()
    for sock in (control, bell):
        selector.register(sock, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is bell:
                with suppress(BlockingIOError):
                    bell.recv(1024)
            else:
                files = receive_files(control)
                if not files:
                    return
                send_frame(control, (STARTED, _fork(files, settings)))
        _report_ended(control, parent)


def receive_files(control: socket.socket) -> list[int]:
    """The files of a new process; none where the worker is gone."""
    found: list[int] = []
    wanted = 1
    while len(found) < wanted:
        try:
            data, files, *_ = socket.recv_fds(control, _number.size, _FILES_AT_ONCE)
        except ConnectionError:  # it was killed before it had read all of ours
            return []
        if not data:
            return []
        (wanted,) = _number.unpack(data)
        found += files
    return found


def _fork(files: list[int], settings: ChildSettings) -> int:
    server = os.getpid()
    pid = os.fork()
    if pid == 0:
        cells = [Cells(files[0], place) for place in range(len(files) - 1)]
        become_child(server, files[1:])
        socks = [socket.socket(fileno=number) for number in files[1:]]
        run_children(list(zip(socks, cells, strict=True)), settings)
    for number in files:
        os.close(number)
    return pid


def _report_ended(control: socket.socket, parent: int) -> None:
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            send_frame(control, (ENDED, pid, os.waitstatus_to_exitcode(status)))
            os.kill(parent, signal.SIGCHLD)


def _ignore(*_: Any) -> None:
    """Nothing: unlike SIG_IGN, this is not passed on."""
