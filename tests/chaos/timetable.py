"""A timetable under faults: `python -m chaos.timetable --seconds 60`. It fails where one broke.

Three workers and two `nbtasks beat` fire entries that are due each second, and take no tasks. One
after the other they are killed or stopped for longer than a claim lasts, and started again. A
worker that nobody harms runs the tasks and fires nothing, so a time that was fired twice is seen as
a second line.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from patience import wait_until
from servers import Server

from nbtasks.app import App
from nbtasks.clock import SystemClock
from nbtasks.scheduled import ScheduledRun

KEY = "a key that only the timetable knows"
WORKERS, BEATS, ENTRIES = 3, 2, 3
STOP_S = 6.0  # longer than whoever fires an entry has it to himself
GAP_S = (0.3, 1.5)  # between faults
PROMPT_MS = 250
_NAMES = tuple(f"e{number}" for number in range(ENTRIES))


def noting(path):
    """A task that writes a line for the time it is fired for; a closure, so it is sent whole."""

    def note(self):
        stamps = self.request.stamps
        line = json.dumps([stamps["schedule"], stamps["due"], self.request.id])
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, f"{line}\n".encode())
        os.close(file)

    return note


@dataclass
class Found:
    """What was found out: faults by their kind, how late times were fired, and what is wrong."""

    faults: Counter[str] = field(default_factory=Counter)
    late_ms: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def text(self) -> str:
        """All of it, as lines."""
        late = sorted(self.late_ms) or [0.0]
        at = {p: late[min(len(late) - 1, len(late) * p // 100)] for p in (50, 90, 99, 100)}
        lines = [
            f"{len(self.late_ms)} times fired, faults: {dict(self.faults)}",
            "late by, ms: " + ", ".join(f"p{p} {ms:.0f}" for p, ms in at.items()),
            *(self.problems or ["each time was fired once, and none was missed"]),
        ]
        return "\n".join(lines)


class Firers:
    """The processes that fire; `strike` harms one of them."""

    def __init__(self, app: App, folder: Path, seed: int) -> None:
        url, name = app.config.url, app.config.name
        worker = ("worker", url, "-a", name, "-c", "1", "-Q", "idle")
        self._commands = [*[worker] * WORKERS, *[("beat", url, "-a", name)] * BEATS]
        self._environment = {**os.environ, "NBTASKS_KEY": KEY}
        self._log = folder / "firers.log"
        self._chance = random.Random(seed)
        self._runner = self.start(("worker", url, "-a", name, "-c", "2", "--no-beat"))
        self._all = [self.start(command) for command in self._commands]
        self.faults: Counter[str] = Counter()

    def start(self, command: tuple[str, ...]) -> subprocess.Popen[bytes]:
        """A process of this command."""
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "nbtasks", *command],
                env=self._environment, stdout=log, stderr=log,
            )  # fmt: skip

    def strike(self) -> None:
        """Kill or stop one of them by chance, and wait a little; a killed one is started again."""
        place = self._chance.randrange(len(self._all))
        pause = threading.Event()
        process, kind = self._all[place], self._commands[place][0]
        if self._chance.random() < 0.25:
            self.faults[f"{kind} stopped"] += 1
            process.send_signal(signal.SIGSTOP)
            threading.Timer(STOP_S, process.send_signal, [signal.SIGCONT]).start()
        else:
            self.faults[f"{kind} killed"] += 1
            process.kill()
            process.wait()
            self._all[place] = self.start(self._commands[place])
        pause.wait(self._chance.uniform(*GAP_S))

    def end(self) -> None:
        """End all of them."""
        for process in (*self._all, self._runner):
            process.kill()
            process.wait()


def run(seconds: float, seed: int, folder: Path, *, is_calm: bool = False) -> Found:
    """Fire for so long, and look at what came of it."""
    server = Server(folder, "--appendonly", "no")
    server.start()
    app = App("timetable", broker=server.url, key=KEY)
    firers = Firers(app, folder, seed)
    try:
        lines = folder / "lines"
        task = app.task(noting(str(lines)), bind=True, name="note")
        for name in _NAMES:
            app.schedules.add(name, task.s(), 1, overlap="allow")
        wait_until(lambda: any(run.ended for run in _runs(app)), "it has begun", 60)
        _faults(firers, seconds, is_calm=is_calm)
        return _look(app, lines, firers)
    finally:
        firers.end()
        app.close()
        server.kill()


def _faults(firers: Firers, seconds: float, *, is_calm: bool) -> None:
    clock = SystemClock()
    end = clock.tick_ms() + seconds * 1000
    while clock.tick_ms() < end:
        if is_calm:
            threading.Event().wait(seconds)
        else:
            firers.strike()
    # Whoever was killed last had its entries to itself; after that, all that was due is fired.
    threading.Event().wait(STOP_S)


def _look(app: App, lines: Path, firers: Firers) -> Found:
    found = Found(faults=firers.faults)
    for name in _NAMES:
        app.schedules.pause(name)
    with suppress(AssertionError):
        wait_until(lambda: all(run.ended for run in _runs(app)), "all runs have ended")
    written = lines.read_text().splitlines() if lines.exists() else []
    ran = Counter((name, due) for name, due, _ in map(json.loads, written))
    for name in _NAMES:
        runs = list(reversed(app.schedules.history(name, 100)))
        found.late_ms += [(run.fired - run.due).total_seconds() * 1000 for run in runs]
        for run in runs:
            if run.kind != "scheduled" or run.state != "SUCCESS":
                found.problems.append(f"{name}: {run.kind} {run.state} at {run.due}")
            if run.id and (count := ran[name, run.due.isoformat()]) != 1:
                found.problems.append(f"{name}: executed {count} times for {run.due}")
        steps = {b.due - a.due for a, b in pairwise(runs)}
        if len(steps) != 1 or len(runs) < 2:
            found.problems.append(f"{name}: {len(runs)} runs, distances {sorted(map(str, steps))}")
    return found


def _runs(app: App) -> Iterator[ScheduledRun]:
    return (run for name in _NAMES for run in app.schedules.history(name, 100))


def main() -> int:
    """Run it and print what was found."""
    parser = argparse.ArgumentParser(prog="chaos.timetable", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="up to 90: 100 runs are kept")
    parser.add_argument("--seed", type=int, default=int(time.monotonic()))
    parser.add_argument("--calm", action="store_true", help="no faults: how late is it then?")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="timetable-") as folder:
        found = run(options.seconds, options.seed, Path(folder), is_calm=options.calm)
    sys.stdout.write(f"seed {options.seed}: {found.text()}\n")
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main())
