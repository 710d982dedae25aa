"""The command `nbtasks completion`."""

import os
from pathlib import Path
from typing import Final

import click
from click.shell_completion import get_completion_class

from nbtasks.cli.plain import fail, say

VARIABLE: Final = "_NBTASKS_COMPLETE"
_PLACES: Final = {
    "bash": ("XDG_DATA_HOME", ".local/share", "bash-completion/completions/nbtasks"),
    "zsh": ("XDG_DATA_HOME", ".local/share", "zsh/site-functions/_nbtasks"),
    "fish": ("XDG_CONFIG_HOME", ".config", "fish/completions/nbtasks.fish"),
}
_AFTER: Final = {
    "bash": "it needs the package bash-completion, and works in the next shell",
    "zsh": "put this before compinit in .zshrc: fpath+=({folder})",
    "fish": "it works in the next shell",
}


@click.command()
@click.argument("shell", type=click.Choice([*_PLACES]))
@click.option("--install", is_flag=True, help="Write it to where the shell looks.")
def completion(shell: str, *, install: bool) -> None:
    """Print what has SHELL complete commands and options; or install it."""
    kind = get_completion_class(shell)
    root = click.get_current_context().find_root().command
    if kind is None:
        fail(f"no completion for {shell!r}")
        return
    text = kind(root, {}, "nbtasks", VARIABLE).source()
    if not install:
        click.echo(text)
        return
    path = _place(shell)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        fail(f"{str(path)!r} cannot be written: {error.strerror}")
    say(f"written to {path}; {_AFTER[shell].format(folder=path.parent)}")


def _place(shell: str) -> Path:
    variable, usual, rest = _PLACES[shell]
    base = Path(os.environ.get(variable, ""))
    return (base if base.is_absolute() else Path.home() / usual) / rest
