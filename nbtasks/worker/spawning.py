"""Processes that are no copy of the worker: a fresh interpreter, which is told all over a socket.

Neither its command line nor its environment has the signing key.
"""

import logging
import marshal
import mmap
import os
import socket
import sys
import tempfile
from dataclasses import asdict, dataclass, field, fields, replace
from typing import IO, Any, Final

from nbtasks.app import App
from nbtasks.config import KINDS, Config, from_environment, hidden_secrets, remember_secrets
from nbtasks.registry import find_app, take_on
from nbtasks.worker.child import run_children
from nbtasks.worker.frames import FrameReader, send_frame
from nbtasks.worker.kinds import PoolOptions
from nbtasks.worker.logbook import set_up
from nbtasks.worker.options import WorkerOptions
from nbtasks.worker.process import Process
from nbtasks.worker.starting import (
    become_child,
    close_pairs,
    socket_pairs,
    take_process,
)
from nbtasks.worker.work import Cells, ChildSettings

logger = logging.getLogger(__name__)

_MAIN: Final = "from nbtasks.worker.spawning import run_spawned; run_spawned()"


@dataclass(frozen=True, slots=True)
class Boot:
    """What a fresh interpreter must know to be like a copy of the worker.

    `objects` are the settings that cannot be told, since they hold functions, classes or the like:
    the program has them, or else the environment.
    """

    parent: int
    path: list[str]
    level: int
    worker: str
    program: str
    objects: list[str]
    pool: dict[str, Any]
    config: dict[str, Any] = field(repr=False)
    secrets: dict[str, str] = field(repr=False)

    @classmethod
    def of(cls, config: Config, options: WorkerOptions) -> "Boot":
        """This process, as it is now."""
        settings = {name: getattr(config, name) for name in KINDS}
        objects = [name for name, value in settings.items() if not _is_plain(value)]
        return cls(
            parent=os.getpid(),
            path=sys.path,
            level=logging.getLogger().level,
            worker=options.name,
            program=options.program,
            objects=objects,
            pool=asdict(options.pool),
            config={name: value for name, value in settings.items() if name not in objects},
            secrets=hidden_secrets(),
        )

    def send(self, sock: socket.socket) -> None:
        """Tell it."""
        send_frame(sock, tuple(getattr(self, each.name) for each in fields(self)))

    @classmethod
    def receive(cls, sock: socket.socket) -> "Boot | None":
        """What was sent; None where the parent is gone already."""
        message = FrameReader(sock).wait()
        return None if message is None else cls(*message)

    def apply(self) -> ChildSettings:
        """Make this interpreter like the worker's."""
        sys.path[:] = self.path
        remember_secrets(self.secrets)
        program = _find(self.program) if self.program else None
        config = Config(**self.config)
        if self.objects:
            theirs = from_environment() if program is None else program.config
            config = replace(config, **{name: getattr(theirs, name) for name in self.objects})
        take_on(program, config)
        set_up(config, self.worker, self.level)
        return ChildSettings.of(config, self.worker, PoolOptions(**self.pool))


def _is_plain(value: Any) -> bool:
    """Whether it is made of numbers, texts, lists and the like."""
    try:
        marshal.dumps(value)
    except ValueError:
        return False
    return True


def _find(program: str) -> App | None:
    """The app of a program, which the worker has found before."""
    try:
        return find_app(program)
    except Exception as error:  # noqa: BLE001 - it is the user's module
        # Tasks that are no part of it run all the same, and those that are say what is wrong.
        logger.error("this process does without its program: %s", error)  # noqa: TRY400 # one line
        return None


class Spawn:
    """A process is a fresh interpreter: slow to start, but it shares nothing."""

    def __init__(self, boot: Boot) -> None:
        self._boot = boot

    def start(self, count: int) -> Process:
        """A process with so many children.

        Raises:
            OSError: There is no memory, process or file for it now.
        """
        boot, *pairs = socket_pairs(count + 1)
        try:
            with cells_file(count) as file:
                theirs = [boot[1].fileno(), file.fileno(), *(pair[1].fileno() for pair in pairs)]
                cells = [Cells(file.fileno(), place) for place in range(count)]
                process = Process(start_python(_MAIN, theirs))
            self._boot.send(boot[0])
        except OSError:
            close_pairs(pairs)
            raise
        finally:
            close_pairs([boot])
        return take_process(process, pairs, cells)

    def close(self) -> None:
        """Nothing: there is nothing to end."""


def cells_file(count: int) -> IO[bytes]:
    """A file without a name, with a page for the numbers of each child.

    Raises:
        OSError: There is no room for it.
    """
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.truncate(count * mmap.PAGESIZE)
    return file


def start_python(code: str, files: list[int]) -> int:
    """Start an interpreter that runs some code, with the numbers of these files as arguments.

    Raises:
        OSError: There is no memory or process for it now.
    """
    for number in files:
        os.set_inheritable(number, True)  # noqa: FBT003 - the function's own argument
    command = [sys.executable, "-c", code, *map(str, files)]
    return os.posix_spawn(sys.executable, command, os.environ, setpgroup=0)


def run_spawned() -> None:
    """What such an interpreter does."""
    numbers = [int(text) for text in sys.argv[1:]]
    boot_sock, *socks = [socket.socket(fileno=number) for number in (numbers[0], *numbers[2:])]
    boot = Boot.receive(boot_sock)
    if boot is None:
        return
    cells = [Cells(numbers[1], place) for place in range(len(socks))]
    become_child(boot.parent, [sock.fileno() for sock in socks])
    settings = boot.apply()
    run_children(list(zip(socks, cells, strict=True)), settings)
