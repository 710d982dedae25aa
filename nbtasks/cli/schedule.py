"""The commands `nbtasks schedule`."""

from typing import TYPE_CHECKING, Any

import click

from nbtasks.cli.place import json_option, opened, place_options
from nbtasks.cli.plain import plain_errors, tell_json
from nbtasks.cli.tables import make_table, show

if TYPE_CHECKING:
    from datetime import datetime

    from nbtasks.scheduled import ScheduledRun, ScheduleEntry


@click.group()
def schedule() -> None:
    """The schedule: list its entries, run, edit, pause, resume or remove one."""


@schedule.command(name="list")
@place_options
@json_option
@plain_errors
def list_(program: str, broker: str, app: str, *, as_json: bool) -> None:
    """List the entries, those that are due first in front."""
    with opened(program, broker, app) as found:
        entries = found.schedules.entries()
    if as_json:
        for entry in entries:
            tell_json(_facts(entry))
        return
    columns = ("entry", "when", "next", "state", "runs", "queue", "program")
    rows = [
        (e.name, e.describe(), _moment(e.next_due), e.state, e.what, e.queue, e.program)
        for e in entries
    ]
    show([make_table(columns, rows, rare=("queue", "program"))] if rows else ["no entry"])


@schedule.command()
@click.argument("name")
@click.option("-n", "--lines", type=click.IntRange(1, 100), default=20, show_default=True)
@place_options
@json_option
@plain_errors
def history(name: str, lines: int, program: str, broker: str, app: str, *, as_json: bool) -> None:
    """List the last runs of the entry NAME, the newest first."""
    with opened(program, broker, app) as found:
        runs = found.schedules.history(name, lines)
    if as_json:
        for run_ in runs:
            tell_json(_run_facts(run_))
        return
    columns = ("due", "what", "state", "fired", "ended", "id")
    rows = [
        (_moment(r.due), r.kind, r.state, _moment(r.fired), _moment(r.ended), r.id) for r in runs
    ]
    show([make_table(columns, rows, rare=("ended", "fired"))] if rows else ["it has not run yet"])


@schedule.command()
@click.argument("name")
@place_options
@plain_errors
def run(name: str, program: str, broker: str, app: str) -> None:
    """Run the entry NAME now, and print the id of that."""
    with opened(program, broker, app) as found:
        click.echo(found.schedules.run(name).id)


@schedule.command()
@click.argument("name")
@click.argument("when", default="")
@click.option("--tz", help="The time zone of cron fields and of times of the day: Europe/Paris.")
@click.option("--until", help="Not after that: 2030-01-31, or 2030-01-31T18:30.")
@click.option("--jitter", help="Fire it up to so much later: 30s.")
@place_options
@plain_errors
def edit(
    name: str,
    when: str,
    program: str,
    broker: str,
    app: str,
    *,
    tz: str | None,
    until: str | None,
    jitter: str | None,
) -> None:
    """Have the entry NAME due at other times, WHEN; the rest of it stays.

    WHEN is five cron fields, a length of time or a time of the day: "0 7 * * mon-fri", 10m,
    "at 07:00".
    """
    if not (when or tz or until or jitter):
        raise click.UsageError('say when: nbtasks schedule edit NAME "0 7 * * mon-fri"')
    with opened(program, broker, app) as found:
        entry = found.schedules.update(name, when or None, tz=tz, until=until, jitter=jitter)
    click.echo(f"{entry.name}: {entry.describe()}; next {_moment(entry.next_due) or 'never'}")


@schedule.command()
@click.argument("name")
@click.option("--reason", default="by hand", show_default=True, help="What is shown of it.")
@place_options
@plain_errors
def pause(name: str, reason: str, program: str, broker: str, app: str) -> None:
    """Fire the entry NAME no more, until it is resumed."""
    with opened(program, broker, app) as found:
        found.schedules.pause(name, reason)


@schedule.command()
@click.argument("name")
@place_options
@plain_errors
def resume(name: str, program: str, broker: str, app: str) -> None:
    """Fire the entry NAME again."""
    with opened(program, broker, app) as found:
        found.schedules.resume(name)


@schedule.command()
@click.argument("name")
@place_options
@plain_errors
def remove(name: str, program: str, broker: str, app: str) -> None:
    """Remove the entry NAME; what runs of it goes on."""
    with opened(program, broker, app) as found:
        found.schedules.remove(name)


def _moment(at: "datetime | None") -> str:
    return at.isoformat(" ", "seconds") if at is not None else ""


def _facts(entry: "ScheduleEntry") -> dict[str, Any]:
    return {
        "name": entry.name,
        "when": entry.describe(),
        "next_due": entry.next_due and entry.next_due.isoformat(),
        "state": entry.state,
        "paused": entry.paused,
        "error": entry.error,
        "what": entry.what,
        "queue": entry.queue,
        "program": entry.program,
        "failures": entry.failures,
        "running": entry.running,
    }


def _run_facts(run: "ScheduledRun") -> dict[str, Any]:
    return {
        "id": run.id,
        "kind": run.kind,
        "state": run.state,
        "due": run.due.isoformat(),
        "fired": run.fired.isoformat(),
        "ended": run.ended and run.ended.isoformat(),
        "count": run.count,
    }
