"""The command `nbtasks archive`."""

import logging
import signal
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from nbtasks.cli.plain import plain_errors
from nbtasks.config import from_environment

if TYPE_CHECKING:
    from nbtasks.app import App

LEVELS: Final = ("debug", "info", "warning", "error")
LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(message)s"
DAY_S: Final = 86_400


@click.command()
@click.argument("url", default="")
@click.option("-b", "--broker", default="", help="The Redis; default: NBTASKS_URL.")
@click.option("-a", "--app", default="", help="The app whose tasks are kept; default: main.")
@click.option(
    "-A", "--program", default="", metavar="MODULE[:APP]", help="Take the settings of this program."
)
@click.option("--once", is_flag=True, help="Read what there is now, and end.")
@click.option(
    "--keep-days",
    type=click.FloatRange(min=0, min_open=True),
    help="Remove tasks that ended so many days ago, at its start and once an hour.",
)
@click.option("-l", "--loglevel", type=click.Choice(LEVELS, case_sensitive=False), default="info")
@plain_errors
def archive(  # noqa: PLR0917 - the options of a command
    url: str,
    broker: str,
    app: str,
    program: str,
    keep_days: float | None,
    loglevel: str,
    *,
    once: bool,
) -> None:
    """Keep the tasks of an app in a database: URL, as sqlite:///runs.db, or archive_url.

    It goes on until SIGTERM or SIGINT. What is told while it does not run it reads at its next
    start; Redis keeps it for a week.
    """
    logging.basicConfig(level=loglevel.upper(), format=LOG_FORMAT, stream=sys.stderr)
    with closing(_open(broker, app, program)) as found, closing(found.archive(url)) as kept:
        keep = keep_days * DAY_S if keep_days is not None else None
        if once:
            kept.catch_up(keep)
            return

        def stop(_number: int, _frame: object) -> None:
            kept.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        logging.getLogger(__name__).info("%r keeps the tasks of app %r", kept, found.config.name)
        kept.run(keep)


def _open(broker: str, name: str, program: str) -> "App":
    """The app of the program, or of the environment; what the command line says wins."""
    from nbtasks.app import App
    from nbtasks.registry import find_app

    sys.path.insert(0, str(Path.cwd()))
    found = find_app(program) if program else App.from_config(from_environment())
    base = found.config
    found.config = replace(base, url=broker or base.url, name=name or base.name)
    return found
