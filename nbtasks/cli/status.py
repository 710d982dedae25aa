"""The command `nbtasks status`."""

import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

from nbtasks.cli.place import json_option, opened, place_options
from nbtasks.cli.plain import EXIT_UNAVAILABLE, plain_errors, tell_json
from nbtasks.cli.tables import Part, live, make_table, show

if TYPE_CHECKING:
    from nbtasks.app import App
    from nbtasks.cli.overview import Overview

RARE: Final = ("nbtasks", "Python", "pid", "host", "up for")


@click.command()
@click.option("-w", "--watch", is_flag=True, help="Go on showing it, until Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(0.1, 3600),
    default=2.0,
    show_default=True,
    help="Seconds between two looks, with --watch.",
)
@place_options
@json_option
@plain_errors
def status(
    interval: float, program: str, broker: str, app: str, *, watch: bool, as_json: bool
) -> None:
    """Show the workers, what they run, and what waits in each queue.

    It reads what workers and clients have written to Redis, so it answers at once, also while
    workers are busy. Exit code 69 where no worker is live.
    """
    from nbtasks.cli.overview import look

    with opened(program, broker, app) as found:
        if watch:
            _watch(found, interval, as_json=as_json)
            return
        seen = look(found)
        if as_json:
            tell_json(asdict(seen))
        else:
            show(_parts(seen))
        if not seen.workers:
            sys.exit(EXIT_UNAVAILABLE)


def _watch(app: "App", interval: float, *, as_json: bool) -> None:
    from nbtasks.cli.overview import look

    never = threading.Event()
    with live() as draw:
        while True:
            seen = look(app)
            if as_json:
                tell_json(asdict(seen))
            else:
                draw(_parts(seen))
            never.wait(interval)


def _parts(seen: "Overview") -> Sequence[Part]:
    from nbtasks.notebook.worker_rows import COLUMNS, worker_row

    parts: list[Part] = [_head(seen)]
    if seen.workers:
        rows = [worker_row(each, each_runs, seen.at_ms) for each, each_runs in seen.work()]
        parts.append(make_table(COLUMNS, rows, rare=RARE, numbers=("pid",)))
    queues = [(q.name, f"{q.waiting:,}", q.workers or "none", q.note) for q in seen.queues]
    if queues:
        columns = ("queue", "waiting", "workers", "")
        parts.append(make_table(columns, queues, numbers=("waiting", "workers")))
    return [*parts, _rest(seen)]


def _head(seen: "Overview") -> str:
    from nbtasks.notebook.words import size

    server = seen.server
    told = [f"Redis {server.version} at {server.url}", f"app {seen.app}"]
    told += [f"{size(server.used_bytes)} used", f"{server.round_trip_ms:.1f} ms away"]
    return ", ".join(told)


def _rest(seen: "Overview") -> str:
    counts: list[Any] = [f"{seen.running:,} running", f"{seen.scheduled:,} due later"]
    if seen.dead:
        counts.append(f"{seen.dead:,} given up (see `nbtasks dead list`)")
    if not seen.workers:
        counts.insert(0, "no worker is live (start one with `nbtasks worker`)")
    return ", ".join(counts)
