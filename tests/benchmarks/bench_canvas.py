"""How fast canvases are, as JSON lines: one private server, one worker, two processes.

    python tests/benchmarks/bench_canvas.py [--rounds 5] [--only chord,chain,tree,growth]

Each line is one canvas: seconds from `apply_async` to the value (best, median and every round), how
long the submit took of that, and the processor time of Redis for each of its nodes. Tasks do next
to nothing. The load of the machine when it was measured stands beside.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from bench_core import CHILDREN, Bench
from bench_redis import spent

from nbtasks import chain, chord, group

CHAIN = 100
LEAVES, BRANCHES = 2_970, 29
"""A map-reduce of three levels: 2,970 leaves, 29 sums and one sum of those are 3,000 nodes."""

GROWTH = (1_000, 2_000, 4_000, 8_000)
GET_S = 120


def same(x: int) -> int:
    """A leaf."""
    return x


def other(x: int) -> int:
    """Another kind of leaf."""
    return x


def one_more(x: int) -> int:
    """A step."""
    return x + 1


def total(numbers: Iterable[int]) -> int:
    """A body."""
    return sum(numbers)


@dataclass(frozen=True)
class Canvas:
    """What is measured: how it is made of the tasks, its nodes, and what it comes to."""

    name: str
    make: Callable[[dict[str, Any]], Any]
    nodes: int
    value: int


def equal_chord(n: int) -> Canvas:
    """A chord whose header is one record."""

    def make(tasks: dict[str, Any]) -> Any:
        return chord((tasks["same"].s(at) for at in range(n)), tasks["total"].s())

    return Canvas(f"chord of {n:,} equal no-ops", make, n + 1, n * (n - 1) // 2)


def mixed_chord(n: int) -> Canvas:
    """A chord of two tasks in turn, so that each member of its header is a record."""

    def make(tasks: dict[str, Any]) -> Any:
        kinds = tasks["same"], tasks["other"]
        return chord((kinds[at % 2].s(at) for at in range(n)), tasks["total"].s())

    return Canvas(f"chord of {n:,} no-ops of two tasks in turn", make, n + 1, n * (n - 1) // 2)


def steps(n: int) -> Canvas:
    """A chain."""

    def make(tasks: dict[str, Any]) -> Any:
        return chain(tasks["one_more"].s(0), *[tasks["one_more"].s()] * (n - 1))

    return Canvas(f"chain of {n:,}", make, n, n)


def tree() -> Canvas:
    """Chords in the header of a chord."""
    share = LEAVES // BRANCHES

    def make(tasks: dict[str, Any]) -> Any:
        inner = [
            chord([tasks["same"].s(at) for at in range(LEAVES)[left::BRANCHES]], tasks["total"].s())
            for left in range(BRANCHES)
        ]
        return chord(group(inner), tasks["total"].s())

    name = f"map-reduce of {LEAVES + BRANCHES + 1:,} nodes: {BRANCHES} times about {share}"
    return Canvas(name, make, LEAVES + BRANCHES + 1, LEAVES * (LEAVES - 1) // 2)


KINDS = {
    "chord": [equal_chord(1_000), equal_chord(10_000)],
    "chain": [steps(CHAIN)],
    "tree": [tree()],
    "growth": [make(n) for n in GROWTH for make in (equal_chord, mixed_chord)],
}


def measure(bench: Bench, canvas: Canvas) -> dict[str, float]:
    """Send it once, and get its value."""
    tasks = {each.__name__: bench.app.task(each) for each in (same, other, one_more, total)}
    before = spent(bench)
    signature = canvas.make(tasks)
    begin = time.perf_counter()
    result = signature.apply_async()
    submitted = time.perf_counter()
    value = result.get(GET_S)
    end = time.perf_counter()
    if value != canvas.value:
        raise RuntimeError(f"{canvas.name}: {value} is not {canvas.value}")
    return {
        "seconds": end - begin,
        "submit_us_a_node": 1e6 * (submitted - begin) / canvas.nodes,
        "redis_us_a_node": (spent(bench) - before) / canvas.nodes,
    }


def report(canvas: Canvas, rounds: list[dict[str, float]]) -> dict[str, Any]:
    """A line."""
    seconds = [round(one["seconds"], 4) for one in rounds]
    costs = [name for name in rounds[0] if name != "seconds"]
    return {
        "bench": canvas.name,
        "nodes": canvas.nodes,
        "best_s": min(seconds),
        "median_s": round(statistics.median(seconds), 4),
        "rounds_s": seconds,
        **{name: round(statistics.median(one[name] for one in rounds), 1) for name in costs},
        "load": round(os.getloadavg()[0], 1),
        "children": CHILDREN,
        "python": platform.python_version(),
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default=",".join(KINDS))
    options = parser.parse_args()
    wanted = [canvas for kind in options.only.split(",") for canvas in KINDS[kind]]
    with Bench() as bench:
        for canvas in wanted:
            measure(bench, canvas)  # code is sent and imported once
            found = [measure(bench, canvas) for _ in range(options.rounds)]
            sys.stdout.write(json.dumps(report(canvas, found)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
