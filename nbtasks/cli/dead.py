"""Commands for tasks that were given up: `nbtasks dead`."""

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from nbtasks.cli.place import find_place, inherited, json_option, program_option
from nbtasks.cli.plain import EXIT_ERROR, plain_errors
from nbtasks.clock import SystemClock
from nbtasks.connection import resolve
from nbtasks.store.dead import DeadTask, by_record, dead_tasks
from nbtasks.store.dead import drop as drop_slices
from nbtasks.store.dead import requeue as requeue_members
from nbtasks.store.store import Store

Found = list[tuple[DeadTask, str]]


@click.group()
def dead() -> None:
    """Tasks that were given up, because their processes died as often as is allowed.

    They stay listed for 30 days, with their arguments. Redis is that of --url or NBTASKS_URL, else
    the embedded server.
    """


def _chosen(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which Redis, which app and which of its dead tasks."""
    for option in (
        click.option(
            "-b",
            "--broker",
            "--url",
            "url",
            default="",
            help="The Redis; default: NBTASKS_URL.",
            callback=inherited,
        ),
        click.option(
            "-a",
            "--app",
            default="",
            help="The app they belong to; default: main.",
            callback=inherited,
        ),
        program_option("The program whose settings count."),
        click.option("-q", "--queue", default="", help="Only those of this queue."),
        click.option("-n", "--name", default="", help="Only those of this task name."),
    ):
        function = option(function)
    return function


@dead.command(name="list")
@json_option
@_chosen
@plain_errors
def list_(*, as_json: bool, program: str, url: str, app: str, queue: str, name: str) -> None:
    """List them, the oldest first."""
    with closing(_open(program, url, app)) as store:
        for task, _ in _find(store, queue, name):
            if as_json:
                click.echo(json.dumps(asdict(task)))
            else:
                at = datetime.fromtimestamp(task.at_ms / 1000, UTC).isoformat(" ", "seconds")
                click.echo(f"{task.id}  {at}  {task.queue}  {task.name}  {task.reason}")


@dead.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "every", is_flag=True, help="All of them.")
@_chosen
@plain_errors
def requeue(
    *, ids: Sequence[str], every: bool, program: str, url: str, app: str, queue: str, name: str
) -> None:
    """Run them again, under the same ids: those with these IDs, or --all.

    Their deaths and retries count from nothing again.
    """
    _check(ids, every=every)
    with closing(_open(program, url, app)) as store:
        found = _pick(_find(store, queue, name), ids)
        done = 0
        for rid, indices in by_record(slice_ for _, slice_ in found).items():
            done += sum(number > 0 for number in requeue_members(store, rid, indices))
        click.echo(f"{done} queued again")


@dead.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "every", is_flag=True, help="All of them.")
@_chosen
@plain_errors
def drop(
    *, ids: Sequence[str], every: bool, program: str, url: str, app: str, queue: str, name: str
) -> None:
    """Take them off the list: those with these IDs, or --all. Their errors can still be read."""
    _check(ids, every=every)
    with closing(_open(program, url, app)) as store:
        found = _pick(_find(store, queue, name), ids)
        click.echo(f"{drop_slices(store, [slice_ for _, slice_ in found])} dropped")


def _open(program: str, url: str, app: str) -> Store:
    config, _ = resolve(find_place(program, url, app).config)
    store = Store(config.url, config.name, SystemClock(), config.patience_ms)
    store.connect()
    return store


def _find(store: Store, queue: str, name: str) -> Found:
    return [
        (task, slice_)
        for task, slice_ in dead_tasks(store)
        if queue in {"", task.queue} and name in {"", task.name}
    ]


def _check(ids: Sequence[str], *, every: bool) -> None:
    if every == bool(ids):
        raise click.UsageError("say which: give IDs, or --all")


def _pick(found: Found, ids: Sequence[str]) -> Found:
    """Those with these ids, or all; an id that is not among them ends the program."""
    known = {task.id for task, _ in found}
    missing = [each for each in ids if each not in known]
    if missing:
        click.echo(f"nbtasks: no dead task {', '.join(map(repr, missing))}", err=True)
        sys.exit(EXIT_ERROR)
    return [pair for pair in found if not ids or pair[0].id in ids]
