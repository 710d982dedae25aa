"""Real workers for tests."""

import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, cast

from nbtasks.app import App
from nbtasks.clock import Clock, SystemClock
from nbtasks.config import Config
from nbtasks.connection import resolve
from nbtasks.errors import ConfigError
from nbtasks.settings import PREFIX
from nbtasks.testing.moving import FakeClock
from nbtasks.worker.kinds import PREFORK

_numbers = itertools.count(1)

_LOOK_S: Final = 0.01


@dataclass(frozen=True, slots=True)
class RunningWorker:
    """A worker in a process of its own.

    Attributes:
        name: Under which it is seen, as in `App.workers` and `AsyncResult.worker`.
        process: Its process; `pid`, `kill` and so on.
        log: The file that it writes to.
    """

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def text(self) -> str:
        """What it has logged so far."""
        return self.log.read_text(errors="replace")


@contextmanager
def start_worker(
    app: App,
    *,
    concurrency: int = 1,
    pool: str = PREFORK,
    queues: Sequence[str] = (),
    loglevel: str = "info",
    timeout: float = 15.0,
) -> Generator[RunningWorker]:
    """A real worker of an app, in a process of its own, which is told to end afterwards.

    It has the settings of the app, and imports from where this process does.

    Args:
        app: The app.
        concurrency: Tasks at a time.
        pool: `prefork`, `threads` or `solo`.
        queues: Which queues it takes from; by default that of tasks that name none.
        loglevel: What it logs, from `debug` to `error`.
        timeout: Seconds that it may take to come up, and to end after that.

    Raises:
        ConfigError: It does not come up; the message has the end of its log. Or the app is eager,
            or has a `FakeClock`, which a worker in another process does not heed.
        StoreUnavailable: Redis does not answer.
    """
    _check(app)
    clock = SystemClock()
    with tempfile.TemporaryDirectory(prefix="nbtasks-") as folder:
        name = f"test-{os.getpid()}-{next(_numbers)}@localhost"
        options = ("-c", str(concurrency), "-P", pool, "-l", loglevel, "-n", name)
        named = ("-Q", ",".join(queues)) if queues else ()
        worker = _launch(app, name, (*options, *named), Path(folder) / "worker.log")
        try:
            _await(app, worker, clock, timeout)
            yield worker
        finally:
            _end(worker, timeout)


def _check(app: App) -> None:
    if app.config.task_always_eager:
        raise ConfigError("an eager app sends nothing: give start_worker another one")
    if isinstance(app.clock, FakeClock):
        raise ConfigError("a worker in another process has the real time: use drain here")


def _launch(app: App, name: str, options: Sequence[str], log: Path) -> RunningWorker:
    config, _ = resolve(app.config)
    environ = {**os.environ, **_variables(config)}
    environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "nbtasks", "worker", *options],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=0,
        )
    return RunningWorker(name, process, log)


def _variables(config: Config) -> dict[str, str]:
    """The settings that a text can say, as a worker reads them from its environment."""
    found: dict[str, str] = {}
    for field in fields(config):
        value: Any = getattr(config, field.name)
        match value:
            case bool():
                text = str(int(value))
            case str() | int() | float():
                text = str(value)
            case bytes():
                text = value.decode("utf-8", "surrogateescape")
            case tuple():
                text = ",".join(map(str, cast("tuple[object, ...]", value)))
            case _:  # what holds objects is for who sends tasks
                continue
        found[f"{PREFIX}{field.name.upper()}"] = text
    return found


def _await(app: App, worker: RunningWorker, clock: Clock, timeout: float) -> None:
    start, pause = clock.tick_ms(), threading.Event()
    while all(facts.name != worker.name for facts in app.workers()):
        waited = (clock.tick_ms() - start) / 1000
        if worker.process.poll() is not None or waited > timeout:
            why = "ended" if worker.process.poll() is not None else f"was silent for {waited:.0f} s"
            words = worker.text()[-2000:].strip() or "nothing"
            raise ConfigError(f"the worker {why}; its log says: {words}")
        pause.wait(_LOOK_S)


def _end(worker: RunningWorker, timeout: float) -> None:
    if worker.process.poll() is None:
        worker.process.send_signal(signal.SIGTERM)
    try:
        worker.process.wait(timeout)
    except subprocess.TimeoutExpired:
        worker.process.kill()
        worker.process.wait()
