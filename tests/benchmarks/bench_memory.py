"""What tasks cost in memory, as JSON lines.

In Redis while they wait and after they have expired, in a worker and in the client after many.

    python tests/benchmarks/bench_memory.py [--tasks 100000] [--only queued,singles,groups]

`queued` is how much Redis holds for each task that waits: sent one by one, and as members of one
group. `singles` and `groups` run tasks on a worker of two processes: how much its parent and its
processes (resident memory), all of the worker (PSS, in which shared pages count once) and this
client have grown since a tenth as many had run, and what Redis holds more once all have expired.
What only the parent uses would say something else: pages that it shares with the processes it has
forked become its own one after the other, as it writes to them.
"""

import argparse
import gc
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from bench_core import Bench, noop

from nbtasks import App
from nbtasks.clock import SystemClock

PART = 1000
"""Single tasks that are in flight at a time."""
KEEP_S = 2
"""For how long Redis keeps a result."""
PATIENCE_MS = 60_000


def used(bench: Bench) -> int:
    """Bytes that Redis uses."""
    lines = bench.app.store.call("INFO", "memory").decode().splitlines()
    found = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(found["used_memory"])


def memory(pid: int | str, kind: str) -> int:
    """Bytes of a process: `Rss`, all that is resident, or `Pss`, its part of what is shared."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    ours = (line for line in lines if line.startswith((f"{kind}:", "Swap:")))
    return 1024 * sum(int(line.split()[1]) for line in ours)


def children(pid: int) -> list[int]:
    """The processes that this one has started, and what these have."""
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (thread / "children").read_text("ascii").split()):
            found += [child, *children(child)]
    return found


def sizes(bench: Bench) -> dict[str, int]:
    """Of the worker's parent, of all of its processes, of both together, and of this client."""
    gc.collect()
    parent = bench.worker.pid
    others = children(parent)
    return {
        "parent": memory(parent, "Rss"),
        "processes": sum(memory(pid, "Rss") for pid in others),
        "worker": sum(memory(pid, "Pss") for pid in (parent, *others)),
        "client": memory("self", "Rss"),
    }


def short_lived(bench: Bench) -> App:
    """An app of the same name whose results expire soon."""
    return App("bench", broker=bench.app.config.url, key=bench.key, result_expires=KEEP_S)


def queued(bench: Bench, n: int) -> dict[str, Any]:
    """Send tasks to a queue that is paused."""
    app, found = bench.app, {}
    app.control.pause("default")
    task = app.task(noop)
    task.delay(0)
    before = used(bench)
    for i in range(n):
        task.delay(i)
    found["bytes_a_task"] = round((used(bench) - before) / n)
    app.control.purge()
    before = used(bench)
    app.map(noop, range(n))
    found["bytes_a_member"] = round((used(bench) - before) / n)
    app.control.purge()
    return found


def run_singles(app: App, n: int) -> None:
    """Run single tasks, and get their values."""
    task = app.task(noop)
    for at in range(0, n, PART):
        for result in [task.delay(i) for i in range(at, min(n, at + PART))]:
            result.get(60)


def run_groups(app: App, n: int) -> None:
    """Run groups of a thousand, and get their values."""
    for at in range(0, n, PART):
        app.map(noop, range(at, min(n, at + PART))).get(60)


def growth(bench: Bench, n: int, run: Callable[[App, int], None]) -> dict[str, Any]:
    """How much has grown between a tenth of the tasks and all of them, in parts of a hundred."""
    app, others = short_lived(bench), records(bench.app)
    run(app, n // 10)
    wait_until(lambda: records(app) <= others)
    before, held = sizes(bench), used(bench)
    run(app, n)
    after = sizes(bench)
    wait_until(lambda: records(app) <= others)
    app.close()
    found: dict[str, Any] = {f"{name}_mb": round(size / 1e6, 1) for name, size in after.items()}
    for name, size in before.items():
        found[f"{name}_percent"] = round(100 * (after[name] - size) / size, 1)
    return {**found, "redis_bytes": used(bench) - held}


def records(app: App) -> int:
    """How many Redis has."""
    cursor, count = b"0", 0
    while True:
        match = ("MATCH", f"{app.store.keys.prefix}r:*", "COUNT", 10_000)
        cursor, keys = app.store.call("SCAN", cursor, *match)
        count += len(keys)
        if cursor == b"0":
            return count


def wait_until(is_true: Callable[[], bool]) -> None:
    """Look now and then."""
    clock = SystemClock()
    begin = clock.tick_ms()
    while not is_true():
        if clock.tick_ms() - begin > PATIENCE_MS:
            raise RuntimeError("results do not expire")
        clock.pause(200)


MEASURES: dict[str, Callable[[Bench, int], dict[str, Any]]] = {
    "queued": queued,
    "singles": lambda bench, n: growth(bench, n, run_singles),
    "groups": lambda bench, n: growth(bench, n, run_groups),
}


def main(arguments: Iterable[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--only", default=",".join(MEASURES))
    options = parser.parse_args(None if arguments is None else list(arguments))
    for name in options.only.split(","):
        with Bench() as bench:
            found = MEASURES[name](bench, options.tasks)
        print(json.dumps({"name": name, "tasks": options.tasks, **found}), flush=True)


if __name__ == "__main__":
    main()
