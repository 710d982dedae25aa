"""How long until things go on: after a crash of a process, of a worker, of Redis.

    PYTHONPATH=tests:tests/worker python -m chaos.recovery [--restarts 20]

Prints JSON, in ms (the takeover of a dead worker's tasks: beside the lease it waits for).
"""

import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from patience import wait_until
from servers import Server
from worker_side import OwnWorker

from nbtasks.app import App
from nbtasks.canvas import group
from nbtasks.clock import SystemClock

CRASHES = 20
KILLS = 10
WORKERS = 4
DOWN_MS = 1000
"""Redis is away for so long: workers wait longer and longer between their tries."""

SHORT = {"lease_ms": 2000, "heartbeat_ms": 400}
USUAL = {"lease_ms": 15_000, "heartbeat_ms": 5000}

_clock = SystemClock()


def crash_once(path: str) -> tuple[float, float]:
    """Die at the first try; when the first try died and when the second began."""
    now = _clock.tick_ms()
    file = Path(path)
    if not file.exists():
        file.write_text(str(_clock.tick_ms()))
        os.kill(os.getpid(), signal.SIGKILL)
    return float(file.read_text()), now


def hold(folder: str) -> float:
    """Say that this try has begun, then wait where it is the first; when the second began."""
    now = _clock.tick_ms()
    file = Path(folder) / "started"
    if not file.exists():
        file.write_text(str(os.getppid()))
        threading.Event().wait()
    return now


def begin() -> tuple[int, float]:
    """Which worker runs this, and since when; long enough that others run some too."""
    now = _clock.tick_ms()
    threading.Event().wait(0.05)
    return os.getppid(), now


@contextmanager
def field(count: int, **settings: int) -> Iterator[tuple[Path, Server, App, list[OwnWorker]]]:
    """A server that keeps everything, an app and some workers with two processes each."""
    with tempfile.TemporaryDirectory(prefix="recovery-") as name:
        folder = Path(name)
        server = Server(folder, "--appendonly", "yes", "--appendfsync", "always")
        server.start()
        app = App(f"r-{uuid.uuid4().hex[:6]}", broker=server.url, key=os.urandom(32).hex())
        workers = [
            OwnWorker(app, f"w{at}", folder / f"w{at}.log", concurrency=2, **settings)
            for at in range(count)
        ]
        wait_until(lambda: len(app.workers()) == count, "all workers are up")
        try:
            yield folder, server, app, workers
        finally:
            for worker in workers:
                worker.kill()
            app.close()
            server.kill()


def after_crash_of_child() -> list[float]:
    """Ms from the end of a process to the next try of its task."""
    found = []
    with field(1, **USUAL) as (folder, _, app, _):
        app.map(abs, range(10)).get(20)
        for number in range(CRASHES):
            died, began = app.task(crash_once).delay(str(folder / f"crash{number}")).get(20)
            found.append(began - died)
    return found


def after_kill_of_worker(kills: int, **settings: int) -> list[float]:
    """Ms from SIGKILL to a worker until another one begins its task."""
    found = []
    for _ in range(kills):
        with field(2, **settings) as (folder, _, app, workers):
            result = app.task(hold).delay(str(folder))
            wait_until((folder / "started").exists, "the task runs")
            wait_until((folder / "started").read_text, "it has said where")
            pid = int((folder / "started").read_text())
            killed = _clock.tick_ms()
            next(worker for worker in workers if worker.pid == pid).kill()
            found.append(result.get(60) - killed)
    return found


def after_restart_of_redis(restarts: int) -> list[float]:
    """Ms from the moment that Redis answers again until every worker has begun a task."""
    found = []
    with field(WORKERS, **USUAL) as (_, server, app, workers):
        task: Any = app.task(begin)
        pids = {worker.pid for worker in workers}
        for _ in range(restarts):
            server.kill()
            _clock.pause(DOWN_MS)
            server.start()
            back = _clock.tick_ms()
            first: dict[int, float] = {}
            while pids - set(first):
                for pid, began in group([task.s()] * (2 * WORKERS))().get(60):
                    first[pid] = min(began, first.get(pid, began))
            found.append(max(first.values()) - back)
    return found


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="chaos.recovery", description=__doc__)
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--kills", type=int, default=KILLS)
    options = parser.parse_args()
    lease, usual = SHORT["lease_ms"], USUAL["lease_ms"]
    report = {
        "process killed, task tried again": after_crash_of_child(),
        f"worker killed, task taken over (lease {lease})": after_kill_of_worker(
            options.kills, **SHORT
        ),
        f"worker killed, task taken over (lease {usual})": after_kill_of_worker(3, **USUAL),
        "Redis restarted, every worker runs tasks": after_restart_of_redis(options.restarts),
    }
    for what, found in report.items():
        figures = {"median": round(statistics.median(found), 1), "most": round(max(found), 1)}
        line = {"what": what, **figures, "least": round(min(found), 1), "times": len(found)}
        sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
