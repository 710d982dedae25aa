"""Does anything grow? 200,000 tasks through one worker with two processes, and looks in between.

    PYTHONPATH=tests:tests/worker python -m chaos.soak [--tasks 200000] [--rounds 20]

Prints JSON: memory (RSS and USS), open files, keys and Redis' memory after the first rounds, in the
middle and at the end. Everything is forgotten after each round, as a long-lived client does.
"""

import argparse
import gc
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil
from patience import wait_until
from servers import Server
from worker_side import OwnWorker

from chaos.fleet import WITH_TESTS
from nbtasks.app import App

GROUP = 1000
SINGLES = 0.1
"""The part of the tasks that is sent one by one; a few more of them fail, or print."""

CHILDREN = 2
LEASE = {"lease_ms": 15_000, "heartbeat_ms": 5000}
MB = 1_000_000


def square(number: int) -> int:
    """The task of groups."""
    return number * number


def tell(number: int) -> int:
    """A task that prints."""
    print(f"number {number}")  # noqa: T201 - the task prints
    return number


def fail(number: int) -> int:
    """A task that raises."""
    raise ValueError(number)


def main() -> None:
    """Soak, and print."""
    parser = argparse.ArgumentParser(prog="chaos.soak", description=__doc__)
    parser.add_argument("--tasks", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    looks = soak(options.tasks, options.rounds)
    early = looks[min(2, len(looks) - 1)]
    growth = {key: round(looks[-1][key] - early[key], 2) for key in early}
    shown = {"first": looks[0], "third": early, "middle": looks[len(looks) // 2]}
    report = {"tasks": options.tasks, **shown, "last": looks[-1], "growth since third": growth}
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


def soak(tasks: int, rounds: int) -> list[dict[str, float]]:
    """Run so many tasks in so many rounds; a look after each."""
    looks: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        server = Server(folder, "--appendonly", "no")
        server.start()
        app = App("soak", broker=server.url, key=os.urandom(32).hex())
        worker = OwnWorker(app, "w", folder / "w.log", WITH_TESTS, concurrency=CHILDREN, **LEASE)
        try:
            wait_until(app.workers, "the worker is up")
            for _ in range(rounds):
                run_round(app, tasks // rounds)
                gc.collect()
                looks.append(look(server, worker))
        finally:
            worker.kill()
            app.close()
            server.kill()
    return looks


def run_round(app: App, tasks: int) -> None:
    """Groups, tasks one by one, tasks that print and tasks that fail; all is forgotten."""
    single = int(tasks * SINGLES)
    for start in range(0, tasks - single, GROUP):
        numbers = range(start, min(start + GROUP, tasks - single))
        group = app.map(square, numbers)
        if group.get(60) != [number * number for number in numbers]:
            raise RuntimeError("wrong values")
        group.forget()
    kinds: list[Any] = [app.task(square)] * 8 + [app.task(tell), app.task(fail)]
    results = [kinds[number % len(kinds)].delay(number) for number in range(single)]
    for result in results:
        result.get(60, propagate=False)
        result.forget()


def look(server: Server, worker: OwnWorker) -> dict[str, float]:
    """What everything takes now: memory in MB, files and keys counted."""
    parent = psutil.Process(worker.pid)
    processes = {"client": psutil.Process(), "parent": parent}
    processes |= {f"child{at}": child for at, child in enumerate(parent.children())}
    found: dict[str, float] = {}
    for name, process in processes.items():
        memory = process.memory_full_info()
        found[f"{name} rss"] = round(memory.rss / MB, 2)
        found[f"{name} uss"] = round(memory.uss / MB, 2)
        found[f"{name} files"] = process.num_fds()
    with server.client() as client:
        found["redis used"] = round(client.info("memory")["used_memory"] / MB, 2)
        found["keys"] = client.dbsize()
    return found


if __name__ == "__main__":
    main()
