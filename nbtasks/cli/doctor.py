"""The command `nbtasks doctor`."""

import json
import sys
from dataclasses import asdict
from typing import Final

import click

from nbtasks.cli.place import broker_option, find_place, inherited, json_option, program_option
from nbtasks.cli.plain import plain_errors
from nbtasks.clock import SystemClock
from nbtasks.doctor import Level, diagnose

_MARKS: Final = {Level.FINE: "ok     ", Level.WARNING: "warning", Level.BROKEN: "broken "}


@click.command()
@click.argument("url", default="", callback=inherited)
@broker_option()
@program_option("The program whose settings count.")
@click.option(
    "-a",
    "--app",
    default="",
    help="The app whose workers and tasks are looked at; default: main.",
    callback=inherited,
)
@json_option
@plain_errors
def doctor(url: str, broker: str, program: str, app: str, *, as_json: bool) -> None:
    """Look at a Redis, the key and the workers, and say what is wrong and what to do.

    URL is a Redis (or NBTASKS_URL); without one, the embedded server. Exit code 0: all is fine, 1:
    there are warnings, 2: something is broken.
    """
    config = find_place(program, url or broker, app).config
    findings = diagnose(config, SystemClock())
    worst = max(finding.level for finding in findings)
    if as_json:
        rows = [{**asdict(each), "level": each.level.name.lower()} for each in findings]
        click.echo(json.dumps({"exit_code": worst, "findings": rows}))
    else:
        for each in findings:
            click.echo(f"{_MARKS[each.level]}  {each.check:<10}  {each.text}")
            if each.advice:
                click.echo(f"{'':>19}{each.advice}")
    sys.exit(worst)
