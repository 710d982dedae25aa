"""Throughput and latency of the core, as JSON lines: one private server, one worker, two processes.

    python tests/benchmarks/bench_core.py [--rounds 3] [--only throughput,latency,single,waits]

Each line is one measurement: the median of the rounds, and every round. Rounds of the different
measurements alternate, so that a disturbance hits all of them; compare runs as ratios.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from nbtasks import App
from nbtasks.clock import SystemClock
from nbtasks.embedded import find_server
from nbtasks.errors import StoreError

GROUPS = (5_000, 50_000)
TRIPS = 500
SINGLES = 2_000
WAITS = 200
WAIT_S = 0.5
CHILDREN = 2


def noop(x: int) -> int:
    """The task: nothing."""
    return x


async def wait(seconds: float) -> None:
    """A coroutine that waits."""
    await asyncio.sleep(seconds)


class Bench:
    """A server and a worker of its own, and the app that talks to them."""

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nbbench-")))
            log = stack.enter_context((path / "log").open("wb"))
            url, key = f"unix://{path / 's'}", os.urandom(32).hex()
            self.key = key
            options = ["--port", "0", "--unixsocket", path / "s", "--dir", path]
            options += ["--save", "", "--appendonly", "no"]
            self.server = subprocess.Popen([find_server(), *options], stdout=log, stderr=log)
            stack.callback(_end, self.server)
            self.app = App("bench", broker=url, key=key)
            _until(self._answers)
            stack.callback(self.app.close)
            command = [sys.executable, "-m", "nbtasks", "worker", "-a", "bench"]
            command += ["-c", str(CHILDREN)]
            environment = {**os.environ, "NBTASKS_URL": url, "NBTASKS_KEY": key}
            # Another benchmark imports this one: then its task is found by name.
            folders = [str(Path(__file__).parent), environment.get("PYTHONPATH", "")]
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, folders))
            self.worker = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            stack.callback(_end, self.worker)
            _until(lambda: bool(self.app.workers()))
            self.app.map(noop, range(200)).get(30)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _answers(self) -> bool:
        try:
            self.app.store.connect()
        except StoreError:
            return False
        return True


def throughput(bench: Bench, n: int) -> dict[str, float]:
    """Submit a group of no-ops and get all results."""
    begin = time.perf_counter()
    group = bench.app.map(noop, range(n))
    submitted = time.perf_counter()
    values = group.get(120)
    end = time.perf_counter()
    if values != list(range(n)):
        raise RuntimeError("wrong values")
    group.forget()
    return {"tasks_per_s": n / (end - begin), "submits_per_s": n / (submitted - begin)}


def latency(bench: Bench) -> dict[str, float]:
    """Sequential `delay().get()`."""
    task = bench.app.task(noop)
    trips = []
    for i in range(TRIPS):
        begin = time.perf_counter()
        task.delay(i).get(30)
        trips.append((time.perf_counter() - begin) * 1000)
    trips.sort()
    return {f"p{p}_ms": trips[min(TRIPS - 1, TRIPS * p // 100)] for p in (50, 95, 99)}


def single(bench: Bench) -> dict[str, float]:
    """Many `delay()` in a loop, then all results."""
    task = bench.app.task(noop)
    begin = time.perf_counter()
    results = [task.delay(i) for i in range(SINGLES)]
    submitted = time.perf_counter()
    for result in results:
        result.get(60)
    end = time.perf_counter()
    return {"tasks_per_s": SINGLES / (end - begin), "submits_per_s": SINGLES / (submitted - begin)}


def waits(bench: Bench) -> dict[str, float]:
    """Coroutines that wait, from submit to all results."""
    bench.app.task(wait).delay(0).get(30)
    begin = time.perf_counter()
    bench.app.map(wait, [WAIT_S] * WAITS).get(60)
    return {"seconds": time.perf_counter() - begin}


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait()


def _until(is_true: Callable[[], bool]) -> None:
    clock = SystemClock()
    begin = clock.tick_ms()
    while not is_true():
        if clock.tick_ms() - begin > 60_000:
            raise RuntimeError("the server or the worker did not come up")
        clock.pause(20)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="throughput,latency,single,waits")
    options = parser.parse_args()
    wanted = options.only.split(",")
    measures: dict[str, Callable[[Bench], dict[str, float]]] = {}
    if "throughput" in wanted:
        for n in GROUPS:
            measures[f"group of {n:,} no-ops"] = lambda bench, n=n: throughput(bench, n)
    if "latency" in wanted:
        measures[f"{TRIPS} sequential round trips"] = latency
    if "single" in wanted:
        measures[f"{SINGLES:,} single delay() calls"] = single
    if "waits" in wanted:
        measures[f"{WAITS} coroutines that wait {WAIT_S} s"] = waits
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in measures}
    for _ in range(options.rounds):
        with Bench() as bench:
            for name, measure in measures.items():
                rounds[name].append(measure(bench))
    for name, found in rounds.items():
        figures = {key: round(statistics.median(one[key] for one in found), 3) for key in found[0]}
        each = {f"{key}_rounds": [round(one[key], 3) for one in found] for key in found[0]}
        where = {"children": CHILDREN, "cores": os.cpu_count(), "python": platform.python_version()}
        sys.stdout.write(json.dumps({"bench": name, **figures, **each, **where}) + "\n")


if __name__ == "__main__":
    main()
