"""One storm, from the first process to the report."""

import re
import uuid
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from chaos import plan
from chaos.checker import check
from chaos.fleet import Fleet, make_server
from chaos.gather import gather, leftovers
from chaos.history import Traces, read
from chaos.load import Load
from chaos.plan import Storm
from chaos.report import Report
from chaos.spy import Spy
from nbtasks.app import App
from nbtasks.clock import SystemClock
from nbtasks.presence import NoWorkerWarning

KEY = "a key that only the storm knows"
WINDOW = 0.06
"""This part of all tasks is under way at once, and no fault is left behind by more of them."""

LOOK_MS = 20
_TRACEBACK = re.compile(r"^Traceback.*(?:\n .*)*\n.*$", re.MULTILINE)


def weather(storm: Storm, folder: Path, deadline_s: float) -> Report:
    """Run a storm in an empty folder; its tasks have until the deadline to end."""
    clock = SystemClock()
    begin = clock.tick_ms()
    with ExitStack() as stack:
        server = make_server(storm, folder)
        server.start()
        stack.callback(server.kill)
        app = App(f"chaos-{uuid.uuid4().hex[:6]}", broker=server.url, key=KEY, patience_ms=60_000)
        stack.callback(app.close)
        # Where every worker was just killed, a submit warns of it.
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", NoWorkerWarning)
        spy = Spy(app)
        fleet = Fleet(app, server, storm, folder)
        stack.callback(fleet.kill_all)
        load = Load(app, storm, int(storm.tasks * WINDOW))
        trouble = list(_rage(storm, fleet, load, spy, begin + deadline_s * 1000))
        seconds = (clock.tick_ms() - begin) / 1000
        trouble += _end(fleet)
        traces = Traces(read(folder / "history"), fleet.lost())
        evidence = gather(app, server.client(), load, spy, traces)
        # Where Redis forgot an end that the client knows, the task may just be running again.
        if not trouble and storm.fsync == "always":
            trouble += leftovers(app, server.client(), load)
    findings = check(
        replace(evidence, is_calm=storm.is_calm, trouble=trouble),
        rolled_back=storm.fsync != "always",
    )
    faults = {**fleet.done, "submits refused": load.refused}
    return Report(storm=storm, findings=findings, faults=faults, seconds=seconds)


def _rage(storm: Storm, fleet: Fleet, load: Load, spy: Spy, end: float) -> Iterator[str]:
    """Strike with each fault when its turn has come, until every task has ended."""
    clock = SystemClock()
    left = deque(plan.faults(storm))
    while clock.tick_ms() < end:
        fleet.tend()
        spy.read()
        finished = load.finished
        load.allow(min(finished, left[0].at) if left else finished)
        if left and finished >= left[0].at and fleet.strike(left[0]):
            left.popleft()
        if load.is_over and (load.error is not None or finished == load.submitted):
            break
        clock.pause(LOOK_MS)
    else:
        yield f"not over in time: {load.finished} of {storm.tasks} have ended"
    if load.error is not None:
        yield f"submit raised {load.error!r}"


def _end(fleet: Fleet) -> Iterator[str]:
    """End the workers; what is wrong with them."""
    yield from fleet.own_exits
    yield from fleet.end()
    for name, text in fleet.logs().items():
        yield from (f"{name}: {found}" for found in sorted(set(_TRACEBACK.findall(text))))
