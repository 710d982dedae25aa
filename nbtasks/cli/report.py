"""The command `nbtasks report`."""

import click

from nbtasks.cli.place import json_option, place_options
from nbtasks.cli.plain import plain_errors, safe, tell_json


@click.command()
@place_options
@json_option
@plain_errors
def report(program: str, broker: str, app: str, *, as_json: bool) -> None:
    """Print versions, settings and the state of the server, for a bug report.

    Keys and passwords are left out; look through it all the same before you send it.
    """
    from nbtasks.cli.particulars import particulars
    from nbtasks.cli.place import find_place

    found = particulars(find_place(program, broker, app))
    if as_json:
        tell_json(found)
        return
    for part, facts in found.items():
        click.echo(f"{part}:")
        for name, value in facts.items():
            click.echo(safe(f"    {name}: {value}"))
