"""The commands `nbtasks key`: which keys are accepted, and which one signs."""

import os
import sys
from pathlib import Path
from typing import Final

import click

from nbtasks import keyring
from nbtasks.cli.plain import plain_errors
from nbtasks.config import ENV_KEY, ENV_KEY_FILE
from nbtasks.keyring import KeyFile, key_id

_NEXT: Final = "Bring the file to every machine, then restart workers and clients"


@click.group()
def key() -> None:
    """The key file: which keys are accepted, and which one signs.

    The file is NBTASKS_KEY_FILE, or `nbtasks/key` in the user's configuration folder. It is made
    when a command first needs it.
    """


@key.command()
@click.option("--secret", is_flag=True, help="Print the keys themselves, too.")
@plain_errors
def show(*, secret: bool) -> None:
    """Print where the file is, and the id of each key; the first one signs."""
    file = _open()
    click.echo(str(file.path))
    for at, each in enumerate(file.keys):
        text = f"  {each.decode()}" if secret else ""
        click.echo(f"{key_id(each)}  {'accepted' if at else 'signs'}{text}")
    if os.environ.get(ENV_KEY):
        click.echo(f"{ENV_KEY} is set here, and wins over the file", err=True)


@key.command()
@click.option("--stdin", is_flag=True, help="Add the key that standard input gives.")
@plain_errors
def add(*, stdin: bool) -> None:
    """Add a new key: accepted from now on, but not yet used for signing."""
    new = sys.stdin.buffer.readline().strip() if stdin else keyring.new_key()
    path = _path()
    if not path.exists():
        file = _open()
        if not stdin:  # the file is made with a key, and nobody asked for a second one
            click.echo(f"{key_id(file.keys[0])} signs: it is the first key of {str(path)!r}")
            return
    _open().add(new).save()
    click.echo(
        f"{key_id(new)} is accepted. {_NEXT}; once that is done everywhere, `nbtasks key rotate"
        f" {key_id(new)}` signs with it"
    )


@key.command()
@click.argument("identity", default="", metavar="[ID]")
@plain_errors
def rotate(identity: str) -> None:
    """Sign with key ID from now on, or with a new one; the others are still accepted.

    A new key is unknown to processes that run: where a task may meet one of them, use `nbtasks key
    add` first.
    """
    file = _open().rotate(identity)
    file.save()
    click.echo(f"{key_id(file.keys[0])} signs, {len(file.keys) - 1} more accepted. {_NEXT}")


@key.command()
@click.argument("identity", metavar="ID")
@plain_errors
def drop(identity: str) -> None:
    """Accept key ID no more: what it has signed is refused from now on."""
    file = _open().drop(identity)
    file.save()
    click.echo(f"{identity} is dropped, {len(file.keys)} left. {_NEXT}")


def _path() -> Path:
    named = os.environ.get(ENV_KEY_FILE, "")
    return Path(named) if named else keyring.default_path(os.environ)


def _open() -> KeyFile:
    return KeyFile.open(_path())
