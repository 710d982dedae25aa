"""The command `nbtasks inspect`."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from nbtasks.cli.addressed import blocks, split, task_table, worker_options
from nbtasks.cli.place import json_option, opened, place_options
from nbtasks.cli.plain import EXIT_ERROR, EXIT_UNAVAILABLE, fail, plain_errors, tell_json
from nbtasks.cli.tables import Part, show

if TYPE_CHECKING:
    from nbtasks.app import App

OF_TASKS: Final = {
    "active": "the tasks that run",
    "reserved": "those that were taken and have not begun",
    "scheduled": "those that wait for their time, or for their next try",
}
OF_WORKERS: Final = {
    "revoked": "the ids that were revoked lately",
    "registered": "the tasks of its program",
    "active_queues": "the queues that it takes from",
    "stats": "what it has done, and what it uses",
    "conf": "its settings",
    "report": "what it runs on",
    "ping": "whether it answers; only this asks the worker itself",
    "query_task": "where the tasks with these IDs are",
}
COMMANDS: Final = {**OF_TASKS, **OF_WORKERS}
EPILOG: Final = "\b\nCOMMAND is one of\n" + "\n".join(
    f"  {name.ljust(15)}{text}" for name, text in COMMANDS.items()
)


@click.command(epilog=EPILOG)
@click.argument("command", type=click.Choice([*COMMANDS]), metavar="COMMAND")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@worker_options
@place_options
@json_option
@plain_errors
def inspect(  # noqa: PLR0917 - the options of a command
    command: str,
    ids: Sequence[str],
    destination: str,
    pattern: str,
    timeout: float,
    program: str,
    broker: str,
    app: str,
    *,
    as_json: bool,
) -> None:
    """Show what live workers have in hand, and what they are.

    It is read from Redis, so it answers at once, also where workers are busy. Exit code 69 where no
    such worker is live.
    """
    if bool(ids) != (command == "query_task"):
        raise click.UsageError("query_task takes the IDs of tasks, and nothing else does")
    with opened(program, broker, app) as found:
        names = split(destination) or None
        look = found.control.inspect(names, timeout, pattern=pattern)
        answers: dict[str, Any] = getattr(look, command)(*ids)
        if not answers:
            fail("no such worker is live", EXIT_UNAVAILABLE)
        if as_json:
            tell_json(answers)
        else:
            show(_parts(found, command, answers) or [f"nothing is {command}"])
        if command == "query_task" and not any(answers.values()):
            sys.exit(EXIT_ERROR)


def _parts(app: "App", command: str, answers: Mapping[str, Any]) -> Sequence[Part]:
    match command:
        case "active" | "reserved" | "scheduled":
            return task_table(answers, app.clock.wall_ms())
        case "query_task":
            tasks = {name: [info for _, info in found.values()] for name, found in answers.items()}
            return task_table(tasks, app.clock.wall_ms()) or ["no worker has them"]
        case "ping" | "report":
            return blocks({name: said["ok"] for name, said in answers.items()})
        case _:
            return blocks(answers)
