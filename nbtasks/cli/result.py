"""The command `nbtasks result`."""

import sys

import click

from nbtasks.cli.outcome import finish, tell
from nbtasks.cli.place import json_option, opened, place_options
from nbtasks.cli.plain import plain_errors
from nbtasks.options import MAX_SECONDS


@click.command()
@click.argument("task_id", metavar="ID")
@click.option("--traceback", is_flag=True, help="Of a task that has failed: where, too.")
@click.option("--log", is_flag=True, help="What it wrote, in place of its value.")
@click.option("--wait", is_flag=True, help="Wait for its end.")
@click.option("--timeout", type=click.FloatRange(0, MAX_SECONDS), help="With --wait: so long.")
@place_options
@json_option
@plain_errors
def result(
    task_id: str,
    program: str,
    broker: str,
    app: str,
    timeout: float | None,
    *,
    traceback: bool,
    log: bool,
    wait: bool,
    as_json: bool,
) -> None:
    """Print the value of the task ID, or how far it is.

    Exit code 0: it has a value, 1: it has failed, or is not stored, 75: it has not ended.
    """
    with opened(program, broker, app) as found:
        handle = found.AsyncResult(task_id)
        if log:
            sys.stdout.write(handle.log)
        elif wait:
            finish(found, handle, timeout, as_json=as_json, shows_traceback=traceback)
        else:
            tell(handle, as_json=as_json, shows_traceback=traceback)
