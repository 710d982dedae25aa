"""The command `nbtasks archive`."""

import logging
import signal
import sys
from contextlib import closing
from typing import Final

import click

from nbtasks.cli.place import opened, service_options
from nbtasks.cli.plain import plain_errors

LEVELS: Final = ("debug", "info", "warning", "error")
LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(message)s"
DAY_S: Final = 86_400


@click.command()
@click.argument("url", default="")
@service_options
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
    with opened(program, broker, app) as found, closing(found.archive(url)) as kept:
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
