"""The command line. Each command is a module here that has it under the module's own name.

A module is imported when its command is run, so that `nbtasks --help` and completion import no
worker, no Redis and no notebook: the table below has what they show.
"""

from importlib import import_module
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from nbtasks import __version__
from nbtasks.spelling import nearest

COMMANDS: Final = {
    "worker": "Run tasks.",
    "beat": "Fire the schedule.",
    "archive": "Keep the tasks of an app in a database, past their expiry.",
    "metrics": "Serve figures for Prometheus.",
    "doctor": "Look at a Redis, the key and the workers, and say what is wrong and what to do.",
    "dead": "Tasks that were given up: list them, run them again.",
    "key": "The key file: which keys are accepted, and which one signs.",
    "demo": "Run the quickstart: a search over 48 models on two workers.",
    "lab": "Open the quickstart in JupyterLab.",
}
"""What each command is, in a line."""


class LazyGroup(click.Group):
    """Commands that are imported when they are run."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """The names of all commands, those that are used most first."""
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name; one that is not there ends the program with the nearest name."""
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
@click.version_option(__version__, "--version", "-V")
def commands() -> None:
    """Tasks on remote workers, from notebooks and Python."""


def main() -> None:
    """Run the command line."""
    commands(prog_name="nbtasks")
