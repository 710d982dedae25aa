"""The server and the workers of a storm: real processes, broken on purpose and started again."""

import os
import re
import signal
import subprocess
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
import redis
from patience import wait_until
from servers import Server, slow_disk
from worker_side import OwnWorker

from chaos import history, plan
from chaos.plan import Storm
from nbtasks.app import App
from nbtasks.clock import SystemClock

TESTS = Path(__file__).parents[1]
_PATHS = (str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", ""))
WITH_TESTS = {"PYTHONPATH": os.pathsep.join(filter(None, _PATHS))}
"""What workers need in their environment to import the tasks of this package."""

PATIENCE_MS = 10_000
"""How long a fault waits for a worker to strike at before it is let go."""

STOP_S = 30.0
ORPHAN_S = 5.0
REPLY_S = 60.0
LOOPS_A_MS = 30_000
"""What Lua does in a millisecond on a busy machine, about."""

POOLS: list[dict[str, object]] = [
    {},
    {"max_tasks": 200},
    {"kind": "threads"},
    {"start": "forkserver"},
]
"""What the first worker's pool is, the second's, and so on in turn."""

_DEATH = re.compile(r"^([\d.]+) \w+ worker \S+: process (\d+) ended", re.MULTILINE)


class Fleet:
    """Keeps `storm.workers` workers up, and does to them what a fault says."""

    def __init__(self, app: App, server: Server, storm: Storm, folder: Path) -> None:
        self.done: Counter[str] = Counter()
        self.own_exits: list[str] = []
        self._lost: dict[int, int] = {}
        self._app = app
        self._server = server
        self._storm = storm
        self._folder = folder
        self._clock = SystemClock()
        self._redis = redis.Redis.from_url(server.url, socket_timeout=REPLY_S)
        self._ending: set[int] = set()
        self._stopped: dict[int, tuple[float, list[int]]] = {}
        self._full_until: float | None = None
        self._waiting_since: float | None = None
        self._workers = [self._start(at) for at in range(storm.workers)]

    def tend(self) -> None:
        """Make room, wake those that were stopped long enough, replace those that have ended."""
        now = self._clock.tick_ms()
        if self._full_until is not None and now >= self._full_until:
            self._full_until = None
            self._redis.config_set("maxmemory", 0)
        for at, (until, _) in list(self._stopped.items()):
            if now >= until:
                self._wake(at)
        for at, worker in enumerate(self._workers):
            code = worker.process.poll()
            if code is None:
                continue
            if code != 0 or at not in self._ending:
                self.own_exits.append(f"{worker.name} ended by itself with {code}")
            self._ending.discard(at)
            self._workers[at] = self._start(at)

    def strike(self, fault: plan.Fault) -> bool:
        """Do it; False where the worker it is meant for, and every other, is not up yet."""
        match fault:
            case plan.KillRedis(_, down_ms):
                self._server.kill()
                self._clock.pause(down_ms)
                self._server.start()
            case plan.CutClients():
                self._redis.client_kill_filter(_type="normal", skipme=True)
            case plan.SleepRedis(_, ms):
                self._redis.execute_command("DEBUG", "SLEEP", ms / 1000)
            case plan.BusyRedis(_, ms):
                self._redis.eval(f"for i = 1, {ms * LOOPS_A_MS} do end", 0)
            case plan.FillRedis(_, ms):
                self._redis.config_set("maxmemory", 1)
                self._full_until = self._clock.tick_ms() + ms
            case plan.FlushScripts():
                self._redis.script_flush()
            case plan.KillWorker() | plan.KillChild() | plan.EndWorker() | plan.StopWorker():
                target = self._target(fault.worker)
                if target is None:
                    return self._is_tired(fault)
                self._strike_worker(fault, target)
        self._waiting_since = None
        self.done[type(fault).__name__] += 1
        return True

    def end(self) -> list[str]:
        """Ask all to finish; what went wrong with that."""
        for at in list(self._stopped):
            self._wake(at)
        wrong: list[str] = []
        with suppress(AssertionError):  # a signal before it listens would just kill it
            wait_until(lambda: all(map(self._is_up_or_ending, range(len(self._workers)))), "")
        for at, worker in enumerate(self._workers):
            if at not in self._ending:  # a second signal would make it hurry
                worker.signal(signal.SIGTERM)
        for worker in self._workers:
            try:
                code = worker.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                code = None
            if code != 0:
                wrong.append(f"{worker.name} was to end, and did so with {code}")
        return wrong + self._orphans()

    def kill_all(self) -> None:
        """End what is left, at once."""
        for worker in self._workers:
            worker.kill()

    def logs(self) -> dict[str, str]:
        """What each worker has logged."""
        return {worker.name: worker.text() for worker in self._workers}

    def _orphans(self) -> list[str]:
        """Processes of workers that outlive them: each knows where the history is."""
        path = str(self._folder / "history")
        try:
            wait_until(lambda: not _with_environment(history.PATH, path), "", ORPHAN_S)
        except AssertionError:
            return [f"{found} still runs" for found in _with_environment(history.PATH, path)]
        return []

    def lost(self) -> dict[int, int]:
        """When each process was killed, died or was stopped first (ms since 1970)."""
        found = dict(self._lost)
        for text in self.logs().values():
            for seconds, pid in _DEATH.findall(text):
                found.setdefault(int(pid), int(float(seconds) * 1000))
        return found

    def _start(self, at: int) -> OwnWorker:
        environment = {**WITH_TESTS, history.PATH: str(self._folder / "history")}
        name, storm = f"w{at}", self._storm
        return OwnWorker(
            self._app, name, self._folder / f"{name}.log", environment,
            concurrency=storm.children, lease_ms=storm.lease_ms, heartbeat_ms=storm.heartbeat_ms,
            pool=POOLS[at % len(POOLS)],
        )  # fmt: skip

    def _target(self, wanted: int) -> int | None:
        """The worker that a fault names, or the next one that is up."""
        count = len(self._workers)
        for at in range(wanted, wanted + count):
            if self._is_up(at % count):
                return at % count
        return None

    def _is_up(self, at: int) -> bool:
        worker = self._workers[at]
        if at in self._stopped or at in self._ending or worker.process.poll() is not None:
            return False
        with suppress(redis.RedisError, OSError):
            pid = self._redis.hget(self._app.store.keys.worker(worker.name), "pid")
            return pid is not None and int(pid) == worker.pid
        return False

    def _is_up_or_ending(self, at: int) -> bool:
        return at in self._ending or self._is_up(at)

    def _is_tired(self, fault: plan.Fault) -> bool:
        now = self._clock.tick_ms()
        if self._waiting_since is None:
            self._waiting_since = now
        if now - self._waiting_since < PATIENCE_MS:
            return False
        self._waiting_since = None
        self.done[f"{type(fault).__name__} in vain"] += 1
        return True

    def _strike_worker(self, fault: plan.WorkerFault, at: int) -> None:
        worker = self._workers[at]
        family = psutil.Process(worker.pid).children(recursive=True)
        children = [child.pid for child in family]
        match fault:
            case plan.KillWorker():
                worker.kill()
                self._lose(*children)
                self._workers[at] = self._start(at)
            case plan.KillChild(_, _, child):
                victim = family[child % len(family)] if family else None
                if victim is not None:
                    with suppress(psutil.NoSuchProcess):  # a fork server takes its own along
                        self._lose(*(each.pid for each in victim.children(recursive=True)))
                    _signal(signal.SIGKILL, victim.pid)
                    self._lose(victim.pid)
            case plan.EndWorker():
                worker.signal(signal.SIGTERM)
                self._ending.add(at)
            case plan.StopWorker(_, _, ms, whole):
                pids = [worker.pid, *(children if whole else ())]
                _signal(signal.SIGSTOP, *pids)
                self._lose(*children)
                self._stopped[at] = self._clock.tick_ms() + ms, pids

    def _lose(self, *pids: int) -> None:
        for pid in pids:
            self._lost.setdefault(pid, self._clock.wall_ms())

    def _wake(self, at: int) -> None:
        _, pids = self._stopped.pop(at)
        _signal(signal.SIGCONT, *pids)


def _with_environment(name: str, value: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(name) == value and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _signal(number: int, *pids: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def make_server(storm: Storm, folder: Path) -> Server:
    """A server that keeps what it is told as the storm wants it."""
    options = ["--appendonly", "yes", "--appendfsync", storm.fsync]
    slow = slow_disk(folder, storm.slow_disk_ms) if storm.slow_disk_ms else None
    options += ["--enable-debug-command", "yes", "--busy-reply-threshold", "100"]
    return Server(folder, *options, environment=slow)
