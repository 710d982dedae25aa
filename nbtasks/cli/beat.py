"""The command `nbtasks beat`."""

import logging
import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import click

from nbtasks.cli.place import broker_option, import_from_here, inherited, program_option
from nbtasks.cli.plain import plain_errors
from nbtasks.cli.service import service_name
from nbtasks.config import Config, from_environment
from nbtasks.connection import resolve, tell_insecure
from nbtasks.loglines import LOG_FORMAT
from nbtasks.options import MAX_SECONDS
from nbtasks.store.link import Link

if TYPE_CHECKING:
    from nbtasks.app import App

LEVELS: Final = ("debug", "info", "warning", "error")


@click.command()
@click.argument("url", default="", callback=inherited)
@broker_option()
@program_option("Declare this program's schedule: its beat_schedule, and add_periodic_task.")
@click.option("--declare", is_flag=True, help="Only declare it; workers fire it.")
@click.option(
    "-a",
    "--app",
    default="",
    help="The app whose schedule it is; default: the program's, or main.",
    callback=inherited,
)
@click.option("-n", "--name", default="", help="Its name; default: beat-PID@HOST.")
@click.option("-l", "--loglevel", type=click.Choice(LEVELS, case_sensitive=False), default="info")
@click.option(
    "--max-interval",
    type=click.FloatRange(min=0, min_open=True, max=MAX_SECONDS),
    help="Look again after so many seconds at the latest; default: 5.",
)
@plain_errors
def beat(  # noqa: PLR0917 - the options of a command
    url: str,
    broker: str,
    program: str,
    app: str,
    name: str,
    loglevel: str,
    max_interval: float | None,
    *,
    declare: bool,
) -> None:
    """Fire the schedule. URL is a Redis (or NBTASKS_URL); without one, the embedded server.

    Workers do so by themselves, so this is for those that are to do nothing else, or where all
    workers have --no-beat. Any number may run side by side: each time is fired once.
    """
    # Imported here: nothing else of the command line needs an app.
    from nbtasks.beat import Beat

    logging.basicConfig(level=loglevel.upper(), format=LOG_FORMAT, stream=sys.stderr)
    import_from_here()
    found = _program(program) if program else None
    config = _config(found, url or broker, app)
    tell_insecure(config)
    if max_interval is not None:
        config = replace(config, beat_max_loop_interval=max_interval)
    again = None
    if found is not None:
        found.config = config
        again = partial(found.schedules.declare, program.partition(":")[0])
        for entry in again():
            logging.getLogger(__name__).info("declared %r: %s", entry.name, entry.describe())
    elif declare:
        raise click.UsageError("--declare needs -A: whose schedule is it?")
    if declare:
        return
    link = Link(config.url)
    link.open()
    link.close()
    sys.exit(Beat(config, service_name(name, "beat"), again).run())


def _program(place: str) -> "App":
    from nbtasks.registry import find_app

    return find_app(place)


def _config(app: "App | None", url: str, name: str) -> Config:
    """The settings of the program, or of the environment; what the command line says wins."""
    base = from_environment() if app is None else app.config
    base = replace(base, url=url or base.url, name=name or base.name)
    return resolve(base, as_worker=True)[0]
