"""What the tests of the worker share: workers with any setting, and looks at processes."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
from patience import wait_until

HERE = Path(__file__).parent
LEASE_MS = 1500
HEARTBEAT_MS = 300


class OwnWorker:
    """A real worker in a process of its own, with any setting of `Config`."""

    def __init__(self, app, name, log, environment=None, **settings):
        self.name = name
        self.log = log
        settings = {"lease_ms": LEASE_MS, "heartbeat_ms": HEARTBEAT_MS, **settings}
        config = app.config
        command = [sys.executable, HERE / "run_worker.py", config.url, config.name, name]
        environment = {**os.environ, **(environment or {}), "NBTASKS_KEY": config.key.decode()}
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, json.dumps(settings)],
                env=environment, stdout=output, stderr=output, cwd=log.parent,
            )  # fmt: skip
        self.pid = self.process.pid

    def kill(self):
        self.process.kill()
        self.process.wait()

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, seconds=15.0):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def text(self):
        return self.log.read_text()


def children(worker):
    """The pids of a worker's children."""
    return {pid for pid, is_watchdog in _offspring(worker) if not is_watchdog}


def watchdog(worker):
    """The pid of its watchdog, which is in a session of its own; None where there is none now."""
    return next((pid for pid, is_watchdog in _offspring(worker) if is_watchdog), None)


def _offspring(worker):
    """The pids of its processes that live, and which one is the watchdog."""
    session = os.getsid(worker.pid)
    for child in psutil.Process(worker.pid).children():
        with suppress(ProcessLookupError):
            yield child.pid, os.getsid(child.pid) != session


def is_alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for_leases(app):
    """Until nothing runs any more."""
    key = f"{app.store.keys.prefix}lease"
    wait_until(lambda: not app.store.call("EXISTS", key), "all leases have ended")


def states(app, result):
    """The state bytes of a record, as the store has them."""
    rid = result.records[0].rid if hasattr(result, "records") else result._record.rid
    return app.store.call("GETRANGE", app.store.keys.prefix + "s:" + rid, 0, -1)


def leases(app):
    """All leases that are held now."""
    return app.store.call("ZRANGE", app.store.keys.prefix + "lease", 0, -1)


def forget_leases(app):
    """Drop what a killed worker held: its test is over, and nobody is there to take it back."""
    app.store.call("UNLINK", app.store.keys.prefix + "lease")


def deaths(app, result):
    """Of which members the store has counted a death, and how many."""
    rid = result.records[0].rid if hasattr(result, "records") else result._record.rid
    fields = app.store.call("HGETALL", app.store.keys.record(rid))
    found = dict(zip(fields[::2], fields[1::2], strict=True))
    return {int(key[1:]): int(found[key]) for key in found if key[:1] == b"d" and key[1:].isdigit()}


def warm(app, function):
    """Let the workers learn that tasks are short, so that they take them in bundles."""
    app.map(function, range(2000)).get(30)
