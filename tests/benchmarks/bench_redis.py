"""What a task costs Redis, as JSON lines: processor time of the server (INFO cpu) for each no-op.

    python tests/benchmarks/bench_redis.py [--rounds 3] [--only calls,trips,group]

`calls` are many `delay()` in a loop and then all results, `trips` one after the other, `group` one
group. Where the time goes is told by command (INFO commandstats), in us a task.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from typing import Any

from bench_core import GROUPS, SINGLES, TRIPS, Bench, noop

N = GROUPS[-1]


def calls(bench: Bench) -> int:
    """Submit many single tasks, then get all results."""
    task = bench.app.task(noop)
    for result in [task.delay(i) for i in range(SINGLES)]:
        result.get(60)
    return SINGLES


def trips(bench: Bench) -> int:
    """Submit a task and get its result, again and again."""
    task = bench.app.task(noop)
    for i in range(TRIPS):
        task.delay(i).get(30)
    return TRIPS


def group(bench: Bench) -> int:
    """Submit a group and get all results."""
    bench.app.map(noop, range(N)).get(120)
    return N


MEASURES: dict[str, Callable[[Bench], int]] = {"calls": calls, "trips": trips, "group": group}


def spent(bench: Bench) -> float:
    """Processor time of the server so far, in us."""
    found = info(bench, "cpu")
    return 1e6 * (float(found["used_cpu_user"]) + float(found["used_cpu_sys"]))


def info(bench: Bench, section: str) -> dict[str, str]:
    """A section of INFO."""
    lines = bench.app.store.call("INFO", section).decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def measure(bench: Bench, run: Callable[[Bench], int]) -> dict[str, Any]:
    """What one run costs."""
    bench.app.store.call("CONFIG", "RESETSTAT")
    before = spent(bench)
    n = run(bench)
    cost = (spent(bench) - before) / n
    by_command: dict[str, float] = {}
    for name, line in info(bench, "commandstats").items():
        fields = dict(part.split("=") for part in line.split(","))
        by_command[name.removeprefix("cmdstat_")] = round(float(fields["usec"]) / n, 2)
    most = sorted(by_command.items(), key=lambda pair: -pair[1])[:12]
    return {"us_a_task": cost, "commands": dict(most)}


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(MEASURES))
    options = parser.parse_args()
    wanted = options.only.split(",")
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in wanted}
    for _ in range(options.rounds):
        with Bench() as bench:
            for name in wanted:
                rounds[name].append(measure(bench, MEASURES[name]))
    for name, found in rounds.items():
        costs = [round(one["us_a_task"], 1) for one in found]
        line = {"bench": f"Redis time, {name}", "us_a_task": statistics.median(costs)}
        each = {"rounds": costs, "commands": found[-1]["commands"]}
        sys.stdout.write(json.dumps({**line, **each}) + "\n")


if __name__ == "__main__":
    main()
