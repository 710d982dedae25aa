"""The command `nbtasks purge`."""

import sys
from collections.abc import Sequence

import click

from nbtasks.cli.bar import progress_bar
from nbtasks.cli.place import json_option, opened, place_options
from nbtasks.cli.plain import EXIT_ERROR, plain_errors, tell_json


@click.command()
@click.option("-Q", "--queues", default="", help="Which, with commas; default: the default queue.")
@click.option("-f", "--force", is_flag=True, help="Do not ask.")
@click.option("--scheduled", is_flag=True, help="Also what is due later, in these queues.")
@place_options
@json_option
@plain_errors
def purge(
    queues: str,
    program: str,
    broker: str,
    app: str,
    *,
    force: bool,
    scheduled: bool,
    as_json: bool,
) -> None:
    """End all that waits in queues, as if it were revoked; what runs goes on.

    It says how many that are, and asks. Exit code 1 where nothing waited.
    """
    from nbtasks.store.backlog import read_backlog
    from nbtasks.store.queues import purge_queue

    with opened(program, broker, app) as found:
        store = found.store
        chosen = _names(queues) or [found.config.default_queue]
        waiting = read_backlog(store, chosen).waiting
        count = sum(waiting[name] for name in chosen)
        if not force:
            later = ", and what is due there later" if scheduled else ""
            words = f"End about {count:,} waiting tasks of {', '.join(chosen)}{later}?"
            click.confirm(words, abort=True, err=True)
        ended = 0
        with progress_bar("purging") as draw:
            for at, name in enumerate(chosen):
                if draw is not None:
                    draw(f"purging {name}", at, len(chosen))
                ended += purge_queue(store, name, scheduled=scheduled)
    if as_json:
        tell_json({"purged": ended})
    else:
        click.echo(f"{ended:,} purged")
    if not ended:
        sys.exit(EXIT_ERROR)


def _names(text: str) -> Sequence[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
