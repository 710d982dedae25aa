"""How soon work goes on after a fault, as JSON lines: the worst and the median of several rounds.

    python tests/benchmarks/bench_recovery.py [--restarts 20] [--crashes 20] [--kills 3]

restart  Redis is killed, and 0 to 3 s later started again: until each of four workers has run one,
         counted from the moment when Redis answers
crash    a task's process dies: until the task runs again
kill     a worker is killed: until another has its task, with a lease of 2 s
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import redis

from nbtasks import App
from nbtasks.embedded import find_server

WORKERS = 4
LEASE_MS = 2000
LONGEST_DOWN_S = 4
KEY = os.urandom(32).hex()
RUNNER = Path(__file__).parents[1] / "worker" / "run_worker.py"

_pause = threading.Event()


def noop(value: int) -> int:
    """The task: nothing."""
    return value


def crash_first(path: str) -> float:
    """Die at the first try; seconds until the second."""
    file = Path(path)
    if not file.exists():
        file.write_text(str(time.monotonic()))
        os.kill(os.getpid(), signal.SIGKILL)
    return time.monotonic() - float(file.read_text())


def hold_first(path: str) -> float:
    """Run for ever at the first try; the time of the second."""
    file = Path(path)
    if not file.exists():
        file.write_text(str(os.getppid()))
        signal.pause()
    return time.monotonic()


class Server:
    """A Redis that keeps its data, to be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.url = f"unix://{folder / 's'}"
        self._folder = folder
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = ["--port", "0", "--unixsocket", self._folder / "s", "--dir", self._folder]
        options += ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        self.process = subprocess.Popen([find_server(), *options], stdout=subprocess.DEVNULL)
        until(self._answers)

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()

    def _answers(self) -> bool:
        with suppress(redis.RedisError, OSError), redis.Redis.from_url(self.url) as client:
            return bool(client.ping())
        return False


@contextmanager
def worker(app: App, name: str, **settings: object) -> Iterator[subprocess.Popen[bytes]]:
    """A worker on a queue of its own name, or on those given."""
    settings = {"queues": [name], **settings}
    command = [sys.executable, RUNNER, app.config.url, "bench", name, json.dumps(settings)]
    environment = {**os.environ, "NBTASKS_KEY": KEY}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        until(lambda: name in {facts.name for facts in app.workers()})
        yield process
    finally:
        process.kill()
        process.wait()


def restarts(server: Server, app: App, rounds: int) -> list[float]:
    """Seconds from each restart until every worker has run a task."""
    task = app.task(noop)
    queues = [f"w{number}" for number in range(WORKERS)]
    found: list[float] = []
    with ExitStack() as stack:
        for name in queues:
            stack.enter_context(worker(app, name))
        for number in range(rounds):
            for name in queues:
                task.apply_async((1,), queue=name).get(20)
            server.kill()
            _pause.wait(number % LONGEST_DOWN_S)
            server.start()
            start = time.monotonic()
            results = [task.apply_async((1,), queue=name) for name in queues]
            for result in results:
                result.get(20)
            found.append(time.monotonic() - start)
    return found


def crashes(app: App, rounds: int, folder: Path) -> list[float]:
    """Seconds from the death of a task's process until the task runs again."""
    with worker(app, "crashes"):
        task = app.task(crash_first)
        paths = [str(folder / f"crash{number}") for number in range(rounds)]
        return [task.apply_async((path,), queue="crashes").get(20) for path in paths]


def kills(app: App, rounds: int, folder: Path) -> list[float]:
    """Seconds from the death of a worker until another runs its task."""
    found: list[float] = []
    for number in range(rounds):
        settings = {"queues": ["kills"], "lease_ms": LEASE_MS, "heartbeat_ms": LEASE_MS // 4}
        path = folder / f"kill{number}"
        with worker(app, "a", **settings) as first, worker(app, "b", **settings) as second:
            result = app.task(hold_first).apply_async((str(path),), queue="kills")
            until(lambda path=path: path.exists() and path.read_text())
            victim = first if path.read_text() == str(first.pid) else second
            killed = time.monotonic()
            victim.kill()
            found.append(result.get(20) - killed)
    return found


def until(is_true: Callable[[], object]) -> None:
    """Wait until it is true."""
    while not is_true():
        _pause.wait(0.002)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser()
    for name, default in (("restarts", 20), ("crashes", 20), ("kills", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nbbench-") as name:
        folder = Path(name)
        server = Server(folder)
        app = App("bench", broker=server.url, key=KEY)
        measured = {
            "crash": crashes(app, wanted.crashes, folder),
            "kill": kills(app, wanted.kills, folder),
            "restart": restarts(server, app, wanted.restarts),
        }
        app.close()
        server.kill()
    for kind, seconds in measured.items():
        if seconds:
            middle, worst = statistics.median(seconds), max(seconds)
            line = {"median_s": round(middle, 3), "worst_s": round(worst, 3), "n": len(seconds)}
            print(json.dumps({"what": kind, **line}))


if __name__ == "__main__":
    main()
