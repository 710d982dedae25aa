"""The command line. Each command is a module here that has it under the module's own name.

A module is imported when its command is run, so that `nbtasks --help` and completion import no
worker, no Redis and no notebook: the table below has what they show.
"""

import os
from importlib import import_module
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from nbtasks import __version__
from nbtasks.cli.place import go_to
from nbtasks.spelling import nearest

COMMANDS: Final = {
    "worker": "Run tasks.",
    "beat": "Fire the schedule.",
    "status": "Show the workers, what they run, and what waits.",
    "inspect": "Show what workers have in hand, and what they are.",
    "control": "Tell workers what to do; pause queues and tasks, set rates.",
    "events": "Show what becomes of tasks, as it happens.",
    "call": "Send a task by its name.",
    "result": "Print the value of a task, or how far it is.",
    "revoke": "End tasks for good.",
    "purge": "End all that waits in queues.",
    "schedule": "List the entries of the schedule; run, edit, pause or remove one.",
    "archive": "Keep the tasks of an app in a database, past their expiry.",
    "metrics": "Serve figures for Prometheus.",
    "dead": "Tasks that were given up: list them, run them again.",
    "shell": "Open a Python shell with the app and its tasks.",
    "doctor": "Look for what is wrong, and say what to do.",
    "report": "Print versions and settings, for a bug report.",
    "key": "The key file: which keys are accepted, and which one signs.",
    "completion": "Have bash, zsh or fish complete commands and options.",
    "demo": "Run the quickstart: a search over 48 models on two workers.",
    "lab": "Open the quickstart in JupyterLab.",
}
"""What each command is, in a line."""

ELSEWHERE: Final = {
    "multi": "start each worker as a service of its own, as of systemd or Docker",
    "amqp": "there is no AMQP here; `nbtasks status` shows the queues, `purge` empties one",
    "flower": "`nbtasks status --watch` and `nbtasks events` show workers and tasks",
    "migrate": "there is one kind of broker here; redis-cli copies a Redis",
    "upgrade": "settings keep Celery's names; a wrong one is an error with the nearest right one",
    "graph": "`AsyncResult.canvas` draws what was sent",
    "logtool": "`nbtasks events --json` has the same facts, one a line",
}
"""Commands of Celery's that are not here, and what to do."""


class LazyGroup(click.Group):
    """Commands that are imported when they are run."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """The names of all commands, those that are used most first."""
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name; one that is not there ends the program with the nearest name."""
        if cmd_name in ELSEWHERE:
            ctx.fail(f"there is no command {cmd_name!r}: {ELSEWHERE[cmd_name]}")
        if cmd_name not in COMMANDS:
            ctx.fail(f"there is no command {cmd_name!r}{nearest(cmd_name, [*COMMANDS])}")
        command: click.Command = getattr(import_module(f"{__name__}.{cmd_name}"), cmd_name)
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's
        formatter: click.HelpFormatter,
    ) -> None:
        """The table of commands, which imports none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[Any]]:
        """Names of commands, which imports none of them, or options."""
        found = [
            CompletionItem(name, help=text)
            for name, text in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return found or click.Command.shell_complete(self, ctx, incomplete)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-A", "--program", default="", metavar="MODULE[:APP]", help="As after the command.")
@click.option("-b", "--broker", default="", metavar="URL", help="As after the command.")
@click.option("--app", default="", help="As after the command.")
@click.option("--workdir", default="", metavar="FOLDER", help="Work in this folder.")
@click.option("-C", "--no-color", is_flag=True, help="No colours, as NO_COLOR=1.")
@click.version_option(__version__, "--version", "-V")
@click.pass_context
def commands(
    ctx: click.Context, program: str, broker: str, app: str, workdir: str, *, no_color: bool
) -> None:
    """Tasks on remote workers, from notebooks and Python."""
    ctx.obj = {"program": program, "broker": broker, "app": app}
    if workdir:
        go_to(workdir)
    if no_color:
        os.environ["NO_COLOR"] = "1"


def main() -> None:
    """Run the command line."""
    commands(prog_name="nbtasks")
