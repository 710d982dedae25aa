"""The command `nbtasks revoke`."""

import sys
from collections.abc import Sequence

import click

from nbtasks.cli.place import json_option, opened, place_options
from nbtasks.cli.plain import EXIT_ERROR, plain_errors, tell_json
from nbtasks.record import KILL


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--stamp", "stamps", multiple=True, metavar="NAME=VALUE", help="All with this stamp.")
@click.option("--terminate", is_flag=True, help="End those that run; else they run out.")
@click.option("-s", "--signal", default=KILL, show_default=True, help="What their process gets.")
@place_options
@json_option
@plain_errors
def revoke(  # noqa: PLR0917 - the options of a command
    ids: Sequence[str],
    stamps: Sequence[str],
    signal: str,
    program: str,
    broker: str,
    app: str,
    *,
    terminate: bool,
    as_json: bool,
) -> None:
    """End tasks for good that have not ended: those with these IDs, or with a stamp.

    Exit code 1 where there was none: they had ended, or are not stored.
    """
    if bool(ids) == bool(stamps):
        raise click.UsageError("say which: give IDs, or --stamp")
    headers = dict(_pair(text) for text in stamps)
    with opened(program, broker, app) as found:
        if headers:
            count = found.revoke_by_stamped_headers(headers, terminate=terminate, signal=signal)
        else:
            handles = [found.AsyncResult(each) for each in ids]
            count = sum(each.revoke(terminate=terminate, signal=signal) for each in handles)
    if as_json:
        tell_json({"revoked": count})
    else:
        click.echo(f"{count} revoked")
    if not count:
        sys.exit(EXIT_ERROR)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise click.UsageError(f"--stamp is {text!r}: write a name and a value, such as user=7")
    return name, value
