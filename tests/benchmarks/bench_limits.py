"""A rate over two workers with four processes each, and what others of its queue see of it.

    python tests/benchmarks/bench_limits.py [--seconds 10] [--rate 20]

Begins are told by Redis' clock, in each second from the first one on. `free` is how long a task
without limits takes from `delay()` to its value, one after the other, while those with a limit
wait in the same queue, and before there were any.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections import Counter

import bench_core
from bench_core import Bench, noop

from nbtasks.clock import SystemClock
from nbtasks.store.tidings import Taken, Tidings

BEFORE_S = 3
CHILDREN = 4
_clock = SystemClock()


def second_worker(bench: Bench) -> "subprocess.Popen[bytes]":
    """One more, as the first."""
    config = bench.app.config
    folders = [os.path.dirname(__file__), os.environ.get("PYTHONPATH", "")]  # noqa: PTH120 - a path
    environment = {
        **os.environ,
        "NBTASKS_URL": config.url,
        "NBTASKS_KEY": config.key.decode(),
        "PYTHONPATH": os.pathsep.join(filter(None, folders)),
    }
    command = [sys.executable, "-m", "nbtasks", "worker", "-a", "bench", "-c", str(CHILDREN)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)


def trips(bench: Bench, seconds: float) -> list[float]:
    """How long tasks without limits take, in ms, one after the other for so long."""
    task = bench.app.task(noop, name="free")
    end, found = _clock.tick_ms() + 1000 * seconds, list[float]()
    while _clock.tick_ms() < end:
        begin = _clock.tick_ms()
        task.delay(1).get(10)
        found.append(_clock.tick_ms() - begin)
    return found


def begun(tidings: Tidings, rid: str, count: int) -> list[int]:
    """When members of a record were taken, ms."""
    found: list[int] = []
    while len(found) < count:
        for item in tidings.read(1000).items:
            if isinstance(item, Taken) and item.rid == rid:
                found += [item.at_ms] * (item.stop - item.start)
    return found


def show(what: str, found: list[float]) -> None:
    """One line."""
    cuts = statistics.quantiles(found, n=100)
    line = {"bench": what, "trips": len(found), "p50_ms": cuts[49], "p95_ms": cuts[94]}
    print(json.dumps({k: round(v, 2) if isinstance(v, float) else v for k, v in line.items()}))


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rate", type=int, default=20)
    options = parser.parse_args()
    bench_core.CHILDREN = CHILDREN  # type: ignore[misc] # of the first worker
    with Bench() as bench:
        other = second_worker(bench)
        while len(bench.app.workers()) < 2:
            _clock.pause(20)
        show("free, nothing else waits", trips(bench, BEFORE_S))
        tidings = Tidings(bench.app.store)
        slow = bench.app.task(noop, name="slow", rate_limit=options.rate)
        count = options.seconds * options.rate + 1
        limited = slow.map_async(range(count))
        show("free, beside the limited", trips(bench, options.seconds))
        times = begun(tidings, limited.id, count)
        seconds = Counter((at - times[0]) // 1000 for at in times[:-1])
        line = {"bench": f"{options.rate}/s, begun in each second"}
        print(json.dumps({**line, "begun": [seconds[at] for at in range(options.seconds)]}))
        tidings.close()
        other.terminate()
        other.wait(20)


if __name__ == "__main__":
    main()
