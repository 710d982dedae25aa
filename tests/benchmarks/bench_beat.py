"""What the schedule costs: firing delay under load, and CPU with many entries that wait.

    python tests/benchmarks/bench_beat.py [--entries 10000] [--rate 100] [--seconds 10]

A private server and one worker, which fires and runs. First `--entries` entries that are due once
a day wait: the CPU that the worker and Redis need then, in per cent of a core. Then `--rate`
entries that are due each second, at different milliseconds of it: how late they are fired.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import psutil

from nbtasks import App, crontab, every
from nbtasks.clock import SystemClock
from nbtasks.embedded import find_server
from nbtasks.errors import StoreError

KEY = "a key of the benchmark"


def nothing() -> None:
    """The task."""


def main() -> None:
    """Measure, and print JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--rate", type=int, default=100, help="entries a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nbbeat-") as folder:
        url = f"unix://{folder}/s"
        command = [find_server(), "--port", "0", "--unixsocket", f"{folder}/s", "--save", ""]
        with Path(folder, "log").open("wb") as log:
            server = subprocess.Popen([*command, "--dir", folder], stdout=log, stderr=log)
            app = App("beat", broker=url, key=KEY)
            _wait_for(app)
            environment = {**os.environ, "NBTASKS_KEY": KEY}
            command = [sys.executable, "-m", "nbtasks", "worker", url, "-a", "beat", "-c", "1"]
            worker = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            try:
                _measure(app, options, [server.pid, worker.pid])
            finally:
                for process in (worker, server):
                    process.terminate()
                    process.wait()
                app.close()


def _wait_for(app: App) -> None:
    while True:
        try:
            app.store.connect()
        except StoreError:
            threading.Event().wait(0.05)
        else:
            return


def _measure(app: App, options: argparse.Namespace, pids: list[int]) -> None:
    task = app.task(nothing)
    clock = SystemClock()
    start = clock.tick_ms()
    for number in range(options.entries):
        hour, minute = divmod(number % 1440, 60)
        app.schedules.add(f"daily{number}", task.s(), crontab(minute, hour))
    added = (clock.tick_ms() - start) / max(1, options.entries)
    _tell("add an entry", ms=round(added, 3))
    threading.Event().wait(3)
    shares = _cpu(pids, options.seconds)
    _tell(f"{options.entries} entries wait", redis_cpu=shares[0], worker_cpu=shares[1])
    for number in range(options.rate):
        due = f"2026-01-01T00:00:00.{number * 1000 // options.rate:03}+00:00"
        rule = every(1, anchor=due)
        app.schedules.add(f"often{number}", task.s(), rule, overlap="allow")
    threading.Event().wait(3)
    shares = _cpu(pids, options.seconds)
    late = _late_ms(app, options)
    at = {f"p{p}": round(late[min(len(late) - 1, len(late) * p // 100)], 1) for p in (50, 99, 100)}
    _tell(f"{options.rate} a second", fired=len(late), **at, redis_cpu=shares[0], cpu=shares[1])


def _cpu(pids: list[int], seconds: float) -> list[float]:
    """Per cent of a core that processes need, for so long."""
    processes = [psutil.Process(pid) for pid in pids]
    before = [sum(each.cpu_times()[:2]) for each in processes]
    threading.Event().wait(seconds)
    after = [sum(each.cpu_times()[:2]) for each in processes]
    return [round((b - a) / seconds * 100, 2) for a, b in zip(before, after, strict=True)]


def _late_ms(app: App, options: argparse.Namespace) -> list[float]:
    found: list[float] = []
    for number in range(options.rate):
        runs = app.schedules.history(f"often{number}", int(options.seconds))
        found += [(run.fired - run.due).total_seconds() * 1000 for run in runs]
    return sorted(found)


def _tell(what: str, **figures: float) -> None:
    sys.stdout.write(json.dumps({"bench": what, **figures}) + "\n")


if __name__ == "__main__":
    main()
